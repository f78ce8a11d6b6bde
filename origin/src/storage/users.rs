//! Users as rows: how they are read, written and held. How they are looked for is in [`find`].

mod find;

use std::sync::LazyLock;

use portcullis_shared::{ids::UserId, scope::ScopeSet};

use super::{
    driver::Connection,
    engine::{Engine, holding},
    fault::Fault,
    feed,
    listed::{listed_ids, over_listed, packed},
    many::{Many, places},
    statement::{Columns, Statement},
    values::storable,
};
use crate::domain::{
    store::Seq,
    user::{Email, PendingSetup, Roles, SignedLinks, User, UserStatus, Username},
};

pub(super) use find::{by_id, by_name, in_the_way, list, others_administrate, password_hash_from};

/// The columns that [`read`] reads, in its order, of a table named `users`.
macro_rules! user_columns {
    () => {
        "users.id, users.username, users.password_hash, users.banned_reason, users.banned_at, \
         users.roles, users.scopes, users.not_before, users.setup_digest, users.setup_expires_at, \
         users.created_at, users.updated_at, users.links_iat, users.links_exp, users.email, \
         users.disabled_at"
    };
}
pub(super) use user_columns;

/// Reads the columns of `user_columns!`.
pub(super) fn read<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<User, Fault> {
    let mut user = User {
        id: columns.bytes()?,
        username: columns.parsed()?,
        email: None,
        password_hash: columns.next()?,
        status: match (columns.next()?, columns.optional_time()?) {
            (None, None) => UserStatus::Active,
            (Some(reason), Some(at)) => UserStatus::Banned { reason, at },
            _ => return Err(Fault::Unreadable("a ban")),
        },
        roles: roles(&columns.next::<String>()?)?,
        scopes: columns.parsed::<ScopeSet>()?,
        not_before: columns.time()?,
        setup: match (columns.next::<Option<Vec<u8>>>()?, columns.optional_time()?) {
            (None, None) => None,
            (Some(digest), Some(expires_at)) => Some(PendingSetup {
                digest: digest
                    .try_into()
                    .map_err(|_| Fault::Unreadable("a digest"))?,
                expires_at,
            }),
            _ => return Err(Fault::Unreadable("a setup token")),
        },
        created_at: columns.time()?,
        updated_at: columns.time()?,
        links: SignedLinks {
            last_iat: columns.time()?,
            last_exp: columns.time()?,
        },
    };
    user.email = columns
        .next::<Option<String>>()?
        .map(|text| {
            text.parse()
                .map_err(|_| Fault::Unreadable("an e-mail address"))
        })
        .transpose()?;
    // An older version may have banned who is disabled; the ban comes first.
    if let (UserStatus::Active, Some(at)) = (&user.status, columns.optional_time()?) {
        user.status = UserStatus::Disabled { at };
    }
    Ok(user)
}

/// The user that a statement finds.
async fn one<Db: Engine>(
    connection: &mut Connection<Db>,
    statement: Statement<Db>,
) -> Result<Option<User>, Fault> {
    let row = statement.row(connection).await?;
    row.map(|row| read(&mut Columns::<Db>::of(&row)))
        .transpose()
}

/// The users that a statement finds.
async fn all<Db: Engine>(
    connection: &mut Connection<Db>,
    statement: Statement<Db>,
) -> Result<Vec<User>, Fault> {
    let rows = statement.rows(connection).await?;
    rows.iter()
        .map(|row| read(&mut Columns::<Db>::of(row)))
        .collect()
}

fn roles(text: &str) -> Result<Roles, Fault> {
    let words = text.split(' ').filter(|word| !word.is_empty());
    words
        .map(|word| word.parse().map_err(|_| Fault::Unreadable("roles")))
        .collect()
}

/// Adds a user, unless the name or one that looks like it is taken; tells whether it was added.
pub(super) async fn insert<Db: Engine>(
    connection: &mut Connection<Db>,
    user: &User,
) -> Result<bool, Fault> {
    let statement = Statement::<Db>::new(
        "INSERT INTO users (password_hash, banned_reason, banned_at, roles, scopes, not_before, \
         setup_digest, setup_expires_at, updated_at, email, disabled_at, links_iat, links_exp, id, \
         username, skeleton, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
         ON CONFLICT DO NOTHING RETURNING created_at",
    );
    let added = bind_mutable(statement, user)
        .bind(user.id.as_bytes().as_slice())
        .bind(user.username.as_str())
        .bind(user.username.skeleton().as_str())
        .bind(user.created_at.0)
        .row(connection)
        .await?;
    Ok(added.is_some())
}

/// Writes everything that may change, which the name may not.
pub(super) async fn update<Db: Engine>(
    connection: &mut Connection<Db>,
    user: &User,
) -> Result<(), Fault> {
    let statement = Statement::<Db>::new(
        "UPDATE users SET password_hash = $1, banned_reason = $2, banned_at = $3, roles = $4, \
         scopes = $5, not_before = $6, setup_digest = $7, setup_expires_at = $8, updated_at = $9, \
         email = $10, disabled_at = $11, links_iat = $12, links_exp = $13 WHERE id = $14",
    );
    bind_mutable(statement, user)
        .bind(user.id.as_bytes().as_slice())
        .run(connection)
        .await
}

