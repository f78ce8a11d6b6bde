//! Cookies as credentials.

use super::{answered, claims, forwarded, get, header, rule, sent, signed, token, with_token};
use crate::gate::Head;

fn with_cookie(path: &str, token: &str) -> Head {
    Head {
        cookie: Some(format!("theme=dark; __Host-portcullis={token}")),
        names: vec!["cookie".to_owned()],
        ..get(path)
    }
}

#[test]
fn a_cookie_counts_where_the_route_takes_it_and_reaches_nobody() {
    let forward = forwarded(rule(&with_cookie("/pages/x", &token())));
    let set = sent(&forward);
    let bearer = format!("Bearer {}", token());
    assert_eq!(set.get("cookie"), Some(&"theme=dark"));
    assert_eq!(set.get("authorization"), Some(&bearer.as_str()));
    assert_eq!(set.get("portcullis-proof"), Some(&token().as_str()));
    assert_eq!(set.get("portcullis-subject"), Some(&"user-1"));
    assert_eq!(forward.vary, "authorization, cookie");
    let elsewhere = answered(rule(&with_cookie("/api/x", &token())));
    assert_eq!(
        header(&elsewhere, "www-authenticate"),
        Some("Bearer realm=\"portcullis\""),
        "nobody's credential there"
    );
}

#[test]
fn a_cookie_is_judged_like_any_token() {
    let mut expired = claims();
    (expired.iat, expired.exp) = (expired.iat.plus(-900), expired.iat.plus(-300));
    let mut foreign = claims();
    foreign.iss = "https://other.example".to_owned();
    for token in [signed(&expired), signed(&foreign), "a.b.c".to_owned()] {
        let answer = answered(rule(&with_cookie("/pages/x", &token)));
        assert_eq!(answer.status, 401, "{token}");
    }
}

#[test]
fn what_changes_something_needs_a_page_of_this_site() {
    let status = |method: &str, upgrade: bool, site: Option<&str>, origin: Option<&str>| {
        let mut head = Head {
            method: method.to_owned(),
            fetch_site: site.map(str::to_owned),
            origin: origin.map(str::to_owned),
            ..with_cookie("/pages/x", &token())
        };
        if upgrade {
            head.names.push("upgrade".to_owned());
        }
        match rule(&head).decision {
            crate::gate::Decision::Forward(_) => 200,
            crate::gate::Decision::Answer(answer) => answer.status,
            crate::gate::Decision::Metrics => unreachable!(),
        }
    };
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(status(method, false, None, None), 403, "{method}");
        assert_eq!(status(method, false, Some("cross-site"), None), 403);
        assert_eq!(
            status(method, false, None, Some("https://evil.example")),
            403
        );
        assert_eq!(status(method, false, Some("same-origin"), None), 200);
        assert_eq!(
            status(method, false, None, Some("https://edge.example")),
            200
        );
    }
    assert_eq!(status("GET", false, Some("cross-site"), None), 200);
    // A WebSocket is opened by a GET.
    assert_eq!(status("GET", true, Some("cross-site"), None), 403);
    assert_eq!(status("GET", true, Some("same-origin"), None), 200);
}

#[test]
fn a_token_in_the_header_needs_no_page() {
    let mut head = with_token("/pages/x", &token());
    head.method = "POST".to_owned();
    assert_eq!(sent(&forwarded(rule(&head))).get("authorization"), None);
}

#[test]
fn both_have_to_be_of_one_session() {
    let both = |header: &str, cookie: &str| Head {
        cookie: with_cookie("/pages/x", cookie).cookie,
        ..with_token("/pages/x", header)
    };
    let mut newer = claims();
    newer.jti = "token-2".to_owned();
    let mut older = claims();
    (older.iat, older.exp) = (older.iat.plus(-900), older.iat.plus(-300));
    for cookie in [token(), signed(&newer), signed(&older)] {
        let forward = forwarded(rule(&both(&token(), &cookie)));
        let proof = sent(&forward).get("portcullis-proof").copied();
        assert_eq!(proof, Some(token().as_str()), "the header counts");
    }
    let mut other = claims();
    other.sid = Some("session-2".to_owned());
    let mut none = claims();
    none.sid = None;
    for cookie in [signed(&other), signed(&none), "a.b.c".to_owned()] {
        assert_eq!(answered(rule(&both(&token(), &cookie))).status, 400);
    }
    let sessionless = both(&signed(&none), &signed(&none));
    assert_eq!(answered(rule(&sessionless)).status, 400);
    // A header that does not count is refused as such, whatever the cookie is.
    assert_eq!(answered(rule(&both("a.b.c", &token()))).status, 401);
}

#[test]
fn the_same_cookie_twice_is_a_contradiction() {
    let mut head = with_cookie("/pages/x", &token());
    head.cookie = Some(format!(
        "__Host-portcullis={0}; __Host-portcullis={0}",
        token()
    ));
    assert_eq!(answered(rule(&head)).status, 400);
}
