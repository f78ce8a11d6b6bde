//! Storage that remembers how often each of its methods was called.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use portcullis_origin::domain::{
    api_key::{KeyFilter, StoredApiKey},
    audit::{
        Event,
        query::{Entry, Query},
        tail::Horizon,
    },
    cleanup::Hold,
    clock::UnixMillis,
    criteria::SessionFilter,
    plan::{Plan, Planned},
    session::Session,
    signing_keys::StoredKey,
    store::{
        ActiveFilter, ApiKeyDecision, Batch, By, CreateUserError, FeedPlace, FeedRange,
        ImportEvents, KeysDecision, PlanDecision, RecordDecision, Restored, Seq, SessionDecision,
        StandingDecision, Store, StoreError, ThrottleDecision, UserDecision, UserFilter,
    },
    throttle::{bucket::Bucket, key::Key},
    user::{User, Username},
};
use portcullis_shared::{
    api_key::ApiKeyId,
    ids::{PlanId, SessionId, UserId},
    time::UnixSeconds,
};

/// The methods of the trait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    DatabaseTime,
    AdvanceSeq,
    MarkRestored,
    FastForwardUntil,
    CreateUser,
    FillSkeletons,
    ImportUsers,
    UsersInTheWay,
    User,
    UserByName,
    PasswordHashFrom,
    Users,
    Session,
    ActiveSessions,
    ChangeSession,
    ChangeUser,
    ChangeStanding,
    ApiKey,
    ApiKeys,
    ChangeApiKey,
    RemoveApiKeys,
    Throttle,
    ChangeThrottle,
    ForgetThrottle,
    SigningKeys,
    ChangeSigningKeys,
    Feed,
    FeedPlace,
    AppendAudit,
    Audit,
    AuditHorizon,
    DeleteAuditBefore,
    ChangeSettingsRecord,
    Sessions,
    MatchingSessions,
    PutPlan,
    Plan,
    ChangePlanned,
    RemoveSessionsOver,
    RemoveRevocations,
    RemovePlans,
    HoldJob,
    FinishJob,
    Close,
}

/// Passes every call on. A method that the trait gains has to be added here, with a name in
/// [`Method`].
pub(crate) struct Covered {
    inner: Arc<dyn Store>,
    calls: Mutex<HashMap<Method, usize>>,
}

impl Covered {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            calls: Mutex::default(),
        }
    }

    pub(crate) fn calls(&self, method: Method) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.get(&method).copied().unwrap_or_default()
    }

    fn call(&self, method: Method) -> &dyn Store {
        *self.calls.lock().unwrap().entry(method).or_default() += 1;
        &*self.inner
    }
}

#[async_trait]
impl Store for Covered {
    async fn database_time(&self) -> Result<UnixMillis, StoreError> {
        self.call(Method::DatabaseTime).database_time().await
    }

    async fn advance_seq(&self, now: UnixMillis) -> Result<Seq, StoreError> {
        self.call(Method::AdvanceSeq).advance_seq(now).await
    }

    async fn mark_restored(
        &self,
        ahead: UnixMillis,
        until: UnixSeconds,
        event: &Event,
    ) -> Result<Restored, StoreError> {
        self.call(Method::MarkRestored)
            .mark_restored(ahead, until, event)
            .await
    }

    async fn fast_forward_until(&self) -> Result<UnixSeconds, StoreError> {
        self.call(Method::FastForwardUntil)
            .fast_forward_until()
            .await
    }

    async fn create_user(&self, user: &User, event: &Event, by: By) -> Result<(), CreateUserError> {
        self.call(Method::CreateUser)
            .create_user(user, event, by)
            .await
    }

