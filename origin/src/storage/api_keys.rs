//! API keys as rows.

use portcullis_shared::{api_key::ApiKeyId, ids::UserId, time::UnixSeconds};

use super::{
    driver::{Connection, Work},
    engine::{Engine, holding},
    fault::Fault,
    statement::{Columns, Statement},
    users::{self, user_columns},
    values::storable,
};
use crate::domain::{
    api_key::{KeyFilter, KeyedHash, StoredApiKey},
    audit::Actor,
    user::User,
};

/// The columns that [`read`] reads, in its order, of a table named `api_keys`.
macro_rules! key_columns {
    () => {
        "api_keys.id, api_keys.user_id, api_keys.name, api_keys.client_id, api_keys.scopes, \
         api_keys.master_key, api_keys.hash, api_keys.created_by, api_keys.created_by_id, \
         api_keys.created_at, api_keys.expires_at, api_keys.last_used_at, api_keys.last_iat, \
         api_keys.last_exp, api_keys.revoked_at, api_keys.replaced_by"
    };
}

/// A statement that finds keys with their owners.
macro_rules! owned {
    ($($condition:tt)+) => {
        concat!(
            "SELECT ",
            key_columns!(),
            ", ",
            user_columns!(),
            " FROM api_keys JOIN users ON users.id = api_keys.user_id WHERE ",
            $($condition)+
        )
    };
}

fn read<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<StoredApiKey, Fault> {
    Ok(StoredApiKey {
        id: columns.bytes()?,
        user_id: columns.bytes()?,
        name: columns.parsed()?,
        client_id: columns.next()?,
        scopes: columns.parsed()?,
        hash: KeyedHash {
            master_key: columns.integer()?,
            mac: columns.bytes()?,
        },
        created_by: match (
            columns.next::<String>()?.as_str(),
            columns.optional_bytes()?,
        ) {
            ("user", Some(id)) => Actor::User(id),
            ("operator", None) => Actor::Operator,
            _ => return Err(Fault::Unreadable("who made an API key")),
        },
        created_at: columns.time()?,
        expires_at: columns.optional_time()?,
        last_used_at: columns.optional_time()?,
        last_iat: columns.time()?,
        last_exp: columns.time()?,
        revoked_at: columns.optional_time()?,
        replaced_by: columns.optional_bytes()?,
    })
}

fn read_owned<Db: Engine>(row: &Db::Row) -> Result<(StoredApiKey, User), Fault> {
    let mut columns = Columns::<Db>::of(row);
    Ok((read(&mut columns)?, users::read(&mut columns)?))
}

/// The key of this id, and its owner.
pub(super) async fn by_id<Db: Engine>(
    connection: &mut Connection<Db>,
    id: ApiKeyId,
) -> Result<Option<(StoredApiKey, User)>, Fault> {
    Statement::<Db>::new(owned!("api_keys.id = $1"))
        .bind(id.as_bytes().as_slice())
        .row(connection)
        .await?
        .map(|row| read_owned::<Db>(&row))
        .transpose()
}

/// Keys with their owners, in the order of the keys' ids.
pub(super) async fn list<Db: Engine>(
    connection: &mut Connection<Db>,
    filter: &KeyFilter,
) -> Result<Vec<(StoredApiKey, User)>, Fault> {
    let after = filter.after.as_ref();
    let rows = Statement::<Db>::new(owned!(
        "api_keys.id > $1 AND ($2 IS NULL OR api_keys.user_id = $2) \
         AND ($3 IS NULL OR (api_keys.revoked_at IS NULL \
         AND coalesce(api_keys.expires_at, $4 + 1) > $4) = $3) \
         ORDER BY api_keys.id LIMIT $5"
    ))
    .bind(after.map_or(&[] as &[u8], |id| id.as_bytes()))
    .bind(filter.owner.as_ref().map(|id| id.as_bytes().as_slice()))
    .bind(filter.usable)
    .bind(filter.now.0)
    .bind(i64::from(filter.limit))
    .rows(connection)
    .await?;
    rows.iter().map(read_owned::<Db>).collect()
}

/// Whose key it is.
pub(super) async fn owner<Db: Engine>(
    connection: &mut Connection<Db>,
    id: ApiKeyId,
) -> Result<Option<UserId>, Fault> {
    Statement::<Db>::new("SELECT user_id FROM api_keys WHERE id = $1")
        .bind(id.as_bytes().as_slice())
        .row(connection)
        .await?
        .map(|row| Columns::<Db>::of(&row).bytes())
        .transpose()
}

