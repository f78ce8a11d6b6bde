//! Answers of the edge's own: problems (RFC 9457) with the challenges of RFC 6750 §3.
//!
//! Invariant: an answer says what the client can do about it and nothing of why. Every credential
//! that does not count is answered with the same bytes.

use portcullis_shared::{
    problem::{Code, MEDIA_TYPE, Problem},
    scope::ScopeSet,
};

/// Status, headers and body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its headers, without those that every answer of the edge gets.
    pub headers: Vec<(&'static str, String)>,
    /// Its body, if it has one.
    pub body: Option<String>,
}

impl Answer {
    /// A problem and no more.
    pub fn problem(code: Code) -> Self {
        let problem = Problem::new(code, None);
        Self {
            status: problem.status,
            headers: vec![
                ("content-type", MEDIA_TYPE.to_owned()),
                ("cache-control", "no-store".to_owned()),
            ],
            body: Some(problem.to_json()),
        }
    }

    /// No credential came: a challenge without an error (RFC 6750 §3.1).
    pub fn authentication_required() -> Self {
        Self::problem(Code::AuthenticationRequired).with("www-authenticate", challenge(""))
    }

    /// A credential came that does not count, for whatever reason.
    pub fn invalid_token() -> Self {
        Self::problem(Code::InvalidToken)
            .with("www-authenticate", challenge(", error=\"invalid_token\""))
    }

    /// The request contradicts itself.
    pub fn invalid_request() -> Self {
        Self::problem(Code::InvalidRequest)
            .with("www-authenticate", challenge(", error=\"invalid_request\""))
    }

    /// The token lacks one of these scopes.
    pub fn insufficient_scope(needed: &ScopeSet) -> Self {
        let detail = format!(", error=\"insufficient_scope\", scope=\"{needed}\"");
        Self::problem(Code::InsufficientScope).with("www-authenticate", challenge(&detail))
    }

    /// The token has none of the roles that are asked for, which are not told.
    pub fn forbidden() -> Self {
        Self::problem(Code::Forbidden).with(
            "www-authenticate",
            challenge(", error=\"insufficient_scope\""),
        )
    }

    /// The path does not take the method.
    pub fn method_not_allowed(allow: String) -> Self {
        Self::problem(Code::MethodNotAllowed).with("allow", allow)
    }

    /// What is needed to decide is missing or too old.
    pub fn unavailable() -> Self {
        Self::problem(Code::Unavailable).with("retry-after", "2".to_owned())
    }

    /// There were too many; in so many milliseconds there may be another.
    pub fn too_many_requests(millis: i64) -> Self {
        let seconds = (millis.max(1) - 1) / 1_000 + 1;
        Self::problem(Code::TooManyRequests).with("retry-after", seconds.to_string())
    }

    /// A text that is of this moment.
    pub fn text(media_type: &'static str, text: String) -> Self {
        Self {
            status: 200,
            headers: vec![
                ("content-type", media_type.to_owned()),
                ("cache-control", "no-store".to_owned()),
            ],
            body: Some(text),
        }
    }

    /// The answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// The value of `WWW-Authenticate`. Scopes hold neither quotes nor backslashes.
fn challenge(parameters: &str) -> String {
    format!("Bearer realm=\"portcullis\"{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
        answer
            .headers
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_challenge_has_an_error_only_when_a_credential_came() {
        let none = Answer::authentication_required();
        assert_eq!(
            (none.status, header(&none, "www-authenticate")),
            (401, Some("Bearer realm=\"portcullis\""))
        );
        let bad = Answer::invalid_token();
        assert_eq!(
            (bad.status, header(&bad, "www-authenticate")),
            (
                401,
                Some("Bearer realm=\"portcullis\", error=\"invalid_token\"")
            )
        );
    }

    #[test]
    fn a_lacking_scope_is_named() {
        let answer = Answer::insufficient_scope(&"api:write api:read".parse().unwrap());
        assert_eq!(answer.status, 403);
        assert_eq!(
            header(&answer, "www-authenticate"),
            Some(
                "Bearer realm=\"portcullis\", error=\"insufficient_scope\", scope=\"api:read api:write\""
            )
        );
    }

    #[test]
    fn problems_are_never_stored() {
        for code in Code::ALL {
            let answer = Answer::problem(*code);
            assert_eq!(header(&answer, "cache-control"), Some("no-store"));
            assert_eq!(
                header(&answer, "content-type"),
                Some("application/problem+json")
            );
            assert_eq!(answer.status, code.status());
            assert!(answer.body.unwrap().contains(code.as_str()));
        }
        assert_eq!(header(&Answer::unavailable(), "retry-after"), Some("2"));
        for (millis, seconds) in [(0, "1"), (1_000, "1"), (1_001, "2")] {
            let answer = Answer::too_many_requests(millis);
            assert_eq!(header(&answer, "retry-after"), Some(seconds));
        }
    }
}
