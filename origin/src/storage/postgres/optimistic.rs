//! Changes of sessions that hold nothing while they are decided: one statement reads sessions and
//! users, one writes those of which both are still the ones that were read, and commits.
//!
//! A refresh among many so costs its part of two round trips. What tells versions of a row apart is
//! `xmin`, the transaction that wrote it ("System Columns" in the manual). The statement that writes
//! holds the session and, shared, the user before it looks at their versions for the last time, so
//! whatever it writes was decided over what is there when it commits: a ban that commits first
//! changes the user's version, and one that comes later waits until the rotation can be seen.
//!
//! It waits for nobody. Whatever somebody else holds or has changed meanwhile, and whatever writes
//! more than its session's row, is handed back, to be decided anew with the session held.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use portcullis_shared::ids::SessionId;
use sqlx::{PgConnection, Postgres, postgres::PgRow};

use crate::{
    domain::{
        session::Session,
        store::{Seq, SessionChange},
    },
    storage::{
        changes::{ChangeSession, Outcome},
        fault::Fault,
        many::{Many, places, rows_of_places},
        sessions::{self, MUTABLE, Owned, owned_columns},
        statement::{Columns, Statement},
    },
};

/// How many changes two statements take at most.
const AT_ONCE: usize = 32;

/// What was read; a row that this version cannot read fails alone.
type Row = Result<Read, Arc<Fault>>;

/// A session and its user, each in the version that was read.
struct Read {
    owned: Owned,
    versions: Versions,
}

/// The transactions that wrote a session and its user.
#[derive(Clone, Copy)]
struct Versions {
    session: i64,
    user: i64,
}

/// What a change that is decided would write: its session, where that and its user are still the
/// ones that were read.
struct Rotation {
    next: Session,
    versions: Versions,
}

/// A change that is decided, by its place, and the feed's `seq` at that moment.
type Decided = (usize, ChangeSession, Seq);

/// Makes the changes, or hands them back; in the order of the changes.
pub(super) async fn change(
    connection: &mut PgConnection,
    mut changes: Vec<ChangeSession>,
) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(changes.len());
    while !changes.is_empty() {
        let rest = changes.split_off(changes.len().min(AT_ONCE));
        let some = mem::replace(&mut changes, rest);
        outcomes.extend(change_some(connection, some).await);
    }
    outcomes
}

/// As [`change`], for no more than one statement takes.
async fn change_some(connection: &mut PgConnection, changes: Vec<ChangeSession>) -> Vec<Outcome> {
    let ids: BTreeSet<SessionId> = changes.iter().map(|change| change.id).collect();
    let rows = match read(connection, &Vec::from_iter(ids)).await {
        Ok(rows) => rows,
        Err(fault) => {
            let fault = Arc::new(fault);
            return changes.iter().map(|_| failed(&fault)).collect();
        }
    };
    let (mut outcomes, decided, rotations) = decide(changes, &rows);
    let written = match write(connection, &rotations).await {
        // One of them is refused; each will be told by itself.
        Err(fault) if !fault.may_pass() => Ok(BTreeSet::new()),
        written => written.map_err(Arc::new),
    };
    for (place, change, seq) in decided {
        let outcome = match &written {
            Ok(written) if written.contains(&change.id) => Outcome::Done(Ok(Some(seq))),
            Ok(_) => Outcome::Elsewhere(change),
            Err(fault) => failed(fault),
        };
        outcomes.insert(place, outcome);
    }
    outcomes.into_values().collect()
}

fn failed(fault: &Arc<Fault>) -> Outcome {
    Outcome::Done(Err(Fault::Shared(Arc::clone(fault))))
}

