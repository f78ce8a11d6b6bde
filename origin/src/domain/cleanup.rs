//! Cleanup: what is over is removed when nobody needs it any more.
//!
//! Sessions some time after they and their last access tokens were over (a refresh token of one that
//! is gone is one of nobody: `invalid_grant`), entries of the feed an hour after everything that they
//! concern has expired, plans a day after they expired, API keys as sessions, counts of attempts to log in, and events of
//! the audit trail whose retention is over.
//!
//! It goes a few rows at a time, so that nobody waits for it. Of several replicas one does it: a row
//! in the database says who, and until when, if nothing more is heard of it. Were two to do it, as
//! after a long pause of the first, they would remove the same rows, and nothing else.

use portcullis_shared::{ids::SessionId, time::UnixSeconds};

use crate::domain::{
    app::App,
    entropy::{self, EntropyError},
    plan,
    store::StoreError,
};

/// How this job is called where it is held.
const JOB: &str = "cleanup";

/// For how long, in seconds, the job is another's unless its holder goes on.
const HELD_FOR: i64 = 60;

/// For how long, in seconds, an entry of the feed is kept after it was dropped: longer than any two
/// clocks are apart.
const ENTRY_KEPT_AFTER: i64 = 3600;

/// When and what to remove; times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// After how long it is done again; 0 for never.
    pub interval: i64,
    /// For how long a session or an API key is kept after it was over.
    pub retention: i64,
    /// How many rows are removed in one transaction.
    pub batch: u32,
}

/// A claim to do a job alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Which job.
    pub job: &'static str,
    /// Who wants to do it: random, new for each time that it is done.
    pub holder: [u8; 16],
    /// The time.
    pub now: UnixSeconds,
    /// From when on another may take it, if nothing more is heard of this holder.
    pub until: UnixSeconds,
    /// Not if it was done after that.
    pub unless_done_after: UnixSeconds,
}

/// How many rows were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Sessions.
    pub sessions: u64,
    /// Entries of the feed.
    pub revocations: u64,
    /// Plans, each of their sessions counted.
    pub plans: u64,
    /// API keys.
    pub api_keys: u64,
    /// Counts of attempts to log in.
    pub throttle: u64,
    /// Events of the audit trail.
    pub audit: u64,
}

impl Removed {
    /// Whether there was anything to remove.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why not all was removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// When the job may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// If nobody has done it for an interval.
    Due,
    /// If nobody is doing it.
    Now,
}

/// Removes what is over, all of it; none where another replica does it, or has done it lately.
///
/// # Errors
///
/// See [`Error`]. What was removed by then is gone; another round removes the rest.
pub async fn clean_up(app: &App, when: When) -> Result<Option<Removed>, Error> {
    let started = app.clock.now();
    let mut round = Round {
        app,
        holder: entropy::random(app.entropy.as_ref())?,
        unless_done_after: match when {
            When::Due => started.plus(-app.config.cleanup.interval),
            When::Now => started,
        },
        removed: Removed::default(),
    };
    if !round.hold().await? {
        return Ok(None);
    }
    round.remove(started).await?;
    let finished = app.clock.now();
    app.store.finish_job(JOB, round.holder, finished).await?;
    Ok(Some(round.removed))
}

struct Round<'a> {
    app: &'a App,
    holder: [u8; 16],
    unless_done_after: UnixSeconds,
    removed: Removed,
}

impl Round<'_> {
    /// Takes the job, or holds on to it.
    async fn hold(&self) -> Result<bool, StoreError> {
        let now = self.app.clock.now();
        let hold = Hold {
            job: JOB,
            holder: self.holder,
            now,
            until: now.plus(HELD_FOR),
            unless_done_after: self.unless_done_after,
        };
        self.app.store.hold_job(&hold).await
    }

    async fn remove(&mut self, now: UnixSeconds) -> Result<(), StoreError> {
        let (store, config) = (&self.app.store, &self.app.config);
        let batch = config.cleanup.batch;
        self.sessions(now.plus(-config.cleanup.retention)).await?;
        let dropped = now.plus(-ENTRY_KEPT_AFTER);
        let revocations = || store.remove_revocations(dropped, batch);
        self.removed.revocations = self.until_none(revocations).await?;
        let expired = now.plus(-plan::KEPT_AFTER);
        let plans = || store.remove_plans(expired, batch);
        self.removed.plans = self.until_none(plans).await?;
        let over = now.plus(-config.cleanup.retention);
        let api_keys = || store.remove_api_keys(over, batch);
        self.removed.api_keys = self.until_none(api_keys).await?;
        let throttle = || store.forget_throttle(now, batch);
        self.removed.throttle = self.until_none(throttle).await?;
        if config.audit_retention > 0 {
            let retained = now.plus(-config.audit_retention);
            let audit = || store.delete_audit_before(retained, batch);
            self.removed.audit = self.until_none(audit).await?;
        }
        Ok(())
    }

    /// Removes again and again, as long as there is something and the job is this holder's.
    async fn until_none<F: Future<Output = Result<u64, StoreError>>>(
        &self,
        remove: impl Fn() -> F,
    ) -> Result<u64, StoreError> {
        let mut removed = 0;
        while self.hold().await? {
            let gone = remove().await?;
            removed += gone;
            if gone == 0 {
                break;
            }
        }
        Ok(removed)
    }

    async fn sessions(&mut self, cutoff: UnixSeconds) -> Result<(), StoreError> {
        let (store, batch) = (&self.app.store, self.app.config.cleanup.batch);
        let mut after: Option<SessionId> = None;
        while self.hold().await? {
            let (gone, last) = store.remove_sessions_over(cutoff, after, batch).await?;
            self.removed.sessions += gone;
            after = last;
            if after.is_none() {
                break;
            }
        }
        Ok(())
    }
}
