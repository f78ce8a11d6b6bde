//! Signing keys as rows; their private halves are sealed before they come here.

use portcullis_shared::{ids::KeyId, time::UnixSeconds};

use super::{
    driver::Connection,
    engine::Engine,
    fault::Fault,
    statement::{Columns, Statement},
};
use crate::domain::signing_keys::StoredKey;

/// All keys, the oldest first.
pub(super) async fn all<Db: Engine>(
    connection: &mut Connection<Db>,
) -> Result<Vec<StoredKey>, Fault> {
    let rows = Statement::<Db>::new(
        "SELECT id, public, sealed, created_at, activates_at, withdrawn_at FROM signing_keys \
         ORDER BY created_at, activates_at, id",
    )
    .rows(connection)
    .await?;
    rows.iter()
        .map(|row| read(&mut Columns::<Db>::of(row)))
        .collect()
}

fn read<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<StoredKey, Fault> {
    Ok(StoredKey {
        id: columns.parsed()?,
        public: columns.bytes()?,
        sealed: columns.next()?,
        created_at: columns.time()?,
        activates_at: columns.time()?,
        withdrawn_at: columns.optional_time()?,
    })
}

/// Adds a key.
pub(super) async fn insert<Db: Engine>(
    connection: &mut Connection<Db>,
    key: &StoredKey,
) -> Result<(), Fault> {
    Statement::<Db>::new(
        "INSERT INTO signing_keys (id, public, sealed, created_at, activates_at, withdrawn_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(key.id.as_str())
    .bind(key.public.as_slice())
    .bind(key.sealed.as_slice())
    .bind(key.created_at.0)
    .bind(key.activates_at.0)
    .bind(key.withdrawn_at.map(|at| at.0))
    .run(connection)
    .await
}

/// Marks a key as withdrawn, unless it is already.
pub(super) async fn withdraw<Db: Engine>(
    connection: &mut Connection<Db>,
    id: &KeyId,
    at: UnixSeconds,
) -> Result<(), Fault> {
    Statement::<Db>::new(
        "UPDATE signing_keys SET withdrawn_at = $1 WHERE id = $2 AND withdrawn_at IS NULL",
    )
    .bind(at.0)
    .bind(id.as_str())
    .run(connection)
    .await
}

/// Deletes a key.
pub(super) async fn delete<Db: Engine>(
    connection: &mut Connection<Db>,
    id: &KeyId,
) -> Result<(), Fault> {
    Statement::<Db>::new("DELETE FROM signing_keys WHERE id = $1")
        .bind(id.as_str())
        .run(connection)
        .await
}
