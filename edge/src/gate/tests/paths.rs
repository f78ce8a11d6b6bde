//! Paths and methods that reach nobody, and preflights.

use super::{answered, get, header, rule, token, with_token};
use crate::gate::Head;

#[test]
fn a_path_that_can_be_read_twice_is_refused_before_any_rule() {
    for path in [
        "/open//x",
        "/open/%2e%2e/api/x",
        "/open/..%2fapi",
        "/auth/%2e%2e/api/x",
        "/auth//x",
    ] {
        assert_eq!(answered(rule(&get(path))).status, 400, "{path}");
    }
}

#[test]
fn unknown_paths_and_methods_reach_nobody() {
    assert_eq!(
        answered(rule(&with_token("/nowhere", &token()))).status,
        404
    );
    let head = Head {
        method: "PUT".to_owned(),
        ..with_token("/api/x", &token())
    };
    let answer = answered(rule(&head));
    assert_eq!(
        (answer.status, header(&answer, "allow")),
        (405, Some("GET, HEAD, POST"))
    );
    let from_page = Head {
        origin: Some("https://app.example".to_owned()),
        ..head
    };
    assert_eq!(
        header(&answered(rule(&from_page)), "access-control-allow-origin"),
        Some("https://app.example")
    );
}

#[test]
fn what_would_echo_the_request_is_never_forwarded() {
    for method in ["TRACE", "TRACK", "CONNECT"] {
        for path in [
            "/auth/login",
            "/.well-known/jwks.json",
            "/open/x",
            "/nowhere",
        ] {
            let head = Head {
                method: method.to_owned(),
                ..get(path)
            };
            assert_eq!(answered(rule(&head)).status, 405, "{method} {path}");
        }
    }
}

#[test]
fn preflights_are_answered_here_and_refusals_can_be_read_by_scripts() {
    let preflight = |origin: &str, method: &str| Head {
        method: "OPTIONS".to_owned(),
        origin: Some(origin.to_owned()),
        asked_method: Some(method.to_owned()),
        ..get("/api/x")
    };
    let good = answered(rule(&preflight("https://app.example", "POST")));
    assert_eq!(good.status, 204);
    assert_eq!(
        header(&good, "access-control-allow-methods"),
        Some("GET, HEAD, POST")
    );
    assert_eq!(
        answered(rule(&preflight("https://evil.example", "POST"))).status,
        403
    );
    assert_eq!(
        answered(rule(&preflight("https://app.example", "PUT"))).status,
        405
    );
    let refused = answered(rule(&Head {
        origin: Some("https://app.example".to_owned()),
        ..get("/api/x")
    }));
    assert_eq!(refused.status, 401);
    assert_eq!(
        header(&refused, "access-control-allow-origin"),
        Some("https://app.example")
    );
}
