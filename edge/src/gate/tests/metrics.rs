//! The edge's own path: what it has counted, for administrators.

use portcullis_shared::{claims::Audience, revocation::Kind};

use super::{
    ISSUER, NOW, Outcome, Reason, answered, claims, config_with, get, revoked, rule, rule_at,
    signed, snapshot, with_token,
};
use crate::gate::{Decision, Head, Ruling};

const PATH: &str = "/.well-known/portcullis/edge";

fn shown(audience: &[&str], roles: &[&str]) -> Ruling {
    let mut claims = claims();
    let audience = audience.iter().map(|&text| text.to_owned()).collect();
    claims.aud = Audience::new(audience).unwrap();
    claims.roles = roles.iter().map(|&text| text.to_owned()).collect();
    rule(&with_token(PATH, &signed(&claims)))
}

#[test]
fn an_administrator_is_told_what_the_edge_has_counted() {
    let ruling = shown(&[ISSUER], &["admin"]);
    assert_eq!(ruling.decision, Decision::Metrics);
    assert_eq!(ruling.outcome(), Outcome::Answered);
    assert_eq!(ruling.subject(), Some("user-1"));
}

#[test]
fn whoever_is_no_administrator_is_not_and_all_are_answered_alike() {
    let bad = answered(rule(&with_token(PATH, "bad")));
    assert_eq!(bad.status, 401);
    for (audience, roles, reason) in [
        (&[ISSUER][..], &["auditor"][..], Reason::Role),
        (&[ISSUER, "api"], &["admin"], Reason::Audience),
        (&["api"], &["admin"], Reason::Audience),
    ] {
        let ruling = shown(audience, roles);
        assert_eq!(ruling.reason, Some(reason));
        assert_eq!(answered(ruling), bad, "{audience:?} {roles:?}");
    }
    assert_eq!(answered(rule(&get(PATH))).status, 401);
}

#[test]
fn a_banned_administrator_is_not_nor_does_reporting_open_it() {
    let mut admin = claims();
    admin.aud = Audience::new(vec![ISSUER.to_owned()]).unwrap();
    let head = with_token(PATH, &signed(&admin));
    let all_report = config_with(&[("MODE", "report")]);
    let banned = snapshot(vec![revoked(Kind::User, "user-1")]);
    let ruling = rule_at(&head, &all_report, &banned, NOW);
    assert_eq!(ruling.reason, Some(Reason::RevokedUser));
    assert_eq!(answered(ruling).status, 401);
    let ruling = rule_at(&get(PATH), &all_report, &banned, NOW);
    assert_eq!(answered(ruling).status, 401);
}

#[test]
fn it_is_read_and_nothing_else() {
    let head = Head {
        method: "POST".to_owned(),
        ..get(PATH)
    };
    assert_eq!(answered(rule(&head)).status, 405);
    let below = get("/.well-known/portcullis/edge/x");
    assert_eq!(answered(rule(&below)).status, 404);
}
