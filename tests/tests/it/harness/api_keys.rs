//! API keys: made at the origin as an administrator does, or made up.

use portcullis_shared::api_key::{ApiKey, ApiKeyId};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    client::{Answer, send},
    stack::{Ban, Stack},
};

/// A key, and whose it is.
#[derive(Debug, Clone)]
pub struct Key {
    pub text: String,
    pub id: String,
    pub owner: String,
    /// An access token of the owner's own.
    pub token: String,
}

/// A new user's key of these scopes.
pub async fn create(stack: &Stack, scopes: &[&str]) -> Key {
    let (_, tokens) = stack.bearer().await;
    let owner = stack.id_of(&tokens.access).await;
    let body = json!({ "user_id": owner, "name": "a test", "scopes": scopes });
    let answer = administrate(stack, "", &body).await.expect(201);
    Key {
        text: answer.member("key"),
        id: answer.json()["api_key"]["id"].as_str().unwrap().to_owned(),
        owner,
        token: tokens.access,
    }
}

/// A `POST` to the administration of keys, at the origin.
pub async fn administrate(stack: &Stack, path: &str, body: &Value) -> Answer {
    let url = stack.origin.at(&format!("/admin/api-keys{path}"));
    stack
        .http
        .post(&url, &stack.admin_token().await, body)
        .await
}

/// Revokes a key.
pub async fn revoke(stack: &Stack, id: &str) -> Ban {
    let path = format!("/{id}/revoke");
    let answer = administrate(stack, &path, &json!({})).await.expect(200);
    Ban {
        seq: answer.json()["seq"].as_u64().unwrap(),
        answered: Instant::now(),
    }
}

/// A key that nobody has issued, of an id that may be somebody's.
pub fn made_up(id: &str, secret: u32) -> String {
    let id: ApiKeyId = id.parse().unwrap();
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&secret.to_be_bytes());
    ApiKey::new(id, bytes).expose().as_str().to_owned()
}

/// `GET` at the edge with a key in `Authorization`, from the address `from`.
pub fn get(stack: &Stack, path: &str, key: &str, from: &str) -> RequestBuilder {
    let request = stack.http.request(Method::GET, &stack.edge.at(path));
    request.bearer_auth(key).header("cf-connecting-ip", from)
}

/// The answer to [`get`] from an address of its own.
pub async fn ask(stack: &Stack, path: &str, key: &str) -> Answer {
    send(get(stack, path, key, "192.0.2.77")).await
}

/// How many exchanges have reached the origin.
pub fn exchanges(stack: &Stack) -> usize {
    let counts = stack.proxy.counts();
    counts.get("/auth/token").copied().unwrap_or_default()
}
