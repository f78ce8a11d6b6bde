//! Changes of sessions, many in one transaction: each statement holds, reads or writes the rows of
//! all, so that a refresh among many costs a part of a commit and of a round trip.
//!
//! Each change decides over what the ones before it left, is written whole or not at all, and fails
//! alone: several changes of one session come in waves, one of each session in each wave. A session
//! that somebody else holds is not waited for, or all would wait; [`Outcome::Elsewhere`] hands its
//! change back. So a group waits for nothing but the feed, and nobody waits in a circle.
//!
//! Where rows are held there is one wave, and further changes of a session are handed back too: when
//! a transaction writes a row a second time, Postgres checks its foreign key anew, and that waits
//! for the user, whom a ban may hold that waits for the session.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use portcullis_shared::ids::{SessionId, UserId};

use super::{
    audit,
    changes::ChangeSession,
    driver::{Connection, Work},
    engine::Engine,
    fault::Fault,
    feed, sessions,
    statement::Statement,
    users,
};
use crate::domain::{
    clock::UnixMillis,
    session::Session,
    store::{Seq, SessionChange},
    user::User,
};

/// Changes to be made together.
pub(super) struct ChangeSessions(pub(super) Vec<ChangeSession>);

/// What became of a change.
pub(super) enum Outcome {
    /// It was made, or failed alone.
    Done(Result<Option<Seq>, Fault>),
    /// Somebody else holds its session, or there is none: it is to be made alone, after the group.
    Elsewhere(ChangeSession),
}

impl<Db: Engine> Work<Db> for ChangeSessions {
    /// In the order of the changes.
    type Output = Vec<Outcome>;

    async fn run(self, connection: &mut Connection<Db>) -> Result<Vec<Outcome>, Fault> {
        let mut group = Group::of(self.0);
        let ids: BTreeSet<SessionId> = group.waiting.iter().map(|(_, one)| one.id).collect();
        let held = sessions::hold_free::<Db>(connection, &Vec::from_iter(ids)).await?;
        let owners: BTreeSet<UserId> = held.iter().map(|session| session.user_id).collect();
        // A statement of its own: whoever held a session until now may have banned its user.
        let (users, seq) = users::with_seq::<Db>(connection, &Vec::from_iter(owners)).await?;
        group.sessions = held.into_iter().map(|held| (held.id, held)).collect();
        group.users = users.into_iter().map(|user| (user.id, user)).collect();
        group.set_absent_aside::<Db>();
        while !group.waiting.is_empty() {
            let wave = group.decide_wave::<Db>();
            group.write_wave::<Db>(connection, wave, seq).await?;
        }
        group.publish::<Db>(connection).await?;
        Ok(group.outcomes.into_values().collect())
    }
}

/// A change by its place in the group.
type Numbered = (usize, ChangeSession);

struct Group {
    /// Whether there is one change only: it need not be undone without the rest.
    of_one: bool,
    waiting: Vec<Numbered>,
    /// The sessions that are held, as the changes so far left them.
    sessions: BTreeMap<SessionId, Session>,
    users: BTreeMap<UserId, User>,
    /// By the change's place.
    outcomes: BTreeMap<usize, Outcome>,
    /// What is to be published, after everything else.
    publishing: Vec<Decided>,
}

/// A change that has been decided.
struct Decided {
    place: usize,
    now: UnixMillis,
    change: SessionChange,
}

impl Group {
    fn of(changes: Vec<ChangeSession>) -> Self {
        Self {
            of_one: changes.len() == 1,
            waiting: changes.into_iter().enumerate().collect(),
            sessions: BTreeMap::new(),
            users: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            publishing: Vec::new(),
        }
    }

    fn set_absent_aside<Db: Engine>(&mut self) {
        let (waiting, absent): (Vec<Numbered>, Vec<Numbered>) = self
            .waiting
            .drain(..)
            .partition(|(_, change)| self.sessions.contains_key(&change.id));
        self.waiting = waiting;
        for (place, change) in absent {
            let outcome = if Db::HOLDS_ROWS {
                Outcome::Elsewhere(change)
            } else {
                Outcome::Done(Ok(None))
            };
            self.outcomes.insert(place, outcome);
        }
    }

