//! What a login and a refresh give (RFC 6749 §5.1), in the body or, for browsers, in cookies; and what
//! the exchange of an API key gives (RFC 8693 §2.2.1).
//!
//! Never both: what a script cannot read, a script that somebody slipped into a page cannot carry
//! away either. Beside cookies the body tells when to refresh and what may be done, which is no
//! secret.

use poem::{
    IntoResponse, Response,
    http::{HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    registry::{
        MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
    },
    types::Type,
};

use crate::{
    domain::{mint::TokenSet, throttle::device::DeviceToken},
    http::{
        answer::{self, JSON},
        cookie,
        failure::Failure,
    },
};

/// Tokens.
#[derive(Object)]
#[oai(rename = "Tokens", skip_serializing_if_is_none)]
pub(crate) struct Tokens {
    /// For the API servers: `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: String,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// For `POST /auth/token`, once.
    refresh_token: String,
    /// What the access token may do, separated by spaces.
    scope: String,
    /// At a login: what the device is known by when it logs in again. It opens nothing.
    device_token: Option<String>,
}

/// What is told of tokens that are in cookies.
#[derive(Object)]
#[oai(rename = "TokensInCookies")]
pub(crate) struct TokensInCookies {
    /// Seconds until the access token expires.
    expires_in: i64,
    /// What the access token may do, separated by spaces.
    scope: String,
}

/// The access token of an API key (RFC 8693 §2.2.1).
#[derive(Object)]
#[oai(rename = "ExchangedToken")]
pub(crate) struct ExchangedToken {
    /// For the API servers: `Authorization: Bearer …`.
    pub(super) access_token: String,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    pub(super) issued_token_type: String,
    /// `Bearer`.
    pub(super) token_type: String,
    /// Seconds until the access token expires.
    pub(super) expires_in: i64,
    /// What the access token may do, separated by spaces.
    pub(super) scope: String,
}

/// Where the tokens are.
pub(crate) enum Granted {
    /// In the body, for an API key.
    Exchanged(ExchangedToken),
    /// In the body.
    Body(Tokens),
    /// In cookies.
    Cookies(TokensInCookies, Vec<HeaderValue>),
}

impl Granted {
    /// Tokens for whoever keeps them by itself.
    pub(crate) fn in_body(set: &TokenSet) -> Self {
        Self::Body(Tokens {
            access_token: set.access_token.as_str().to_owned(),
            token_type: "Bearer".to_owned(),
            expires_in: set.expires_in,
            refresh_token: set.refresh_token.expose().to_owned(),
            scope: set.scope.to_string(),
            device_token: None,
        })
    }

    /// Says too what the device is known by from now on, for so many seconds: where the tokens
    /// are.
    #[must_use]
    pub(crate) fn known_by(self, token: &DeviceToken, known_for: i64) -> Self {
        match self {
            Self::Body(tokens) => Self::Body(Tokens {
                device_token: Some(token.as_str().to_owned()),
                ..tokens
            }),
            // No device is known by a key.
            Self::Exchanged(token) => Self::Exchanged(token),
            Self::Cookies(body, mut cookies) => {
                cookies.extend(cookie::set_device(token.as_str(), known_for));
                Self::Cookies(body, cookies)
            }
        }
    }

    /// Tokens for a browser.
    ///
    /// # Errors
    ///
    /// 500 where a token is longer than browsers keep.
    pub(crate) fn in_cookies(set: &TokenSet) -> Result<Self, Failure> {
        let cookies = cookie::set(
            (&set.access_token, set.expires_in),
            (set.refresh_token.expose(), set.refresh_expires_in),
        );
        let cookies = cookies.ok_or_else(|| Failure::fault("a token that fits no cookie"))?;
        let body = TokensInCookies {
            expires_in: set.expires_in,
            scope: set.scope.to_string(),
        };
        Ok(Self::Cookies(body, cookies.into()))
    }
}

impl IntoResponse for Granted {
    fn into_response(self) -> Response {
        match self {
            Self::Exchanged(token) => answer::json(StatusCode::OK, &token),
            Self::Body(tokens) => answer::json(StatusCode::OK, &tokens),
            Self::Cookies(body, cookies) => {
                let mut response = answer::json(StatusCode::OK, &body);
                for cookie in cookies {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                response
            }
        }
    }
}

impl ApiResponse for Granted {
    fn meta() -> MetaResponses {
        let schema = MetaSchema {
            any_of: vec![
                Tokens::schema_ref(),
                TokensInCookies::schema_ref(),
                ExchangedToken::schema_ref(),
            ],
            ..MetaSchema::ANY
        };
        let response = MetaResponse {
            description: "Tokens, in the body or in cookies",
            status: Some(200),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: JSON,
                schema: MetaSchemaRef::Inline(Box::new(schema)),
            }],
            headers: vec![set_cookie()],
        };
        MetaResponses {
            responses: vec![response],
        }
    }

    fn register(registry: &mut Registry) {
        Tokens::register(registry);
        TokensInCookies::register(registry);
        ExchangedToken::register(registry);
    }
}

/// The header, in the OpenAPI document.
pub(crate) fn set_cookie() -> MetaHeader {
    let session = format!("{} and {}", cookie::ACCESS, cookie::REFRESH);
    MetaHeader {
        name: "Set-Cookie".to_owned(),
        description: Some(format!(
            "For browsers: {session}; at a login {} too.",
            cookie::DEVICE
        )),
        required: false,
        deprecated: false,
        schema: String::schema_ref(),
    }
}
