//! `POST /auth/password`: a user changes the password, with the old one.

use poem_openapi::{Object, OpenApi};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use crate::{
    domain::{
        change_password::{Passwords, change_password},
        password::Password,
    },
    http::{
        answer::{InFeed, Revoked},
        bearer::Bearer,
        body::Strict,
        origin::From,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// The old password and the new one.
#[derive(Object, Deserialize)]
#[oai(rename = "PasswordChange")]
#[serde(deny_unknown_fields)]
struct Body {
    /// The password that is in force.
    current_password: String,
    /// The password that shall be: at least 8 characters, and none of the most common ones.
    #[oai(validator(min_length = 8, max_length = 1024))]
    new_password: String,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[
        refused::BEARER,
        refused::COOKIE,
        refused::BODY,
        &[Code::WrongPassword, Code::TooManyRequests],
    ];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Change the password
    ///
    /// All other sessions end; this one goes on.
    #[oai(
        path = "/auth/password",
        method = "post",
        operation_id = "changePassword"
    )]
    async fn change(
        &self,
        service: Shared<'_>,
        caller: Bearer,
        from: From,
        body: Strict<Body>,
    ) -> Result<InFeed<Revoked>, Refused<Failures>> {
        let passwords = Passwords {
            current: Password::new(body.0.current_password),
            new: Password::new(body.0.new_password),
        };
        let seq = change_password(&service.app, &caller.0, passwords, &from.0).await?;
        Ok(InFeed::at(Some(seq)))
    }
}