/// Decides all changes, of which the first of each session may write it; the outcomes that are known
/// then, by place.
fn decide(
    changes: Vec<ChangeSession>,
    rows: &BTreeMap<SessionId, Row>,
) -> (BTreeMap<usize, Outcome>, Vec<Decided>, Vec<Rotation>) {
    let mut outcomes = BTreeMap::new();
    let (mut decided, mut rotations) = (Vec::new(), Vec::new());
    let mut met = BTreeSet::new();
    for (place, mut change) in changes.into_iter().enumerate() {
        let Read { owned, versions } = match rows.get(&change.id) {
            Some(Ok(read)) => read,
            Some(Err(fault)) => {
                outcomes.insert(place, failed(fault));
                continue;
            }
            None => {
                outcomes.insert(place, Outcome::Done(Ok(None)));
                continue;
            }
        };
        let deciding = || (change.decide)(&owned.session, &owned.user);
        let Ok(result) = catch_unwind(AssertUnwindSafe(deciding)) else {
            outcomes.insert(place, Outcome::Done(Err(Fault::Panicked)));
            continue;
        };
        let SessionChange {
            session,
            revocations,
            events,
        } = result;
        let wrote = session.is_some();
        let more = !revocations.is_empty() || !events.is_empty();
        let Some(next) = session.filter(|_| !more && met.insert(change.id)) else {
            // What changes nothing is true of the moment at which it was read.
            let outcome = if more || wrote {
                Outcome::Elsewhere(change)
            } else {
                Outcome::Done(Ok(Some(owned.seq)))
            };
            outcomes.insert(place, outcome);
            continue;
        };
        decided.push((place, change, owned.seq));
        rotations.push(Rotation {
            next,
            versions: *versions,
        });
    }
    (outcomes, decided, rotations)
}

static READ: LazyLock<Many> = LazyLock::new(|| {
    Many::new(|rows| {
        let (columns, ids) = (owned_columns!(), places(1, rows));
        format!(
            "SELECT {columns}, CAST(CAST(sessions.xmin AS text) AS bigint), \
             CAST(CAST(users.xmin AS text) AS bigint) \
             FROM sessions JOIN users ON users.id = sessions.user_id CROSS JOIN feed \
             WHERE sessions.id IN ({ids})"
        )
    })
});

async fn read(
    connection: &mut PgConnection,
    ids: &[SessionId],
) -> Result<BTreeMap<SessionId, Row>, Fault> {
    let mut found = BTreeMap::new();
    for (sql, ids) in READ.over(ids) {
        let statement = sessions::bind_ids(Statement::<Postgres>::new(sql), &ids);
        for row in statement.rows(connection).await? {
            let id = Columns::<Postgres>::of(&row).bytes()?;
            found.insert(id, read_row(&row).map_err(Arc::new));
        }
    }
    Ok(found)
}

fn read_row(row: &PgRow) -> Result<Read, Fault> {
    let mut columns = Columns::<Postgres>::of(row);
    Ok(Read {
        owned: sessions::read_owned(&mut columns)?,
        versions: Versions {
            session: columns.next()?,
            user: columns.next()?,
        },
    })
}

/// The rows are held in a part of the statement that is done before it writes. Where a row changes
/// between the statement's begin and that, the versions are compared once more, over what it is
/// then ("Read Committed Isolation Level" in the manual).
static WRITE: LazyLock<Many> = LazyLock::new(|| {
    let (set, id) = (sessions::set_given(), MUTABLE.len() + 1);
    let (session_version, user_version) = (id + 1, id + 2);
    Many::up_to(AT_ONCE, |rows| {
        let rows = rows_of_places(rows, user_version);
        format!(
            "WITH given AS (VALUES {rows}), held AS MATERIALIZED (\
             SELECT sessions.id FROM given \
             JOIN sessions ON sessions.id = given.column{id} \
             JOIN users ON users.id = sessions.user_id \
             WHERE CAST(CAST(sessions.xmin AS text) AS bigint) = given.column{session_version} \
             AND CAST(CAST(users.xmin AS text) AS bigint) = given.column{user_version} \
             FOR NO KEY UPDATE OF sessions SKIP LOCKED FOR SHARE OF users SKIP LOCKED) \
             UPDATE sessions SET {set} FROM held JOIN given ON given.column{id} = held.id \
             WHERE sessions.id = held.id RETURNING sessions.id"
        )
    })
});

/// Writes and commits what is still as it was read; the ids of that.
async fn write(
    connection: &mut PgConnection,
    rotations: &[Rotation],
) -> Result<BTreeSet<SessionId>, Fault> {
    let mut written = BTreeSet::new();
    for (sql, some) in WRITE.over(rotations) {
        let mut statement = Statement::<Postgres>::new(sql);
        for one in some {
            statement = sessions::bind_mutable(statement, &one.next)
                .bind(one.next.id.as_bytes().as_slice())
                .bind(one.versions.session)
                .bind(one.versions.user);
        }
        for row in statement.rows(connection).await? {
            written.insert(Columns::<Postgres>::of(&row).bytes()?);
        }
    }
    Ok(written)
}
