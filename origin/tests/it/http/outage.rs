//! When the database does not answer, or answers nonsense: never the client's fault.

use std::sync::Arc;

use async_trait::async_trait;
use insta::assert_snapshot;
use poem::{Endpoint, Request, endpoint::BoxEndpoint, http::Method};
use portcullis_origin::domain::{
    api_key::{KeyFilter, StoredApiKey},
    app::App,
    audit::{
        Event,
        query::{Entry, Query},
        tail::Horizon,
    },
    cleanup::Hold,
    clock::UnixMillis,
    criteria::SessionFilter,
    hashing::{Hasher, Parameters},
    master_key::MasterKeys,
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
    api_key::{ApiKey, ApiKeyId},
    ids::{PlanId, SessionId, UserId},
    time::UnixSeconds,
};

use super::{
    api::{self, Answer, Api},
    api_keys::EXCHANGE,
};
use crate::support::{SeededEntropy, TestClock, USER, on_both_engines};

on_both_engines!(
    an_outage_is_never_an_invalid_grant,
    an_outage_is_503_and_a_fault_500_and_neither_tells_more,
);

/// A database that fails always, in one way.
struct Failing {
    broken: bool,
}

impl Failing {
    fn error(&self) -> StoreError {
        let cause = "the password of the database is hunter2".into();
        if self.broken {
            StoreError::Broken(cause)
        } else {
            StoreError::Unavailable(cause)
        }
    }
}

