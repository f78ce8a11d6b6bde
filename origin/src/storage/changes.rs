//! The changes: each holds what it decides over, decides, and writes what was decided.
//!
//! Rows are held in one order (users by id, sessions by id, API keys by id, counts of attempts by key, feed), so that no two changes wait for each
//! other. What depends on a held row is read by a later statement: on Postgres a statement sees
//! what was committed before it began, so one that waited for a row knows nothing newer of others.

use portcullis_shared::{
    api_key::ApiKeyId,
    ids::{PlanId, SessionId, UserId},
    time::UnixSeconds,
};

use super::{
    api_keys, audit,
    driver::{Connection, Work},
    engine::Engine,
    fault::Fault,
    feed, plans, sessions, settings_record, signing_keys, throttle, users,
};
use crate::domain::{
    audit::Event,
    clock::UnixMillis,
    plan::{Plan, Planned},
    session::{EndReason, Ended, Session},
    store::{
        ApiKeyDecision, Batch, By, CreateUserError, ImportEvents, KeysDecision, OtherAdmins,
        PlanDecision, PlanStep, RecordDecision, Seq, SessionDecision, Standing, StandingDecision,
        ThrottleDecision, UserChange, UserDecision,
    },
    throttle::key::Key,
    user::User,
};

/// [`Store::advance_seq`](crate::domain::store::Store::advance_seq).
pub(super) struct AdvanceSeq(pub(super) UnixMillis);

impl<Db: Engine> Work<Db> for AdvanceSeq {
    type Output = Seq;

    async fn run(self, connection: &mut Connection<Db>) -> Result<Seq, Fault> {
        feed::advance::<Db>(connection, self.0).await
    }
}

/// [`Store::create_user`](crate::domain::store::Store::create_user).
pub(super) struct CreateUser {
    pub(super) user: User,
    pub(super) event: Event,
    pub(super) by: By,
}

impl<Db: Engine> Work<Db> for CreateUser {
    type Output = Result<(), CreateUserError>;

    async fn run(self, connection: &mut Connection<Db>) -> Result<Self::Output, Fault> {
        if !hold_users::<Db>(connection, self.by, &[]).await?.1 {
            return Ok(Err(CreateUserError::NotAdmin));
        }
        if !users::insert::<Db>(connection, &self.user).await? {
            return Ok(Err(CreateUserError::NameTaken));
        }
        audit::append::<Db>(connection, &[self.event]).await?;
        Ok(Ok(()))
    }
}

/// Holds users, with the administrator in whose name something is done to them, all in the order of
/// their ids: two who act against each other wait for each other, never in a circle. Gives those
/// users who exist, and whether it may be done.
async fn hold_users<Db: Engine>(
    connection: &mut Connection<Db>,
    by: By,
    ids: &[UserId],
) -> Result<(Vec<User>, bool), Fault> {
    let mut all = ids.to_vec();
    match by {
        By::Administrator(id) if !ids.contains(&id) => all.push(id),
        By::Administrator(_) | By::Service => {}
    }
    let mut held = users::hold_listed::<Db>(connection, &all).await?;
    let is_permitted = by.is_permitted(&held);
    held.retain(|user| ids.contains(&user.id));
    Ok((held, is_permitted))
}

/// [`Store::fill_skeletons`](crate::domain::store::Store::fill_skeletons).
pub(super) struct FillSkeletons {
    pub(super) after: Option<UserId>,
    pub(super) limit: u32,
}

impl<Db: Engine> Work<Db> for FillSkeletons {
    type Output = Option<UserId>;

    async fn run(self, connection: &mut Connection<Db>) -> Result<Option<UserId>, Fault> {
        users::fill_skeletons::<Db>(connection, self.after, self.limit).await
    }
}

/// How often a user is added again who was refused because of somebody who has then gone.
const ADDING_ATTEMPTS: u32 = 3;

