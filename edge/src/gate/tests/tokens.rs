//! Which tokens count, and with what at hand.

use std::collections::BTreeMap;

use portcullis_shared::{
    claims::{AccessClaims, Audience},
    keys::SigningKey,
    revocation::Kind,
    routes::RevocationMode,
    time::UnixSeconds,
};
use proptest::prelude::*;

use super::{
    ISSUER, NOW, answered, claims, config, forwarded, get, header, key, public, revoked, rule,
    rule_at, sent, signed, snapshot, snapshot_of, token, with_token,
};
use crate::{
    answer::Answer,
    gate::{CacheUse, Decision, Head, Memory, Plan, Ruling, Verdict, judge, plan},
    snapshot::{Ages, Snapshot},
};

#[test]
fn a_good_token_goes_on_with_the_identity_that_it_proves() {
    let token = token();
    let forward = forwarded(rule(&with_token("/api/notes?q=1", &token)));
    assert_eq!(forward.url, "http://api.internal:9001/api/notes?q=1");
    assert_eq!(forward.cache, CacheUse::Private);
    assert!(forward.remove.is_empty(), "{:?}", forward.remove);
    let expected = BTreeMap::from([
        ("portcullis-proof", token.as_str()),
        ("portcullis-issuer", ISSUER),
        ("portcullis-subject", "user-1"),
        ("portcullis-session", "session-1"),
        ("portcullis-scope", "api:read notes"),
        ("portcullis-roles", "admin"),
        ("portcullis-expires", "1800000600"),
        ("portcullis-request-id", "request-1"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "edge.example"),
        ("x-forwarded-proto", "https"),
    ]);
    assert_eq!(sent(&forward), expected);
}

#[test]
fn every_token_that_does_not_count_is_answered_alike() {
    let other = SigningKey::from_seed(&[2; 32]).unwrap();
    let changed = |change: fn(&mut AccessClaims)| {
        let mut claims = claims();
        change(&mut claims);
        signed(&claims)
    };
    let good = token();
    let broken = format!("{}A{}", &good[..good.len() - 10], &good[good.len() - 9..]);
    let tokens = [
        "x".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(10_000),
        broken,
        format!("{good}="),
        token::sign(&other, &claims()).unwrap(),
        changed(|claims| claims.iss = "https://id.example/".to_owned()),
        changed(|claims| claims.aud = Audience::new(vec!["apis".to_owned()]).unwrap()),
        changed(|claims| claims.exp = claims.iat.plus(601)),
        changed(|claims| (claims.iat, claims.exp) = (UnixSeconds(1), UnixSeconds(2))),
        changed(|claims| claims.iat = claims.iat.plus(60)),
        changed(|claims| claims.nbf = Some(claims.iat.plus(60))),
        changed(|claims| claims.sub = String::new()),
    ];
    let first = answered(rule(&with_token("/api/x", "no-token")));
    assert_eq!(first.status, 401);
    for token in &tokens {
        assert_eq!(
            answered(rule(&with_token("/api/x", token))),
            first,
            "{token}"
        );
    }
}

#[test]
fn a_revocation_of_each_kind_refuses() {
    let head = with_token("/api/x", &token());
    for record in [
        revoked(Kind::Session, "session-1"),
        revoked(Kind::User, "user-1"),
        revoked(Kind::SigningKey, key().id().as_str()),
    ] {
        let answer = answered(rule_at(&head, &config(), &snapshot(vec![record]), NOW));
        assert_eq!(
            (answer.status, header(&answer, "www-authenticate").is_some()),
            (401, true)
        );
    }
    let unrelated = [
        revoked(Kind::User, "user-2"),
        revoked(Kind::Session, "user-1"),
    ];
    for record in unrelated {
        forwarded(rule_at(&head, &config(), &snapshot(vec![record]), NOW));
    }
}

#[test]
fn a_token_minted_after_the_ban_passes_and_one_of_the_same_second_does_not() {
    let snapshot = snapshot(vec![revoked(Kind::User, "user-1")]);
    let mut later = claims();
    later.iat = later.iat.plus(1);
    forwarded(rule_at(
        &with_token("/api/x", &signed(&later)),
        &config(),
        &snapshot,
        NOW,
    ));
    answered(rule_at(
        &with_token("/api/x", &token()),
        &config(),
        &snapshot,
        NOW,
    ));
}

