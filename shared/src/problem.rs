//! Problem answers (RFC 9457): the codes that clients may rely on, the same from both halves.
//!
//! A code never changes its meaning, and no answer holds the text of an inner error.

use serde::Serialize;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// What went wrong, as clients see it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code, for documentation and for tests.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The HTTP status that it is answered with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// A short sentence for people; may change.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

codes! {
    /// The request contradicts itself or the protocol.
    InvalidRequest = "invalid_request", 400, "The request is not valid";
    /// The path can be read in more than one way.
    AmbiguousPath = "ambiguous_path", 400, "The path is ambiguous";
    /// No credential came, and one is needed.
    AuthenticationRequired = "authentication_required", 401, "Authentication is required";
    /// The credential is malformed, expired, revoked, or not for here.
    InvalidToken = "invalid_token", 401, "The access token is not valid";
    /// Username and password do not match, or the account is not to log in.
    InvalidCredentials = "invalid_credentials", 401, "Username or password is wrong";
    /// The token lacks a scope.
    InsufficientScope = "insufficient_scope", 403, "The access token lacks a scope";
    /// The caller may not do this.
    Forbidden = "forbidden", 403, "This is not allowed";
    /// The service takes nobody who comes by themselves.
    RegistrationClosed = "registration_closed", 403, "Registration is closed";
    /// The caller is known, but the password that was to prove it once more is another.
    WrongPassword = "wrong_password", 403, "The current password is wrong";
    /// A cookie came with a request that may not be the person's own doing: nothing shows that a page
    /// of this site sent it.
    CrossSite = "cross_site", 403, "The request may come from another site";
    /// Nothing is here, or nothing that the caller may know of.
    NotFound = "not_found", 404, "There is nothing here";
    /// The path does not take this method.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here";
    /// It exists already, or changed meanwhile.
    Conflict = "conflict", 409, "It conflicts with what is there";
    /// The user has as many sessions as are allowed.
    TooManySessions = "too_many_sessions", 409, "There are too many sessions";
    /// The body is larger than allowed.
    PayloadTooLarge = "payload_too_large", 413, "The request is too large";
    /// The body's media type is not taken here.
    UnsupportedMediaType = "unsupported_media_type", 415, "The media type is not supported";
    /// A member of the body is not acceptable; `detail` names it.
    ValidationFailed = "validation_failed", 422, "The request's content is not acceptable";
    /// Too often.
    TooManyRequests = "too_many_requests", 429, "Too many requests";
    /// A fault of ours.
    Internal = "internal_error", 500, "Something went wrong here";
    /// What stands behind did not answer.
    BadGateway = "bad_gateway", 502, "The server behind did not answer";
    /// Not now; `Retry-After` says when.
    Unavailable = "unavailable", 503, "Not available at the moment";
}

/// The body of a problem answer, media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `urn:portcullis:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short sentence for people.
    pub title: &'static str,
    /// The HTTP status again.
    pub status: u16,
    /// The stable name.
    pub code: &'static str,
    /// What exactly, where that helps and gives nothing away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The media type of [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

impl Problem {
    /// The body for a code.
    pub fn new(code: Code, detail: Option<String>) -> Self {
        Self {
            kind: format!("urn:portcullis:problem:{}", code.as_str()),
            title: code.title(),
            status: code.status(),
            code: code.as_str(),
            detail,
        }
    }

    /// The body as JSON.
    pub fn to_json(&self) -> String {
        // Strings and a number: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_a_name_of_its_own_for_an_error() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(code.as_str().bytes().all(plain), "{code:?}");
            assert!((400..600).contains(&code.status()), "{code:?}");
            assert!(!code.title().is_empty(), "{code:?}");
        }
    }

    #[test]
    fn a_problem_is_the_object_of_rfc_9457() {
        let without = Problem::new(Code::NotFound, None).to_json();
        assert_eq!(
            without,
            r#"{"type":"urn:portcullis:problem:not_found","title":"There is nothing here","status":404,"code":"not_found"}"#
        );
        let with =
            Problem::new(Code::ValidationFailed, Some("say \"when\"\n".to_owned())).to_json();
        assert!(with.ends_with(r#","detail":"say \"when\"\n"}"#), "{with}");
    }
}
