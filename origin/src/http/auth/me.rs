//! `GET /auth/me`: who the caller is, by the database.

use poem_openapi::{Object, OpenApi};
use portcullis_shared::problem::Code;

use crate::{
    domain::caller::Caller,
    http::{
        answer::Ok,
        bearer::Bearer,
        refused::{self, Declared, Refused},
    },
};

/// The caller.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct Me {
    /// The user's identifier, the `sub` of tokens.
    id: String,
    /// The name.
    username: String,
    /// Where the user can be written to, where it is known.
    email: Option<String>,
    /// The roles.
    roles: Vec<String>,
    /// What the user may be granted.
    scopes: Vec<String>,
    /// The session of the access token, its `sid`.
    session_id: String,
    /// The client of the session.
    client_id: String,
}

impl From<Caller> for Me {
    fn from(caller: Caller) -> Self {
        let Caller { user, session, .. } = caller;
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            roles: user.role_names(),
            scopes: user.scope_names(),
            email: user.email.map(|email| email.as_str().to_owned()),
            session_id: session.id.to_string(),
            client_id: session.client_id,
        }
    }
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::BEARER];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
#[expect(clippy::unused_async, reason = "the macro takes no other")]
impl Api {
    /// Who am I
    #[oai(path = "/auth/me", method = "get", operation_id = "me")]
    async fn me(&self, caller: Bearer) -> Result<Ok<Me>, Refused<Failures>> {
        Result::Ok(Ok(caller.0.into()))
    }
}
