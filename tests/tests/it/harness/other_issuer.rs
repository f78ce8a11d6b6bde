//! Another issuer, which others wrote: `tests/js/issuer.mjs`.

use std::{process::Command, time::Duration};

use serde_json::{Value, json};

use super::{
    client::Http,
    place,
    process::{Group, Scratch},
    wait,
};

const START_LIMIT: Duration = Duration::from_mins(1);

/// The running issuer; its tokens say that they are of [`OtherIssuer::name`].
#[derive(Debug)]
pub struct OtherIssuer {
    url: String,
    http: Http,
    _process: Group,
    _scratch: Scratch,
}

impl OtherIssuer {
    pub async fn start() -> Self {
        let scratch = Scratch::new("issuer");
        let mut command = Command::new(place::node());
        command.arg(place::root().join("tests/js/issuer.mjs"));
        let mut process = Group::spawn(command, scratch.path().join("log"));
        let url = wait::until("the other issuer", START_LIMIT, || {
            assert!(process.ended().is_none(), "it ended: {}", process.output());
            let output = process.output();
            async move {
                let line = output.lines().find(|line| line.starts_with("http://"));
                line.map(str::to_owned)
            }
        })
        .await;
        Self {
            url,
            http: Http::new(),
            _process: process,
            _scratch: scratch,
        }
    }

    /// Where its key set is.
    pub fn jwks_uri(&self) -> String {
        format!("{}/keys", self.url)
    }

    /// A token with this header, signed with the key `by`.
    pub async fn sign(&self, header: &Value, by: &str, claims: &Value) -> String {
        let mut body = header.clone();
        body["claims"] = claims.clone();
        body["by"] = json!(by);
        let url = format!("{}/sign", self.url);
        let answer = self.http.post_plain(&url, &body).await;
        answer.expect(200).member("token")
    }

    /// From now on its key set has these keys.
    pub async fn publish(&self, keys: &[&str]) {
        let (url, keys) = (self.jwks_uri(), json!(keys));
        self.http.post_plain(&url, &keys).await.expect(200);
    }

    /// How often the key set has been asked for.
    pub async fn count(&self) -> u64 {
        let answer = self.http.get_plain(&format!("{}/count", self.url)).await;
        answer.expect(200).json().as_u64().unwrap()
    }
}
