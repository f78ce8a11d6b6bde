//! The revocation feed as rows.
//!
//! `seq` is one row, and whoever revokes changes it last: from then to the commit everybody else
//! who revokes waits, so the order of commits is the order of `seq`, and a reader who sees a `seq`
//! sees every entry up to it.

use std::collections::BTreeMap;

use portcullis_shared::{
    revocation::{Digest, Kind, Record},
    time::UnixSeconds,
};

use super::{
    driver::Connection,
    engine::{Engine, holding},
    fault::Fault,
    listed::in_steps,
    statement::{Columns, Statement},
};
use crate::domain::{
    clock::UnixMillis,
    store::{FeedPlace, FeedRange, Seq},
};

/// Reads a column of `feed.seq`.
pub(super) fn read_seq<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<Seq, Fault> {
    columns.integer().map(Seq)
}

/// The newest `seq`.
pub(super) async fn seq<Db: Engine>(connection: &mut Connection<Db>) -> Result<Seq, Fault> {
    let row = Statement::<Db>::new("SELECT seq FROM feed")
        .one(connection)
        .await?;
    read_seq(&mut Columns::<Db>::of(&row))
}

/// Holds the feed, and with it everything that is only changed by who holds it; its `seq`.
pub(super) async fn hold<Db: Engine>(connection: &mut Connection<Db>) -> Result<Seq, Fault> {
    let row = Statement::<Db>::new(holding!(Db, "SELECT seq FROM feed"))
        .one(connection)
        .await?;
    read_seq(&mut Columns::<Db>::of(&row))
}

/// Moves `seq` to the greater of its successor and `now`.
pub(super) async fn advance<Db: Engine>(
    connection: &mut Connection<Db>,
    now: UnixMillis,
) -> Result<Seq, Fault> {
    let row = Statement::<Db>::new(
        "UPDATE feed SET seq = CASE WHEN seq < $1 THEN $1 ELSE seq + 1 END RETURNING seq",
    )
    .bind(now.0)
    .one(connection)
    .await?;
    read_seq(&mut Columns::<Db>::of(&row))
}

/// For how long, in seconds, an entry stays after everything that it concerns has expired: longer
/// than any two clocks are apart.
const KEPT_AFTER: i64 = 3600;

/// How many entries whose time is over a revocation removes at most.
const DROPPED_AT_ONCE: u32 = 1000;

/// Publishes `records` under a new `seq`, which it answers; none when there is nothing to publish.
/// Entries whose time is over go, so that there are never more than revocations per token
/// lifetime. Must be the last thing that a transaction does.
pub(super) async fn publish<Db: Engine>(
    connection: &mut Connection<Db>,
    records: &[Record],
    now: UnixMillis,
) -> Result<Option<Seq>, Fault> {
    if records.is_empty() {
        return Ok(None);
    }
    let seq = advance::<Db>(connection, now).await?;
    upsert::<Db>(connection, records, seq).await?;
    // As many as nobody waits for; cleanup takes the rest.
    remove_dropped::<Db>(connection, now.seconds().plus(-KEPT_AFTER), DROPPED_AT_ONCE).await?;
    Ok(Some(seq))
}

/// Removes entries that were to be dropped before `cutoff`, the oldest first; answers how many.
/// Whoever calls it must hold the feed.
pub(super) async fn remove_dropped<Db: Engine>(
    connection: &mut Connection<Db>,
    cutoff: UnixSeconds,
    limit: u32,
) -> Result<u64, Fault> {
    let rows = Statement::<Db>::new(
        "DELETE FROM revocations WHERE (kind, digest) IN (SELECT kind, digest FROM revocations \
         WHERE drop_at < $1 ORDER BY drop_at LIMIT $2) RETURNING kind",
    )
    .bind(cutoff.0)
    .bind(i64::from(limit))
    .rows(connection)
    .await?;
    Ok(rows.len() as u64)
}

/// How many entries go into one statement. Both engines count characters from the beginning of a
/// text to find a place in it, so that a text of ten times the length takes a hundred times as long.
const WRITTEN_AT_ONCE: usize = 50;

