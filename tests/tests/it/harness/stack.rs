//! All parts together: an origin on `SQLite`, the demo servers, an echo, and an edge before them.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{sync::OnceCell, time::Instant};

use super::{
    client::{Answer, Http},
    echo,
    edge::{self, Edge, Runtime},
    origin::{Home, Origin, User},
    place, ports,
    proxy::Proxy,
    server::{self, Served},
};

/// Scopes of a user of the demo.
pub const SCOPES: [&str; 3] = ["api:read", "api:write", "images:read"];

/// The client of the administration.
pub const ADMIN_CLIENT: &str = "portcullis-admin";

/// A client that can keep a secret.
pub const BACKEND: (&str, &str) = ("backend", "a-long-secret-that-only-the-backend-has");

const EDGE_SECRET: &str = "the-edge-of-the-tests";

/// The tests' own routes beside those of the repository.
const ROUTES: &str = r#"
[[route]]
path = "/echo/*"
upstream = "echo"
audience = "api"

[[route]]
path = "/pages/*"
upstream = "echo"
audience = "api"
credentials = ["bearer", "cookie"]

[[route]]
path = "/linked/*"
methods = ["GET", "POST"]
upstream = "echo"
audience = "api"
scopes = ["api:read"]
credentials = ["bearer", "cookie", "signed_url"]

[[route]]
path = "/keyed/*"
upstream = "echo"
audience = "api"
scopes = ["api:read"]
credentials = ["bearer", "cookie", "api_key"]

[[route]]
path = "/public/*"
upstream = "echo"
access = "public"

[[route]]
path = "/report/*"
upstream = "echo"
audience = "api"
scopes = ["api:write"]
mode = "report"

[[route]]
path = "/gone/*"
upstream = "gone"
access = "public"

[[route]]
path = "/optional/*"
upstream = "echo"
audience = "api"
access = "optional"

[[route]]
path = "/shared/*"
upstream = "echo"
audience = "api"
cache = "shared"

[[route]]
path = "/cors/*"
methods = ["GET", "PUT"]
upstream = "echo"
audience = "api"
cors = { origins = ["https://app.example"], credentials = false }

[[route]]
path = "/admin/*"
upstream = "origin"
audience = "ISSUER"
roles = ["admin"]
"#;

/// The running parts.
#[derive(Debug)]
pub struct Stack {
    pub http: Http,
    pub edge: Edge,
    pub origin: Origin,
    /// Between edge and origin.
    pub proxy: Proxy,
    pub api: Served,
    pub images: Served,
    pub echo: Served,
    pub admin: User,
}

/// What a login gives.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

/// A ban that has been answered.
#[derive(Debug, Clone, Copy)]
pub struct Ban {
    pub seq: u64,
    pub answered: Instant,
}

static SHARED: OnceCell<Stack> = OnceCell::const_new();

