//! An edge behind which stands an origin of ours, so that a test can sign what it likes.

use std::{cell::Cell, path::PathBuf, time::Duration};

use portcullis_e2e::clock;
use portcullis_shared::{corpus::Forge, keys::SigningKey, token::Policy};
use tokio::time::Instant;

use super::{
    client::Http,
    echo,
    edge::{Edge, Options},
    hostile::Hostile,
    ports,
    recorder::Recorder,
    server::Served,
    wait,
};

const ROUTES: &str = r#"
[[route]]
path = "/echo/*"
upstream = "echo"
audience = "api"

[[route]]
path = "/relaxed/*"
upstream = "echo"
audience = "api"
revocations = "relaxed"

[[route]]
path = "/reported/*"
upstream = "echo"
audience = "api"
mode = "report"

[[issuer]]
issuer = "https://id.example"
jwks_uri = "https://id.example/keys"
algorithms = ["RS256"]
audiences = { api = "api" }

[[route]]
path = "/foreign/*"
upstream = "echo"
audience = "api"
issuers = ["https://id.example"]

[[route]]
path = "/pages/*"
upstream = "echo"
audience = "api"
credentials = ["bearer", "cookie"]

[[route]]
path = "/open/*"
upstream = "echo"
access = "public"

[[route]]
path = "/notes/*"
methods = ["GET"]
upstream = "echo"
audience = "api"
scopes = ["api:read"]

[[route]]
path = "/notes/*"
methods = ["POST", "DELETE"]
upstream = "echo"
audience = "api"
scopes = ["api:write"]

[[route]]
path = "/near/*"
upstream = "echo"
audience = "api"
scopes = ["api:rea"]

[[route]]
path = "/wider/*"
upstream = "echo"
audience = "api"
scopes = ["api:read:all"]

[[route]]
path = "/wire/*"
upstream = "wire"
access = "optional"
audience = "api"
"#;

/// Longer than anything takes with these ages.
const LIMIT: Duration = Duration::from_secs(20);

/// An edge before an echo, and behind it an origin of ours.
#[derive(Debug)]
pub struct Forged {
    pub origin: Hostile,
    pub edge: Edge,
    pub echo: Served,
    /// Behind `/wire/`.
    pub wire: Recorder,
    pub http: Http,
}

/// What makes tokens as the issuer would, with this key.
pub fn forge<'a>(issuer: &'a str, key: &'a SigningKey) -> Forge<'a> {
    Forge {
        key,
        policy: Policy {
            issuer,
            audience: "api",
            max_lifetime: 600,
        },
        scope: "api:read",
        now: clock::now(),
    }
}

impl Forged {
    pub async fn start(variables: &[(&'static str, &str)]) -> Self {
        Self::start_by(None, variables).await
    }

    /// One whose requests come in by this entry module.
    pub async fn start_by(entry: Option<PathBuf>, variables: &[(&'static str, &str)]) -> Self {
        let port = ports::free();
        let (origin, echo) = (Hostile::start(&ports::url(port)), echo::start());
        let wire = Recorder::start();
        let mut all = vec![
            ("ORIGIN", origin.url()),
            ("UPSTREAM_ECHO", echo.url()),
            ("UPSTREAM_WIRE", wire.url()),
        ];
        all.extend(
            variables
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let options = Options {
            port,
            variables: all,
            routes: Some(ROUTES.to_owned()),
            entry,
            ..Options::default()
        };
        Self {
            origin,
            edge: Edge::start(options).await,
            echo,
            wire,
            http: Http::new(),
        }
    }

    /// A token that the origin would have minted a moment ago.
    pub fn token(&self, key: &SigningKey) -> String {
        forge(&self.edge.url(), key).good()
    }

    pub async fn status(&self, token: &str) -> u16 {
        self.status_at("/echo/x", token).await
    }

    pub async fn status_at(&self, path: &str, token: &str) -> u16 {
        self.http.get(&self.edge.at(path), token).await.status
    }

    /// Waits for a status; says how long it took.
    pub async fn until_status(&self, token: &str, wanted: u16) -> Duration {
        let start = Instant::now();
        wait::until(&format!("status {wanted}"), LIMIT, || async {
            (self.status(token).await == wanted).then_some(())
        })
        .await;
        start.elapsed()
    }

    /// Asks until the answer is 503; says how long after the first the last one was asked for that
    /// was served. How long an answer takes on a busy machine does not count.
    pub async fn last_served(&self, token: &str) -> Duration {
        let start = Instant::now();
        let last = Cell::new(Duration::ZERO);
        wait::until("status 503", LIMIT, || async {
            let asked = start.elapsed();
            let status = self.status(token).await;
            if status == 200 {
                last.set(asked);
            }
            (status == 503).then_some(())
        })
        .await;
        last.get()
    }
}
