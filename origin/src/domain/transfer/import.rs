//! Import: lines become users, in transactions of [`BATCH`] at most.
//!
//! Each transaction adds its users and one event that counts them; a user's own event for each of
//! a hundred thousand would bury the audit trail, and says nothing that the user's `created_at`
//! and that event do not. Whoever gets a role has one by name: who can administrate is never to be
//! found out from a file that may be gone. An import that is interrupted has added whole batches, and goes on when
//! it is run again: users that exist as the line says are left as they are, and others are
//! refused, never overwritten.

use portcullis_shared::{ids::UserId, time::UnixSeconds};

use super::{Refusal, record::Record, seen::Seen};
use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    entropy::{self, EntropyError},
    store::StoreError,
    transaction,
    user::User,
};

/// How many users are added in one transaction at most.
pub const BATCH: usize = 500;

/// Why an import stopped. What it had added before stays.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Users are added.
    Write,
    /// Everything is checked, and nothing written.
    DryRun,
}

/// How many lines came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Users that were added, or would have been.
    pub added: u64,
    /// Those of them who have a role.
    pub with_roles: u64,
    /// Users that existed as their line says.
    pub present: u64,
    /// Lines that were refused.
    pub refused: u64,
}

/// A line that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    /// Its number, from 1.
    pub line: u64,
    /// The name as the line has it, where it could be read.
    pub username: Option<String>,
    /// Why.
    pub refusal: Refusal,
}

/// An import at work: takes lines, hands out those that it refused.
pub struct Import<'a> {
    app: &'a App,
    mode: Mode,
    actor: Actor,
    seen: Seen,
    batch: Vec<(u64, Record)>,
    counts: Counts,
    refused: Vec<RefusedLine>,
}

impl<'a> Import<'a> {
    /// An import that has not had a line yet.
    pub fn new(app: &'a App, mode: Mode, actor: Actor) -> Self {
        Self {
            app,
            mode,
            actor,
            seen: Seen::default(),
            batch: Vec::with_capacity(BATCH),
            counts: Counts::default(),
            refused: Vec::new(),
        }
    }

    /// Takes a line, the number of which is counted from 1.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn take(&mut self, line: u64, text: Result<&str, Refusal>) -> Result<(), Error> {
        let id = entropy::user_id(self.app.entropy.as_ref())?;
        let now = self.app.clock.now();
        let parsed = text.and_then(|text| Record::parse(text, id, now));
        match parsed {
            Err(refusal) => self.refuse(line, None, refusal),
            Ok(record) => match self.seen.admit(&record, line) {
                Err(refusal) => self.refuse(line, Some(&record), refusal),
                Ok(()) => self.batch.push((line, record)),
            },
        }
        if self.batch.len() + self.refused.len() >= BATCH {
            self.flush().await?;
        }
        Ok(())
    }

    /// Writes what is still waiting, and tells what all lines came to.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn finish(&mut self) -> Result<Counts, Error> {
        self.flush().await?;
        Ok(self.counts)
    }

    /// What all lines came to whose fate is known.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The lines that were refused since this was last asked, in their order. Those of a batch are
    /// told together, once the fate of all its lines is known.
    pub fn take_refused(&mut self) -> Vec<RefusedLine> {
        if self.batch.is_empty() {
            std::mem::take(&mut self.refused)
        } else {
            Vec::new()
        }
    }

    fn refuse(&mut self, line: u64, record: Option<&Record>, refusal: Refusal) {
        self.counts.refused += 1;
        self.refused.push(RefusedLine {
            line,
            username: record.map(|record| record.user.username.to_string()),
            refusal,
        });
    }

    async fn flush(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        let users: Vec<User> = batch
            .iter()
            .map(|(_, record)| record.user.clone())
            .collect();
        let store = self.app.store.as_ref();
        let in_the_way = match self.mode {
            _ if users.is_empty() => Vec::new(),
            Mode::DryRun => store.users_in_the_way(&users).await?,
            Mode::Write => {
                let lines: Vec<u64> = batch.iter().map(|(line, _)| *line).collect();
                let (now, actor) = (self.app.clock.now(), self.actor);
                let news: Vec<(u64, Option<Event>)> = lines
                    .into_iter()
                    .zip(users.iter().map(|user| of_roles(user, now, actor)))
                    .collect();
                let tell = move |in_the_way: &[Option<User>]| tell(news, in_the_way, now, actor);
                transaction::import(store, &users, tell).await?
            }
        };
        for ((line, record), other) in batch.iter().zip(in_the_way) {
            match other.map_or(Ok(false), |other| meet(record, &other).map(|()| true)) {
                Ok(false) => {
                    self.counts.added += 1;
                    self.counts.with_roles += u64::from(!record.user.roles.is_empty());
                }
                Ok(true) => self.counts.present += 1,
                Err(refusal) => self.refuse(*line, Some(record), refusal),
            }
        }
        self.refused.sort_by_key(|refused| refused.line);
        Ok(())
    }
}

/// Tells the audit trail of a batch: of the lines that nobody is in the way of, and of each user
/// who gets a role.
fn tell(
    news: Vec<(u64, Option<Event>)>,
    in_the_way: &[Option<User>],
    now: UnixSeconds,
    actor: Actor,
) -> Vec<Event> {
    let added = news.into_iter().zip(in_the_way);
    let added = added.filter_map(|(news, other)| other.is_none().then_some(news));
    let (lines, of_roles): (Vec<u64>, Vec<Option<Event>>) = added.unzip();
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
        return Vec::new();
    };
    let count = lines.len();
    let all = Event {
        detail: Some(format!("{count} users, of the lines {first} to {last}")),
        ..Event::new(now, Action::UsersImported, actor)
    };
    of_roles.into_iter().flatten().chain([all]).collect()
}

/// That a user is created who has a role.
fn of_roles(user: &User, now: UnixSeconds, actor: Actor) -> Option<Event> {
    (!user.roles.is_empty()).then(|| Event {
        user_id: Some(user.id),
        detail: Some(format!("imported, roles [{}]", user.role_names().join(" "))),
        ..Event::new(now, Action::UserCreated, actor)
    })
}

/// Whether the user that is in a record's way is the one that the record describes.
fn meet(record: &Record, other: &User) -> Result<(), Refusal> {
    let id: UserId = record.user.id;
    if other.username == record.user.username {
        record.check_same(other)
    } else if other.id == id {
        let name = other.username.clone();
        Err(Refusal::IdTaken { id, name })
    } else {
        Err(Refusal::LooksLike(other.username.clone()))
    }
}

impl std::fmt::Debug for Import<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Import")
            .field("mode", &self.mode)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