/// [`Store::import_users`](crate::domain::store::Store::import_users).
pub(super) struct ImportUsers {
    pub(super) users: Vec<User>,
    pub(super) tell: ImportEvents,
}

impl<Db: Engine> Work<Db> for ImportUsers {
    type Output = Vec<Option<User>>;

    async fn run(self, connection: &mut Connection<Db>) -> Result<Vec<Option<User>>, Fault> {
        // In the order of what their names look like, so that two imports of the same users, or of
        // users whose names look alike, don't wait for each other crosswise.
        let mut ordered: Vec<(usize, &User)> = self.users.iter().enumerate().collect();
        ordered.sort_by_cached_key(|(_, user)| (user.username.skeleton(), &user.username));
        let mut found = Vec::with_capacity(ordered.len());
        for (place, user) in ordered {
            found.push((place, add_or_find::<Db>(connection, user).await?));
        }
        found.sort_by_key(|(place, _)| *place);
        let in_the_way: Vec<_> = found.into_iter().map(|(_, other)| other).collect();
        let events = (self.tell)(&in_the_way);
        audit::append::<Db>(connection, &events).await?;
        Ok(in_the_way)
    }
}

/// Adds a user, or tells who is in the way.
async fn add_or_find<Db: Engine>(
    connection: &mut Connection<Db>,
    user: &User,
) -> Result<Option<User>, Fault> {
    for _ in 0..ADDING_ATTEMPTS {
        if users::insert::<Db>(connection, user).await? {
            return Ok(None);
        }
        let found = users::in_the_way::<Db>(connection, user).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Err(Fault::Contended)
}

/// [`Store::change_session`](crate::domain::store::Store::change_session).
pub(super) struct ChangeSession {
    pub(super) id: SessionId,
    pub(super) now: UnixMillis,
    pub(super) decide: SessionDecision,
}

/// What became of a change that was made together with others.
pub(super) enum Outcome {
    /// It was made, or failed alone.
    Done(Result<Option<Seq>, Fault>),
    /// It has to be made alone: its session was held or changed by somebody else, or it writes more
    /// than can be written together.
    Elsewhere(ChangeSession),
}

impl<Db: Engine> Work<Db> for ChangeSession {
    type Output = Option<Seq>;

    async fn run(mut self, connection: &mut Connection<Db>) -> Result<Option<Seq>, Fault> {
        let Some(session) = sessions::hold::<Db>(connection, self.id).await? else {
            return Ok(None);
        };
        // A statement of its own: a refresh that waited for a ban to end its session reads the ban.
        let (users, seq) = users::with_seq::<Db>(connection, &[session.user_id]).await?;
        let user = users.first().ok_or(sqlx::Error::RowNotFound)?;
        let change = (self.decide)(&session, user);
        if let Some(session) = &change.session {
            sessions::update::<Db>(connection, session).await?;
        }
        audit::append::<Db>(connection, &change.events).await?;
        let published = feed::publish::<Db>(connection, &change.revocations, self.now).await?;
        Ok(Some(published.unwrap_or(seq)))
    }
}

/// After how long, in seconds, an expired session is no decision's business any more; longer than
/// any two clocks are apart.
const EXPIRED_FOR_GOOD: i64 = 86_400;

/// [`Store::change_user`](crate::domain::store::Store::change_user).
pub(super) struct ChangeUser {
    pub(super) id: UserId,
    pub(super) now: UnixMillis,
    pub(super) decide: UserDecision,
}

impl<Db: Engine> Work<Db> for ChangeUser {
    type Output = Option<Seq>;

    async fn run(self, connection: &mut Connection<Db>) -> Result<Option<Seq>, Fault> {
        let Some((user, unended)) = hold_user::<Db>(connection, self.id, self.now).await? else {
            return Ok(None);
        };
        let change = (self.decide)(&user, &unended);
        write_user::<Db>(connection, self.id, self.now, &change)
            .await
            .map(Some)
    }
}

/// [`Store::change_standing`](crate::domain::store::Store::change_standing).
pub(super) struct ChangeStanding {
    pub(super) id: UserId,
    pub(super) by: By,
    pub(super) now: UnixMillis,
    pub(super) decide: StandingDecision,
}

impl<Db: Engine> Work<Db> for ChangeStanding {
    type Output = Option<Seq>;

    async fn run(self, connection: &mut Connection<Db>) -> Result<Option<Seq>, Fault> {
        let (users, is_permitted) = hold_users::<Db>(connection, self.by, &[self.id]).await?;
        let Some(user) = users.first() else {
            return Ok(None);
        };
        // A deletion takes ended sessions too. They are held before the feed, or it would wait,
        // holding the feed, for who holds one of them and waits for the feed.
        sessions::hold_all_of::<Db>(connection, self.id).await?;
        let unended = hold_unended::<Db>(connection, self.id, self.now).await?;
        let api_keys = api_keys::hold_all_of::<Db>(connection, self.id).await?;
        // Whoever takes away an administrator holds this, last of all rows; so nobody does while
        // the others are counted.
        feed::hold::<Db>(connection).await?;
        let lonely = user.can_administrate()
            && !users::others_administrate::<Db>(connection, self.id).await?;
        let others = if lonely {
            OtherAdmins::Missing
        } else {
            OtherAdmins::Exist
        };
        let change = (self.decide)(&Standing {
            user,
            sessions: &unended,
            api_keys: &api_keys,
            others,
            is_permitted,
        });
        write_user::<Db>(connection, self.id, self.now, &change)
            .await
            .map(Some)
    }
}

/// [`Store::change_api_key`](crate::domain::store::Store::change_api_key).
pub(super) struct ChangeApiKey {
    pub(super) id: ApiKeyId,
    pub(super) decide: ApiKeyDecision,
}

impl<Db: Engine> Work<Db> for ChangeApiKey {
    type Output = bool;

    async fn run(self, connection: &mut Connection<Db>) -> Result<bool, Fault> {
        // Whose key it is never changes; the owner comes first, as everywhere.
        let Some(owner) = api_keys::owner::<Db>(connection, self.id).await? else {
            return Ok(false);
        };
        let Some(user) = users::hold::<Db>(connection, owner).await? else {
            return Ok(false);
        };
        let Some(key) = api_keys::hold::<Db>(connection, self.id).await? else {
            return Ok(false);
        };
        if let Some(next) = (self.decide)(&key, &user) {
            api_keys::put::<Db>(connection, &next).await?;
        }
        Ok(true)
    }
}

/// Holds a user and then the user's sessions.
async fn hold_user<Db: Engine>(
    connection: &mut Connection<Db>,
    id: UserId,
    now: UnixMillis,
) -> Result<Option<(User, Vec<Session>)>, Fault> {
    let Some(user) = users::hold::<Db>(connection, id).await? else {
        return Ok(None);
    };
    let unended = hold_unended::<Db>(connection, id, now).await?;
    Ok(Some((user, unended)))
}

/// Holds the sessions of a user that a decision may concern.
async fn hold_unended<Db: Engine>(
    connection: &mut Connection<Db>,
    id: UserId,
    now: UnixMillis,
) -> Result<Vec<Session>, Fault> {
    let cutoff = now.seconds().plus(-EXPIRED_FOR_GOOD);
    sessions::hold_unended::<Db>(connection, id, cutoff).await
}

/// Writes what was decided over a user who is held.
async fn write_user<Db: Engine>(
    connection: &mut Connection<Db>,
    id: UserId,
    now: UnixMillis,
    change: &UserChange,
) -> Result<Seq, Fault> {
    if let Some(user) = &change.user {
        users::update::<Db>(connection, user).await?;
    }
    end_sessions::<Db>(connection, &change.ended, now.seconds()).await?;
    if let Some(session) = &change.opened {
        sessions::insert::<Db>(connection, session).await?;
    }
    for key in &change.api_keys {
        api_keys::put::<Db>(connection, key).await?;
    }
    if change.deleted {
        users::delete::<Db>(connection, id).await?;
    }
    throttle::settle::<Db>(connection, &change.settled).await?;
    audit::append::<Db>(connection, &change.events).await?;
    match feed::publish::<Db>(connection, &change.revocations, now).await? {
        Some(seq) => Ok(seq),
        None => feed::seq::<Db>(connection).await,
    }
}

/// [`Store::change_throttle`](crate::domain::store::Store::change_throttle).
pub(super) struct ChangeThrottle {
    pub(super) keys: Vec<Key>,
    pub(super) decide: ThrottleDecision,
}

impl<Db: Engine> Work<Db> for ChangeThrottle {
    type Output = ();

    async fn run(self, connection: &mut Connection<Db>) -> Result<(), Fault> {
        let mut held = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            held.push(throttle::hold::<Db>(connection, *key).await?);
        }
        let change = (self.decide)(&held);
        for (key, bucket) in self.keys.iter().zip(change.buckets.iter().flatten()) {
            throttle::update::<Db>(connection, *key, bucket).await?;
        }
        audit::append::<Db>(connection, &change.events).await
    }
}

