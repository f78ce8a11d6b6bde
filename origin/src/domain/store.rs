//! What the domain asks of storage.
//!
//! Whatever must be decided and written in one step is a pure function that the store runs over rows
//! that nobody else changes until it is written: [`Store::change_session`] over one session,
//! [`Store::change_user`] over a user and all active sessions of that user. Locks are taken in one
//! order (users, then sessions, then API keys, then counts of attempts, then the feed), so that no two
//! transactions wait for each other.
//!
//! What a decision returns is written whole or not at all. Whoever decides sees the newest rows:
//! a session that waits for a ban sees the ban.

use async_trait::async_trait;
use portcullis_shared::{
    api_key::ApiKeyId,
    ids::{KeyId, PlanId, SessionId, UserId},
    revocation::Record,
    time::UnixSeconds,
};

use crate::domain::{
    api_key::{KeyFilter, StoredApiKey},
    audit::{
        Event,
        query::{Entry, Query},
        tail::Horizon,
    },
    cleanup::Hold,
    clock::UnixMillis,
    criteria::SessionFilter,
    plan::{Plan, Planned, Progress},
    session::{EndReason, Session},
    signing_keys::StoredKey,
    throttle::{bucket::Bucket, key::Key, settlement::Settlement},
    user::{User, Username},
};

/// Why storage did not do it. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Overloaded, locked, out of space, shutting down or unreachable: trying again later may
    /// help.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row that this version cannot read, or a statement that the database refuses.
    #[error("the database answered what makes no sense")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The username is taken.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// Somebody has that name, or one that looks like it.
    #[error("the username is taken")]
    NameTaken,
    /// In whose name it was to be done may not administrate ([`By`]).
    #[error("this needs an administrator")]
    NotAdmin,
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a decision over one session writes.
#[derive(Debug, Default)]
pub struct SessionChange {
    /// The session's new state (same id); none leaves it as it is.
    pub session: Option<Session>,
    /// What goes into the feed.
    pub revocations: Vec<Record>,
    /// What goes into the audit trail.
    pub events: Vec<Event>,
}

/// What a decision over a user writes.
#[derive(Debug, Default)]
pub struct UserChange {
    /// The user's new state (same id); none leaves it as it is.
    pub user: Option<User>,
    /// A session to open.
    pub opened: Option<Session>,
    /// Sessions to end.
    pub ended: Vec<(SessionId, EndReason)>,
    /// API keys of the user to add, or to write what may change of them.
    pub api_keys: Vec<StoredApiKey>,
    /// Whether user, sessions and API keys are deleted, after all of the above.
    pub deleted: bool,
    /// What goes into the feed.
    pub revocations: Vec<Record>,
    /// What becomes of attempts that were counted before the decision, in the order of their keys.
    pub settled: Vec<Settlement>,
    /// What goes into the audit trail.
    pub events: Vec<Event>,
}

/// What a decision over counts of attempts writes.
#[derive(Debug, Default)]
pub struct ThrottleChange {
    /// The new states of all counts in the order in which they were shown; none leaves them as
    /// they are.
    pub buckets: Option<Vec<Bucket>>,
    /// What goes into the audit trail.
    pub events: Vec<Event>,
}

/// What a decision over all signing keys writes.
#[derive(Debug, Default)]
pub struct KeysChange {
    /// Keys to add.
    pub added: Vec<StoredKey>,
    /// Keys to withdraw, and when.
    pub withdrawn: Vec<(KeyId, UnixSeconds)>,
    /// Keys to delete.
    pub removed: Vec<KeyId>,
    /// What goes into the feed.
    pub revocations: Vec<Record>,
    /// What goes into the audit trail.
    pub events: Vec<Event>,
}

/// What a decision over the settings of the last start writes.
#[derive(Debug, Default)]
pub struct RecordChange {
    /// What the next start compares with; none leaves it as it is.
    pub document: Option<String>,
    /// What goes into the audit trail.
    pub events: Vec<Event>,
}

