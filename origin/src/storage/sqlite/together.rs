//! Changes of sessions, many in one transaction of the only writer: each statement reads or writes
//! the rows of all, so that a refresh among many costs a part of a statement and of a commit.
//!
//! Each change decides over what the ones before it left, is written whole or not at all, and fails
//! alone. Several changes of one session come in waves, one of each session in each wave.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use portcullis_shared::ids::SessionId;
use sqlx::{Sqlite, SqliteConnection};

use crate::{
    domain::{
        clock::UnixMillis,
        session::Session,
        store::{Seq, SessionChange},
    },
    storage::{
        audit,
        changes::ChangeSession,
        driver::Work,
        fault::Fault,
        feed,
        many::Many,
        sessions::{self, MUTABLE, Owned},
        statement::Statement,
    },
};

/// Changes to be made together.
pub(super) struct ChangeSessions(pub(super) Vec<ChangeSession>);

/// What one change came to.
type Outcome = Result<Option<Seq>, Fault>;

impl Work<Sqlite> for ChangeSessions {
    /// In the order of the changes.
    type Output = Vec<Outcome>;

    async fn run(self, connection: &mut SqliteConnection) -> Result<Vec<Outcome>, Fault> {
        let mut group = Group::of(self.0);
        let ids: BTreeSet<SessionId> = group.waiting.iter().map(|(_, one)| one.id).collect();
        group.rows = sessions::owned::<Sqlite>(connection, &Vec::from_iter(ids)).await?;
        while !group.waiting.is_empty() {
            let wave = group.decide_wave();
            group.write_wave(connection, wave).await?;
        }
        group.publish(connection).await?;
        Ok(group.outcomes.into_values().collect())
    }
}

/// A change by its place in the group.
type Numbered = (usize, ChangeSession);

struct Group {
    /// Whether there is one change only: it need not be undone without the rest.
    of_one: bool,
    waiting: Vec<Numbered>,
    /// The sessions as the changes so far left them.
    rows: BTreeMap<SessionId, Result<Owned, Arc<Fault>>>,
    /// By the change's place.
    outcomes: BTreeMap<usize, Outcome>,
    /// What is to be published, after everything else.
    publishing: Vec<Decided>,
}

/// A change that has been decided.
struct Decided {
    place: usize,
    now: UnixMillis,
    /// The feed's `seq` before the group.
    seq: Seq,
    change: SessionChange,
}

impl Group {
    fn of(changes: Vec<ChangeSession>) -> Self {
        Self {
            of_one: changes.len() == 1,
            waiting: changes.into_iter().enumerate().collect(),
            rows: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            publishing: Vec::new(),
        }
    }

    /// Decides the first change of each session.
    fn decide_wave(&mut self) -> Vec<Decided> {
        let mut met = BTreeSet::new();
        let (wave, rest): (Vec<Numbered>, Vec<Numbered>) = self
            .waiting
            .drain(..)
            .partition(|(_, change)| met.insert(change.id));
        self.waiting = rest;
        let mut decided = Vec::with_capacity(wave.len());
        for (place, mut change) in wave {
            let Owned { session, user, seq } = match self.rows.get(&change.id) {
                Some(Ok(owned)) => owned,
                Some(Err(fault)) => {
                    let fault = Fault::Shared(Arc::clone(fault));
                    self.outcomes.insert(place, Err(fault));
                    continue;
                }
                None => {
                    self.outcomes.insert(place, Ok(None));
                    continue;
                }
            };
            let deciding = || (change.decide)(session, user);
            match catch_unwind(AssertUnwindSafe(deciding)) {
                Ok(written) => decided.push(Decided {
                    place,
                    now: change.now,
                    seq: *seq,
                    change: written,
                }),
                Err(_) => {
                    self.outcomes.insert(place, Err(Fault::Panicked));
                }
            }
        }
        decided
    }