/// [`Store::forget_throttle`](crate::domain::store::Store::forget_throttle).
pub(super) struct ForgetThrottle {
    pub(super) before: UnixSeconds,
    pub(super) limit: u32,
}

impl<Db: Engine> Work<Db> for ForgetThrottle {
    type Output = u64;

    async fn run(self, connection: &mut Connection<Db>) -> Result<u64, Fault> {
        throttle::forget::<Db>(connection, self.before, self.limit).await
    }
}

/// [`Store::put_plan`](crate::domain::store::Store::put_plan).
pub(super) struct PutPlan {
    pub(super) plan: Plan,
    pub(super) sessions: Vec<Planned>,
    pub(super) events: Vec<Event>,
}

impl<Db: Engine> Work<Db> for PutPlan {
    type Output = ();

    async fn run(self, connection: &mut Connection<Db>) -> Result<(), Fault> {
        plans::put::<Db>(connection, &self.plan).await?;
        plans::add::<Db>(connection, self.plan.id, &self.sessions).await?;
        audit::append::<Db>(connection, &self.events).await
    }
}

/// [`Store::change_planned`](crate::domain::store::Store::change_planned).
pub(super) struct ChangePlanned {
    pub(super) id: PlanId,
    pub(super) by: By,
    pub(super) batch: Batch,
    pub(super) now: UnixMillis,
    pub(super) decide: PlanDecision,
}

