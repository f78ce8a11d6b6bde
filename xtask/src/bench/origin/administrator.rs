//! An administrator who ends sessions by criterion, over HTTP.

use anyhow::{Context, Result};
use portcullis_load::http::{self, Connection};
use portcullis_load::seed::USER_AGENT;
use portcullis_load::users::PASSWORD;
use serde_json::{Value, json};

use super::service::Service;

const NAME: &str = "bench-admin";

/// The only path that is asked.
const PATH: &str = "/admin/sessions/revoke";

const KIND: &str = "application/json";

/// Somebody with an administrator's token.
pub(super) struct Administrator {
    connection: Connection,
    token: String,
}

/// What a dry run found.
pub(super) struct Planned {
    pub(super) plan: String,
    pub(super) count: u64,
}

impl Administrator {
    /// Adds one, and logs in.
    ///
    /// # Errors
    /// When the service refuses.
    pub(super) fn log_in(service: &Service) -> Result<Self> {
        service.add_admin(NAME)?;
        let mut connection = Connection::open(service.address())?;
        let body = json!({
            "username": NAME, "password": PASSWORD, "client_id": "portcullis-admin",
        });
        let request = http::post("/auth/login", KIND, &body.to_string());
        let answer: Value = serde_json::from_slice(&connection.call(&request)?.ok()?)?;
        let token = answer.get("access_token").and_then(Value::as_str);
        Ok(Self {
            token: token.context("no access token")?.to_owned(),
            connection,
        })
    }

    /// Counts the sessions of the seed.
    ///
    /// # Errors
    /// When the service refuses.
    pub(super) fn count(&mut self) -> Result<Planned> {
        let answer = self.ask(&json!({ "user_agent": USER_AGENT, "dry_run": true }))?;
        let plan = answer.get("plan").and_then(Value::as_str);
        let count = answer.get("count").and_then(Value::as_u64);
        Ok(Planned {
            plan: plan.context("no plan")?.to_owned(),
            count: count.context("no count")?,
        })
    }

    /// Ends those of a plan, with as many requests as it takes; how many there were.
    ///
    /// # Errors
    /// When the service refuses.
    pub(super) fn end(&mut self, plan: &str) -> Result<u64> {
        loop {
            let answer = self.ask(&json!({ "plan": plan }))?;
            let run = answer.get("run").context("no run")?;
            if run.get("done").and_then(Value::as_bool).context("done?")? {
                return run.get("ended").and_then(Value::as_u64).context("ended?");
            }
        }
    }

    fn ask(&mut self, body: &Value) -> Result<Value> {
        let request = http::post_as(&self.token, PATH, KIND, &body.to_string());
        let answer = self.connection.call(&request)?.ok()?;
        serde_json::from_slice(&answer).context("JSON expected")
    }
}
