//! The service itself, with users to try it on.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin::{self, Authority, NewUser},
    app::{App, Config, Registration},
    audit::query::{Entry, EventId, Filter, Order, Query},
    cleanup,
    client::{Client, ClientKind},
    context::Context,
    hashing::{Hasher, Parameters},
    login,
    master_key::MasterKeys,
    mint::TokenSet,
    password::Password,
    refresh::{self, MoveRules, Rules},
    session::{
        Session,
        cap::{AtCap, Cap},
    },
    signing_keys,
    user::User,
};
use portcullis_origin::settings::throttle::Throttle;
use portcullis_shared::{
    claims::{AccessClaims, Audience},
    ids::SessionId,
    keys::KeySet,
    revocation::{Document, Revocations},
    token::{Policy, Unverified},
};

use super::{Database, Engine, SeededEntropy, TestClock};

/// A user with the scopes of the demo, and the password of every test user.
pub(crate) const USER: (&str, &str) = ("ann", "correct horse battery");
/// An administrator.
pub(crate) const ADMIN: (&str, &str) = ("root", "correct horse battery");
/// The user agent of a program that keeps still.
pub(crate) const CURL: &str = "curl/8.9.1";

const ISSUER: &str = "http://edge.test";

/// The least that argon2 takes.
const CHEAP: Parameters = Parameters {
    memory_kib: 8,
    iterations: 1,
    parallelism: 1,
};

/// One replica of the service.
pub(crate) struct TestApp {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) database: Arc<Database>,
}

/// A request from a user agent and a country.
pub(crate) fn context(user_agent: &str, country: &str) -> Context {
    Context {
        ip: Some([192, 0, 2, 1].into()),
        country: Some(country.to_owned()),
        user_agent: Some(user_agent.to_owned()),
    }
}

fn config() -> Config {
    let client = |id: &str, audiences: &[&str]| Client {
        id: id.to_owned(),
        kind: ClientKind::Public,
        audience: Audience::new(audiences.iter().map(|&name| name.to_owned()).collect()).unwrap(),
        scopes: None,
    };
    Config {
        issuer: ISSUER.to_owned(),
        token_lifetime: 600,
        refresh: Rules {
            window: 30,
            max_replays: 100,
            max_late_retries: 10,
            idle_lifetime: 30 * 86_400,
            moves: MoveRules::default(),
        },
        absolute_lifetime: 180 * 86_400,
        throttle: Throttle {
            // Tests log in often at once.
            account_attempts: 100,
            ..Throttle::default()
        }
        .rules(),
        // More than any test opens that is not about the cap.
        session_cap: Cap {
            max: 1000,
            at_cap: AtCap::Evict,
        },
        setup_lifetime: 86_400,
        registration: Registration::Closed,
        links: vec![],
        key_publish_before: 900,
        key_rotate_every: 30 * 86_400,
        audit_retention: 365 * 86_400,
        cleanup: cleanup::Rules {
            interval: 3600,
            retention: 30 * 86_400,
            batch: 500,
        },
        clients: vec![
            client("portcullis", &["api", "images"]),
            client("portcullis-admin", &[ISSUER]),
            client("other", &["other"]),
        ],
    }
}

impl TestApp {
    /// A service on an empty database, with one user and one administrator.
    pub(crate) async fn on(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    /// A service on an empty database.
    pub(crate) async fn without_users(engine: Engine) -> Self {
        Self::empty(engine, config()).await
    }

    async fn empty(engine: Engine, config: Config) -> Self {
        let database = Arc::new(Database::create(engine).await);
        Self::replica_of(&database, Arc::new(TestClock::new()), config, 1).await
    }

    /// As [`Self::on`], with other settings.
    pub(crate) async fn with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config();
        change(&mut config);
        let test = Self::empty(engine, config).await;
        for ((name, password), role, scope) in [
            (USER, None, "api:read api:write images:read"),
            (ADMIN, Some("admin"), "api:read"),
        ] {
            let new = NewUser {
                username: name.parse().unwrap(),
                email: None,
                password: Some(Password::new(password.to_owned())),
                roles: role.into_iter().map(|role| role.parse().unwrap()).collect(),
                scopes: scope.parse().unwrap(),
            };
            let operator = Authority::OPERATOR;
            admin::create_user(&test.app, operator, new).await.unwrap();
        }
        test
    }

    /// Another replica on the same database, with a clock of its own.
    pub(crate) async fn replica(&self, clock: TestClock) -> Self {
        let config = self.app.config.clone();
        Self::replica_of(&self.database, Arc::new(clock), config, 2).await
    }

    /// The same service after a restart with other settings.
    pub(crate) async fn restarted(&self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.app.config.clone();
        change(&mut config);
        Self::replica_of(&self.database, Arc::clone(&self.clock), config, 3).await
    }

    /// The same service after a restart with other parameters of hashing.
    pub(crate) async fn rehashing(&self, parameters: Parameters) -> Self {
        let (clock, config) = (Arc::clone(&self.clock), self.app.config.clone());
        Self::hashing(parameters, &self.database, clock, config, 4).await
    }

    async fn replica_of(
        database: &Arc<Database>,
        clock: Arc<TestClock>,
        config: Config,
        seed: u64,
    ) -> Self {
        Self::hashing(CHEAP, database, clock, config, seed).await
    }