    /// Writes the wave at once; where something in it is refused, one by one without that.
    async fn write_wave(
        &mut self,
        connection: &mut SqliteConnection,
        wave: Vec<Decided>,
    ) -> Result<(), Fault> {
        if self.of_one {
            write(connection, &wave).await?;
        } else if attempt_write(connection, &wave).await?.is_err() {
            for one in wave {
                match attempt_write(connection, std::slice::from_ref(&one)).await? {
                    Ok(()) => self.keep(one),
                    Err(fault) => {
                        self.outcomes.insert(one.place, Err(fault));
                    }
                }
            }
            return Ok(());
        }
        for one in wave {
            self.keep(one);
        }
        Ok(())
    }

    /// Takes note of what was written.
    fn keep(&mut self, mut decided: Decided) {
        if let Some(session) = decided.change.session.take()
            && let Some(Ok(row)) = self.rows.get_mut(&session.id)
        {
            row.session = session;
        }
        self.outcomes.insert(decided.place, Ok(Some(decided.seq)));
        if !decided.change.revocations.is_empty() {
            self.publishing.push(decided);
        }
    }

    /// Publishes what all changes revoke, under one `seq`.
    async fn publish(&mut self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        let Some(now) = self.publishing.iter().map(|decided| decided.now).max() else {
            return Ok(());
        };
        let records = self.publishing.iter().map(|one| &one.change.revocations);
        let records: Vec<_> = records.flatten().copied().collect();
        if let Some(seq) = feed::publish::<Sqlite>(connection, &records, now).await? {
            for decided in &self.publishing {
                self.outcomes.insert(decided.place, Ok(Some(seq)));
            }
        }
        Ok(())
    }
}

/// How many sessions one statement writes at most.
const WRITTEN_AT_ONCE: usize = 32;

/// The places have no numbers: sqlx asks for the name of each, and SQLite looks for that through all
/// that have one.
static UPDATE: LazyLock<Many> = LazyLock::new(|| {
    Many::up_to(WRITTEN_AT_ONCE, |rows| {
        let (set, id) = (sessions::set_given(), MUTABLE.len() + 1);
        let row = format!("({})", vec!["?"; id].join(", "));
        let rows = vec![row; rows].join(", ");
        format!(
            "UPDATE sessions SET {set} FROM (VALUES {rows}) AS given \
             WHERE sessions.id = given.column{id}"
        )
    })
});

/// Writes everything that may change of some sessions, each of which is there once.
async fn update(connection: &mut SqliteConnection, sessions: &[&Session]) -> Result<(), Fault> {
    for (sql, sessions) in UPDATE.over(sessions) {
        let mut statement = Statement::<Sqlite>::new(sql);
        for session in sessions {
            statement =
                sessions::bind_mutable(statement, session).bind(session.id.as_bytes().as_slice());
        }
        statement.run(connection).await?;
    }
    Ok(())
}

/// Writes all of these, or none; the outer error is that of the whole transaction.
async fn attempt_write(
    connection: &mut SqliteConnection,
    changes: &[Decided],
) -> Result<Result<(), Fault>, Fault> {
    let sessions: Vec<&Session> = changed(changes).collect();
    let alone = changes.iter().all(|one| one.change.events.is_empty());
    // A statement that is refused is undone by itself.
    if alone && sessions.len() <= WRITTEN_AT_ONCE {
        return match update(connection, &sessions).await {
            Err(fault) if !fault.may_pass() => Ok(Err(fault)),
            written => written.map(Ok),
        };
    }
    // Not released: the end of the transaction does it.
    Statement::<Sqlite>::new("SAVEPOINT wave")
        .run(connection)
        .await?;
    match write(connection, changes).await {
        Err(fault) if !fault.may_pass() => {
            Statement::<Sqlite>::new("ROLLBACK TO wave")
                .run(connection)
                .await?;
            Ok(Err(fault))
        }
        written => written.map(Ok),
    }
}

async fn write(connection: &mut SqliteConnection, changes: &[Decided]) -> Result<(), Fault> {
    let sessions: Vec<&Session> = changed(changes).collect();
    update(connection, &sessions).await?;
    for one in changes {
        audit::append::<Sqlite>(connection, &one.change.events).await?;
    }
    Ok(())
}

fn changed(changes: &[Decided]) -> impl Iterator<Item = &Session> {
    changes.iter().filter_map(|one| one.change.session.as_ref())
}
