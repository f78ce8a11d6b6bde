//! What an endpoint answers when it does not do what was asked: RFC 9457 problems, and the errors
//! of RFC 6749 §5.2 at the OAuth endpoints.
//!
//! A client sees a stable code and never the text of an inner error; that is kept as the source
//! and logged once, at the boundary.

use std::error::Error as StdError;

use poem::{
    Response,
    error::ResponseError,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use portcullis_shared::problem::{self, Code, Problem};

use super::oauth;

/// Seconds after which whoever met an overload or an outage may try again.
pub(crate) const RETRY_AFTER: u32 = 1;

/// What the body says.
#[derive(Debug)]
enum Body {
    Problem {
        code: Code,
        detail: Option<String>,
    },
    OAuth {
        error: oauth::Error,
        description: Option<String>,
    },
}

/// Why an endpoint did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    body: Body,
    headers: Vec<(HeaderName, HeaderValue)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Failure {
    /// A problem answer. One that is 401 asks for a bearer token unless it is about a password.
    pub fn new(code: Code) -> Self {
        let failure = Self {
            body: Body::Problem { code, detail: None },
            headers: vec![],
            source: None,
        };
        match code {
            Code::AuthenticationRequired => failure.challenge("Bearer realm=\"portcullis\""),
            Code::InvalidToken => {
                failure.challenge("Bearer realm=\"portcullis\", error=\"invalid_token\"")
            }
            // No scheme is registered for a password in a body, and a browser must not ask for one
            // by itself, as it would for `Basic`.
            Code::InvalidCredentials => failure.challenge("Password realm=\"portcullis\""),
            Code::TooManyRequests | Code::Unavailable => failure.retry_after(RETRY_AFTER),
            Code::InvalidRequest
            | Code::AmbiguousPath
            | Code::InsufficientScope
            | Code::Forbidden
            | Code::RegistrationClosed
            | Code::WrongPassword
            | Code::CrossSite
            | Code::NotFound
            | Code::MethodNotAllowed
            | Code::Conflict
            | Code::PayloadTooLarge
            | Code::UnsupportedMediaType
            | Code::ValidationFailed
            | Code::Internal
            | Code::BadGateway
            | Code::TooManySessions => failure,
        }
    }

    /// A fault of ours.
    pub fn fault(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Code::Internal).source(cause)
    }

    /// An answer of an OAuth endpoint.
    pub fn oauth(error: oauth::Error) -> Self {
        let failure = Self {
            body: Body::OAuth {
                error,
                description: None,
            },
            headers: vec![],
            source: None,
        };
        match error {
            oauth::Error::InvalidClient => {
                failure.challenge("Basic realm=\"portcullis\", charset=\"UTF-8\"")
            }
            oauth::Error::InvalidToken => {
                failure.challenge("Bearer realm=\"portcullis\", error=\"invalid_token\"")
            }
            oauth::Error::SlowDown | oauth::Error::TemporarilyUnavailable => {
                failure.retry_after(RETRY_AFTER)
            }
            oauth::Error::InvalidRequest
            | oauth::Error::TooLarge
            | oauth::Error::UnsupportedMediaType
            | oauth::Error::InvalidGrant
            | oauth::Error::UnauthorizedClient
            | oauth::Error::AccessDenied
            | oauth::Error::UnsupportedGrantType
            | oauth::Error::InvalidScope
            | oauth::Error::InvalidTarget
            | oauth::Error::Fault => failure,
        }
    }

    /// Says more, to the client: what exactly, where that gives nothing away.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        match &mut self.body {
            Body::Problem { detail: slot, .. }
            | Body::OAuth {
                description: slot, ..
            } => {
                *slot = Some(text.into());
            }
        }
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a header, such as `Allow`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says after how many seconds to try again, where that is not [`RETRY_AFTER`].
    #[must_use]
    pub fn after(mut self, seconds: u32) -> Self {
        self.headers.retain(|(name, _)| name != header::RETRY_AFTER);
        self.retry_after(seconds)
    }

    fn challenge(self, value: &'static str) -> Self {
        self.header(header::WWW_AUTHENTICATE, HeaderValue::from_static(value))
    }

    fn retry_after(self, seconds: u32) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        let status = match &self.body {
            Body::Problem { code, .. } => code.status(),
            Body::OAuth { error, .. } => error.status(),
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer.
    pub fn to_response(&self) -> Response {
        let (media_type, body) = match &self.body {
            Body::Problem { code, detail } => (
                problem::MEDIA_TYPE,
                Problem::new(*code, detail.clone()).to_json(),
            ),
            Body::OAuth { error, description } => {
                (super::answer::JSON, error.to_json(description.as_deref()))
            }
        };
        let mut response = Response::builder()
            .status(self.status())
            .content_type(media_type)
            .body(body);
        response.headers_mut().extend(self.headers.iter().cloned());
        response
    }

    /// Logs the cause, where there is one: a fault as an error, an outage as a warning.
    pub fn log(&self) {
        let Some(source) = &self.source else { return };
        let cause = crate::logging::chain(source.as_ref());
        if self.status() == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(?cause, "a request failed");
        } else {
            tracing::warn!(?cause, "a request could not be served");
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.body {
            Body::Problem { code, .. } => out.write_str(code.as_str()),
            Body::OAuth { error, .. } => out.write_str(error.as_str()),
        }
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl ResponseError for Failure {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn as_response(&self) -> Response {
        self.to_response()
    }
}