/// Of two entries for the same thing stays what refuses whatever either refuses. A statement is for
/// many of one kind; `$3` has the times of each, of twenty digits.
async fn upsert<Db: Engine>(
    connection: &mut Connection<Db>,
    records: &[Record],
    seq: Seq,
) -> Result<(), Fault> {
    let mut merged = BTreeMap::new();
    for record in records {
        let new = (record.not_before.0, record.drop_at.0);
        let times = merged
            .entry((record.kind.number(), record.digest.0))
            .or_insert(new);
        *times = (times.0.max(new.0), times.1.max(new.1));
    }
    let merged: Vec<_> = merged.into_iter().collect();
    let kinds = merged.chunk_by(|((one, _), _), ((next, _), _)| one == next);
    for of_kind in kinds.flat_map(|of_kind| of_kind.chunks(WRITTEN_AT_ONCE)) {
        let Some(((kind, _), _)) = of_kind.first() else {
            continue;
        };
        let digests: Vec<u8> = of_kind
            .iter()
            .flat_map(|((_, digest), _)| *digest)
            .collect();
        let times = of_kind.iter().map(|(_, times)| times);
        let times: Vec<String> = times
            .map(|(from, to)| format!("{from:020}{to:020}"))
            .collect();
        let times = times.concat();
        Statement::<Db>::new(in_steps!(
            "8",
            "INSERT INTO revocations (kind, digest, not_before, drop_at, seq) \
             SELECT $4, substr($1, place, 8), \
             CAST(substr($3, (place - 1) * 5 + 1, 20) AS BIGINT), \
             CAST(substr($3, (place - 1) * 5 + 21, 20) AS BIGINT), $5 FROM listed WHERE true \
             ON CONFLICT (kind, digest) DO UPDATE SET \
             not_before = CASE WHEN excluded.not_before > revocations.not_before \
             THEN excluded.not_before ELSE revocations.not_before END, \
             drop_at = CASE WHEN excluded.drop_at > revocations.drop_at \
             THEN excluded.drop_at ELSE revocations.drop_at END, \
             seq = excluded.seq"
        ))
        .bind(digests.as_slice())
        .bind(i64::try_from(digests.len()).unwrap_or(i64::MAX))
        .bind(times.as_str())
        .bind(*kind)
        .bind(number(seq))
        .run(connection)
        .await?;
    }
    Ok(())
}

/// What was published after `since`, and the newest `seq`: one statement, hence one moment.
pub(super) async fn range<Db: Engine>(
    connection: &mut Connection<Db>,
    since: Seq,
) -> Result<FeedRange, Fault> {
    let rows = Statement::<Db>::new(
        "SELECT feed.seq, revocations.kind, revocations.digest, revocations.not_before, \
         revocations.drop_at FROM feed LEFT JOIN revocations ON revocations.seq > $1",
    )
    .bind(number(since))
    .rows(connection)
    .await?;
    let mut range = FeedRange {
        seq: Seq(0),
        records: Vec::with_capacity(rows.len()),
    };
    for row in &rows {
        let mut columns = Columns::<Db>::of(row);
        range.seq = read_seq(&mut columns)?;
        range.records.extend(record(&mut columns)?);
    }
    Ok(range)
}

/// Where `since` stands among the entries: one statement, hence one moment, and a few looks into an
/// index, however many entries there are.
pub(super) async fn place<Db: Engine>(
    connection: &mut Connection<Db>,
    since: Seq,
) -> Result<FeedPlace, Fault> {
    let row = Statement::<Db>::new(
        "SELECT seq, COALESCE((SELECT MIN(seq) FROM revocations), 0), \
         COALESCE((SELECT MAX(seq) FROM revocations WHERE seq <= $1), 0), \
         COALESCE((SELECT MAX(seq) FROM revocations), 0) FROM feed",
    )
    .bind(number(since))
    .one(connection)
    .await?;
    let mut columns = Columns::<Db>::of(&row);
    Ok(FeedPlace {
        seq: read_seq(&mut columns)?,
        oldest: read_seq(&mut columns)?,
        before: read_seq(&mut columns)?,
        newest: read_seq(&mut columns)?,
    })
}

/// An entry, or none where the join found none.
fn record<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<Option<Record>, Fault> {
    let Some(kind) = columns.next::<Option<i64>>()? else {
        return Ok(None);
    };
    Ok(Some(Record {
        kind: Kind::from_number(kind).ok_or(Fault::Unreadable("a kind of revocation"))?,
        digest: Digest(columns.bytes()?),
        not_before: columns.time()?,
        drop_at: columns.time()?,
    }))
}

fn number(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}
