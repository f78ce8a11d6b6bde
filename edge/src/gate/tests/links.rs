//! Links: what they lead to, and what they do not.

use portcullis_shared::{
    keys::SigningKey,
    link::{self, LinkClaims, LinkMethod, LinkMethods, QueryDigest, ResponseHeaders},
    revocation::{Kind, Record},
    time::LEEWAY,
};

use super::{
    ISSUER, NOW, answered, config, forwarded, get, header, key, revoked, rule, rule_at, sent,
    signed, snapshot, snapshot_of, token, with_token,
};
use crate::{
    gate::{CacheUse, Head, Memory, Plan, Reason, Verdict, judge, plan},
    snapshot::{Ages, Snapshot},
    time::Millis,
};

fn claims() -> LinkClaims {
    LinkClaims {
        iss: ISSUER.to_owned(),
        sub: "user-1".to_owned(),
        iat: NOW.seconds().plus(-100),
        exp: NOW.seconds().plus(3600),
        host: "edge.example".to_owned(),
        path: "/linked/cat.png".parse().unwrap(),
        methods: LinkMethods::new(&[LinkMethod::Get]).unwrap(),
        query: QueryDigest::of(Some("w=100")),
        headers: None,
    }
}

fn signed_link(claims: &LinkClaims) -> String {
    link::sign(&key(), claims).unwrap()
}

fn with_link(link: &str) -> Head {
    get(&format!("/linked/cat.png?w=100&portcullis_link={link}"))
}

fn good() -> Head {
    with_link(&signed_link(&claims()))
}

fn reason(head: &Head) -> Reason {
    let ruling = rule(head);
    let reason = ruling.reason.unwrap();
    assert_eq!(answered(ruling).status, 401);
    reason
}

#[test]
fn a_link_passes_and_stays_here_but_as_the_proof() {
    let link = signed_link(&claims());
    let forward = forwarded(rule(&with_link(&link)));
    assert_eq!(
        forward.url,
        "http://images.internal:9002/linked/cat.png?w=100"
    );
    let sent = sent(&forward);
    assert_eq!(sent["portcullis-proof"], link);
    assert_eq!(sent["portcullis-issuer"], ISSUER);
    assert_eq!(sent["portcullis-subject"], "user-1");
    assert_eq!(sent["portcullis-expires"], claims().exp.0.to_string());
    assert_eq!(sent["x-forwarded-host"], "edge.example");
    for name in [
        "authorization",
        "portcullis-scope",
        "portcullis-roles",
        "portcullis-session",
    ] {
        assert_eq!(sent.get(name), None, "{name}");
    }
    assert_eq!((forward.cache, forward.vary), (CacheUse::Private, ""));
    let answer = forward.link.unwrap();
    assert_eq!((answer.max_age, answer.headers), (3600, vec![]));
}

#[test]
fn nobody_else_is_told_a_link() {
    for path in ["/open/x", "/maybe/x", "/watched/x", "/auth/login"] {
        let by_link = |refers_to_link| Head {
            names: vec!["referer".to_owned()],
            refers_to_link,
            ..get(&format!("{path}?portcullis_link=a.b.c&x=1"))
        };
        let forward = forwarded(rule(&by_link(true)));
        assert!(forward.url.ends_with(&format!("{path}?x=1")), "{path}");
        assert_eq!(forward.remove, ["referer"], "{path}");
        let forward = forwarded(rule(&by_link(false)));
        assert!(forward.remove.is_empty(), "{path}");
    }
}

#[test]
fn a_link_passes_with_range_and_head_and_from_anywhere_in_the_query() {
    let link = signed_link(&claims());
    let head = Head {
        method: "HEAD".to_owned(),
        ..with_link(&link)
    };
    assert_eq!(forwarded(rule(&head)).link.unwrap().max_age, 3600);
    let ranged = Head {
        names: vec!["range".to_owned()],
        ..with_link(&link)
    };
    assert_eq!(forwarded(rule(&ranged)).remove, Vec::<String>::new());
    let first = get(&format!("/linked/cat.png?portcullis_link={link}&w=100"));
    assert_eq!(
        forwarded(rule(&first)).url,
        "http://images.internal:9002/linked/cat.png?w=100"
    );
    let port = Head {
        url: with_link(&link)
            .url
            .replace("edge.example", "EDGE.example:8443"),
        ..with_link(&link)
    };
    forwarded(rule(&port));
}

