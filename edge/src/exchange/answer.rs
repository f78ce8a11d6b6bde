//! What is asked of the origin, and what it says: the exchange of an API key for an access token
//! (RFC 8693 §2).

use portcullis_shared::token::TOKEN_LIMIT;
use serde::Deserialize;

/// All of the form but the key, which needs no escaping.
const FORM: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
    &requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token\
    &subject_token_type=urn%3Aportcullis%3Atoken-type%3Aapi-key\
    &subject_token=";

/// `issued_token_type` of an access token (RFC 8693 §3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The origin gave a token.
    Granted(Granted),
    /// The origin says that the key is no good.
    Refused,
    /// The origin wants fewer attempts, for so many seconds.
    TooMany(u32),
    /// Nobody knows: the origin was not reached, or has no time.
    Unavailable,
}

/// A token that was given for a key. Whether it is any good is judged as of every token.
#[derive(Clone, PartialEq, Eq)]
pub struct Granted {
    /// The token.
    pub token: String,
    /// For how long, in seconds.
    pub lifetime: u32,
}

impl std::fmt::Debug for Granted {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Granted(.., {} s)", self.lifetime)
    }
}

/// The body of the request for a key.
pub fn form(key: &str) -> String {
    format!("{FORM}{key}")
}

#[derive(Deserialize)]
struct Success {
    access_token: String,
    issued_token_type: String,
    token_type: String,
    expires_in: u32,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

/// Reads the answer with the status 200 (RFC 8693 §2.2.1). One that is not understood is none.
///
/// ```
/// use portcullis_edge::exchange::{Outcome, granted};
/// let json = br#"{"access_token":"a.b.c","expires_in":600,"token_type":"Bearer",
///     "issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}"#;
/// assert!(matches!(granted(json), Outcome::Granted(given) if given.lifetime == 600));
/// assert_eq!(granted(b"<html>"), Outcome::Unavailable);
/// ```
pub fn granted(json: &[u8]) -> Outcome {
    let Ok(given) = serde_json::from_slice::<Success>(json) else {
        return Outcome::Unavailable;
    };
    let token = &given.access_token;
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let fits = given.issued_token_type == ACCESS_TOKEN
        && given.token_type.eq_ignore_ascii_case("bearer")
        && given.expires_in > 0
        && (1..=TOKEN_LIMIT).contains(&token.len())
        && token.bytes().all(part);
    if !fits {
        return Outcome::Unavailable;
    }
    Outcome::Granted(Granted {
        token: given.access_token,
        lifetime: given.expires_in,
    })
}

/// Reads the answer with the status 400 (RFC 6749 §5.2). Whatever else than the key it is that the
/// origin does not like, is not the bearer's fault.
pub fn refused(json: &[u8]) -> Outcome {
    match serde_json::from_slice::<Failure>(json) {
        Ok(failure) if failure.error == "invalid_grant" => Outcome::Refused,
        _ => Outcome::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn success() -> serde_json::Value {
        json!({
            "access_token": "a.b-c.d_e", "issued_token_type": ACCESS_TOKEN,
            "token_type": "bearer", "expires_in": 600, "scope": "api:read",
        })
    }

    #[test]
    fn a_token_is_taken_as_the_rfc_has_it() {
        let Outcome::Granted(given) = granted(success().to_string().as_bytes()) else {
            panic!("not taken");
        };
        assert_eq!((given.token.as_str(), given.lifetime), ("a.b-c.d_e", 600));
        assert!(!format!("{given:?}").contains("a.b"));
    }

    #[test]
    fn what_is_not_understood_is_no_answer_and_never_a_refusal() {
        for (name, value) in [
            ("access_token", json!("")),
            ("access_token", json!("a\r\nb")),
            ("access_token", json!("x".repeat(TOKEN_LIMIT + 1))),
            ("access_token", json!(null)),
            ("token_type", json!("N_A")),
            (
                "issued_token_type",
                json!("urn:ietf:params:oauth:token-type:jwt"),
            ),
            ("expires_in", json!(-1)),
            ("expires_in", json!(0)),
            ("expires_in", json!("600")),
        ] {
            let mut changed = success();
            changed[name] = value.clone();
            let outcome = granted(changed.to_string().as_bytes());
            assert_eq!(outcome, Outcome::Unavailable, "{name} {value}");
        }
        for text in [
            "",
            "{}",
            "[]",
            "<html>",
            "{\"access_token\":\"a\",\"access_token\":\"b\"}",
        ] {
            assert_eq!(granted(text.as_bytes()), Outcome::Unavailable, "{text}");
            assert_eq!(refused(text.as_bytes()), Outcome::Unavailable, "{text}");
        }
    }

    #[test]
    fn only_an_invalid_grant_is_the_fault_of_the_key() {
        let said = |error: &str| refused(json!({ "error": error }).to_string().as_bytes());
        assert_eq!(said("invalid_grant"), Outcome::Refused);
        for error in [
            "invalid_request",
            "unsupported_grant_type",
            "invalid_client",
            "",
        ] {
            assert_eq!(said(error), Outcome::Unavailable, "{error}");
        }
    }

    #[test]
    fn the_form_says_what_is_wanted_for_what() {
        let form = form("pak_x_y");
        let pairs: Vec<_> = form
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        assert_eq!(
            pairs,
            [
                (
                    "grant_type",
                    "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
                ),
                (
                    "requested_token_type",
                    "urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"
                ),
                (
                    "subject_token_type",
                    "urn%3Aportcullis%3Atoken-type%3Aapi-key"
                ),
                ("subject_token", "pak_x_y"),
            ]
        );
    }
}