impl<Db: Engine> Work<Db> for ChangePlanned {
    type Output = Option<Seq>;

    async fn run(self, connection: &mut Connection<Db>) -> Result<Option<Seq>, Fault> {
        // Two runs of one plan wait here; nobody else holds plans.
        let Some(plan) = plans::hold::<Db>(connection, self.id).await? else {
            return Ok(None);
        };
        let reached = plan.progress.reached;
        let planned = plans::next::<Db>(connection, self.id, reached, self.batch.limit).await?;
        let crowded = crowded(&planned, self.batch.users_beyond);
        let (users, is_permitted) = hold_users::<Db>(connection, self.by, &crowded).await?;
        let ids = planned.iter().map(|planned| &planned.session_id);
        let sessions = sessions::hold_listed::<Db>(connection, ids).await?;
        let change = (self.decide)(&PlanStep {
            is_permitted,
            plan: &plan,
            planned: &planned,
            users: &users,
            sessions: &sessions,
        });
        for user in &change.users {
            users::update::<Db>(connection, user).await?;
        }
        end_sessions::<Db>(connection, &change.ended, self.now.seconds()).await?;
        if let Some(progress) = change.progress {
            plans::put::<Db>(connection, &Plan { progress, ..plan }).await?;
        }
        audit::append::<Db>(connection, &change.events).await?;
        match feed::publish::<Db>(connection, &change.revocations, self.now).await? {
            Some(seq) => Ok(Some(seq)),
            None => feed::seq::<Db>(connection).await.map(Some),
        }
    }
}