impl Stack {
    /// The one that tests share which leave no trace but users of their own.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(|| Self::start(&[])).await
    }

    /// One of a test's own, its edge with these further variables.
    pub async fn start(variables: &[(&'static str, &str)]) -> Self {
        Self::start_with(&[], variables).await
    }

    /// The same, and its origin with these.
    pub async fn start_with(
        of_origin: &[(&'static str, &str)],
        variables: &[(&'static str, &str)],
    ) -> Self {
        Self::start_in(Runtime::default(), of_origin, variables).await
    }

    /// The same, its edge in this runtime.
    pub async fn start_in(
        runtime: Runtime,
        of_origin: &[(&'static str, &str)],
        variables: &[(&'static str, &str)],
    ) -> Self {
        let edge_port = ports::free();
        let issuer = ports::url(edge_port);
        let home = Home::sqlite(&issuer)
            .with("PORTCULLIS_EDGE__SECRET", EDGE_SECRET)
            // Some users log in again and again, the administrator in most tests: none of their
            // sessions is to end because it makes room for another.
            .with("PORTCULLIS_SESSIONS__MAX_PER_USER", "10000")
            .with_settings(&settings());
        let home = of_origin
            .iter()
            .fold(home, |home, (name, value)| home.with(name, *value));
        let origin = Origin::start(home).await;
        let proxy = Proxy::start(origin.url());
        let api = server::demo_api(&issuer, &origin.url());
        let images = server::demo_images(&issuer, &origin.url());
        let echo = echo::start();
        let routes = std::fs::read_to_string(place::root().join("routes.toml")).unwrap();
        let mut all = vec![
            ("ORIGIN", proxy.url()),
            ("UPSTREAM_API", api.url()),
            ("UPSTREAM_IMAGES", images.url()),
            ("UPSTREAM_ECHO", echo.url()),
            // Nobody listens at port 1.
            ("UPSTREAM_GONE", ports::url(1)),
            ("EDGE_SECRET", EDGE_SECRET.to_owned()),
        ];
        all.extend(
            variables
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let edge = Edge::start(edge::Options {
            port: edge_port,
            variables: all,
            routes: Some(routes + &ROUTES.replace("ISSUER", &issuer)),
            entry: None,
            runtime,
        })
        .await;
        let admin = origin.home.add_user(&[], &["admin"]);
        Self {
            http: Http::new(),
            edge,
            origin,
            proxy,
            api,
            images,
            echo,
            admin,
        }
    }

    /// A new user who may use the demo.
    pub fn user(&self) -> User {
        self.origin.home.add_user(&SCOPES, &[])
    }

    /// Logs in through the edge.
    pub async fn login(&self, user: &User) -> Tokens {
        tokens(
            &login(&self.http, &self.edge.url(), user, None)
                .await
                .expect(200),
        )
    }

    /// A new user, logged in.
    pub async fn bearer(&self) -> (User, Tokens) {
        let user = self.user();
        let tokens = self.login(&user).await;
        (user, tokens)
    }

    /// A token for the administration.
    pub async fn admin_token(&self) -> String {
        let base = self.edge.url();
        let answer = login(&self.http, &base, &self.admin, Some(ADMIN_CLIENT)).await;
        tokens(&answer.expect(200)).access
    }

    /// `GET` at the edge.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.http.get(&self.edge.at(path), token).await
    }

    /// The id of the user whose token it is.
    pub async fn id_of(&self, token: &str) -> String {
        self.get("/auth/me", token).await.expect(200).member("id")
    }

    /// Bans a user at the origin.
    pub async fn ban(&self, id: &str) -> Ban {
        ban(
            &self.http,
            &self.origin.url(),
            &self.admin_token().await,
            id,
        )
        .await
    }
}

/// The settings that only a file can have: a client that has a secret, and links.
pub fn settings() -> String {
    let digest = Sha256::digest(BACKEND.1.as_bytes());
    let digest: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let (id, digest) = (BACKEND.0, digest.concat());
    format!(
        "[[client]]\nid = \"{id}\"\nkind = \"confidential\"\nsecret_sha256 = \"{digest}\"\n\
         audiences = [\"api\"]\n\
         [[signed_urls]]\npath = \"/images/*\"\nscopes = \"images:read\"\n\
         [[signed_urls]]\npath = \"/linked/*\"\nscopes = \"api:read\"\n"
    )
}

/// Logs in at an edge or an origin.
pub async fn login(http: &Http, base: &str, user: &User, client: Option<&str>) -> Answer {
    let mut body = json!({ "username": user.name, "password": user.password });
    if let Some(client) = client {
        body["client_id"] = json!(client);
    }
    http.post_plain(&format!("{base}/auth/login"), &body).await
}

/// The tokens in an answer.
pub fn tokens(answer: &Answer) -> Tokens {
    Tokens {
        access: answer.member("access_token"),
        refresh: answer.member("refresh_token"),
    }
}

/// Refreshes at an edge or an origin.
pub async fn refresh(http: &Http, base: &str, token: &str) -> Answer {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "portcullis"),
        ("refresh_token", token),
    ];
    http.post_form(&format!("{base}/auth/token"), &form).await
}

/// Bans a user at an origin.
pub async fn ban(http: &Http, origin: &str, admin: &str, id: &str) -> Ban {
    let url = format!("{origin}/admin/users/{id}/ban");
    let answer = http
        .post(&url, admin, &json!({ "reason": "a test" }))
        .await
        .expect(200);
    Ban {
        seq: answer.json()["seq"].as_u64().unwrap(),
        answered: Instant::now(),
    }
}

/// Until when a ban has to be in force (the promise).
pub const BAN_PROMISE: Duration = Duration::from_secs(5);
