//! The line of the log about a decision.

use portcullis_shared::revocation::Kind;
use serde_json::{Value, json};

use super::{NOW, claims, config_with, get, revoked, rule_at, signed, snapshot, token, with_token};
use crate::{
    decision_line::{Known, is_wanted, write},
    gate::Head,
};

const KNOWN: Known = Known {
    feed_seq: Some(7),
    feed_age: Some(1_200),
    keys_age: Some(40_000),
};

/// The line about a request by these settings, if they want one.
fn line(head: &Head, settings: &[(&str, &str)]) -> Option<Value> {
    let config = config_with(settings);
    let banned = snapshot(vec![revoked(Kind::Session, "session-2")]);
    let ruling = rule_at(head, &config, &banned, NOW);
    is_wanted(head, &config, &ruling).then(|| {
        let line = write(head, &config, &ruling, &KNOWN);
        assert!(!line.contains("eyJ"), "{line}");
        serde_json::from_str(&line).unwrap()
    })
}

#[test]
fn a_line_says_who_was_refused_by_which_rule_and_why() {
    let mut of_session_2 = claims();
    of_session_2.sid = Some("session-2".to_owned());
    let head = with_token("/api/secret-path?secret=query", &signed(&of_session_2));
    let expected = json!({
        "level": "info", "message": "decision", "outcome": "refused", "status": 401,
        "reason": "revoked_session", "detail": "the session is revoked",
        "rule": 1, "route": "*/api/*", "subject": "user-1",
        "feed_seq": 7, "feed_age_ms": 1200, "keys_age_ms": 40000, "request_id": "request-1",
    });
    assert_eq!(line(&head, &[]), Some(expected));
}

#[test]
fn a_route_that_reports_says_what_it_would_have_answered() {
    let line = line(&with_token("/watched/x", "bad"), &[]).unwrap();
    assert_eq!(
        (&line["outcome"], &line["would_be"], &line["status"]),
        (&json!("reported"), &json!(401), &Value::Null)
    );
    assert_eq!(line["reason"], "token_malformed");
    assert_eq!(line["subject"], Value::Null, "nobody has verified one");
}

#[test]
fn decisions_that_let_pass_are_logged_when_a_setting_asks_for_it() {
    let good = with_token("/api/notes", &token());
    let all = [("LOG_DECISIONS", "1")];
    assert_eq!(line(&good, &[]), None);
    let passed = line(&good, &all).unwrap();
    assert_eq!(
        (&passed["outcome"], &passed["subject"], &passed["reason"]),
        (&json!("passed"), &json!("user-1"), &Value::Null)
    );
    assert_eq!(line(&get("/auth/me"), &all).unwrap()["outcome"], "built_in");
    let refusals = [("LOG_REFUSALS", "0")];
    assert_eq!(line(&get("/api/notes"), &refusals), None);
}

#[test]
fn a_share_of_the_requests_is_logged_always_the_same() {
    let settings = [("LOG_DECISIONS", "0.2")];
    let logged = || {
        let heads = (0..200).map(|number| Head {
            request_id: format!("ray-{number}"),
            ..get("/open/x")
        });
        let lines = heads.filter_map(|head| line(&head, &settings));
        lines
            .map(|line| line["request_id"].clone())
            .collect::<Vec<_>>()
    };
    let first = logged();
    assert!((10..80).contains(&first.len()), "{}", first.len());
    assert_eq!(first, logged());
}

#[test]
fn a_key_that_is_not_known_is_named() {
    let other = portcullis_shared::keys::SigningKey::from_seed(&[2; 32]).unwrap();
    let token = portcullis_shared::token::sign(&other, &claims()).unwrap();
    let line = line(&with_token("/api/notes", &token), &[]).unwrap();
    assert_eq!(line["reason"], "unknown_key");
    assert_eq!(line["kid"], other.verifying_key().unwrap().id().as_str());
}
