//! `POST /auth/login`: a password becomes tokens.

use poem_openapi::{Object, OpenApi};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use super::token_answer::Tokens;
use crate::{
    domain::{login, password::Password},
    http::{
        answer::Ok,
        body::{Strict, present},
        origin::From,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// Who wants to log in.
#[derive(Object, Deserialize)]
#[oai(rename = "Login")]
#[serde(deny_unknown_fields)]
struct Body {
    /// The name; upper and lower case are the same.
    username: String,
    /// The password, compared to the letter.
    password: String,
    /// The client; `portcullis` where none is named.
    #[serde(default, deserialize_with = "present")]
    client_id: Option<String>,
    /// What the client calls the device, for the user's list of sessions.
    #[oai(validator(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"
    ))]
    #[serde(default, deserialize_with = "present")]
    device: Option<String>,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[
        refused::BODY,
        &[
            Code::InvalidCredentials,
            Code::Forbidden,
            Code::TooManySessions,
        ],
    ];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Log in
    #[oai(path = "/auth/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        service: Shared<'_>,
        from: From,
        body: Strict<Body>,
    ) -> Result<Ok<Tokens>, Refused<Failures>> {
        let Body {
            username,
            password,
            client_id,
            device,
        } = body.0;
        let request = login::Request {
            username,
            password: Password::new(password),
            client_id,
            device,
        };
        let tokens = login::login(&service.app, request, &from.0).await?;
        Result::Ok(Ok(tokens.into()))
    }
}