fn bind_mutable<Db: Engine>(statement: Statement<Db>, user: &User) -> Statement<Db> {
    let (reason, banned_at, disabled_at) = match &user.status {
        UserStatus::Active => (None, None, None),
        UserStatus::Banned { reason, at } => (Some(storable(reason)), Some(at.0), None),
        UserStatus::Disabled { at } => (None, None, Some(at.0)),
    };
    statement
        .bind(user.password_hash.as_deref())
        .bind(reason.as_deref())
        .bind(banned_at)
        .bind(user.role_names().join(" ").as_str())
        .bind(user.scopes.to_string().as_str())
        .bind(user.not_before.0)
        .bind(user.setup.as_ref().map(|setup| setup.digest.as_slice()))
        .bind(user.setup.as_ref().map(|setup| setup.expires_at.0))
        .bind(user.updated_at.0)
        .bind(user.email.as_ref().map(Email::as_str))
        .bind(disabled_at)
        .bind(user.links.last_iat.0)
        .bind(user.links.last_exp.0)
}

/// Deletes a user, who is held, and all sessions, ended ones included.
pub(super) async fn delete<Db: Engine>(
    connection: &mut Connection<Db>,
    id: UserId,
) -> Result<(), Fault> {
    for sql in [
        "DELETE FROM sessions WHERE user_id = $1",
        "DELETE FROM users WHERE id = $1",
    ] {
        let statement = Statement::<Db>::new(sql).bind(id.as_bytes().as_slice());
        statement.run(connection).await?;
    }
    Ok(())
}

/// Fills in the skeletons that are missing, of at most `limit` users after `after` in the order of
/// their ids; tells the last of them. Where somebody has the same skeleton already it stays
/// missing: those two names are older than the rule.
pub(super) async fn fill_skeletons<Db: Engine>(
    connection: &mut Connection<Db>,
    after: Option<UserId>,
    limit: u32,
) -> Result<Option<UserId>, Fault> {
    let rows = Statement::<Db>::new(
        "SELECT id, username FROM users WHERE skeleton IS NULL AND ($1 IS NULL OR id > $1) \
         ORDER BY id LIMIT $2",
    )
    .bind(after.as_ref().map(|id| id.as_bytes().as_slice()))
    .bind(i64::from(limit))
    .rows(connection)
    .await?;
    let mut last = None;
    for row in &rows {
        let mut columns = Columns::<Db>::of(row);
        let (id, name): (UserId, Username) = (columns.bytes()?, columns.parsed()?);
        Statement::<Db>::new(
            "UPDATE users SET skeleton = $1 WHERE id = $2 AND skeleton IS NULL \
             AND NOT EXISTS (SELECT 1 FROM users AS others WHERE others.skeleton = $1)",
        )
        .bind(name.skeleton().as_str())
        .bind(id.as_bytes().as_slice())
        .run(connection)
        .await?;
        last = Some(id);
    }
    Ok(last)
}

/// The user of this id, held.
pub(super) async fn hold<Db: Engine>(
    connection: &mut Connection<Db>,
    id: UserId,
) -> Result<Option<User>, Fault> {
    let sql = holding!(Db, "SELECT ", user_columns!(), " FROM users WHERE id = $1");
    let statement = Statement::<Db>::new(sql).bind(id.as_bytes().as_slice());
    one(connection, statement).await
}

/// Those of these users who exist, held in the order of their ids.
pub(super) async fn hold_listed<Db: Engine>(
    connection: &mut Connection<Db>,
    ids: &[UserId],
) -> Result<Vec<User>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (bytes, length) = packed(ids.iter().map(UserId::as_bytes));
    let sql = holding!(
        Db,
        over_listed!(
            "SELECT ",
            user_columns!(),
            " FROM users WHERE id IN ",
            listed_ids!(),
            " ORDER BY id"
        )
    );
    let statement = Statement::<Db>::new(sql)
        .bind(bytes.as_slice())
        .bind(length);
    all(connection, statement).await
}

static WITH_SEQ: LazyLock<Many> = LazyLock::new(|| {
    Many::new(|rows| {
        let (columns, ids) = (user_columns!(), places(1, rows));
        format!("SELECT {columns}, feed.seq FROM users CROSS JOIN feed WHERE users.id IN ({ids})")
    })
});

/// The users of these ids, all of whom exist, and the feed's `seq`, as they are now.
pub(super) async fn with_seq<Db: Engine>(
    connection: &mut Connection<Db>,
    ids: &[UserId],
) -> Result<(Vec<User>, Seq), Fault> {
    let mut users = Vec::with_capacity(ids.len());
    let mut seq = Seq::default();
    for (sql, ids) in WITH_SEQ.over(ids) {
        let mut statement = Statement::<Db>::new(sql);
        for id in ids {
            statement = statement.bind(id.as_bytes().as_slice());
        }
        for row in statement.rows(connection).await? {
            let mut columns = Columns::<Db>::of(&row);
            users.push(read(&mut columns)?);
            seq = feed::read_seq(&mut columns)?;
        }
    }
    Ok((users, seq))
}
