//! `GET /auth/me`: who the caller is, by the database.

use poem_openapi::{Object, OpenApi};
use portcullis_shared::problem::Code;

use crate::{
    domain::caller::{self, Caller, KeyCaller},
    http::{
        answer::Ok,
        bearer::Anybody,
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
    /// Where the user can be written to, where it is known; not told to an API key.
    email: Option<String>,
    /// The roles; an API key has none.
    roles: Vec<String>,
    /// What the user may be granted; of an API key, what its access token may do.
    scopes: Vec<String>,
    /// The session of the access token, its `sid`; absent where an API key gave it.
    session_id: Option<String>,
    /// The client of the session, or the API key.
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
            session_id: Some(session.id.to_string()),
            client_id: session.client_id,
        }
    }
}

impl From<KeyCaller> for Me {
    fn from(caller: KeyCaller) -> Self {
        let claims = caller.claims();
        let scopes = claims.scope.iter();
        Self {
            id: caller.owner.id.to_string(),
            username: caller.owner.username.to_string(),
            email: None,
            roles: Vec::new(),
            scopes: scopes.map(|scope| scope.as_str().to_owned()).collect(),
            session_id: None,
            client_id: claims.client_id.clone(),
        }
    }
}

impl From<caller::Bearer> for Me {
    fn from(bearer: caller::Bearer) -> Self {
        match bearer {
            caller::Bearer::Session(caller) => (*caller).into(),
            caller::Bearer::ApiKey(caller) => (*caller).into(),
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
    async fn me(&self, caller: Anybody) -> Result<Ok<Me>, Refused<Failures>> {
        Result::Ok(Ok(caller.0.into()))
    }
}