    async fn hashing(
        parameters: Parameters,
        database: &Arc<Database>,
        clock: Arc<TestClock>,
        config: Config,
        seed: u64,
    ) -> Self {
        let entropy = Arc::new(SeededEntropy::new(seed));
        let hasher = Hasher::start(parameters, 2, 1000, entropy.as_ref()).unwrap();
        // The master key is in a file: all replicas have the same.
        let master = MasterKeys::parse(&format!("1 {}", "A".repeat(43))).unwrap();
        let store = database.connect().await;
        let app = App::new(store, clock.clone(), entropy, hasher, master, config);
        app.store.advance_seq(app.now()).await.unwrap();
        signing_keys::ensure(&app).await.unwrap();
        Self {
            app: Arc::new(app),
            clock,
            database: Arc::clone(database),
        }
    }

    pub(crate) async fn login(&self) -> TokenSet {
        self.login_as(USER, "portcullis", &context(CURL, "DE"))
            .await
            .unwrap()
    }

    pub(crate) async fn login_as(
        &self,
        (username, password): (&str, &str),
        client: &str,
        from: &Context,
    ) -> Result<TokenSet, login::Error> {
        let request = login::Request {
            username: username.to_owned(),
            password: Password::new(password.to_owned()),
            client_id: Some(client.to_owned()),
            device: None,
            device_token: None,
        };
        let done = login::login(&self.app, request, from).await?;
        Ok(done.tokens)
    }

    /// Presents a refresh token from where [`Self::login`] came from.
    pub(crate) async fn refresh(&self, token: &str) -> Result<TokenSet, refresh::Error> {
        self.refresh_from(token, &context(CURL, "DE")).await
    }

    pub(crate) async fn refresh_from(
        &self,
        token: &str,
        from: &Context,
    ) -> Result<TokenSet, refresh::Error> {
        let client = self.app.config.client("portcullis").unwrap();
        let request = refresh::Request {
            token,
            client,
            scope: None,
        };
        refresh::refresh(&self.app, request, from).await
    }

    pub(crate) async fn user(&self, name: &str) -> User {
        self.app
            .store
            .user_by_name(&name.parse().unwrap())
            .await
            .unwrap()
            .unwrap()
    }

    /// The session that a refresh token belongs to.
    pub(crate) async fn session_of(&self, tokens: &TokenSet) -> Session {
        let token = tokens.refresh_token.expose();
        let token = refresh::RefreshToken::parse(token, &self.app.master).unwrap();
        self.session(token.session).await
    }

    /// The audit trail, an event a line: what, by whom, to which user, and more.
    pub(crate) async fn trail(&self) -> Vec<String> {
        let query = Query {
            filter: Filter::default(),
            order: Order::Oldest {
                after: EventId(i64::MIN),
            },
            limit: 1000,
        };
        let mut lines = Vec::new();
        for Entry { event, .. } in self.app.store.audit(&query).await.unwrap() {
            let by = format!("{:?}", event.actor).to_lowercase();
            let mut line = format!("{} by {by}", event.action.as_str());
            if let Some(id) = event.user_id {
                let user = self.app.store.user(id).await.unwrap();
                let name = user.map_or("nobody".to_owned(), |user| user.username.to_string());
                line = format!("{line} to {name}");
            }
            if let Some(detail) = event.detail {
                line = format!("{line}: {detail}");
            }
            lines.push(line);
        }
        lines
    }

    pub(crate) async fn session(&self, id: SessionId) -> Session {
        self.app.store.session(id).await.unwrap().unwrap().0
    }

    /// What an edge knows that has just started.
    pub(crate) async fn edge(&self) -> Edge {
        let public = self.app.signing.public(&self.app).await.unwrap();
        let keys = KeySet::parse(serde_json::to_string(&*public).unwrap().as_bytes()).unwrap();
        let answer = portcullis_origin::domain::feed::document(&self.app, 0)
            .await
            .unwrap();
        let now = self.app.clock.now();
        let document = Document::verify(&answer.document, &keys, ISSUER, now).unwrap();
        let mut revocations = Revocations::default();
        revocations.merge(&document, now).unwrap();
        Edge { keys, revocations }
    }

    /// What a genuine access token says.
    pub(crate) async fn claims(&self, token: &str) -> AccessClaims {
        let edge = self.edge().await;
        let authentic = Unverified::parse(token)
            .unwrap()
            .authenticate(&edge.keys)
            .unwrap();
        let now = self.app.clock.now();
        authentic
            .verify_for_issuer(ISSUER, 600, now)
            .unwrap()
            .claims()
            .clone()
    }

    /// Whether an edge that has just fetched keys and feed lets an access token through.
    pub(crate) async fn passes(&self, token: &str) -> bool {
        self.edge().await.passes(token, self)
    }
}

/// Keys and revocations as an edge holds them.
pub(crate) struct Edge {
    pub(crate) keys: KeySet,
    pub(crate) revocations: Revocations,
}

impl Edge {
    pub(crate) fn passes(&self, token: &str, test: &TestApp) -> bool {
        let policy = Policy {
            issuer: ISSUER,
            audience: "api",
            max_lifetime: 600,
        };
        let Ok(authentic) = Unverified::parse(token).unwrap().authenticate(&self.keys) else {
            return false;
        };
        let verified = authentic.verify(&policy, test.app.clock.now());
        verified.is_ok_and(|token| self.revocations.refuses(token).is_none())
    }
}
