//! A client of the endpoints.

use std::sync::Arc;

use poem::{
    Body, EndpointExt, Response,
    endpoint::BoxEndpoint,
    http::{HeaderMap, Method},
    test::TestClient,
};
use portcullis_origin::{
    domain::{
        app::{App, Config},
        client::{Client, ClientKind},
        web_origin::Trusted,
    },
    http::{
        self,
        service::{Places, Service},
    },
    settings::secret::Secret,
};
use portcullis_shared::claims::Audience;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::schema::Document;
use crate::support::{ADMIN, Begin, Engine, TestApp, USER};

/// What the edge shows.
pub(crate) const EDGE_SECRET: &str = "the-secret-of-the-edge";
/// A client that can keep a secret, and its secret.
pub(crate) const BACKEND: (&str, &str) = ("backend", "s3cret: of the backend/");

/// The service behind its routes.
pub(crate) struct Api {
    pub(crate) test: TestApp,
    client: TestClient<BoxEndpoint<'static>>,
    document: Document,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A request that is being put together.
pub(crate) struct Call<'a> {
    api: &'a Api,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Body>,
}

/// Routes in front of any app.
pub(crate) fn endpoint(app: Arc<App>) -> BoxEndpoint<'static> {
    placed(app, Places::default())
}

/// Routes in front of any app, which finds out where requests come from.
pub(crate) fn placed(app: Arc<App>, places: Places) -> BoxEndpoint<'static> {
    let edge_secret = Secret::from(EDGE_SECRET.to_owned());
    http::endpoint(Arc::new(Service {
        app,
        edge_secret,
        origins: Trusted {
            own: "http://edge.test".parse().ok(),
            others: vec![],
        },
        places,
        clock_skew_max: 2000,
    }))
    .boxed()
}

impl Begin for Api {
    async fn begin(engine: Engine) -> Self {
        Self::on(engine).await
    }
}

impl Api {
    /// For what never gets as far as the database; all else is tested on both.
    pub(crate) async fn without_store() -> Self {
        Self::on(Engine::Sqlite).await
    }

    pub(crate) async fn on(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    /// With other settings.
    pub(crate) async fn with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        Self::placed(engine, change, Places::default()).await
    }

    /// With other settings, and finding out where requests come from.
    pub(crate) async fn placed(
        engine: Engine,
        change: impl FnOnce(&mut Config),
        places: Places,
    ) -> Self {
        let backend = Client {
            id: BACKEND.0.to_owned(),
            kind: ClientKind::Confidential {
                secret_sha256: Sha256::digest(BACKEND.1).into(),
            },
            audience: Audience::new(vec!["api".to_owned()]).unwrap(),
            scopes: None,
        };
        let app = TestApp::with(engine, |config| {
            config.clients.push(backend);
            change(config);
        })
        .await;
        let client = TestClient::new(placed(Arc::clone(&app.app), places));
        let text = client
            .get("/openapi.json")
            .send()
            .await
            .0
            .into_body()
            .into_string()
            .await;
        let document = Document::parse(&text.unwrap());
        Self {
            test: app,
            client,
            document,
        }
    }

