//! `POST /admin/users`: a user is created, who chooses a password with a one-time token.

use poem_openapi::{Object, OpenApi};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use super::{acting::Acting, roles, scopes, user_answer::User};
use crate::{
    domain::admin::{self, NewUser},
    http::{
        answer::Created,
        body::{Strict, present},
        failure::Failure,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// A user to be.
#[derive(Object, Deserialize)]
#[oai(rename = "NewUser")]
#[serde(deny_unknown_fields)]
struct Body {
    /// The name: letters and digits of one script, and `. _ - @ +`; upper and lower case are the
    /// same, and so are names that look alike.
    #[oai(validator(min_length = 1, max_length = 64))]
    username: String,
    /// Where the user can be written to; not used to log in.
    #[oai(validator(min_length = 3, max_length = 254))]
    #[serde(default, deserialize_with = "present")]
    email: Option<String>,
    /// The roles, such as `admin`.
    #[oai(default, validator(pattern = "^[A-Za-z0-9._:-]{1,64}$"))]
    #[serde(default)]
    roles: Vec<String>,
    /// What the user may be granted, such as `api:read`.
    #[oai(default, validator(pattern = r"^[!#-\[\]-~]{1,64}$"))]
    #[serde(default)]
    scopes: Vec<String>,
}

/// A user who has not chosen a password yet.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct CreatedUser {
    /// The user.
    user: User,
    /// With which the user chooses a password, once, at `POST /auth/setup`. It is not shown again.
    setup_token: Option<String>,
    /// When the setup token expires, in Unix seconds.
    setup_expires_at: Option<i64>,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] =
        &[refused::ADMIN, refused::BODY, &[Code::Conflict]];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Create a user
    #[oai(path = "/admin/users", method = "post", operation_id = "createUser")]
    async fn create(
        &self,
        service: Shared<'_>,
        acting: Acting,
        body: Strict<Body>,
    ) -> Result<Created<CreatedUser>, Refused<Failures>> {
        let authority = acting.still(&service.app).await?;
        let email = body.0.email.as_deref().map(str::parse).transpose();
        let new = NewUser {
            username: body.0.username.parse().map_err(Failure::from)?,
            email: email.map_err(Failure::from)?,
            password: None,
            roles: roles(&body.0.roles)?,
            scopes: scopes(&body.0.scopes)?,
        };
        let created = admin::create_user(&service.app, authority, new).await?;
        Ok(Created(CreatedUser {
            setup_token: created.setup_token.map(|token| token.as_str().to_owned()),
            setup_expires_at: created.user.setup.as_ref().map(|setup| setup.expires_at.0),
            user: created.user.into(),
        }))
    }
}
