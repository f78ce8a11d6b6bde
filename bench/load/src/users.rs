//! What the virtual users of an origin do. Each is a user of its own, who must exist there
//! ([`name_of`], [`PASSWORD`]); the client that asks about tokens must too ([`CLIENT`]).

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::http::{self, Connection};
use crate::load::User;

/// Of all users; on a database that is thrown away.
pub const PASSWORD: &str = "correct horse battery staple";

/// The confidential client that asks about tokens, and its secret.
pub const CLIENT: (&str, &str) = ("bench", "a-secret-of-a-database-that-is-thrown-away");

/// The name of a virtual user.
pub fn name_of(number: usize) -> String {
    format!("bench-{number}")
}

/// Where the origin is, and how many users there are.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Where it listens.
    pub address: SocketAddr,
    /// How many users there are, each with a connection.
    pub connections: usize,
}

impl Place {
    fn each<U>(self, one: impl FnMut(usize) -> Result<U>) -> Result<Vec<U>> {
        (0..self.connections).map(one).collect()
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Asks for something that takes no token.
#[derive(Debug)]
pub struct Plain {
    connection: Connection,
    request: Vec<u8>,
}

impl Plain {
    /// All of them, connected, asking for `path`.
    ///
    /// # Errors
    /// When the origin is not there.
    pub fn some(place: Place, path: &str) -> Result<Vec<Self>> {
        let one = |_| {
            let connection = Connection::open(place.address)?;
            Ok(Self {
                connection,
                request: http::get(path, None),
            })
        };
        place.each(one)
    }
}

impl User for Plain {
    fn act(&mut self) -> Result<()> {
        self.connection.call(&self.request)?.ok().map(drop)
    }
}

/// Logs in, again and again.
#[derive(Debug)]
pub struct Login {
    connection: Connection,
    request: Vec<u8>,
}

impl Login {
    /// All of them, connected.
    ///
    /// # Errors
    /// When the origin is not there or answers otherwise than it should.
    pub fn some(place: Place) -> Result<Vec<Self>> {
        let one = |number| {
            let connection = Connection::open(place.address)?;
            let body = json!({ "username": name_of(number), "password": PASSWORD });
            Ok(Self {
                connection,
                request: http::post("/auth/login", JSON, &body.to_string()),
            })
        };
        place.each(one)
    }
}

impl User for Login {
    fn act(&mut self) -> Result<()> {
        let body = self.connection.call(&self.request)?.ok()?;
        refresh_token(&body).map(drop)
    }
}

/// Follows a chain of refresh tokens, each of which is presented once.
#[derive(Debug)]
pub struct Refresh {
    connection: Connection,
    token: String,
}

impl Refresh {
    /// All of them, connected.
    ///
    /// # Errors
    /// When the origin is not there or answers otherwise than it should.
    pub fn some(place: Place) -> Result<Vec<Self>> {
        let logged_in = Login::some(place)?.into_iter().map(|mut login| {
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
        ensure!(successor != self.token, "a refresh that rotated nothing");
        self.token = successor;
        Ok(())
    }
}

/// Asks what an access token of its own is worth.
#[derive(Debug)]
pub struct Introspection {
    connection: Connection,
    request: Vec<u8>,
}

impl Introspection {
    /// All of them, connected.
    ///
    /// # Errors
    /// When the origin is not there or answers otherwise than it should.
    pub fn some(place: Place) -> Result<Vec<Self>> {
        let logged_in = Login::some(place)?.into_iter().map(|mut login| {
            let body = login.connection.call(&login.request)?.ok()?;
            let (client, secret) = CLIENT;
            let token = member(&body, "access_token")?;
            let form = format!("token={token}&client_id={client}&client_secret={secret}");
            Ok(Self {
                connection: login.connection,
                request: http::post("/auth/introspect", FORM, &form),
            })
        });
        logged_in.collect()
    }
}

impl User for Introspection {
    fn act(&mut self) -> Result<()> {
        let body = self.connection.call(&self.request)?.ok()?;
        let active = body.windows(13).any(|part| part == br#""active":true"#);
        ensure!(active, "a token that is worth nothing");
        Ok(())
    }
}

/// Asks who it is.
#[derive(Debug)]
pub struct Me {
    connection: Connection,
    request: Vec<u8>,
}

impl Me {
    /// All of them, connected.
    ///
    /// # Errors
    /// When the origin is not there or answers otherwise than it should.
    pub fn some(place: Place) -> Result<Vec<Self>> {
        let logged_in = Login::some(place)?.into_iter().map(|mut login| {
            let body = login.connection.call(&login.request)?.ok()?;
            let token = member(&body, "access_token")?;
            Ok(Self {
                connection: login.connection,
                request: http::get("/auth/me", Some(&token)),
            })
        });
        logged_in.collect()
    }
}

impl User for Me {
    fn act(&mut self) -> Result<()> {
        self.connection.call(&self.request)?.ok().map(drop)
    }
}

fn refresh_token(body: &[u8]) -> Result<String> {
    member(body, "refresh_token")
}

fn member(body: &[u8], name: &str) -> Result<String> {
    let answer: Value = serde_json::from_slice(body).context("JSON expected")?;
    let value = answer.get(name).and_then(Value::as_str);
    value
        .map(str::to_owned)
        .with_context(|| format!("no {name} in the answer"))
}
