//! Sessions as rows.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use portcullis_shared::{
    ids::{SessionId, UserId},
    time::UnixSeconds,
};

use super::{
    driver::Connection,
    engine::{Engine, holding},
    fault::Fault,
    feed,
    listed::{listed_ids, over_listed, packed},
    many::{Many, places},
    statement::{Columns, Statement},
    users,
};
use crate::domain::{
    session::{EndReason, Ended, Session},
    store::{ActiveFilter, Seq},
    user::User,
};

/// The columns that [`read`] reads, in its order, of a table named `sessions`. The version before
/// `ended_at` ends sessions without it; their last use stands for it.
macro_rules! session_columns {
    () => {
        "sessions.id, sessions.user_id, sessions.client_id, sessions.generation, \
         sessions.accepted, sessions.rotated_at, sessions.replays, sessions.late_retries, \
         sessions.last_iat, sessions.last_exp, sessions.ended, \
         coalesce(sessions.ended_at, sessions.last_used_at), sessions.created_at, \
         sessions.last_used_at, sessions.idle_expires_at, sessions.absolute_expires_at, \
         sessions.device, sessions.flags, \
         sessions.opened_ip, sessions.opened_country, sessions.opened_user_agent, \
         sessions.last_ip, sessions.last_country, sessions.last_user_agent"
    };
}

pub(super) use session_columns;

/// Reads the columns of `session_columns!`.
pub(super) fn read<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<Session, Fault> {
    Ok(Session {
        id: columns.bytes()?,
        user_id: columns.bytes()?,
        client_id: columns.next()?,
        generation: columns.integer()?,
        accepted: columns.integer()?,
        rotated_at: columns.time()?,
        replays: columns.integer()?,
        late_retries: columns.integer()?,
        last_iat: columns.time()?,
        last_exp: columns.time()?,
        ended: ended(
            columns.next::<Option<String>>()?.as_deref(),
            columns.time()?,
        ),
        created_at: columns.time()?,
        last_used_at: columns.time()?,
        idle_expires_at: columns.time()?,
        absolute_expires_at: columns.time()?,
        device: columns.next()?,
        flags: columns.parsed()?,
        opened_from: columns.context()?,
        last_from: columns.context()?,
    })
}

fn ended(reason: Option<&str>, at: UnixSeconds) -> Option<Ended> {
    let name = reason?;
    // A reason that only a newer program knows is one to be over, too.
    let reason = EndReason::from_name(name).unwrap_or(EndReason::Other);
    Some(Ended { reason, at })
}

/// The columns that may change, in the order of [`bind_mutable`]; whose session it is and how it
/// was opened may not.
pub(super) const MUTABLE: [&str; 17] = [
    "generation",
    "accepted",
    "rotated_at",
    "replays",
    "late_retries",
    "last_iat",
    "last_exp",
    "ended",
    "ended_at",
    "last_used_at",
    "idle_expires_at",
    "absolute_expires_at",
    "device",
    "flags",
    "last_ip",
    "last_country",
    "last_user_agent",
];

/// The others, in the order of [`insert`].
const FIXED: [&str; 7] = [
    "id",
    "user_id",
    "client_id",
    "created_at",
    "opened_ip",
    "opened_country",
    "opened_user_agent",
];

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<&str> = MUTABLE.into_iter().chain(FIXED).collect();
    let (names, places) = (columns.join(", "), places(1, columns.len()));
    format!("INSERT INTO sessions ({names}) VALUES ({places})")
});

static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let set: Vec<String> = (1..)
        .zip(MUTABLE)
        .map(|(number, column)| format!("{column} = ${number}"))
        .collect();
    let (set, id) = (set.join(", "), MUTABLE.len() + 1);
    format!("UPDATE sessions SET {set} WHERE id = ${id}")
});

/// Adds a session.
pub(super) async fn insert<Db: Engine>(
    connection: &mut Connection<Db>,
    session: &Session,
) -> Result<(), Fault> {
    bind_mutable(Statement::<Db>::new(INSERT.as_str()), session)
        .bind(session.id.as_bytes().as_slice())
        .bind(session.user_id.as_bytes().as_slice())
        .bind_text(Some(&session.client_id))
        .bind(session.created_at.0)
        .bind_context(&session.opened_from)
        .run(connection)
        .await
}

