//! A small HTTP client for talking to what `dev` starts: JSON, a bearer token, every status an
//! answer.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

/// Longer than the edge ever waits for the origin.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The client; connections are kept between requests.
pub(crate) struct Client(Agent);

/// What came back, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self(
            Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .timeout_global(Some(TIMEOUT))
                // A proxy of the environment has no way to this machine's loopback.
                .proxy(None)
                .build()
                .into(),
        )
    }

    /// # Errors
    /// When no answer comes.
    pub(crate) fn get(&self, url: &str, bearer: Option<&str>) -> Result<Answer> {
        let mut request = self.0.get(url);
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Answer::read(request.call(), url)
    }

    /// # Errors
    /// When no answer comes.
    pub(crate) fn post_json(
        &self,
        url: &str,
        bearer: Option<&str>,
        body: &Value,
    ) -> Result<Answer> {
        let mut request = self.0.post(url).content_type("application/json");
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Answer::read(request.send(body.to_string()), url)
    }

    /// # Errors
    /// When no answer comes.
    pub(crate) fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<Answer> {
        Answer::read(self.0.post(url).send_form(form.iter().copied()), url)
    }
}

impl Answer {
    fn read(answer: Result<Response<Body>, ureq::Error>, url: &str) -> Result<Self> {
        let mut answer = answer.with_context(|| format!("no answer from {url}"))?;
        let body = answer
            .body_mut()
            .read_to_vec()
            .with_context(|| format!("body of {url}"))?;
        Ok(Self {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body,
        })
    }

    /// # Errors
    /// When the status is another: the message shows the body.
    pub(crate) fn expect(self, status: u16) -> Result<Self> {
        if self.status != status {
            let body = String::from_utf8_lossy(&self.body);
            bail!("{status} expected, {} came: {}", self.status, body.trim());
        }
        Ok(self)
    }

    /// # Errors
    /// When the status is none of the successful ones.
    pub(crate) fn expect_success(self) -> Result<Self> {
        let status = self.status;
        self.expect(if (200..300).contains(&status) {
            status
        } else {
            200
        })
    }

    /// # Errors
    /// When the body is not JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).context("JSON expected")
    }

    /// A string member of the body.
    ///
    /// # Errors
    /// When it is not there.
    pub(crate) fn text(&self, member: &str) -> Result<String> {
        let json = self.json()?;
        let text = json.get(member).and_then(Value::as_str);
        text.map(str::to_owned)
            .with_context(|| format!("no {member:?} in {json}"))
    }
}