    pub(crate) fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        Call {
            api: self,
            method,
            path: path.into(),
            headers: vec![],
            body: None,
        }
    }

    pub(crate) fn get(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::POST, path)
    }

    /// Logs in, and gives access token and refresh token.
    pub(crate) async fn login(
        &self,
        (username, password): (&str, &str),
        client: &str,
    ) -> (String, String) {
        let body = serde_json::json!({
            "username": username, "password": password, "client_id": client, "device": "laptop",
        });
        let answer = self.post("/auth/login").json(&body).send().await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (answer.text("access_token"), answer.text("refresh_token"))
    }

    /// An access token of the user.
    pub(crate) async fn user(&self) -> String {
        self.login(USER, "portcullis").await.0
    }

    /// An access token that may administrate.
    pub(crate) async fn admin(&self) -> String {
        self.login(ADMIN, "portcullis-admin").await.0
    }

    /// Who an access token says one is: 200 while it and its session are good.
    pub(crate) async fn me(&self, token: &str) -> Answer {
        self.get("/auth/me").bearer(token).send().await
    }

    /// The identifier of a user.
    pub(crate) async fn id_of(&self, name: &str) -> String {
        self.test.user(name).await.id.to_string()
    }
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    pub(crate) fn form(self, body: impl Into<String>) -> Self {
        self.raw("application/x-www-form-urlencoded", body.into())
    }

    pub(crate) fn raw(mut self, media_type: &str, body: impl Into<Body>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", media_type)
    }

    /// Sends it, and compares the answer with what the OpenAPI document says.
    pub(crate) async fn send(self) -> Answer {
        let mut request = self.api.client.request(self.method.clone(), &self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let response = request.body(self.body.unwrap_or_default()).send().await;
        let answer = Answer::read(response.0).await;
        answer.check_headers();
        self.api.document.check(&self.method, &self.path, &answer);
        answer
    }
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.into_string().await.unwrap();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// What every answer must have.
    fn check_headers(&self) {
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert!(self.header("portcullis-request-id").is_some());
        assert!(self.header("access-control-allow-origin").is_none());
        let cached = self.header("cache-control").unwrap();
        if !cached.starts_with("public, max-age=") {
            assert_eq!(
                (cached, self.header("pragma")),
                ("no-store", Some("no-cache"))
            );
        }
        let secret = self.body.contains("_token\":\"");
        assert!(
            !secret || cached == "no-store",
            "a token that caches may keep"
        );
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// A member of the body that is a text.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let pointer = format!("/{pointer}");
        self.value()
            .pointer(&pointer)
            .and_then(Value::as_str)
            .expect(&self.body)
            .to_owned()
    }

    pub(crate) fn number(&self, pointer: &str) -> i64 {
        let pointer = format!("/{pointer}");
        self.value()
            .pointer(&pointer)
            .and_then(Value::as_i64)
            .expect(&self.body)
    }

    /// As [`Self::shown`], without the members of any object that `known` has just so.
    pub(crate) fn shown_beside(&self, known: &Value) -> String {
        let mut value = self.value();
        leave_out(&mut value, known);
        let beside = Self {
            status: self.status,
            headers: self.headers.clone(),
            body: value.to_string(),
        };
        beside.shown()
    }

    /// Status, telling headers and body, without what differs from run to run: for snapshots.
    pub(crate) fn shown(&self) -> String {
        let mut lines = vec![format!(
            "{} {}",
            self.status,
            self.header("content-type").unwrap_or("-")
        )];
        for name in [
            "www-authenticate",
            "retry-after",
            "allow",
            "portcullis-feed-seq",
        ] {
            if let Some(value) = self.header(name) {
                lines.push(format!("{name}: {value}"));
            }
        }
        if let Ok(mut value) = serde_json::from_str(&self.body) {
            redact(&mut value, "");
            let pretty = self.status < 400;
            lines.push(if pretty {
                format!("{value:#}")
            } else {
                value.to_string()
            });
        } else if !self.body.is_empty() {
            lines.push(self.body.clone());
        }
        lines.join("\n")
    }
}

fn leave_out(value: &mut Value, known: &Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, value| known.get(name) != Some(value));
            members
                .values_mut()
                .for_each(|value| leave_out(value, known));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| leave_out(item, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Replaces tokens and identifiers.
fn redact(value: &mut Value, name: &str) {
    match value {
        Value::Object(members) => {
            members
                .iter_mut()
                .for_each(|(name, value)| redact(value, name));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, name)),
        Value::String(text) => {
            let secret = name.ends_with("_token") || name == "next_cursor";
            let id = ["id", "sub", "sid", "jti", "session_id", "kid", "x"].contains(&name);
            if secret || id {
                *text = format!("[{name}]");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