#[test]
fn a_cached_signature_saves_nothing_else() {
    let config = config();
    let head = with_token("/api/x", &token());
    let Plan::Judge(case) = plan(&head, &config) else {
        panic!("not a case")
    };
    let mut memory = Memory::new(100_000);
    let mut status = |snapshot: &Snapshot, now| match judge(&case, snapshot, &mut memory, now) {
        Verdict::Ruled(Ruling {
            decision: Decision::Answer(answer),
            ..
        }) => answer.status,
        Verdict::Ruled(_) => 200,
        Verdict::UnknownKey(_) | Verdict::Exchange | Verdict::CheckSignature(_) => 0,
    };
    assert_eq!(status(&snapshot(Vec::new()), NOW), 200);
    assert_eq!(status(&snapshot(Vec::new()), NOW), 200);
    assert_eq!(
        status(&snapshot(vec![revoked(Kind::User, "user-1")]), NOW),
        401
    );
    assert_eq!(status(&snapshot(Vec::new()), NOW.plus(40_000)), 503);
    // Another key set: the key that signed the token has gone.
    let mut other = snapshot(Vec::new());
    let step = other.advance_for_key(&"unknown".parse().unwrap(), NOW, NOW);
    let new = SigningKey::from_seed(&[3; 32]).unwrap();
    other.put_keys(step.keys.unwrap(), &public(&new)).unwrap();
    assert_eq!(status(&other, NOW), 0);
    // It expires although it is cached.
    let ages = Ages {
        feed_hard: i64::MAX,
        keys_hard: i64::MAX,
        ..Ages::default()
    };
    let late = snapshot_of(ages, Vec::new());
    assert_eq!(status(&late, NOW.plus(604_000)), 200);
    assert_eq!(status(&late, NOW.plus(605_000)), 401);
}

#[test]
fn without_keys_or_revocations_nothing_passes() {
    let head = with_token("/api/x", &token());
    let nothing = Snapshot::default();
    let answer = answered(rule_at(&head, &config(), &nothing, NOW));
    assert_eq!(
        (answer.status, header(&answer, "retry-after").is_some()),
        (503, true)
    );
    let mut only_keys = Snapshot::default();
    let step = only_keys.advance(RevocationMode::Strict, NOW, NOW);
    only_keys
        .put_keys(step.keys.unwrap(), &public(&key()))
        .unwrap();
    assert_eq!(
        answered(rule_at(&head, &config(), &only_keys, NOW)).status,
        503
    );
    let filled = snapshot(Vec::new());
    forwarded(rule_at(&head, &config(), &filled, NOW.plus(30_000)));
    assert_eq!(
        answered(rule_at(&head, &config(), &filled, NOW.plus(30_001))).status,
        503
    );
}

#[test]
fn what_needs_no_keys_never_waits_for_them() {
    let config = config();
    let decided = |head: &Head| matches!(plan(head, &config), Plan::Ruled(_));
    assert!(decided(&get("/api/x")), "no credential");
    assert!(decided(&get("/open/x")) && decided(&get("/maybe/x")) && decided(&get("/nowhere")));
    assert!(decided(&get("/auth/login")) && decided(&get("/.well-known/jwks.json")));
    assert!(decided(&with_token("/open/x", "whatever")));
    let head = with_token("/api/x", "malformed");
    let Plan::Judge(case) = plan(&head, &config) else {
        panic!("not a case")
    };
    assert!(case.screen().is_some());
}

proptest! {
    #[test]
    fn nothing_but_a_genuine_token_passes(token in "[A-Za-z0-9_.=-]{0,200}") {
        let head = with_token("/api/x", &token);
        let ruling = rule(&head);
        prop_assert!(matches!(ruling.decision, Decision::Answer(_)));
    }

    #[test]
    fn a_token_with_one_changed_character_does_not_pass(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let good = token();
        let at = at.index(good.len());
        let changed = format!("{}{to}{}", &good[..at], &good[at + 1..]);
        prop_assume!(changed != good);
        let answer = answered(rule(&with_token("/api/x", &changed)));
        prop_assert_eq!(answer, Answer::invalid_token().with_cors());
    }
}

impl Answer {
    /// As `/api/*` answers where no origin is named.
    fn with_cors(self) -> Self {
        self.with("vary", "Origin".to_owned())
    }
}