/// The key of this id, held. Whoever calls it holds the owner.
pub(super) async fn hold<Db: Engine>(
    connection: &mut Connection<Db>,
    id: ApiKeyId,
) -> Result<Option<StoredApiKey>, Fault> {
    let sql = holding!(
        Db,
        "SELECT ",
        key_columns!(),
        " FROM api_keys WHERE id = $1"
    );
    Statement::<Db>::new(sql)
        .bind(id.as_bytes().as_slice())
        .row(connection)
        .await?
        .map(|row| read(&mut Columns::<Db>::of(&row)))
        .transpose()
}

/// All keys of a user who is held, held in the order of their ids.
pub(super) async fn hold_all_of<Db: Engine>(
    connection: &mut Connection<Db>,
    user: UserId,
) -> Result<Vec<StoredApiKey>, Fault> {
    let sql = holding!(
        Db,
        "SELECT ",
        key_columns!(),
        " FROM api_keys WHERE user_id = $1 ORDER BY id"
    );
    let rows = Statement::<Db>::new(sql)
        .bind(user.as_bytes().as_slice())
        .rows(connection)
        .await?;
    rows.iter()
        .map(|row| read(&mut Columns::<Db>::of(row)))
        .collect()
}

/// Adds a key, or writes everything of it that may change.
pub(super) async fn put<Db: Engine>(
    connection: &mut Connection<Db>,
    key: &StoredApiKey,
) -> Result<(), Fault> {
    let (actor, actor_id) = match &key.created_by {
        Actor::User(id) => ("user", Some(id)),
        Actor::Operator => ("operator", None),
        Actor::Bearer | Actor::Service => return Err(Fault::Unreadable("who makes an API key")),
    };
    Statement::<Db>::new(
        "INSERT INTO api_keys (id, user_id, name, client_id, scopes, master_key, hash, created_by, \
         created_by_id, created_at, expires_at, last_used_at, last_iat, last_exp, revoked_at, \
         replaced_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
         ON CONFLICT (id) DO UPDATE SET master_key = excluded.master_key, hash = excluded.hash, \
         expires_at = excluded.expires_at, last_used_at = excluded.last_used_at, \
         last_iat = excluded.last_iat, last_exp = excluded.last_exp, \
         revoked_at = excluded.revoked_at, replaced_by = excluded.replaced_by",
    )
    .bind(key.id.as_bytes().as_slice())
    .bind(key.user_id.as_bytes().as_slice())
    .bind(key.name.as_str())
    .bind(storable(&key.client_id).as_ref())
    .bind(key.scopes.to_string().as_str())
    .bind(i64::from(key.hash.master_key))
    .bind(key.hash.mac.as_slice())
    .bind(actor)
    .bind(actor_id.map(|id| id.as_bytes().as_slice()))
    .bind(key.created_at.0)
    .bind(key.expires_at.map(|at| at.0))
    .bind(key.last_used_at.map(|at| at.0))
    .bind(key.last_iat.0)
    .bind(key.last_exp.0)
    .bind(key.revoked_at.map(|at| at.0))
    .bind(key.replaced_by.as_ref().map(|id| id.as_bytes().as_slice()))
    .run(connection)
    .await
}

/// Removes keys that were over at `cutoff`, access tokens and all; answers how many. One that
/// somebody holds is left for the next time.
pub(super) struct RemoveApiKeys {
    pub(super) cutoff: UnixSeconds,
    pub(super) limit: u32,
}

impl<Db: Engine> Work<Db> for RemoveApiKeys {
    type Output = u64;

    async fn run(self, connection: &mut Connection<Db>) -> Result<u64, Fault> {
        macro_rules! remove {
            ($skipping:literal) => {
                concat!(
                    "DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys \
                     WHERE last_exp <= $1 AND (revoked_at <= $1 OR expires_at <= $1) \
                     ORDER BY id LIMIT $2",
                    $skipping,
                    ") RETURNING last_exp"
                )
            };
        }
        let sql = if Db::HOLDS_ROWS {
            remove!(" FOR UPDATE SKIP LOCKED")
        } else {
            remove!("")
        };
        let rows = Statement::<Db>::new(sql)
            .bind(self.cutoff.0)
            .bind(i64::from(self.limit))
            .rows(connection)
            .await?;
        Ok(rows.len() as u64)
    }
}
