//! Which headers and cookies reach an upstream.

use portcullis_shared::claims::Audience;

use super::{
    ISSUER, NOW, claims, config_with, forwarded, get, rule, rule_at, sent, signed, snapshot, token,
    with_token,
};
use crate::gate::Head;

#[test]
fn no_reserved_header_passes_on_any_route() {
    let names = [
        "portcullis_subject",
        "Portcullis.Proof",
        "x-forwarded-for",
        "forwarded",
        "x-http-method-override",
        "connection",
    ];
    for path in [
        "/api/x",
        "/open/x",
        "/maybe/x",
        "/shared/x",
        "/watched/x",
        "/auth/login",
        "/.well-known/jwks.json",
    ] {
        let mut head = with_token(path, &token());
        head.names.extend(names.map(str::to_owned));
        let forward = forwarded(rule(&head));
        for name in names {
            assert!(
                forward.remove.iter().any(|removed| removed == name),
                "{path} {name}"
            );
        }
    }
}

#[test]
fn our_cookies_do_not_reach_an_upstream() {
    let mut head = get("/open/x");
    head.cookie = Some("a=1; __Host-portcullis=secret".to_owned());
    assert_eq!(sent(&forwarded(rule(&head))).get("cookie"), Some(&"a=1"));
    head.cookie = Some("__Host-portcullis=secret".to_owned());
    assert_eq!(forwarded(rule(&head)).remove, ["cookie"]);
    // Where people sign in is where they belong, and nowhere else.
    head.url = "https://edge.example/auth/token".to_owned();
    let token = forwarded(rule(&head));
    assert!(token.remove.is_empty() && !sent(&token).contains_key("cookie"));
    assert!(token.may_set_own_cookies);
    head.url = "https://edge.example/auth/login".to_owned();
    head.cookie = Some("__Host-portcullis-device=pdt_x".to_owned());
    let login = forwarded(rule(&head));
    assert!(login.remove.is_empty() && !sent(&login).contains_key("cookie"));
    assert!(login.may_set_own_cookies);
    head.url = "https://edge.example/.well-known/jwks.json".to_owned();
    let keys = forwarded(rule(&head));
    assert!(keys.remove == ["cookie"] && !keys.may_set_own_cookies);
}

#[test]
fn the_refresh_cookie_and_any_spelling_of_ours_stay_from_upstreams_too() {
    for (cookie, left) in [
        ("__Host-portcullis-refresh=secret; a=1", Some("a=1")),
        (
            "a=1;__host-portcullis=x; __Host-portcullis-refresh=y",
            Some("a=1"),
        ),
        ("__Host-portcullis=x; __Host-portcullis=y", None),
        ("__Host-portcullis-refresh", None),
        ("__Host-portcullis-device=pdt_x; a=1", Some("a=1")),
        ("__Host-portcullis-device=pdt_x", None),
    ] {
        let mut head = with_token("/api/notes", &token());
        head.cookie = Some(cookie.to_owned());
        let forward = forwarded(rule(&head));
        assert_eq!(sent(&forward).get("cookie").copied(), left, "{cookie}");
        assert_eq!(
            forward.remove.contains(&"cookie".to_owned()),
            left.is_none()
        );
        assert!(!forward.may_set_own_cookies);
    }
}

#[test]
fn our_cookies_do_not_reach_the_administration() {
    let mut admin = claims();
    admin.aud = Audience::new(vec![ISSUER.to_owned()]).unwrap();
    let mut head = with_token("/admin/users", &signed(&admin));
    head.cookie = Some("__Host-portcullis=secret".to_owned());
    let forward = forwarded(rule(&head));
    assert!(forward.remove.contains(&"cookie".to_owned()));
    assert!(!forward.may_set_own_cookies);
}

#[test]
fn only_the_origin_is_told_the_secret_and_who_the_client_is() {
    let config = config_with(&[("EDGE_SECRET", "hush")]);
    let decide = |head: &Head| forwarded(rule_at(head, &config, &snapshot(Vec::new()), NOW));
    let login = decide(&get("/auth/login"));
    assert_eq!(login.url, "http://origin.internal:8080/auth/login");
    assert!(login.may_set_own_cookies);
    let told = sent(&login);
    assert_eq!(told.get("portcullis-edge-secret"), Some(&"hush"));
    assert_eq!(told.get("portcullis-client-ip"), Some(&"192.0.2.7"));
    assert_eq!(told.get("portcullis-client-country"), Some(&"NL"));
    let api = decide(&with_token("/api/x", &token()));
    assert!(!format!("{api:?}").contains("hush") && !api.may_set_own_cookies);
    // Without a secret the origin would have no reason to believe any of it.
    let forward = forwarded(rule(&get("/auth/login")));
    assert_eq!(
        sent(&forward).into_keys().collect::<Vec<_>>(),
        ["portcullis-request-id"]
    );
}

#[test]
fn self_hosted_nobody_passes_for_cloudflare() {
    let mut head = with_token("/api/x", &token());
    let forged = ["cf-connecting-ip", "cf_ipcountry", "cf-ray"];
    head.names.extend(forged.map(str::to_owned));
    for (platform, removed) in [("cloudflare", false), ("self-hosted", true)] {
        let config = config_with(&[("PLATFORM", platform)]);
        for path in ["/api/x", "/open/x", "/auth/login"] {
            head.url = format!("https://edge.example{path}");
            let forward = forwarded(rule_at(&head, &config, &snapshot(Vec::new()), NOW));
            for name in forged {
                let is_removed = forward.remove.iter().any(|gone| gone == name);
                assert_eq!(is_removed, removed, "{name} at {path}, {platform}");
            }
        }
    }
}