/// Ends sessions, with a statement for each reason and not for each session.
async fn end_sessions<Db: Engine>(
    connection: &mut Connection<Db>,
    ended: &[(SessionId, EndReason)],
    at: UnixSeconds,
) -> Result<(), Fault> {
    for reason in EndReason::ALL {
        let of_reason = ended.iter().filter(|(_, other)| *other == reason);
        let ids = of_reason.map(|(id, _)| id);
        sessions::end::<Db>(connection, ids, Ended { reason, at }).await?;
    }
    Ok(())
}

/// The users of whom there are more than `beyond` sessions, in order.
fn crowded(planned: &[Planned], beyond: usize) -> Vec<UserId> {
    let of_one = planned.chunk_by(|one, next| one.user_id == next.user_id);
    let many = of_one.filter(|sessions| sessions.len() > beyond);
    many.filter_map(|sessions| sessions.first())
        .map(|planned| planned.user_id)
        .collect()
}

/// [`Store::change_signing_keys`](crate::domain::store::Store::change_signing_keys).
pub(super) struct ChangeSigningKeys {
    pub(super) now: UnixMillis,
    pub(super) decide: KeysDecision,
}

impl<Db: Engine> Work<Db> for ChangeSigningKeys {
    type Output = Seq;

    async fn run(self, connection: &mut Connection<Db>) -> Result<Seq, Fault> {
        // An empty table has no row to hold; two replicas that start on it wait here instead.
        let seq = feed::hold::<Db>(connection).await?;
        let keys = signing_keys::all::<Db>(connection).await?;
        let change = (self.decide)(&keys);
        for key in &change.added {
            signing_keys::insert::<Db>(connection, key).await?;
        }
        for (id, at) in &change.withdrawn {
            signing_keys::withdraw::<Db>(connection, id, *at).await?;
        }
        for id in &change.removed {
            signing_keys::delete::<Db>(connection, id).await?;
        }
        audit::append::<Db>(connection, &change.events).await?;
        let published = feed::publish::<Db>(connection, &change.revocations, self.now).await?;
        Ok(published.unwrap_or(seq))
    }
}

/// [`Store::append_audit`](crate::domain::store::Store::append_audit).
pub(super) struct AppendAudit(pub(super) Vec<Event>);

impl<Db: Engine> Work<Db> for AppendAudit {
    type Output = ();

    async fn run(self, connection: &mut Connection<Db>) -> Result<(), Fault> {
        audit::append::<Db>(connection, &self.0).await
    }
}

/// [`Store::delete_audit_before`](crate::domain::store::Store::delete_audit_before).
pub(super) struct DeleteAudit {
    pub(super) before: UnixSeconds,
    pub(super) limit: u32,
}

impl<Db: Engine> Work<Db> for DeleteAudit {
    type Output = u64;

    async fn run(self, connection: &mut Connection<Db>) -> Result<u64, Fault> {
        audit::delete_before::<Db>(connection, self.before, self.limit).await
    }
}

/// [`Store::change_settings_record`](crate::domain::store::Store::change_settings_record).
pub(super) struct ChangeSettingsRecord(pub(super) RecordDecision);

impl<Db: Engine> Work<Db> for ChangeSettingsRecord {
    type Output = ();

    async fn run(self, connection: &mut Connection<Db>) -> Result<(), Fault> {
        let document = settings_record::hold::<Db>(connection).await?;
        let change = (self.0)(&document);
        if let Some(document) = &change.document {
            settings_record::write::<Db>(connection, document).await?;
        }
        audit::append::<Db>(connection, &change.events).await
    }
}
