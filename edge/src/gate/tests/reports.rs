//! Routes that only report: everything is decided, and passes as it came.

use super::{
    Config, Outcome, Reason, Ruling, answered, claims, config, config_with, forwarded, get, header,
    revoked, rule, rule_at, sent, signed, snapshot, token, with_token,
};
use crate::{
    gate::{CacheUse, Head, Plan, plan},
    snapshot::Snapshot,
};
use portcullis_shared::revocation::Kind;

/// What is there before anything is known.
const NOTHING: fn() -> Snapshot = Snapshot::default;

fn reported(ruling: &Ruling, would_be: u16, reason: Reason) {
    assert_eq!(ruling.outcome(), Outcome::Reported, "{ruling:?}");
    assert_eq!(ruling.would_be, Some(would_be), "{ruling:?}");
    assert_eq!(ruling.reason, Some(reason), "{ruling:?}");
}

fn all_report() -> Config {
    config_with(&[("MODE", "report")])
}

#[test]
fn what_would_be_refused_is_said_and_passes_without_an_identity() {
    let mut head = with_token("/watched/x", "bad");
    head.names.push("portcullis-subject".to_owned());
    let ruling = rule(&head);
    reported(&ruling, 401, Reason::TokenMalformed);
    assert_eq!(ruling.rule, Some(6));
    let forward = forwarded(ruling);
    assert_eq!(forward.remove, ["portcullis-subject"]);
    assert!(!sent(&forward).contains_key("portcullis-proof"));
}

#[test]
fn what_would_pass_passes_as_it_came_too() {
    let mut head = with_token("/watched/x", &token());
    head.cookie = Some("__Host-portcullis=x; theme=dark".to_owned());
    let good = rule(&head);
    assert_eq!((good.outcome(), good.reason), (Outcome::Passed, None));
    let bad = rule(&Head {
        authorization: Some("Bearer bad".to_owned()),
        ..head
    });
    let (good, bad) = (forwarded(good), forwarded(bad));
    assert_eq!(good, bad, "the decision changes nothing");
    assert_eq!(sent(&good)["cookie"], "theme=dark");
    let names: Vec<_> = sent(&good).into_keys().collect();
    let expected = [
        "cookie",
        "portcullis-request-id",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ];
    assert_eq!(names, expected);
}

#[test]
fn one_setting_makes_every_route_report() {
    let all = all_report();
    let none = get("/api/notes");
    assert_eq!(
        rule_at(&none, &config(), &NOTHING(), super::NOW).outcome(),
        Outcome::Refused
    );
    let ruling = rule_at(&none, &all, &NOTHING(), super::NOW);
    reported(&ruling, 401, Reason::NoCredential);
    let mut poor = claims();
    poor.scope = "other".parse().unwrap();
    poor.roles.clear();
    for (path, reason) in [
        ("/api/notes", Reason::Scope),
        ("/api/admin/x", Reason::Role),
    ] {
        let head = with_token(path, &signed(&poor));
        let ruling = rule_at(&head, &all, &snapshot(Vec::new()), super::NOW);
        reported(&ruling, 403, reason);
        assert_eq!(ruling.subject(), Some("user-1"));
    }
    let banned = snapshot(vec![revoked(Kind::User, "user-1")]);
    let ruling = rule_at(
        &with_token("/api/notes", &token()),
        &all,
        &banned,
        super::NOW,
    );
    reported(&ruling, 401, Reason::RevokedUser);
}

#[test]
fn a_live_service_does_not_stop_when_keys_and_revocations_are_missing() {
    let head = with_token("/watched/x", &token());
    let ruling = rule_at(&head, &config(), &NOTHING(), super::NOW);
    reported(&ruling, 503, Reason::Unavailable);
    forwarded(ruling);
}

#[test]
fn what_is_forwarded_is_known_before_anything_is_decided() {
    let head = with_token("/watched/x", &token());
    let config = config();
    let Plan::Judge(case) = plan(&head, &config) else {
        panic!("a token is judged");
    };
    assert!(case.reports());
    assert_eq!(case.as_it_came(), forwarded(rule(&head)));
}

#[test]
fn a_method_that_no_rule_names_goes_where_the_path_s_rules_lead() {
    let head = Head {
        method: "DELETE".to_owned(),
        ..get("/watched/shared/x")
    };
    let ruling = rule(&head);
    reported(&ruling, 405, Reason::MethodNotAllowed);
    assert_eq!(
        forwarded(ruling).url,
        "http://images.internal:9002/watched/shared/x"
    );
    let ruling = rule_at(
        &Head {
            method: "DELETE".to_owned(),
            ..get("/api/notes")
        },
        &all_report(),
        &NOTHING(),
        super::NOW,
    );
    reported(&ruling, 405, Reason::MethodNotAllowed);
}

#[test]
fn where_no_rule_leads_anywhere_reporting_refuses_too() {
    let all = all_report();
    let refused = |head: &Head| {
        let ruling = rule_at(head, &all, &NOTHING(), super::NOW);
        let reason = ruling.reason.unwrap();
        (answered(ruling).status, reason)
    };
    let trace = Head {
        method: "TRACE".to_owned(),
        ..get("/api/notes")
    };
    assert_eq!(refused(&get("/nowhere")), (404, Reason::NoRoute));
    assert_eq!(refused(&get("/api/a%2fb")), (400, Reason::AmbiguousPath));
    assert_eq!(refused(&trace), (405, Reason::ForbiddenMethod));
}

#[test]
fn preflights_are_the_upstream_s_to_answer() {
    let preflight = |origin: &str| Head {
        method: "OPTIONS".to_owned(),
        origin: Some(origin.to_owned()),
        asked_method: Some("GET".to_owned()),
        ..get("/watched/shared/x")
    };
    let ruling = rule(&preflight("https://app.example"));
    assert_eq!(ruling.outcome(), Outcome::Passed);
    assert_eq!(forwarded(ruling).cors, None);
    let ruling = rule(&preflight("https://evil.example"));
    reported(&ruling, 403, Reason::PreflightOrigin);
    // Enforced, it is the edge's.
    let mut enforced = preflight("https://app.example");
    enforced.url = "https://edge.example/api/notes".to_owned();
    let answer = answered(rule(&enforced));
    assert_eq!(
        header(&answer, "access-control-allow-origin"),
        Some("https://app.example")
    );
}

#[test]
fn a_shared_answer_is_kept_only_if_nobody_was_named() {
    let anybody = forwarded(rule(&get("/watched/shared/x")));
    assert_eq!(anybody.cache, CacheUse::Shared);
    let somebody = forwarded(rule(&with_token("/watched/shared/x", &token())));
    assert_eq!(somebody.cache, CacheUse::Private);
    assert!(somebody.remove.is_empty(), "{:?}", somebody.remove);
}

#[test]
fn a_public_route_keeps_the_upstream_s_own_credentials() {
    let forward = forwarded(rule(&with_token("/watched/open/x", "of-the-api-itself")));
    assert!(forward.remove.is_empty(), "{:?}", forward.remove);
}
