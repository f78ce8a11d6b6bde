//! The errors of the OAuth endpoints (RFC 6749 §5.2, and RFC 6750 §3.1 where a bearer token is the
//! credential).

use serde::Serialize;

/// What went wrong at an OAuth endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// A parameter is missing, repeated or malformed.
    InvalidRequest,
    /// The body is too large.
    TooLarge,
    /// The body is neither a form nor JSON.
    UnsupportedMediaType,
    /// The client is unknown or did not authenticate.
    InvalidClient,
    /// The bearer token in place of a client's secret is not valid.
    InvalidToken,
    /// The refresh token, or the API key, is not valid.
    InvalidGrant,
    /// The client may not do this.
    UnauthorizedClient,
    /// The bearer of the token may not do this.
    AccessDenied,
    /// Neither a refresh token nor an API key.
    UnsupportedGrantType,
    /// More is asked for than was granted.
    InvalidScope,
    /// A token for somebody else is asked for (RFC 8693 §2.2.2).
    InvalidTarget,
    /// Too often.
    SlowDown,
    /// A fault of ours.
    Fault,
    /// Not now.
    TemporarilyUnavailable,
}

impl Error {
    /// The `error` member.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::TooLarge | Self::UnsupportedMediaType => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidToken => "invalid_token",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::SlowDown => "slow_down",
            Self::Fault => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest
            | Self::InvalidGrant
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::InvalidScope
            | Self::InvalidTarget => 400,
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::AccessDenied => 403,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::SlowDown => 429,
            Self::Fault => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }

    /// A sentence for developers.
    pub const fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest => "the request is not valid",
            Self::TooLarge => "the request is too large",
            Self::UnsupportedMediaType => "the media type is not supported",
            Self::InvalidClient => "the client is not known, or did not authenticate",
            Self::InvalidToken => "the access token is not valid",
            Self::InvalidGrant => "the refresh token is not valid",
            Self::UnauthorizedClient => "the client may not do this",
            Self::AccessDenied => "this is not allowed",
            Self::UnsupportedGrantType => "the grants are refresh_token and token exchange",
            Self::InvalidScope => "more is asked for than was granted, or it is no scope",
            Self::InvalidTarget => "whom a token is for is not to be chosen",
            Self::SlowDown => "too many requests",
            Self::Fault => "something went wrong here",
            Self::TemporarilyUnavailable => "not available at the moment",
        }
    }

    /// The body; `description` takes the place of the usual sentence. RFC 6749 allows printable
    /// ASCII there, without quotes and backslashes.
    pub fn to_json(self, description: Option<&str>) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'static str,
            error_description: &'a str,
        }
        let error_description = description.unwrap_or(self.description());
        // Two strings: this cannot fail.
        serde_json::to_string(&Body {
            error: self.as_str(),
            error_description,
        })
        .unwrap_or_default()
    }
}