#[test]
fn a_link_brings_the_headers_of_the_answer() {
    let content_disposition = "attachment; filename=\"cat.png\"".parse().unwrap();
    let headers = Some(ResponseHeaders {
        content_disposition,
    });
    let link = signed_link(&LinkClaims {
        headers,
        ..claims()
    });
    let answer = forwarded(rule(&with_link(&link))).link.unwrap();
    let expected = (
        "content-disposition",
        "attachment; filename=\"cat.png\"".to_owned(),
    );
    assert_eq!(answer.headers, [expected]);
}

#[test]
fn a_link_to_something_else_is_refused_like_any_bad_credential() {
    let link = signed_link(&claims());
    let pattern = answered(rule(&with_token("/linked/cat.png", "a.b.c")));
    let url = |from: &str, to: &str| {
        let head = with_link(&link);
        assert!(head.url.contains(from), "{from}");
        Head {
            url: head.url.replacen(from, to, 1),
            ..head
        }
    };
    let method = |method: &str| Head {
        method: method.to_owned(),
        ..with_link(&link)
    };
    let upgrade = Head {
        names: vec!["upgrade".to_owned()],
        ..with_link(&link)
    };
    for (head, why) in [
        (url("edge.example", "other.example"), Reason::LinkHost),
        (url("cat.png", "dog.png"), Reason::LinkPath),
        (url("cat.png", "cat.png/"), Reason::LinkPath),
        (url("w=100&", ""), Reason::LinkQuery),
        (url("w=100&", "w=100&&"), Reason::LinkQuery),
        (url("w=100&", "w=100&h=1&"), Reason::LinkQuery),
        (url("w=100&", "w=%3100&"), Reason::LinkQuery),
        (method("POST"), Reason::LinkMethod),
        (method("DELETE"), Reason::LinkMethod),
        (upgrade, Reason::LinkMethod),
        (with_link(""), Reason::TokenMalformed),
        (with_link("a.b.c"), Reason::TokenMalformed),
        (with_link(&"a".repeat(3000)), Reason::TokenTooLong),
        (with_link(&format!("{link}A")), Reason::TokenMalformed),
        (with_link(&link.replace('.', "%2E")), Reason::TokenMalformed),
        (with_link(&signed(&super::claims())), Reason::TokenType),
    ] {
        assert_eq!(reason(&head), why, "{}", head.url);
        assert_eq!(answered(rule(&head)), pattern, "{}", head.url);
    }
}

#[test]
fn a_link_is_no_bearer_token_and_no_cookie() {
    let link = signed_link(&claims());
    assert_eq!(
        reason(&with_token("/linked/cat.png?w=100", &link)),
        Reason::TokenType
    );
    let cookie = Head {
        cookie: Some(format!("__Host-portcullis={link}")),
        ..get("/linked/cat.png?w=100")
    };
    assert_eq!(reason(&cookie), Reason::TokenType);
}

