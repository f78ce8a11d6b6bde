//! What the virtual users do.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::service::{PASSWORD, Service, name_of};
use crate::bench::http::{self, Connection};
use crate::bench::load::User;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Asks whether the process answers: what a request costs in which nothing is done.
pub(super) struct Live {
    connection: Connection,
    request: Vec<u8>,
}

impl Live {
    pub(super) fn some(service: &Service, count: usize) -> Result<Vec<Self>> {
        let one = |_| {
            let connection = Connection::open(service.address())?;
            Ok(Self {
                connection,
                request: http::get("/health/live", None),
            })
        };
        (0..count).map(one).collect()
    }
}

impl User for Live {
    fn act(&mut self) -> Result<()> {
        self.connection.call(&self.request)?.ok().map(drop)
    }
}

/// Logs in, again and again.
pub(super) struct Login {
    connection: Connection,
    request: Vec<u8>,
}

impl Login {
    pub(super) fn some(service: &Service, count: usize) -> Result<Vec<Self>> {
        let one = |number| {
            let connection = Connection::open(service.address())?;
            let body = json!({ "username": name_of(number), "password": PASSWORD });
            Ok(Self {
                connection,
                request: http::post("/auth/login", JSON, &body.to_string()),
            })
        };
        (0..count).map(one).collect()
    }
}

impl User for Login {
    fn act(&mut self) -> Result<()> {
        let body = self.connection.call(&self.request)?.ok()?;
        refresh_token(&body).map(drop)
    }
}

/// Follows a chain of refresh tokens, each of which is presented once.
pub(super) struct Refresh {
    connection: Connection,
    token: String,
}

impl Refresh {
    pub(super) fn some(service: &Service, count: usize) -> Result<Vec<Self>> {
        let logged_in = Login::some(service, count)?.into_iter().map(|mut login| {
            let body = login.connection.call(&login.request)?.ok()?;
            Ok(Self {
                connection: login.connection,
                token: refresh_token(&body)?,
            })
        });
        logged_in.collect()
    }
}

impl User for Refresh {
    fn act(&mut self) -> Result<()> {
        let form = format!("grant_type=refresh_token&refresh_token={}", self.token);
        let body = self
            .connection
            .call(&http::post("/auth/token", FORM, &form))?
            .ok()?;
        let successor = refresh_token(&body)?;
        anyhow::ensure!(successor != self.token, "a refresh that rotated nothing");
        self.token = successor;
        Ok(())
    }
}

fn refresh_token(body: &[u8]) -> Result<String> {
    let answer: Value = serde_json::from_slice(body).context("JSON expected")?;
    let token = answer.get("refresh_token").and_then(Value::as_str);
    token
        .map(str::to_owned)
        .context("no refresh token in the answer")
}