    /// Decides the first change of each session.
    fn decide_wave<Db: Engine>(&mut self) -> Vec<Decided> {
        let mut met = BTreeSet::new();
        let (wave, rest): (Vec<Numbered>, Vec<Numbered>) = self
            .waiting
            .drain(..)
            .partition(|(_, change)| met.insert(change.id));
        if Db::HOLDS_ROWS {
            let handed_back = |(place, change)| (place, Outcome::Elsewhere(change));
            self.outcomes.extend(rest.into_iter().map(handed_back));
        } else {
            self.waiting = rest;
        }
        let mut decided = Vec::with_capacity(wave.len());
        for (place, change) in wave {
            match self.decide(change) {
                Ok((now, change)) => decided.push(Decided { place, now, change }),
                Err(fault) => {
                    self.outcomes.insert(place, Outcome::Done(Err(fault)));
                }
            }
        }
        decided
    }

    fn decide(&self, change: ChangeSession) -> Result<(UnixMillis, SessionChange), Fault> {
        let ChangeSession { id, now, decide } = change;
        let session = self.sessions.get(&id);
        let rows = session.and_then(|session| Some((session, self.users.get(&session.user_id)?)));
        let (session, user) = rows.ok_or(Fault::Unreadable("the user of a session"))?;
        let decided = catch_unwind(AssertUnwindSafe(|| decide(session, user)));
        decided
            .map(|change| (now, change))
            .map_err(|_| Fault::Panicked)
    }

    /// Writes the wave at once; where something in it is refused, one by one without that.
    async fn write_wave<Db: Engine>(
        &mut self,
        connection: &mut Connection<Db>,
        wave: Vec<Decided>,
        seq: Seq,
    ) -> Result<(), Fault> {
        if self.of_one {
            write::<Db>(connection, &wave).await?;
        } else if attempt_write::<Db>(connection, &wave).await?.is_err() {
            for one in wave {
                match attempt_write::<Db>(connection, std::slice::from_ref(&one)).await? {
                    Ok(()) => self.keep(one, seq),
                    Err(fault) => {
                        self.outcomes.insert(one.place, Outcome::Done(Err(fault)));
                    }
                }
            }
            return Ok(());
        }
        for one in wave {
            self.keep(one, seq);
        }
        Ok(())
    }

    /// Takes note of what was written.
    fn keep(&mut self, mut decided: Decided, seq: Seq) {
        if let Some(session) = decided.change.session.take() {
            self.sessions.insert(session.id, session);
        }
        self.outcomes
            .insert(decided.place, Outcome::Done(Ok(Some(seq))));
        if !decided.change.revocations.is_empty() {
            self.publishing.push(decided);
        }
    }

    /// Publishes what all changes revoke, under one `seq`.
    async fn publish<Db: Engine>(&mut self, connection: &mut Connection<Db>) -> Result<(), Fault> {
        let Some(now) = self.publishing.iter().map(|decided| decided.now).max() else {
            return Ok(());
        };
        let records = self.publishing.iter().map(|one| &one.change.revocations);
        let records: Vec<_> = records.flatten().copied().collect();
        if let Some(seq) = feed::publish::<Db>(connection, &records, now).await? {
            for decided in &self.publishing {
                self.outcomes
                    .insert(decided.place, Outcome::Done(Ok(Some(seq))));
            }
        }
        Ok(())
    }
}

/// Writes all of these, or none; the outer error is that of the whole transaction.
async fn attempt_write<Db: Engine>(
    connection: &mut Connection<Db>,
    changes: &[Decided],
) -> Result<Result<(), Fault>, Fault> {
    let writes = |one: &Decided| one.change.session.is_some() || !one.change.events.is_empty();
    if !changes.iter().any(writes) {
        return Ok(Ok(()));
    }
    // Not released: that is a round trip, and the end of the transaction does it.
    Statement::<Db>::new("SAVEPOINT wave")
        .run(connection)
        .await?;
    match write::<Db>(connection, changes).await {
        Err(fault) if !fault.may_pass() => {
            Statement::<Db>::new("ROLLBACK TO wave")
                .run(connection)
                .await?;
            Ok(Err(fault))
        }
        written => written.map(Ok),
    }
}

async fn write<Db: Engine>(
    connection: &mut Connection<Db>,
    changes: &[Decided],
) -> Result<(), Fault> {
    let sessions: Vec<&Session> = changes
        .iter()
        .filter_map(|one| one.change.session.as_ref())
        .collect();
    sessions::update::<Db>(connection, &sessions).await?;
    for one in changes {
        audit::append::<Db>(connection, &one.change.events).await?;
    }
    Ok(())
}