#[async_trait]
impl Store for Failing {
    async fn database_time(&self) -> Result<UnixMillis, StoreError> {
        Err(self.error())
    }
    async fn advance_seq(&self, _: UnixMillis) -> Result<Seq, StoreError> {
        Err(self.error())
    }
    async fn mark_restored(
        &self,
        _: UnixMillis,
        _: UnixSeconds,
        _: &Event,
    ) -> Result<Restored, StoreError> {
        Err(self.error())
    }
    async fn fast_forward_until(&self) -> Result<UnixSeconds, StoreError> {
        Err(self.error())
    }
    async fn create_user(&self, _: &User, _: &Event, _: By) -> Result<(), CreateUserError> {
        Err(self.error().into())
    }
    async fn fill_skeletons(
        &self,
        _: Option<UserId>,
        _: u32,
    ) -> Result<Option<UserId>, StoreError> {
        Err(self.error())
    }
    async fn import_users(
        &self,
        _: &[User],
        _: ImportEvents,
    ) -> Result<Vec<Option<User>>, StoreError> {
        Err(self.error())
    }
    async fn users_in_the_way(&self, _: &[User]) -> Result<Vec<Option<User>>, StoreError> {
        Err(self.error())
    }
    async fn user(&self, _: UserId) -> Result<Option<User>, StoreError> {
        Err(self.error())
    }
    async fn user_by_name(&self, _: &Username) -> Result<Option<User>, StoreError> {
        Err(self.error())
    }
    async fn password_hash_from(&self, _: UserId) -> Result<Option<String>, StoreError> {
        Err(self.error())
    }
    async fn users(&self, _: &UserFilter) -> Result<Vec<User>, StoreError> {
        Err(self.error())
    }
    async fn session(&self, _: SessionId) -> Result<Option<(Session, User)>, StoreError> {
        Err(self.error())
    }
    async fn active_sessions(
        &self,
        _: UserId,
        _: &ActiveFilter,
    ) -> Result<Vec<Session>, StoreError> {
        Err(self.error())
    }
    async fn change_session(
        &self,
        _: SessionId,
        _: UnixMillis,
        _: SessionDecision,
    ) -> Result<Option<Seq>, StoreError> {
        Err(self.error())
    }
    async fn change_user(
        &self,
        _: UserId,
        _: UnixMillis,
        _: UserDecision,
    ) -> Result<Option<Seq>, StoreError> {
        Err(self.error())
    }
    async fn api_key(&self, _: ApiKeyId) -> Result<Option<(StoredApiKey, User)>, StoreError> {
        Err(self.error())
    }
    async fn api_keys(&self, _: &KeyFilter) -> Result<Vec<(StoredApiKey, User)>, StoreError> {
        Err(self.error())
    }
    async fn change_api_key(&self, _: ApiKeyId, _: ApiKeyDecision) -> Result<bool, StoreError> {
        Err(self.error())
    }
    async fn remove_api_keys(&self, _: UnixSeconds, _: u32) -> Result<u64, StoreError> {
        Err(self.error())
    }
    async fn throttle(&self, _: &[Key]) -> Result<Vec<Bucket>, StoreError> {
        Err(self.error())
    }
    async fn change_throttle(&self, _: &[Key], _: ThrottleDecision) -> Result<(), StoreError> {
        Err(self.error())
    }
    async fn forget_throttle(&self, _: UnixSeconds, _: u32) -> Result<u64, StoreError> {
        Err(self.error())
    }
    async fn change_standing(
        &self,
        _: UserId,
        _: By,
        _: UnixMillis,
        _: StandingDecision,
    ) -> Result<Option<Seq>, StoreError> {
        Err(self.error())
    }
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        Err(self.error())
    }
    async fn change_signing_keys(&self, _: UnixMillis, _: KeysDecision) -> Result<Seq, StoreError> {
        Err(self.error())
    }
    async fn feed(&self, _: Seq) -> Result<FeedRange, StoreError> {
        Err(self.error())
    }
    async fn feed_place(&self, _: Seq) -> Result<FeedPlace, StoreError> {
        Err(self.error())
    }
    async fn append_audit(&self, _: &[Event]) -> Result<(), StoreError> {
        Err(self.error())
    }
    async fn audit(&self, _: &Query) -> Result<Vec<Entry>, StoreError> {
        Err(self.error())
    }
    async fn audit_horizon(&self) -> Result<Horizon, StoreError> {
        Err(self.error())
    }
    async fn delete_audit_before(&self, _: UnixSeconds, _: u32) -> Result<u64, StoreError> {
        Err(self.error())
    }
    async fn change_settings_record(&self, _: RecordDecision) -> Result<(), StoreError> {
        Err(self.error())
    }
    async fn sessions(&self, _: &SessionFilter) -> Result<Vec<(Session, User)>, StoreError> {
        Err(self.error())
    }
    async fn matching_sessions(&self, _: &SessionFilter) -> Result<Vec<Planned>, StoreError> {
        Err(self.error())
    }
    async fn put_plan(&self, _: &Plan, _: &[Planned], _: &[Event]) -> Result<(), StoreError> {
        Err(self.error())
    }
    async fn plan(&self, _: PlanId) -> Result<Option<Plan>, StoreError> {
        Err(self.error())
    }
    async fn change_planned(
        &self,
        _: PlanId,
        _: By,
        _: Batch,
        _: UnixMillis,
        _: PlanDecision,
    ) -> Result<Option<Seq>, StoreError> {
        Err(self.error())
    }
    async fn remove_sessions_over(
        &self,
        _: UnixSeconds,
        _: Option<SessionId>,
        _: u32,
    ) -> Result<(u64, Option<SessionId>), StoreError> {
        Err(self.error())
    }
    async fn remove_revocations(&self, _: UnixSeconds, _: u32) -> Result<u64, StoreError> {
        Err(self.error())
    }
    async fn remove_plans(&self, _: UnixSeconds, _: u32) -> Result<u64, StoreError> {
        Err(self.error())
    }
    async fn hold_job(&self, _: &Hold) -> Result<bool, StoreError> {
        Err(self.error())
    }
    async fn finish_job(
        &self,
        _: &'static str,
        _: [u8; 16],
        _: UnixSeconds,
    ) -> Result<(), StoreError> {
        Err(self.error())
    }
    async fn close(&self) {}
}

