//! `POST /auth/register`: somebody signs up, where the settings allow it.

use poem_openapi::{Object, OpenApi};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use crate::{
    domain::{password::Password, registration},
    http::{
        answer::Created,
        body::{Strict, present},
        failure::Failure,
        origin::From,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// Who signs up.
#[derive(Object, Deserialize)]
#[oai(rename = "Registration")]
#[serde(deny_unknown_fields)]
struct Body {
    /// The name: letters and digits of one script, and `. _ - @ +`; upper and lower case are the
    /// same, and so are names that look alike.
    #[oai(validator(min_length = 1, max_length = 64))]
    username: String,
    /// The password: at least 8 characters, and none of the most common ones.
    #[oai(validator(min_length = 8, max_length = 1024))]
    password: String,
    /// Where the user can be written to; not used to log in.
    #[oai(validator(min_length = 3, max_length = 254))]
    #[serde(default, deserialize_with = "present")]
    email: Option<String>,
}

/// Who signed up; logging in is the next step.
#[derive(Object)]
struct Registered {
    /// The `sub` of the user's tokens.
    id: String,
    /// The name in the form in which it is kept.
    username: String,
    /// What the user may be granted.
    scopes: Vec<String>,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[
        refused::BODY,
        &[
            Code::RegistrationClosed,
            Code::Conflict,
            Code::TooManyRequests,
        ],
    ];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Sign up
    #[oai(path = "/auth/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        service: Shared<'_>,
        from: From,
        body: Strict<Body>,
    ) -> Result<Created<Registered>, Refused<Failures>> {
        registration::require_open(&service.app)?;
        let Body {
            username,
            password,
            email,
        } = body.0;
        let password = Password::new(password);
        let email = email.as_deref().map(str::parse).transpose();
        let request = registration::Request {
            username: username.parse().map_err(Failure::from)?,
            email: email.map_err(Failure::from)?,
            password,
        };
        let user = registration::register(&service.app, request, &from.0).await?;
        Ok(Created(Registered {
            id: user.id.to_string(),
            username: user.username.to_string(),
            scopes: user.scope_names(),
        }))
    }
}
