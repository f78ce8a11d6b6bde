//! An HTTP client for tests: every status is an answer, redirects are not followed.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

use super::server::RUNTIME;

/// The client.
#[derive(Debug, Clone)]
pub struct Http(reqwest::Client);

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Http {
    pub fn new() -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_mins(1))
            // The runtime of the edge closes idle connections after five seconds.
            .pool_idle_timeout(Duration::from_secs(2))
            .no_proxy()
            .build();
        Self(client.unwrap())
    }

    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.0.request(method, url)
    }

    /// A GET with a bearer token.
    pub async fn get(&self, url: &str, token: &str) -> Answer {
        send(self.0.get(url).bearer_auth(token)).await
    }

    /// A GET without any credential.
    pub async fn get_plain(&self, url: &str) -> Answer {
        send(self.0.get(url)).await
    }

    /// A POST of JSON with a bearer token.
    pub async fn post(&self, url: &str, token: &str, body: &Value) -> Answer {
        send(self.0.post(url).bearer_auth(token).json(body)).await
    }

    /// A POST of JSON without any credential.
    pub async fn post_plain(&self, url: &str, body: &Value) -> Answer {
        send(self.0.post(url).json(body)).await
    }

    /// A POST of a form.
    pub async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Answer {
        send(self.0.post(url).form(form)).await
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.unwrap()
}

/// As [`send`], where no answer may come.
///
/// Connections are kept, so they must not belong to the runtime of the test that opened them.
pub async fn try_send(mut request: RequestBuilder) -> reqwest::Result<Answer> {
    // `wrangler dev` has a proxy of its own before the Worker. When a connection between the two
    // was just being closed, it retries by itself what is safe, and asks to retry what is not.
    while let Some(again) = request.try_clone() {
        let answer = exchange(request).await?;
        if !(answer.status == 503
            && answer
                .body
                .starts_with(b"Your worker restarted mid-request"))
        {
            return Ok(answer);
        }
        request = again;
    }
    exchange(request).await
}

async fn exchange(request: RequestBuilder) -> reqwest::Result<Answer> {
    let exchange = async {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await?.to_vec();
        Ok(Answer {
            status,
            headers,
            body,
        })
    };
    RUNTIME.spawn(exchange).await.unwrap()
}

impl Answer {
    /// The answer, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?} ({})", self.text(), self.status))
    }

    /// A text member of the body.
    #[track_caller]
    pub fn member(&self, name: &str) -> String {
        let json = self.json();
        json[name]
            .as_str()
            .unwrap_or_else(|| panic!("no text {name:?} in {json}"))
            .to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, several joined with commas; empty when it is not there.
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        values
            .map(|value| value.to_str().unwrap())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The `seq` that the edge says it has.
    pub fn feed_seq(&self) -> u64 {
        self.header("portcullis-feed-seq").parse().unwrap_or(0)
    }
}