/// In whose name something is administrated. It is asked again, in the transaction that does it, what
/// that user may do: whoever was banned or demoted after the request was let in does no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The service itself, or its operator: nobody's permission is needed.
    Service,
    /// This user, who is held with all that is changed.
    Administrator(UserId),
}

impl By {
    /// Whether it may be done, when `held` are the users as they are, among them the administrator.
    pub fn is_permitted(self, held: &[User]) -> bool {
        match self {
            Self::Service => true,
            Self::Administrator(id) => held
                .iter()
                .any(|user| user.id == id && user.is_active() && user.is_admin()),
        }
    }
}

/// A user, held, and what matters to whoever decides over the user's standing.
#[derive(Debug)]
pub struct Standing<'a> {
    /// The user.
    pub user: &'a User,
    /// All sessions of the user that have not been ended.
    pub sessions: &'a [Session],
    /// All API keys of the user, in the order of their ids.
    pub api_keys: &'a [StoredApiKey],
    /// Whether somebody else could administrate.
    pub others: OtherAdmins,
    /// Whether it may be done in the name in which it was asked for.
    pub is_permitted: bool,
}

/// The next sessions of a plan, held, with the plan and some of the users.
#[derive(Debug)]
pub struct PlanStep<'a> {
    /// Whether the plan may be carried out in the name in which it was asked for.
    pub is_permitted: bool,
    /// The plan as it is.
    pub plan: &'a Plan,
    /// The next of its sessions, whether they still exist or not.
    pub planned: &'a [Planned],
    /// The users who have more of these sessions than was asked for.
    pub users: &'a [User],
    /// Those of the sessions that exist.
    pub sessions: &'a [Session],
}

/// What a decision over the next sessions of a plan writes.
#[derive(Debug, Default)]
pub struct PlanChange {
    /// How far the plan's run has come; none leaves it as it is.
    pub progress: Option<Progress>,
    /// New states of users that were shown.
    pub users: Vec<User>,
    /// Sessions to end, of those that were shown.
    pub ended: Vec<(SessionId, EndReason)>,
    /// What goes into the feed.
    pub revocations: Vec<Record>,
    /// What goes into the audit trail.
    pub events: Vec<Event>,
}

/// How many sessions of a plan are held at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// At most so many sessions.
    pub limit: u32,
    /// Users who have more sessions among them than this are held too.
    pub users_beyond: usize,
}

/// A decision over the next sessions of a plan, run while all that it is shown is held.
pub type PlanDecision = Box<dyn FnOnce(&PlanStep<'_>) -> PlanChange + Send>;
/// A decision over a session and its user. It is run while the session is held, or over rows that
/// are written only if they are still as it was shown them; where they are not, it is run again. So
/// it may be run more than once, and what it said last counts.
pub type SessionDecision = Box<dyn FnMut(&Session, &User) -> SessionChange + Send>;
/// A decision over a user and the user's active sessions, run while all are held.
pub type UserDecision = Box<dyn FnOnce(&User, &[Session]) -> UserChange + Send>;
/// A decision over an API key and its owner, run while both are held: the key's new state (same id);
/// none leaves it as it is.
pub type ApiKeyDecision = Box<dyn FnOnce(&StoredApiKey, &User) -> Option<StoredApiKey> + Send>;
/// A decision over counts of attempts, run while all are held. One that is not there is shown
/// empty.
pub type ThrottleDecision = Box<dyn FnOnce(&[Bucket]) -> ThrottleChange + Send>;
/// A decision of the administration over a user, run while user, administrator, active sessions and
/// the set of administrators are held.
pub type StandingDecision = Box<dyn FnOnce(&Standing<'_>) -> UserChange + Send>;
/// A decision over all signing keys, run while all are held.
pub type KeysDecision = Box<dyn FnOnce(&[StoredKey]) -> KeysChange + Send>;
/// A decision over the settings of the last start, run while their record is held.
pub type RecordDecision = Box<dyn FnOnce(&str) -> RecordChange + Send>;

/// What the audit trail gets of an import, from who was in the way of whom.
pub type ImportEvents = Box<dyn FnOnce(&[Option<User>]) -> Vec<Event> + Send>;

/// Whether somebody beside the user could administrate now ([`User::can_administrate`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherAdmins {
    /// Somebody, or the user cannot administrate either.
    Exist,
    /// Nobody.
    Missing,
}

/// The feed's `seq` after a change: the one that the change itself got when it revoked something,
/// else the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Seq(pub u64);

/// A part of the feed, read in one snapshot of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRange {
    /// The newest `seq`.
    pub seq: Seq,
    /// Whatever was written after the `since` asked for.
    pub records: Vec<Record>,
}