/// The routes before a database that fails, with the settings and master key of `api`.
fn failing(api: &Api, broken: bool) -> BoxEndpoint<'static> {
    let entropy = Arc::new(SeededEntropy::new(3));
    let cheap = Parameters {
        memory_kib: 8,
        iterations: 1,
        parallelism: 1,
    };
    let hasher = Hasher::start(cheap, 1, 1, entropy.as_ref()).unwrap();
    let master = MasterKeys::parse(&format!("1 {}", "A".repeat(43))).unwrap();
    let clock = Arc::new(TestClock::new());
    let config = api.test.app.config.clone();
    let store = Arc::new(Failing { broken });
    api::endpoint(Arc::new(App::new(
        store, clock, entropy, hasher, master, config,
    )))
}

async fn send(
    endpoint: &BoxEndpoint<'static>,
    method: Method,
    path: &str,
    body: (&str, String),
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri_str(path)
        .content_type(body.0)
        .body(body.1);
    Answer::read(endpoint.get_response(request).await).await
}

const FORM: &str = "application/x-www-form-urlencoded";
const LOGIN: &str = r#"{"username":"ann","password":"correct horse battery"}"#;

async fn an_outage_is_never_an_invalid_grant(api: Api) {
    let (_, token) = api.login(USER, "portcullis").await;
    let key = ApiKey::new(ApiKeyId::from_bytes([1; 16]), [2; 32]).expose();
    let refresh = format!("grant_type=refresh_token&refresh_token={token}");
    let exchange = format!("{EXCHANGE}&subject_token={}", key.as_str());
    let (down, broken) = (failing(&api, false), failing(&api, true));
    for grant in [refresh, exchange] {
        let granted = send(&down, Method::POST, "/auth/token", (FORM, grant.clone())).await;
        assert_snapshot!(granted.shown(), @r#"
        503 application/json
        retry-after: 1
        {"error":"temporarily_unavailable","error_description":"not available at the moment"}
        "#);
        let granted = send(&broken, Method::POST, "/auth/token", (FORM, grant)).await;
        assert_snapshot!(granted.shown(), @r#"
        500 application/json
        {"error":"server_error","error_description":"something went wrong here"}
        "#);
    }
}

async fn an_outage_is_503_and_a_fault_500_and_neither_tells_more(api: Api) {
    let (access, refresh) = api.login(USER, "portcullis").await;
    let (down, broken) = (failing(&api, false), failing(&api, true));
    let login = ("application/json", LOGIN.to_owned());
    assert_snapshot!(send(&down, Method::POST, "/auth/login", login.clone()).await.shown(), @r#"
    503 application/problem+json
    retry-after: 1
    {"code":"unavailable","status":503,"title":"Not available at the moment","type":"urn:portcullis:problem:unavailable"}
    "#);
    assert_snapshot!(send(&broken, Method::POST, "/auth/login", login.clone()).await.shown(), @r#"
    500 application/problem+json
    {"code":"internal_error","status":500,"title":"Something went wrong here","type":"urn:portcullis:problem:internal_error"}
    "#);
    let none = || ("text/plain", String::new());
    let revoke = (FORM, format!("token={refresh}"));
    for (method, path, body) in [
        (Method::POST, "/auth/login", login),
        (Method::POST, "/auth/revoke", revoke),
        (Method::GET, "/.well-known/jwks.json", none()),
        (Method::GET, "/.well-known/revocations", none()),
        (Method::GET, "/health/ready", none()),
    ] {
        let answer = send(&down, method.clone(), path, body.clone()).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("1")),
            "{path}"
        );
        let failed = send(&broken, method, path, body).await;
        assert_eq!(failed.status, 500, "{path}");
        assert!(
            !format!("{answer:?}{failed:?}").contains("hunter2"),
            "{path}"
        );
    }
    let request = Request::builder()
        .uri_str("/auth/me")
        .header("authorization", format!("Bearer {access}"));
    assert_eq!(down.get_response(request.finish()).await.status(), 503);
    assert_eq!(
        send(&down, Method::GET, "/health/live", none())
            .await
            .status,
        200
    );
}
