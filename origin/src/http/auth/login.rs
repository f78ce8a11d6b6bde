//! `POST /auth/login`: a password becomes tokens.

use poem_openapi::{Object, OpenApi};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use super::token_answer::Granted;
use crate::{
    domain::{app::ADMIN_CLIENT, login, password::Password},
    http::{
        body::{Strict, present},
        cookie,
        failure::Failure,
        mapping::unacceptable,
        origin::From,
        refused::{self, Declared, Refused},
        same_site::Proof,
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
    /// The device token that the last login from this device gave: with it nobody else's wrong
    /// passwords delay this login. A browser that logs in with cookies has it there.
    #[serde(default, deserialize_with = "present")]
    device_token: Option<String>,
    /// For browsers: the tokens come in cookies and not in the body. Needs `Sec-Fetch-Site:
    /// same-origin`, or the `Origin` of this site; not for the administration.
    #[serde(default, deserialize_with = "present")]
    cookies: Option<bool>,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[
        refused::BODY,
        refused::COOKIE,
        &[
            Code::InvalidCredentials,
            Code::Forbidden,
            Code::TooManySessions,
            Code::TooManyRequests,
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
        sent: cookie::Sent,
        proof: Proof,
        body: Strict<Body>,
    ) -> Result<Granted, Refused<Failures>> {
        let Body {
            username,
            password,
            client_id,
            device,
            device_token,
            cookies,
        } = body.0;
        let in_cookies = cookies.unwrap_or_default();
        if in_cookies {
            may_have_cookies(client_id.as_deref(), proof)?;
        }
        let device_token = match device_token {
            None if in_cookies => known_device(sent),
            in_body => in_body,
        };
        let request = login::Request {
            username,
            password: Password::new(password),
            client_id,
            device,
            device_token,
        };
        let done = login::login(&service.app, request, &from.0).await?;
        let granted = if in_cookies {
            Granted::in_cookies(&done.tokens)?
        } else {
            Granted::in_body(&done.tokens)
        };
        let known_for = service.app.config.throttle.known_for;
        Ok(granted.known_by(&done.device_token, known_for))
    }
}

/// What the browser is known by. Without it the login is a stranger's, so cookies that cannot be
/// read keep nobody out.
fn known_device(sent: cookie::Sent) -> Option<String> {
    let token = sent.0.ok()?.device?;
    Some(token.as_str().to_owned())
}

/// Another site must not be able to log somebody in here under its own name. And administration is
/// not for what a browser attaches by itself: one page that is slipped in would have all of it.
fn may_have_cookies(client_id: Option<&str>, proof: Proof) -> Result<(), Failure> {
    proof.require()?;
    if client_id == Some(ADMIN_CLIENT) {
        return Err(unacceptable("cookies", "the administration takes none"));
    }
    Ok(())
}