/// Where a `since` stands among the entries of the feed, in one snapshot of the database. Where there
/// is no such entry, it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPlace {
    /// The newest `seq`.
    pub seq: Seq,
    /// The `seq` of the oldest entry.
    pub oldest: Seq,
    /// The greatest `seq` of an entry that is not after the `since`.
    pub before: Seq,
    /// The `seq` of the newest entry.
    pub newest: Seq,
}

/// Which users to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// Only usernames that contain this text, taken to the letter, in the form that
    /// [`part_of_name`](crate::domain::user::part_of_name) gives it.
    pub search: Option<String>,
    /// Only users that are, or are not, banned.
    pub banned: Option<bool>,
    /// Only users that are, or are not, disabled.
    pub disabled: Option<bool>,
    /// Only those after this name, in the order of their bytes.
    pub after: Option<Username>,
    /// At most so many.
    pub limit: u32,
}

/// Which of a user's active sessions to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveFilter {
    /// The time at which they are active.
    pub now: UnixSeconds,
    /// Only those after the one that was last used then, in the order of the list.
    pub after: Option<(UnixSeconds, SessionId)>,
    /// At most so many.
    pub limit: u32,
}

/// What a database that was put back from a backup says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The feed's new `seq`.
    pub seq: Seq,
    /// When the newest event of the audit trail happened, before that of the restoring itself;
    /// none in an empty trail.
    pub newest_event: Option<UnixSeconds>,
}

/// Storage, the same on every database.
#[async_trait]
pub trait Store: Send + Sync {
    /// The database's own time, to compare clocks with; also tells whether it answers.
    async fn database_time(&self) -> Result<UnixMillis, StoreError>;

    /// Moves the feed's `seq` to `max(seq + 1, now)`, as each start of a replica does, so that it
    /// is ahead of what any edge has seen even when a backup was put back.
    async fn advance_seq(&self, now: UnixMillis) -> Result<Seq, StoreError>;

    /// Puts on record that the database was put back from a backup: moves `seq` to
    /// `max(seq + 1, ahead)`, lets sessions fast-forward until `until`, and adds the event.
    async fn mark_restored(
        &self,
        ahead: UnixMillis,
        until: UnixSeconds,
        event: &Event,
    ) -> Result<Restored, StoreError>;

    /// Until when sessions may be behind their newest refresh token, because a backup was put
    /// back; long ago when none was.
    async fn fast_forward_until(&self) -> Result<UnixSeconds, StoreError>;

    /// Adds a user, where that may be done in this name. Of two names that look alike
    /// ([`Username::skeleton`]) one is taken.
    async fn create_user(&self, user: &User, event: &Event, by: By) -> Result<(), CreateUserError>;

