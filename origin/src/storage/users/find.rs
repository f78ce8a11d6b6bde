//! Looking for users: by name, in a list, or for what they are.

use portcullis_shared::ids::UserId;

use super::{all, one, user_columns};
use crate::{
    domain::{
        store::UserFilter,
        user::{ADMIN_ROLE, NAME_LIMIT, User, Username},
    },
    storage::{
        driver::Connection,
        engine::Engine,
        fault::Fault,
        statement::{Columns, Statement},
        values::pattern,
    },
};

/// The user of this id.
pub(in crate::storage) async fn by_id<Db: Engine>(
    connection: &mut Connection<Db>,
    id: UserId,
) -> Result<Option<User>, Fault> {
    let statement = Statement::<Db>::new(concat!(
        "SELECT ",
        user_columns!(),
        " FROM users WHERE id = $1"
    ))
    .bind(id.as_bytes().as_slice());
    one(connection, statement).await
}

/// The user of this name.
pub(in crate::storage) async fn by_name<Db: Engine>(
    connection: &mut Connection<Db>,
    name: &Username,
) -> Result<Option<User>, Fault> {
    let statement = Statement::<Db>::new(concat!(
        "SELECT ",
        user_columns!(),
        " FROM users WHERE username = $1"
    ))
    .bind(name.as_str());
    one(connection, statement).await
}

/// The password hash of the first user from this id on, or of the first of all.
pub(in crate::storage) async fn password_hash_from<Db: Engine>(
    connection: &mut Connection<Db>,
    from: UserId,
) -> Result<Option<String>, Fault> {
    const FIRST: UserId = UserId::from_bytes([0; 16]);
    for from in [from, FIRST] {
        let sql = "SELECT password_hash FROM users WHERE id >= $1 ORDER BY id LIMIT 1";
        let statement = Statement::<Db>::new(sql).bind(from.as_bytes().as_slice());
        if let Some(row) = statement.row(connection).await? {
            return Columns::<Db>::of(&row).next();
        }
    }
    Ok(None)
}

/// Who has the name of `user`, or else the id, or else a name that looks alike.
pub(in crate::storage) async fn in_the_way<Db: Engine>(
    connection: &mut Connection<Db>,
    user: &User,
) -> Result<Option<User>, Fault> {
    let statement = Statement::<Db>::new(concat!(
        "SELECT ",
        user_columns!(),
        " FROM users WHERE username = $1 OR id = $2 OR skeleton = $3 \
         ORDER BY CASE WHEN username = $1 THEN 1 WHEN id = $2 THEN 2 ELSE 3 END LIMIT 1"
    ))
    .bind(user.username.as_str())
    .bind(user.id.as_bytes().as_slice())
    .bind(user.username.skeleton().as_str());
    one(connection, statement).await
}

/// Users in the order of their names' bytes.
pub(in crate::storage) async fn list<Db: Engine>(
    connection: &mut Connection<Db>,
    filter: &UserFilter,
) -> Result<Vec<User>, Fault> {
    let search = filter.search.as_deref().unwrap_or_default();
    if search.chars().count() > NAME_LIMIT || search.contains('\0') {
        return Ok(Vec::new());
    }
    let statement = Statement::<Db>::new(concat!(
        "SELECT ",
        user_columns!(),
        " FROM users WHERE username > $1 AND username LIKE $2 ESCAPE '\\' \
         AND ($3 IS NULL OR (banned_at IS NOT NULL) = $3) \
         AND ($4 IS NULL OR (disabled_at IS NOT NULL) = $4) ORDER BY username LIMIT $5"
    ))
    .bind(filter.after.as_ref().map_or("", Username::as_str))
    .bind(pattern(search).as_str())
    .bind(filter.banned)
    .bind(filter.disabled)
    .bind(i64::from(filter.limit));
    all(connection, statement).await
}

/// Whether anybody but this user could administrate now.
pub(in crate::storage) async fn others_administrate<Db: Engine>(
    connection: &mut Connection<Db>,
    id: UserId,
) -> Result<bool, Fault> {
    // Whole words, in their case: LIKE would take `Admin` for `admin` on SQLite.
    let found = Statement::<Db>::new(
        "SELECT id FROM users WHERE id <> $1 AND banned_at IS NULL AND disabled_at IS NULL \
         AND password_hash IS NOT NULL \
         AND replace(' ' || roles || ' ', $2, '') <> ' ' || roles || ' ' LIMIT 1",
    )
    .bind(id.as_bytes().as_slice())
    .bind(format!(" {ADMIN_ROLE} ").as_str())
    .row(connection)
    .await?;
    Ok(found.is_some())
}
