//! Counts of attempts as rows. A row that is not there is an empty count.

use portcullis_shared::time::UnixSeconds;

use super::{
    driver::Connection,
    engine::{Engine, holding},
    fault::Fault,
    statement::{Columns, Statement},
};
use crate::domain::throttle::{bucket::Bucket, key::Key, settlement::Settlement};

/// The columns that [`read`] reads, in its order.
macro_rules! bucket_columns {
    () => {
        "count, drained_at, ready_at, known_until, told, expires_at"
    };
}

fn read<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<Bucket, Fault> {
    Ok(Bucket {
        count: columns.integer()?,
        drained_at: columns.time()?,
        ready_at: columns.time()?,
        known_until: columns.optional_time()?,
        told: columns.next::<i64>()? != 0,
        expires_at: columns.time()?,
    })
}

/// The counts under these keys, in their order.
pub(super) async fn all<Db: Engine>(
    connection: &mut Connection<Db>,
    keys: &[Key],
) -> Result<Vec<Bucket>, Fault> {
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let sql = concat!(
            "SELECT ",
            bucket_columns!(),
            " FROM throttle WHERE key = $1"
        );
        let row = Statement::<Db>::new(sql)
            .bind(key.0.as_slice())
            .row(connection)
            .await?;
        let bucket = row.map(|row| read(&mut Columns::<Db>::of(&row)));
        found.push(bucket.transpose()?.unwrap_or_default());
    }
    Ok(found)
}

/// The count under a key, held. Where there is no row there is one afterwards, so that two who
/// count the first attempt wait for each other.
pub(super) async fn hold<Db: Engine>(
    connection: &mut Connection<Db>,
    key: Key,
) -> Result<Bucket, Fault> {
    let sql = holding!(
        Db,
        "SELECT ",
        bucket_columns!(),
        " FROM throttle WHERE key = $1"
    );
    let there = Statement::<Db>::new(sql)
        .bind(key.0.as_slice())
        .row(connection)
        .await?;
    if let Some(row) = there {
        return read(&mut Columns::<Db>::of(&row));
    }
    // The update holds the row of whoever was quicker.
    let row = Statement::<Db>::new(concat!(
        "INSERT INTO throttle (key, count, drained_at, ready_at, told, expires_at) \
         VALUES ($1, 0, 0, 0, 0, 0) ON CONFLICT (key) DO UPDATE SET told = throttle.told \
         RETURNING ",
        bucket_columns!()
    ))
    .bind(key.0.as_slice())
    .one(connection)
    .await?;
    read(&mut Columns::<Db>::of(&row))
}

/// Writes a count that is held.
pub(super) async fn update<Db: Engine>(
    connection: &mut Connection<Db>,
    key: Key,
    bucket: &Bucket,
) -> Result<(), Fault> {
    Statement::<Db>::new(
        "UPDATE throttle SET count = $1, drained_at = $2, ready_at = $3, known_until = $4, \
         told = $5, expires_at = $6 WHERE key = $7",
    )
    .bind(i64::from(bucket.count))
    .bind(bucket.drained_at.0)
    .bind(bucket.ready_at.0)
    .bind(bucket.known_until.map(|until| until.0))
    .bind(i64::from(bucket.told))
    .bind(bucket.expires_at.0)
    .bind(key.0.as_slice())
    .run(connection)
    .await
}

/// Writes what becomes of attempts that were counted.
pub(super) async fn settle<Db: Engine>(
    connection: &mut Connection<Db>,
    settled: &[Settlement],
) -> Result<(), Fault> {
    for settlement in settled {
        let bucket = hold::<Db>(connection, settlement.key).await?;
        let bucket = settlement.apply(&bucket);
        update::<Db>(connection, settlement.key, &bucket).await?;
    }
    Ok(())
}

/// Deletes what was expired at `before`, at most `limit`; tells how many. A row that somebody holds
/// is being counted again, and is left alone.
pub(super) async fn forget<Db: Engine>(
    connection: &mut Connection<Db>,
    before: UnixSeconds,
    limit: u32,
) -> Result<u64, Fault> {
    macro_rules! forget {
        ($skipping:literal) => {
            concat!(
                "DELETE FROM throttle WHERE key IN (SELECT key FROM throttle \
                 WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2",
                $skipping,
                ") RETURNING count"
            )
        };
    }
    let sql = if Db::HOLDS_ROWS {
        forget!(" FOR UPDATE SKIP LOCKED")
    } else {
        forget!("")
    };
    let deleted = Statement::<Db>::new(sql)
        .bind(before.0)
        .bind(i64::from(limit))
        .rows(connection)
        .await?;
    u64::try_from(deleted.len()).map_err(|_| Fault::Unreadable("a number"))
}