    /// Fills in what the names of users look like who come from a version that did not keep that:
    /// of at most `limit` users after `after` in the order of their ids. Tells the last of them,
    /// none when there was none left. Two old names that look alike both stay, one of them without.
    async fn fill_skeletons(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Option<UserId>, StoreError>;

    /// Adds users, each unless [`Self::users_in_the_way`] would tell somebody, and with them what
    /// `tell` makes of that answer for the audit trail; all in one transaction. Answers who was in
    /// the way.
    async fn import_users(
        &self,
        users: &[User],
        tell: ImportEvents,
    ) -> Result<Vec<Option<User>>, StoreError>;

    /// Who, for each of these users, has the same name, the same id or a name that looks like it
    /// ([`Username::skeleton`]); the first of these who exists.
    async fn users_in_the_way(&self, users: &[User]) -> Result<Vec<Option<User>>, StoreError>;

    /// The user of this id.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user of this name.
    async fn user_by_name(&self, name: &Username) -> Result<Option<User>, StoreError>;

    /// The password hash of the user who comes first in the order of ids, from `from` on or else
    /// from the start; none where that user has none.
    async fn password_hash_from(&self, from: UserId) -> Result<Option<String>, StoreError>;

    /// Users in the order of their names' bytes.
    async fn users(&self, filter: &UserFilter) -> Result<Vec<User>, StoreError>;

    /// The session of this id, and its user.
    async fn session(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError>;

    /// Active sessions of a user, the last used first, of those last used in the same second in the
    /// order of their ids.
    async fn active_sessions(
        &self,
        user: UserId,
        filter: &ActiveFilter,
    ) -> Result<Vec<Session>, StoreError>;

    /// Decides over a session and its user as they are when it is written. `None` when there is no such session. The answer comes
    /// after the commit.
    async fn change_session(
        &self,
        id: SessionId,
        now: UnixMillis,
        decide: SessionDecision,
    ) -> Result<Option<Seq>, StoreError>;

    /// Holds a user and then all of the user's sessions that have not been ended, in the order of
    /// their ids, decides, writes. Expired ones are among them, since access tokens of theirs may
    /// still be alive, but for those that were over, tokens and all, a day ago. `None` when there is no such user. The answer comes after the commit.
    async fn change_user(
        &self,
        id: UserId,
        now: UnixMillis,
        decide: UserDecision,
    ) -> Result<Option<Seq>, StoreError>;

    /// The API key of this id, and its owner.
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<(StoredApiKey, User)>, StoreError>;

    /// API keys with their owners, in the order of the keys' ids.
    async fn api_keys(&self, filter: &KeyFilter) -> Result<Vec<(StoredApiKey, User)>, StoreError>;

    /// Holds the owner of an API key and then the key, decides, writes. Tells whether there is such a
    /// key. The answer comes after the commit.
    async fn change_api_key(
        &self,
        id: ApiKeyId,
        decide: ApiKeyDecision,
    ) -> Result<bool, StoreError>;

    /// Removes API keys that were revoked or expired, with their last access tokens, at `cutoff`; at
    /// most `limit`. Answers how many.
    async fn remove_api_keys(&self, cutoff: UnixSeconds, limit: u32) -> Result<u64, StoreError>;

    /// The counts of attempts under these keys, in their order; one that is not there is empty.
    async fn throttle(&self, keys: &[Key]) -> Result<Vec<Bucket>, StoreError>;

    /// Holds the counts under these keys, decides, writes. The keys are in ascending order and
    /// differ. The answer comes after the commit.
    async fn change_throttle(
        &self,
        keys: &[Key],
        decide: ThrottleDecision,
    ) -> Result<(), StoreError>;

    /// Deletes counts that were expired at `before`, at most `limit`; tells how many.
    async fn forget_throttle(&self, before: UnixSeconds, limit: u32) -> Result<u64, StoreError>;

    /// As [`Self::change_user`], but holds the user together with the administrator in whose name it
    /// is done, in the order of their ids, and the user's API keys and the feed too before it decides: of two changes that
    /// each take away an administrator, the second sees the first, whoever makes them.
    async fn change_standing(
        &self,
        id: UserId,
        by: By,
        now: UnixMillis,
        decide: StandingDecision,
    ) -> Result<Option<Seq>, StoreError>;

    /// All signing keys, the oldest first.
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError>;

    /// Holds the set of signing keys, decides, writes; the answer comes after the commit.
    async fn change_signing_keys(
        &self,
        now: UnixMillis,
        decide: KeysDecision,
    ) -> Result<Seq, StoreError>;

    /// What the feed says after `since`, with the newest `seq`, both of one moment: every entry up
    /// to that `seq` is there.
    async fn feed(&self, since: Seq) -> Result<FeedRange, StoreError>;

    /// Where `since` stands in the feed, without reading its entries.
    async fn feed_place(&self, since: Seq) -> Result<FeedPlace, StoreError>;

    /// Adds events to the audit trail, in their order: what happened without changing anything
    /// else.
    async fn append_audit(&self, events: &[Event]) -> Result<(), StoreError>;

    /// Events of the audit trail.
    async fn audit(&self, query: &Query) -> Result<Vec<Entry>, StoreError>;

    /// How the audit trail stands, for who follows it.
    async fn audit_horizon(&self) -> Result<Horizon, StoreError>;

    /// Deletes events from before `before`, the oldest first, at most `limit`; answers how many.
    /// The newest event of all stays, whatever its age, so that numbers are not given out again.
    async fn delete_audit_before(&self, before: UnixSeconds, limit: u32)
    -> Result<u64, StoreError>;

    /// Holds the record of the settings of the last start (empty before the first one), decides,
    /// writes; the answer comes after the commit.
    async fn change_settings_record(&self, decide: RecordDecision) -> Result<(), StoreError>;

    /// Sessions that meet a filter, with their users, in the order of the sessions' ids.
    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<(Session, User)>, StoreError>;

    /// As [`Store::sessions`], but which they are alone.
    async fn matching_sessions(&self, filter: &SessionFilter) -> Result<Vec<Planned>, StoreError>;

    /// Adds a plan, or writes what may change of it, and adds sessions to it that it does not have.
    async fn put_plan(
        &self,
        plan: &Plan,
        sessions: &[Planned],
        events: &[Event],
    ) -> Result<(), StoreError>;

    /// The plan of this id.
    async fn plan(&self, id: PlanId) -> Result<Option<Plan>, StoreError>;

    /// Holds a plan, then the administrator in whose name it is done and those of the users of its
    /// next sessions who have many of them, in the order of their ids, then these sessions in the
    /// order of the plan; decides, writes. `None` when there is no such plan.
    /// The answer comes after the commit.
    async fn change_planned(
        &self,
        id: PlanId,
        by: By,
        batch: Batch,
        now: UnixMillis,
        decide: PlanDecision,
    ) -> Result<Option<Seq>, StoreError>;

    /// Looks at sessions after `after` in the order of their ids, and removes the first `limit`
    /// that were over at `cutoff`, access tokens and all: how many were removed, and the last one
    /// looked at, none when there are no more.
    async fn remove_sessions_over(
        &self,
        cutoff: UnixSeconds,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<(u64, Option<SessionId>), StoreError>;

    /// Removes at most `limit` entries of the feed that were dropped before `cutoff`; answers how
    /// many.
    async fn remove_revocations(&self, cutoff: UnixSeconds, limit: u32) -> Result<u64, StoreError>;

    /// Removes plans that had expired at `cutoff`, at most `limit` of their sessions; answers how
    /// many rows.
    async fn remove_plans(&self, cutoff: UnixSeconds, limit: u32) -> Result<u64, StoreError>;

    /// Takes a job that nobody holds and that was not done lately, or holds on to it; tells
    /// whether it is the holder's.
    async fn hold_job(&self, hold: &Hold) -> Result<bool, StoreError>;

    /// Lets go of a job that is done.
    async fn finish_job(
        &self,
        job: &'static str,
        holder: [u8; 16],
        now: UnixSeconds,
    ) -> Result<(), StoreError>;

    /// Waits for what is being written, and lets go of the database.
    async fn close(&self);
}