/// Writes everything that may change of a session.
pub(super) async fn update<Db: Engine>(
    connection: &mut Connection<Db>,
    session: &Session,
) -> Result<(), Fault> {
    bind_mutable(Statement::<Db>::new(UPDATE.as_str()), session)
        .bind(session.id.as_bytes().as_slice())
        .run(connection)
        .await
}

/// `column = given.column1` and so on: the columns of [`MUTABLE`] from rows of given values.
pub(super) fn set_given() -> String {
    let set = (1..)
        .zip(MUTABLE)
        .map(|(number, column)| format!("{column} = given.column{number}"));
    set.collect::<Vec<_>>().join(", ")
}

/// Gives the next arguments, the columns of [`MUTABLE`].
pub(super) fn bind_mutable<Db: Engine>(
    statement: Statement<Db>,
    session: &Session,
) -> Statement<Db> {
    statement
        .bind(i64::from(session.generation))
        .bind(i64::from(session.accepted))
        .bind(session.rotated_at.0)
        .bind(i64::from(session.replays))
        .bind(i64::from(session.late_retries))
        .bind(session.last_iat.0)
        .bind(session.last_exp.0)
        .bind(session.end_reason().map(EndReason::as_str))
        .bind(session.ended.map(|ended| ended.at.0))
        .bind(session.last_used_at.0)
        .bind(session.idle_expires_at.0)
        .bind(session.absolute_expires_at.0)
        .bind_text(session.device.as_deref())
        .bind(session.flags.to_string().as_str())
        .bind_context(&session.last_from)
}

/// Ends those of the sessions that have not ended; the first end stays.
pub(super) async fn end<Db: Engine>(
    connection: &mut Connection<Db>,
    ids: impl IntoIterator<Item = &SessionId> + Send,
    ended: Ended,
) -> Result<(), Fault> {
    let (bytes, length) = packed(ids.into_iter().map(SessionId::as_bytes));
    if bytes.is_empty() {
        return Ok(());
    }
    Statement::<Db>::new(over_listed!(
        "UPDATE sessions SET ended = $3, ended_at = $4 WHERE ended IS NULL AND id IN ",
        listed_ids!()
    ))
    .bind(bytes.as_slice())
    .bind(length)
    .bind(ended.reason.as_str())
    .bind(ended.at.0)
    .run(connection)
    .await
}

/// Those of these sessions that exist, held in the order of their users and ids.
pub(super) async fn hold_listed<Db: Engine>(
    connection: &mut Connection<Db>,
    ids: impl IntoIterator<Item = &SessionId> + Send,
) -> Result<Vec<Session>, Fault> {
    let (bytes, length) = packed(ids.into_iter().map(SessionId::as_bytes));
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let sql = holding!(
        Db,
        over_listed!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE id IN ",
            listed_ids!(),
            " ORDER BY user_id, id"
        )
    );
    let statement = Statement::<Db>::new(sql)
        .bind(bytes.as_slice())
        .bind(length);
    let rows = statement.rows(connection).await?;
    rows.iter()
        .map(|row| read(&mut Columns::<Db>::of(row)))
        .collect()
}

/// The session of this id, held.
pub(super) async fn hold<Db: Engine>(
    connection: &mut Connection<Db>,
    id: SessionId,
) -> Result<Option<Session>, Fault> {
    let sql = holding!(
        Db,
        "SELECT ",
        session_columns!(),
        " FROM sessions WHERE id = $1"
    );
    Statement::<Db>::new(sql)
        .bind(id.as_bytes().as_slice())
        .row(connection)
        .await?
        .map(|row| read(&mut Columns::<Db>::of(&row)))
        .transpose()
}

pub(super) fn bind_ids<Db: Engine>(statement: Statement<Db>, ids: &[&SessionId]) -> Statement<Db> {
    ids.iter().fold(statement, |statement, id| {
        statement.bind(id.as_bytes().as_slice())
    })
}

