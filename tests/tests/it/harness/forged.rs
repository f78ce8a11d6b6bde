//! An edge behind which stands an origin of ours, so that a test can sign what it likes.

use std::{path::PathBuf, time::Duration};

use portcullis_e2e::clock;
use portcullis_shared::{corpus::Forge, keys::SigningKey, token::Policy};
use tokio::time::Instant;

use super::{
    client::Http,
    echo,
    edge::{Edge, Options},
    hostile::Hostile,
    ports,
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
path = "/foreign/*"
upstream = "echo"
audience = "api"
issuers = ["https://id.example"]
"#;

/// Longer than anything takes with these ages.
const LIMIT: Duration = Duration::from_secs(20);

/// An edge before an echo, and behind it an origin of ours.
#[derive(Debug)]
pub struct Forged {
    pub origin: Hostile,
    pub edge: Edge,
    pub echo: Served,
    pub http: Http,
}

impl Forged {
    pub async fn start(variables: &[(&'static str, &str)]) -> Self {
        Self::start_by(None, variables).await
    }

    /// One whose requests come in by this entry module.
    pub async fn start_by(entry: Option<PathBuf>, variables: &[(&'static str, &str)]) -> Self {
        let port = ports::free();
        let (origin, echo) = (Hostile::start(&ports::url(port)), echo::start());
        let mut all = vec![("ORIGIN", origin.url()), ("UPSTREAM_ECHO", echo.url())];
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
        };
        Self {
            origin,
            edge: Edge::start(options).await,
            echo,
            http: Http::new(),
        }
    }

    /// A token that the origin would have minted a moment ago.
    pub fn token(&self, key: &SigningKey) -> String {
        let issuer = self.edge.url();
        let policy = Policy {
            issuer: &issuer,
            audience: "api",
            max_lifetime: 600,
        };
        Forge {
            key,
            policy,
            scope: "api:read",
            now: clock::now(),
        }
        .good()
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
}