#[test]
fn time_and_revocation_end_a_link_and_the_end_of_a_session_does_not() {
    let head = good();
    let later = |seconds: i64| Millis(NOW.0 + seconds * 1000);
    let at = |now: Millis, records: Vec<Record>| {
        let ages = Ages {
            feed_hard: i64::MAX,
            keys_hard: i64::MAX,
            ..Ages::default()
        };
        rule_at(&head, &config(), &snapshot_of(ages, records), now)
    };
    let last = forwarded(at(later(3600 + LEEWAY - 1), vec![]));
    assert_eq!(last.link.unwrap().max_age, 0);
    assert_eq!(
        at(later(3600 + LEEWAY), vec![]).reason,
        Some(Reason::Expired)
    );
    let kid = key().id().to_string();
    for (kind, id, why) in [
        (Kind::User, "user-1", Reason::RevokedUser),
        (Kind::SigningKey, &kid, Reason::RevokedSigningKey),
    ] {
        let ruling = at(NOW, vec![revoked(kind, id)]);
        assert_eq!(ruling.reason, Some(why));
        assert_eq!(ruling.subject(), Some("user-1"));
    }
    for kind in [Kind::Session, Kind::ApiKey] {
        forwarded(at(
            NOW,
            vec![revoked(kind, "user-1"), revoked(kind, "session-1")],
        ));
    }
}

#[test]
fn two_credentials_are_a_contradiction_and_a_cookie_is_nobody_s_fault() {
    let link = signed_link(&claims());
    let bearer = with_token("/linked/cat.png", &token());
    let both = Head {
        url: with_link(&link).url,
        ..bearer
    };
    assert_eq!(answered(rule(&both)).status, 400);
    let twice = get(&format!(
        "/linked/cat.png?w=100&portcullis_link={link}&portcullis_link={link}"
    ));
    assert_eq!(answered(rule(&twice)).status, 400);
    let others_cookie = Head {
        cookie: Some(format!("a=1; __Host-portcullis={}", token())),
        names: vec!["cookie".to_owned()],
        ..with_link(&link)
    };
    let forward = forwarded(rule(&others_cookie));
    assert_eq!(sent(&forward)["portcullis-proof"], link);
    assert_eq!(sent(&forward)["cookie"], "a=1");
}

#[test]
fn where_no_link_is_taken_it_is_ignored_and_taken_out() {
    let link = signed_link(&LinkClaims {
        path: "/*".parse().unwrap(),
        query: QueryDigest::of(None),
        ..claims()
    });
    let url = |path: &str| format!("{path}?portcullis_link={link}");
    let forward = forwarded(rule(&get(&url("/open/x"))));
    assert_eq!(forward.url, "http://api.internal:9001/open/x");
    assert_eq!(forward.link, None);
    let forward = forwarded(rule(&get(&url("/maybe/x"))));
    assert_eq!(forward.url, "http://api.internal:9001/maybe/x");
    assert_eq!(sent(&forward).get("portcullis-proof"), None);
    let forward = forwarded(rule(&with_token(&url("/api/x"), &token())));
    assert_eq!(forward.url, "http://api.internal:9001/api/x");
    let answer = answered(rule(&get(&url("/api/x"))));
    assert_eq!(
        header(&answer, "www-authenticate"),
        Some("Bearer realm=\"portcullis\"")
    );
    // Watched, the request goes on as it came, less what is ours.
    let forward = forwarded(rule(&get(&url("/watched/x"))));
    assert_eq!(forward.url, "http://api.internal:9001/watched/x");
}

#[test]
fn a_link_of_an_unknown_key_has_the_keys_looked_for() {
    let stranger = SigningKey::from_seed(&[9; 32]).unwrap();
    let head = with_link(&link::sign(&stranger, &claims()).unwrap());
    let config = config();
    let Plan::Judge(case) = plan(&head, &config) else {
        panic!("there is a link to judge");
    };
    assert!(case.screen().is_none());
    let verdict = judge(&case, &snapshot(vec![]), &mut Memory::new(0), NOW);
    assert!(matches!(verdict, Verdict::UnknownKey(key) if key == *stranger.id()));
    assert_eq!(reason(&head), Reason::UnknownKey);
    let head = with_link("a.b.c");
    let Plan::Judge(case) = plan(&head, &config) else {
        panic!("there is a link to judge");
    };
    assert!(case.screen().is_some());
}

#[test]
fn without_keys_and_revocations_no_link_is_judged() {
    let empty = Snapshot::new(Ages::default());
    let answer = answered(rule_at(&good(), &config(), &empty, NOW));
    assert_eq!(answer.status, 503);
}
