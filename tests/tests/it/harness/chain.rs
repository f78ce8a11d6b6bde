//! A client that keeps a log of what it was answered: one login, and the refresh tokens that came
//! of it.
//!
//! What it may rely on: whatever token it was answered last works, or, when the request that spent
//! it went unanswered, gives the successor once more. Everything else is a lost refresh.

use base64ct::{Base64UrlUnpadded, Encoding};
use reqwest::Method;

use super::{
    client::{Answer, Http, try_send},
    stack::{Tokens, tokens},
};

/// What came of a request.
#[derive(Debug, Clone)]
pub enum Attempt {
    /// 200.
    Granted(Tokens),
    /// Another answer, and a definite one.
    Refused(Answer),
    /// 503 with `Retry-After`: nothing is known, and trying again is right.
    Unavailable,
    /// The connection broke: nothing is known.
    NoAnswer,
}

/// Sends a request that has `Tokens` for an answer.
pub async fn attempt(request: reqwest::RequestBuilder) -> Attempt {
    let Ok(answer) = try_send(request).await else {
        return Attempt::NoAnswer;
    };
    match answer.status {
        200 if answer.text().contains("refresh_token") => Attempt::Granted(tokens(&answer)),
        503 => {
            let again: u32 = answer.header("retry-after").parse().unwrap();
            assert!(again > 0);
            Attempt::Unavailable
        }
        // Our fault is never an answer to a fault of others.
        500.. => panic!("{}: {}", answer.status, answer.text()),
        _ => Attempt::Refused(answer),
    }
}

/// Presents a refresh token.
pub async fn present(http: &Http, base: &str, token: &str) -> Attempt {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "portcullis"),
        ("refresh_token", token),
    ];
    let url = format!("{base}/auth/token");
    attempt(http.request(Method::POST, &url).form(&form)).await
}

/// The place of a refresh token in its chain.
pub fn generation(token: &str) -> u32 {
    let bytes = Base64UrlUnpadded::decode_vec(token.strip_prefix("prt_").unwrap()).unwrap();
    u32::from_be_bytes(bytes[17..21].try_into().unwrap())
}

/// The log.
#[derive(Debug, Clone)]
pub struct Chain {
    /// What was answered, the oldest first.
    pub answered: Vec<Tokens>,
}

impl Chain {
    pub fn begin(login: Tokens) -> Self {
        Self {
            answered: vec![login],
        }
    }

    /// What the client holds.
    pub fn held(&self) -> &Tokens {
        self.answered.last().unwrap()
    }

    /// A refresh token that was spent before the one was that the client holds; none when there
    /// was none yet.
    pub fn long_spent(&self) -> Option<&str> {
        let place = self.answered.len().checked_sub(3)?;
        Some(&self.answered[place].refresh)
    }

    /// Notes an answer to the token that is held.
    pub fn note(&mut self, next: Tokens) {
        let (held, new) = (generation(&self.held().refresh), generation(&next.refresh));
        assert_eq!(new, held + 1, "an honest client goes on by one");
        self.answered.push(next);
    }
}

/// That a refresh was refused for good.
#[track_caller]
pub fn assert_invalid_grant(attempt: &Attempt) {
    let Attempt::Refused(answer) = attempt else {
        panic!("it should have been refused: {attempt:?}");
    };
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json()["error"], "invalid_grant");
}