/// The sessions of a user that have not been ended, and whose access or refresh tokens were good
/// after `cutoff`, held in the order of their ids.
pub(super) async fn hold_unended<Db: Engine>(
    connection: &mut Connection<Db>,
    user: UserId,
    cutoff: UnixSeconds,
) -> Result<Vec<Session>, Fault> {
    let sql = holding!(
        Db,
        "SELECT ",
        session_columns!(),
        " FROM sessions WHERE user_id = $1 AND ended IS NULL AND (last_exp > $2 \
         OR (idle_expires_at > $2 AND absolute_expires_at > $2)) ORDER BY id"
    );
    let rows = Statement::<Db>::new(sql)
        .bind(user.as_bytes().as_slice())
        .bind(cutoff.0)
        .rows(connection)
        .await?;
    rows.iter()
        .map(|row| read(&mut Columns::<Db>::of(row)))
        .collect()
}

/// Holds all sessions of a user in the order of their ids, however long they have been over.
pub(super) async fn hold_all_of<Db: Engine>(
    connection: &mut Connection<Db>,
    user: UserId,
) -> Result<(), Fault> {
    if !Db::HOLDS_ROWS {
        return Ok(());
    }
    Statement::<Db>::new(holding!(
        Db,
        "SELECT id FROM sessions WHERE user_id = $1 ORDER BY id"
    ))
    .bind(user.as_bytes().as_slice())
    .run(connection)
    .await
}

/// The columns that [`read_owned`] reads, of `sessions`, `users` and `feed`.
macro_rules! owned_columns {
    () => {
        concat!(
            $crate::storage::sessions::session_columns!(),
            ", ",
            $crate::storage::users::user_columns!(),
            ", feed.seq"
        )
    };
}
pub(super) use owned_columns;

/// A session, its user and the feed's `seq`, all of one moment.
pub(super) struct Owned {
    pub(super) session: Session,
    pub(super) user: User,
    pub(super) seq: Seq,
}

/// Reads the columns of `owned_columns!`.
pub(super) fn read_owned<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<Owned, Fault> {
    Ok(Owned {
        session: read(columns)?,
        user: users::read(columns)?,
        seq: feed::read_seq(columns)?,
    })
}

static OWNED: LazyLock<Many> = LazyLock::new(|| {
    Many::new(|rows| {
        let (columns, ids) = (owned_columns!(), places(1, rows));
        format!(
            "SELECT {columns} FROM sessions JOIN users ON users.id = sessions.user_id \
             CROSS JOIN feed WHERE sessions.id IN ({ids})"
        )
    })
});

/// Those of these sessions that exist, with their users; a row that this version cannot read fails
/// alone.
pub(super) async fn owned<Db: Engine>(
    connection: &mut Connection<Db>,
    ids: &[SessionId],
) -> Result<BTreeMap<SessionId, Result<Owned, Arc<Fault>>>, Fault> {
    let mut found = BTreeMap::new();
    for (sql, ids) in OWNED.over(ids) {
        let statement = bind_ids(Statement::<Db>::new(sql), &ids);
        for row in statement.rows(connection).await? {
            let id = Columns::<Db>::of(&row).bytes()?;
            let owned = read_owned(&mut Columns::<Db>::of(&row));
            found.insert(id, owned.map_err(Arc::new));
        }
    }
    Ok(found)
}

/// Active sessions of a user, the last used first.
pub(super) async fn active<Db: Engine>(
    connection: &mut Connection<Db>,
    user: UserId,
    filter: &ActiveFilter,
) -> Result<Vec<Session>, Fault> {
    let after = filter.after.as_ref();
    let rows = Statement::<Db>::new(concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions WHERE user_id = $1 AND ended IS NULL AND idle_expires_at > $2 \
         AND absolute_expires_at > $2 \
         AND (last_used_at < $3 OR (last_used_at = $3 AND id > $4)) \
         ORDER BY last_used_at DESC, id LIMIT $5"
    ))
    .bind(user.as_bytes().as_slice())
    .bind(filter.now.0)
    .bind(after.map_or(i64::MAX, |(last_used_at, _)| last_used_at.0))
    .bind(after.map_or(&[] as &[u8], |(_, id)| id.as_bytes()))
    .bind(i64::from(filter.limit))
    .rows(connection)
    .await?;
    rows.iter()
        .map(|row| read(&mut Columns::<Db>::of(row)))
        .collect()
}