    async fn fill_skeletons(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Option<UserId>, StoreError> {
        self.call(Method::FillSkeletons)
            .fill_skeletons(after, limit)
            .await
    }

    async fn import_users(
        &self,
        users: &[User],
        tell: ImportEvents,
    ) -> Result<Vec<Option<User>>, StoreError> {
        self.call(Method::ImportUsers)
            .import_users(users, tell)
            .await
    }

    async fn users_in_the_way(&self, users: &[User]) -> Result<Vec<Option<User>>, StoreError> {
        self.call(Method::UsersInTheWay)
            .users_in_the_way(users)
            .await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.call(Method::User).user(id).await
    }

    async fn user_by_name(&self, name: &Username) -> Result<Option<User>, StoreError> {
        self.call(Method::UserByName).user_by_name(name).await
    }

    async fn password_hash_from(&self, from: UserId) -> Result<Option<String>, StoreError> {
        self.call(Method::PasswordHashFrom)
            .password_hash_from(from)
            .await
    }

    async fn users(&self, filter: &UserFilter) -> Result<Vec<User>, StoreError> {
        self.call(Method::Users).users(filter).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        self.call(Method::Session).session(id).await
    }

    async fn active_sessions(
        &self,
        user: UserId,
        filter: &ActiveFilter,
    ) -> Result<Vec<Session>, StoreError> {
        self.call(Method::ActiveSessions)
            .active_sessions(user, filter)
            .await
    }

    async fn change_session(
        &self,
        id: SessionId,
        now: UnixMillis,
        decide: SessionDecision,
    ) -> Result<Option<Seq>, StoreError> {
        self.call(Method::ChangeSession)
            .change_session(id, now, decide)
            .await
    }

    async fn change_user(
        &self,
        id: UserId,
        now: UnixMillis,
        decide: UserDecision,
    ) -> Result<Option<Seq>, StoreError> {
        self.call(Method::ChangeUser)
            .change_user(id, now, decide)
            .await
    }

    async fn api_key(&self, id: ApiKeyId) -> Result<Option<(StoredApiKey, User)>, StoreError> {
        self.call(Method::ApiKey).api_key(id).await
    }

    async fn api_keys(&self, filter: &KeyFilter) -> Result<Vec<(StoredApiKey, User)>, StoreError> {
        self.call(Method::ApiKeys).api_keys(filter).await
    }

    async fn change_api_key(
        &self,
        id: ApiKeyId,
        decide: ApiKeyDecision,
    ) -> Result<bool, StoreError> {
        self.call(Method::ChangeApiKey)
            .change_api_key(id, decide)
            .await
    }

    async fn remove_api_keys(&self, cutoff: UnixSeconds, limit: u32) -> Result<u64, StoreError> {
        self.call(Method::RemoveApiKeys)
            .remove_api_keys(cutoff, limit)
            .await
    }

    async fn throttle(&self, keys: &[Key]) -> Result<Vec<Bucket>, StoreError> {
        self.call(Method::Throttle).throttle(keys).await
    }

    async fn change_throttle(
        &self,
        keys: &[Key],
        decide: ThrottleDecision,
    ) -> Result<(), StoreError> {
        self.call(Method::ChangeThrottle)
            .change_throttle(keys, decide)
            .await
    }

    async fn forget_throttle(&self, before: UnixSeconds, limit: u32) -> Result<u64, StoreError> {
        self.call(Method::ForgetThrottle)
            .forget_throttle(before, limit)
            .await
    }

    async fn change_standing(
        &self,
        id: UserId,
        by: By,
        now: UnixMillis,
        decide: StandingDecision,
    ) -> Result<Option<Seq>, StoreError> {
        self.call(Method::ChangeStanding)
            .change_standing(id, by, now, decide)
            .await
    }

    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.call(Method::SigningKeys).signing_keys().await
    }

    async fn change_signing_keys(
        &self,
        now: UnixMillis,
        decide: KeysDecision,
    ) -> Result<Seq, StoreError> {
        self.call(Method::ChangeSigningKeys)
            .change_signing_keys(now, decide)
            .await
    }

    async fn feed(&self, since: Seq) -> Result<FeedRange, StoreError> {
        self.call(Method::Feed).feed(since).await
    }

    async fn feed_place(&self, since: Seq) -> Result<FeedPlace, StoreError> {
        self.call(Method::FeedPlace).feed_place(since).await
    }

    async fn append_audit(&self, events: &[Event]) -> Result<(), StoreError> {
        self.call(Method::AppendAudit).append_audit(events).await
    }

    async fn audit(&self, query: &Query) -> Result<Vec<Entry>, StoreError> {
        self.call(Method::Audit).audit(query).await
    }

    async fn audit_horizon(&self) -> Result<Horizon, StoreError> {
        self.call(Method::AuditHorizon).audit_horizon().await
    }

    async fn delete_audit_before(
        &self,
        before: UnixSeconds,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.call(Method::DeleteAuditBefore)
            .delete_audit_before(before, limit)
            .await
    }

    async fn change_settings_record(&self, decide: RecordDecision) -> Result<(), StoreError> {
        self.call(Method::ChangeSettingsRecord)
            .change_settings_record(decide)
            .await
    }

    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<(Session, User)>, StoreError> {
        self.call(Method::Sessions).sessions(filter).await
    }

    async fn matching_sessions(&self, filter: &SessionFilter) -> Result<Vec<Planned>, StoreError> {
        self.call(Method::MatchingSessions)
            .matching_sessions(filter)
            .await
    }

    async fn put_plan(
        &self,
        plan: &Plan,
        sessions: &[Planned],
        events: &[Event],
    ) -> Result<(), StoreError> {
        self.call(Method::PutPlan)
            .put_plan(plan, sessions, events)
            .await
    }

    async fn plan(&self, id: PlanId) -> Result<Option<Plan>, StoreError> {
        self.call(Method::Plan).plan(id).await
    }

    async fn change_planned(
        &self,
        id: PlanId,
        by: By,
        batch: Batch,
        now: UnixMillis,
        decide: PlanDecision,
    ) -> Result<Option<Seq>, StoreError> {
        self.call(Method::ChangePlanned)
            .change_planned(id, by, batch, now, decide)
            .await
    }

    async fn remove_sessions_over(
        &self,
        cutoff: UnixSeconds,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<(u64, Option<SessionId>), StoreError> {
        self.call(Method::RemoveSessionsOver)
            .remove_sessions_over(cutoff, after, limit)
            .await
    }

    async fn remove_revocations(&self, cutoff: UnixSeconds, limit: u32) -> Result<u64, StoreError> {
        self.call(Method::RemoveRevocations)
            .remove_revocations(cutoff, limit)
            .await
    }

    async fn remove_plans(&self, cutoff: UnixSeconds, limit: u32) -> Result<u64, StoreError> {
        self.call(Method::RemovePlans)
            .remove_plans(cutoff, limit)
            .await
    }

    async fn hold_job(&self, hold: &Hold) -> Result<bool, StoreError> {
        self.call(Method::HoldJob).hold_job(hold).await
    }

    async fn finish_job(
        &self,
        job: &'static str,
        holder: [u8; 16],
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.call(Method::FinishJob)
            .finish_job(job, holder, now)
            .await
    }

    async fn close(&self) {
        self.call(Method::Close).close().await;
    }
}
