//! The domain's [`Store`] over either driver.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use portcullis_shared::{
    api_key::ApiKeyId,
    ids::{PlanId, SessionId, UserId},
    time::UnixSeconds,
};
use sqlx::pool::PoolConnection;

use super::{
    api_keys::{self, RemoveApiKeys},
    aside::Aside,
    audit,
    changes::{
        AdvanceSeq, AppendAudit, ChangeApiKey, ChangePlanned, ChangeSession, ChangeSettingsRecord,
        ChangeSigningKeys, ChangeStanding, ChangeThrottle, ChangeUser, CreateUser, DeleteAudit,
        FillSkeletons, ForgetThrottle, ImportUsers, Outcome, PutPlan,
    },
    cleanup::{self, RemovePlans, RemoveRevocations, RemoveSessions},
    criteria,
    driver::Driver,
    engine::Engine as _,
    fault::{Fault, within_patience},
    feed,
    gathering::{Answer, Asked, Gathering},
    jobs::{FinishJob, HoldJob},
    plans,
    restored::{self, MarkRestored},
    sessions::{self, Owned},
    signing_keys,
    statement::{Columns, Statement},
    throttle, users,
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

/// A session and its user.
type Found = (Session, User);

/// How many statements that look at sessions may be in work at once.
const READING_LANES: usize = 2;

/// Storage over a driver.
pub(super) struct SqlStore<D> {
    driver: Arc<D>,
    changes: Gathering<ChangeSession, Option<Seq>>,
    looks: Gathering<SessionId, Option<Found>>,
}

impl<D: Driver> SqlStore<D> {
    /// Storage whose tables exist.
    pub(super) fn new(driver: D) -> Self {
        let driver = Arc::new(driver);
        let (changing, looking) = (Arc::clone(&driver), Arc::clone(&driver));
        let connections = driver.readers().options().get_max_connections();
        let aside = Arc::new(Aside::new(connections));
        Self {
            driver,
            changes: Gathering::new(D::LANES, move |asked| {
                change_together(Arc::clone(&changing), Arc::clone(&aside), asked)
            }),
            looks: Gathering::new(READING_LANES, move |asked| {
                look_together(Arc::clone(&looking), asked)
            }),
        }
    }

    async fn reader(&self) -> Result<PoolConnection<D::Db>, Fault> {
        Ok(self.driver.readers().acquire().await?)
    }
}

#[async_trait]
impl<D: Driver> Store for SqlStore<D> {
    async fn database_time(&self) -> Result<UnixMillis, StoreError> {
        let query = async {
            let connection = &mut *self.reader().await?;
            let row = Statement::<D::Db>::new(D::Db::READ_TIME)
                .one(connection)
                .await?;
            Columns::<D::Db>::of(&row).next().map(UnixMillis)
        };
        Ok(within_patience(query).await?)
    }

    async fn advance_seq(&self, now: UnixMillis) -> Result<Seq, StoreError> {
        Ok(self.driver.write(AdvanceSeq(now)).await?)
    }

    async fn mark_restored(
        &self,
        ahead: UnixMillis,
        until: UnixSeconds,
        event: &Event,
    ) -> Result<Restored, StoreError> {
        let work = MarkRestored {
            ahead,
            until,
            event: event.clone(),
        };
        Ok(self.driver.write(work).await?)
    }

    async fn fast_forward_until(&self) -> Result<UnixSeconds, StoreError> {
        let query = async { restored::until::<D::Db>(&mut *self.reader().await?).await };
        Ok(within_patience(query).await?)
    }

    async fn create_user(&self, user: &User, event: &Event, by: By) -> Result<(), CreateUserError> {
        let work = CreateUser {
            user: user.clone(),
            event: event.clone(),
            by,
        };
        self.driver.write(work).await.map_err(StoreError::from)?
    }

    async fn fill_skeletons(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Option<UserId>, StoreError> {
        Ok(self.driver.write(FillSkeletons { after, limit }).await?)
    }

    async fn import_users(
        &self,
        users: &[User],
        tell: ImportEvents,
    ) -> Result<Vec<Option<User>>, StoreError> {
        let users = users.to_vec();
        Ok(self.driver.write(ImportUsers { users, tell }).await?)
    }

    async fn users_in_the_way(&self, users: &[User]) -> Result<Vec<Option<User>>, StoreError> {
        let query = async {
            let connection = &mut *self.reader().await?;
            let mut found = Vec::with_capacity(users.len());
            for user in users {
                found.push(users::in_the_way::<D::Db>(connection, user).await?);
            }
            Ok(found)
        };
        Ok(within_patience(query).await?)
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let query = async { users::by_id::<D::Db>(&mut *self.reader().await?, id).await };
        Ok(within_patience(query).await?)
    }

    async fn user_by_name(&self, name: &Username) -> Result<Option<User>, StoreError> {
        let query = async { users::by_name::<D::Db>(&mut *self.reader().await?, name).await };
        Ok(within_patience(query).await?)
    }

    async fn password_hash_from(&self, from: UserId) -> Result<Option<String>, StoreError> {
        let query =
            async { users::password_hash_from::<D::Db>(&mut *self.reader().await?, from).await };
        Ok(within_patience(query).await?)
    }

    async fn users(&self, filter: &UserFilter) -> Result<Vec<User>, StoreError> {
        let query = async { users::list::<D::Db>(&mut *self.reader().await?, filter).await };
        Ok(within_patience(query).await?)
    }

    async fn session(&self, id: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        Ok(self.looks.ask(id).await?)
    }

    async fn active_sessions(
        &self,
        user: UserId,
        filter: &ActiveFilter,
    ) -> Result<Vec<Session>, StoreError> {
        let query =
            async { sessions::active::<D::Db>(&mut *self.reader().await?, user, filter).await };
        Ok(within_patience(query).await?)
    }

    async fn change_session(
        &self,
        id: SessionId,
        now: UnixMillis,
        decide: SessionDecision,
    ) -> Result<Option<Seq>, StoreError> {
        Ok(self.changes.ask(ChangeSession { id, now, decide }).await?)
    }

    async fn change_user(
        &self,
        id: UserId,
        now: UnixMillis,
        decide: UserDecision,
    ) -> Result<Option<Seq>, StoreError> {
        Ok(self.driver.write(ChangeUser { id, now, decide }).await?)
    }

    async fn api_key(&self, id: ApiKeyId) -> Result<Option<(StoredApiKey, User)>, StoreError> {
        let query = async { api_keys::by_id::<D::Db>(&mut *self.reader().await?, id).await };
        Ok(within_patience(query).await?)
    }

    async fn api_keys(&self, filter: &KeyFilter) -> Result<Vec<(StoredApiKey, User)>, StoreError> {
        let query = async { api_keys::list::<D::Db>(&mut *self.reader().await?, filter).await };
        Ok(within_patience(query).await?)
    }

    async fn change_api_key(
        &self,
        id: ApiKeyId,
        decide: ApiKeyDecision,
    ) -> Result<bool, StoreError> {
        Ok(self.driver.write(ChangeApiKey { id, decide }).await?)
    }

    async fn remove_api_keys(&self, cutoff: UnixSeconds, limit: u32) -> Result<u64, StoreError> {
        Ok(self.driver.write(RemoveApiKeys { cutoff, limit }).await?)
    }

    async fn throttle(&self, keys: &[Key]) -> Result<Vec<Bucket>, StoreError> {
        let query = async { throttle::all::<D::Db>(&mut *self.reader().await?, keys).await };
        Ok(within_patience(query).await?)
    }

    async fn change_throttle(
        &self,
        keys: &[Key],
        decide: ThrottleDecision,
    ) -> Result<(), StoreError> {
        let keys = keys.to_vec();
        Ok(self.driver.write(ChangeThrottle { keys, decide }).await?)
    }

    async fn forget_throttle(&self, before: UnixSeconds, limit: u32) -> Result<u64, StoreError> {
        Ok(self.driver.write(ForgetThrottle { before, limit }).await?)
    }

    async fn change_standing(
        &self,
        id: UserId,
        by: By,
        now: UnixMillis,
        decide: StandingDecision,
    ) -> Result<Option<Seq>, StoreError> {
        let work = ChangeStanding {
            id,
            by,
            now,
            decide,
        };
        Ok(self.driver.write(work).await?)
    }

    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let query = async { signing_keys::all::<D::Db>(&mut *self.reader().await?).await };
        Ok(within_patience(query).await?)
    }

    async fn change_signing_keys(
        &self,
        now: UnixMillis,
        decide: KeysDecision,
    ) -> Result<Seq, StoreError> {
        Ok(self.driver.write(ChangeSigningKeys { now, decide }).await?)
    }

    async fn feed(&self, since: Seq) -> Result<FeedRange, StoreError> {
        let query = async { feed::range::<D::Db>(&mut *self.reader().await?, since).await };
        Ok(within_patience(query).await?)
    }

    async fn feed_place(&self, since: Seq) -> Result<FeedPlace, StoreError> {
        let query = async { feed::place::<D::Db>(&mut *self.reader().await?, since).await };
        Ok(within_patience(query).await?)
    }

    async fn append_audit(&self, events: &[Event]) -> Result<(), StoreError> {
        Ok(self.driver.write(AppendAudit(events.to_vec())).await?)
    }

    async fn audit(&self, query: &Query) -> Result<Vec<Entry>, StoreError> {
        let query = async { audit::find::<D::Db>(&mut *self.reader().await?, query).await };
        Ok(within_patience(query).await?)
    }

    async fn audit_horizon(&self) -> Result<Horizon, StoreError> {
        let query = async { audit::horizon::<D::Db>(&mut *self.reader().await?).await };
        Ok(within_patience(query).await?)
    }

    async fn delete_audit_before(
        &self,
        before: UnixSeconds,
        limit: u32,
    ) -> Result<u64, StoreError> {
        Ok(self.driver.write(DeleteAudit { before, limit }).await?)
    }

    async fn change_settings_record(&self, decide: RecordDecision) -> Result<(), StoreError> {
        Ok(self.driver.write(ChangeSettingsRecord(decide)).await?)
    }

    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<(Session, User)>, StoreError> {
        let query = async { criteria::sessions::<D::Db>(&mut *self.reader().await?, filter).await };
        Ok(within_patience(query).await?)
    }

    async fn matching_sessions(&self, filter: &SessionFilter) -> Result<Vec<Planned>, StoreError> {
        let query = async { criteria::matching::<D::Db>(&mut *self.reader().await?, filter).await };
        Ok(within_patience(query).await?)
    }

    async fn put_plan(
        &self,
        plan: &Plan,
        sessions: &[Planned],
        events: &[Event],
    ) -> Result<(), StoreError> {
        let work = PutPlan {
            plan: plan.clone(),
            sessions: sessions.to_vec(),
            events: events.to_vec(),
        };
        Ok(self.driver.write(work).await?)
    }

    async fn plan(&self, id: PlanId) -> Result<Option<Plan>, StoreError> {
        let query = async { plans::by_id::<D::Db>(&mut *self.reader().await?, id).await };
        Ok(within_patience(query).await?)
    }

    async fn change_planned(
        &self,
        id: PlanId,
        by: By,
        batch: Batch,
        now: UnixMillis,
        decide: PlanDecision,
    ) -> Result<Option<Seq>, StoreError> {
        let work = ChangePlanned {
            id,
            by,
            batch,
            now,
            decide,
        };
        Ok(self.driver.write(work).await?)
    }

    async fn remove_sessions_over(
        &self,
        cutoff: UnixSeconds,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<(u64, Option<SessionId>), StoreError> {
        // Found by a reader, so that who writes waits for the removal alone.
        let query = async {
            let connection = &mut *self.reader().await?;
            cleanup::sessions_over::<D::Db>(connection, cutoff, after, limit).await
        };
        let ids = within_patience(query).await?;
        let Some(last) = ids.last().copied() else {
            return Ok((0, None));
        };
        let removed = self.driver.write(RemoveSessions { ids, cutoff }).await?;
        Ok((removed, Some(last)))
    }

    async fn remove_revocations(&self, cutoff: UnixSeconds, limit: u32) -> Result<u64, StoreError> {
        Ok(self
            .driver
            .write(RemoveRevocations { cutoff, limit })
            .await?)
    }

    async fn remove_plans(&self, cutoff: UnixSeconds, limit: u32) -> Result<u64, StoreError> {
        Ok(self.driver.write(RemovePlans { cutoff, limit }).await?)
    }

    async fn hold_job(&self, hold: &Hold) -> Result<bool, StoreError> {
        Ok(self.driver.write(HoldJob(*hold)).await?)
    }

    async fn finish_job(
        &self,
        job: &'static str,
        holder: [u8; 16],
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        Ok(self.driver.write(FinishJob { job, holder, now }).await?)
    }

    async fn close(&self) {
        self.changes.close().await;
        self.looks.close().await;
        self.driver.close().await;
    }
}

/// Makes changes of sessions in one transaction. Those whose session somebody else holds wait for
/// it, each in a transaction of its own, and keep nobody waiting ([`Aside`]).
async fn change_together<D: Driver>(
    driver: Arc<D>,
    aside: Arc<Aside>,
    asked: Vec<Asked<ChangeSession, Option<Seq>>>,
) {
    let (changes, answers): (Vec<_>, Vec<_>) = asked.into_iter().map(Asked::split).unzip();
    match driver.change_sessions(changes).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                match outcome {
                    Outcome::Done(result) => answer.give(result),
                    Outcome::Elsewhere(change) => {
                        let (driver, aside) = (Arc::clone(&driver), Arc::clone(&aside));
                        tokio::spawn(async move {
                            answer.give(aside.run(driver.write(change)).await);
                        });
                    }
                }
            }
        }
        Err(fault) => Answer::fail_all(answers, fault),
    }
}

/// Looks at sessions, and their users, in one statement.
async fn look_together<D: Driver>(driver: Arc<D>, asked: Vec<Asked<SessionId, Option<Found>>>) {
    let (ids, answers): (Vec<_>, Vec<_>) = asked.into_iter().map(Asked::split).unzip();
    let distinct: BTreeSet<SessionId> = ids.iter().copied().collect();
    let query = async {
        let connection = &mut *driver.readers().acquire().await?;
        sessions::owned::<D::Db>(connection, &Vec::from_iter(distinct)).await
    };
    match within_patience(query).await {
        Ok(found) => {
            for (id, answer) in ids.into_iter().zip(answers) {
                let owned = |owned: &Owned| (owned.session.clone(), owned.user.clone());
                let found = found.get(&id).map(|found| match found {
                    Ok(found) => Ok(owned(found)),
                    Err(fault) => Err(Fault::Shared(Arc::clone(fault))),
                });
                answer.give(found.transpose());
            }
        }
        Err(fault) => Answer::fail_all(answers, fault),
    }
}
