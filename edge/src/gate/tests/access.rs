//! Who is let through where: credentials, scopes, roles, and what a route asks for.

use portcullis_shared::claims::Audience;

use super::{
    ISSUER, answered, claims, forwarded, get, header, rule, sent, signed, token, with_token,
};
use crate::gate::{CacheUse, Decision, Head};

#[test]
fn scopes_are_needed_all_and_roles_one() {
    let status = |path: &str, scope: &str, roles: &[&str]| {
        let mut claims = claims();
        claims.scope = scope.parse().unwrap();
        claims.roles = roles.iter().map(ToString::to_string).collect();
        match rule(&with_token(path, &signed(&claims))).decision {
            Decision::Forward(_) => 200,
            Decision::Answer(answer) => answer.status,
            Decision::Metrics => unreachable!(),
        }
    };
    assert_eq!(status("/api/x", "api:read", &[]), 200);
    assert_eq!(status("/api/x", "api:readonly api", &["admin"]), 403);
    assert_eq!(status("/api/admin", "api:read", &[]), 403);
    assert_eq!(status("/api/admin/x", "", &["auditor"]), 200);
    assert_eq!(status("/api/admin/x", "", &["administrator", "Admin"]), 403);
}

#[test]
fn a_lacking_scope_is_told_and_a_lacking_role_is_not() {
    let mut claims = claims();
    (claims.scope, claims.roles) = ("notes".parse().unwrap(), Vec::new());
    let token = signed(&claims);
    let scope = answered(rule(&with_token("/api/x", &token)));
    assert!(
        header(&scope, "www-authenticate")
            .unwrap()
            .contains("scope=\"api:read\"")
    );
    let role = answered(rule(&with_token("/api/admin/x", &token)));
    assert!(!format!("{role:?}").contains("auditor"));
}

#[test]
fn credentials_are_asked_for_told_apart_and_never_mixed() {
    let status = |authorization: &str| {
        let head = Head {
            authorization: Some(authorization.to_owned()),
            ..get("/api/x")
        };
        let answer = answered(rule(&head));
        let error = header(&answer, "www-authenticate")
            .unwrap()
            .split("error=")
            .nth(1)
            .map(str::to_owned);
        (answer.status, error)
    };
    let token = token();
    assert_eq!(
        status(&format!("Bearer {token}, Bearer {token}")),
        (400, Some("\"invalid_request\"".to_owned()))
    );
    assert_eq!(status("Basic dTpw"), (401, None));
    assert_eq!(
        status("Bearer "),
        (401, Some("\"invalid_token\"".to_owned()))
    );
    let none = answered(rule(&get("/api/x")));
    assert_eq!(
        header(&none, "www-authenticate"),
        Some("Bearer realm=\"portcullis\"")
    );
    // A token in the query is no credential.
    assert_eq!(
        answered(rule(&get(&format!("/api/x?access_token={token}")))).status,
        401
    );
}

#[test]
fn optional_access_takes_nobody_but_no_bad_token() {
    let anonymous = forwarded(rule(&get("/maybe/x")));
    assert!(!sent(&anonymous).contains_key("portcullis-subject"));
    assert_eq!(answered(rule(&with_token("/maybe/x", "bad"))).status, 401);
    let known = forwarded(rule(&with_token("/maybe/x", &token())));
    assert_eq!(sent(&known).get("portcullis-subject"), Some(&"user-1"));
}

#[test]
fn a_token_that_nobody_looked_at_does_not_pass_a_public_route() {
    let forward = forwarded(rule(&with_token("/open/x", &token())));
    assert_eq!(forward.remove, ["authorization"]);
    assert!(!sent(&forward).contains_key("portcullis-subject"));
    let basic = Head {
        authorization: Some("Basic dTpw".to_owned()),
        ..get("/open/x")
    };
    assert!(forwarded(rule(&basic)).remove.is_empty());
}

#[test]
fn a_shared_route_tells_no_identity() {
    let mut head = with_token("/shared/x", &token());
    head.cookie = Some("theme=dark".to_owned());
    let forward = forwarded(rule(&head));
    assert_eq!(forward.cache, CacheUse::Shared);
    assert_eq!(forward.remove, ["authorization", "cookie"]);
    let names: Vec<_> = sent(&forward).into_keys().collect();
    assert_eq!(
        names,
        [
            "portcullis-request-id",
            "x-forwarded-host",
            "x-forwarded-proto"
        ]
    );
}

#[test]
fn a_route_for_other_issuers_takes_none_of_ours() {
    assert_eq!(
        answered(rule(&with_token("/foreign/x", &token()))).status,
        401
    );
}

#[test]
fn administration_passes_because_the_table_says_so() {
    let mut admin = claims();
    admin.aud = Audience::new(vec![ISSUER.to_owned()]).unwrap();
    let forward = forwarded(rule(&with_token("/admin/users", &signed(&admin))));
    assert_eq!(forward.url, "http://origin.internal:8080/admin/users");
    assert_eq!(
        answered(rule(&with_token("/admin/users", &token()))).status,
        401
    );
}
