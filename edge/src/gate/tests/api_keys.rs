//! API keys as credentials.

use portcullis_shared::{
    api_key::{ApiKey, ApiKeyId},
    claims::AccessClaims,
    keys::SigningKey,
    revocation::{Kind, Record},
    time::UnixSeconds,
};

use super::{
    NOW, answered, claims, config, config_with, forwarded, get, header, revoked, rule, sent,
    signed, snapshot, snapshot_by, token, with_token,
};
use crate::{
    exchange::{Attempt, Granted, Next, Outcome},
    gate::{
        Case, Config, Decision, Head, Memory, Plan, Reason, Ruling, Verdict, judge, plan,
        refuse_unknown_key,
    },
    snapshot::{Ages, Snapshot},
    time::Millis,
};

fn api_key(number: u8) -> String {
    let key = ApiKey::new(ApiKeyId::from_bytes([number; 16]), [9; 32]);
    key.expose().as_str().to_owned()
}

fn in_authorization(path: &str) -> Head {
    with_token(path, &api_key(1))
}

fn in_its_own_header(path: &str) -> Head {
    Head {
        api_key: Some(api_key(1)),
        names: vec!["x-api-key".to_owned()],
        ..get(path)
    }
}

/// The token that stands for a key, minted at `iat`.
fn token_of(number: u8, iat: UnixSeconds) -> String {
    signed(&claims_of(number, iat))
}

fn claims_of(number: u8, iat: UnixSeconds) -> AccessClaims {
    AccessClaims {
        client_id: ApiKeyId::from_bytes([number; 16]).to_string(),
        sid: None,
        iat,
        exp: iat.plus(600),
        ..claims()
    }
}

/// An edge and the origin that it asks.
struct World {
    config: Config,
    snapshot: Snapshot,
    memory: Memory,
    /// What the origin says next.
    says: Vec<Outcome>,
    asked: usize,
}

impl World {
    fn new(says: Vec<Outcome>) -> Self {
        Self {
            config: config(),
            snapshot: snapshot(Vec::new()),
            memory: Memory::new(100_000),
            says,
            asked: 0,
        }
    }

    fn granting(token: String) -> Self {
        Self::new(vec![granted(token)])
    }

    fn revoke(&mut self, records: Vec<Record>) {
        self.snapshot = snapshot(records);
    }

    /// The whole decision, as the adapter makes it.
    fn rule(&mut self, head: &Head, now: Millis) -> Ruling {
        let config = std::mem::replace(&mut self.config, config());
        let ruling = match plan(head, &config) {
            Plan::Ruled(ruling) => ruling,
            Plan::Judge(case) => self.judge(&case, now),
        };
        self.config = config;
        ruling
    }

    fn judge(&mut self, case: &Case<'_>, now: Millis) -> Ruling {
        for _ in 0..3 {
            match judge(case, &self.snapshot, &mut self.memory, now) {
                Verdict::Ruled(ruling) => return ruling,
                Verdict::UnknownKey(key) => return refuse_unknown_key(case, &key),
                Verdict::Exchange => (),
                Verdict::CheckSignature(_) => panic!("no token of another issuer"),
            }
            let asker = case.asker().expect("a key that is one");
            let (attempt, next) = self.memory.exchanges.advance(&asker, now, now);
            match (attempt, next) {
                (Some(attempt), _) => self.answer(attempt, now),
                (None, next) => return case.not_exchanged(next),
            }
        }
        case.not_exchanged(Next::Unavailable)
    }

    fn answer(&mut self, attempt: Attempt, now: Millis) {
        self.asked += 1;
        let outcome = if self.says.is_empty() {
            Outcome::Unavailable
        } else {
            self.says.remove(0)
        };
        self.memory.exchanges.end(attempt, outcome, now);
    }

    fn status(&mut self, head: &Head, now: Millis) -> u16 {
        match self.rule(head, now).decision {
            Decision::Forward(_) => 200,
            Decision::Answer(answer) => answer.status,
            Decision::Metrics => panic!("not a path of metrics"),
        }
    }
}

fn granted(token: String) -> Outcome {
    let lifetime = 600;
    Outcome::Granted(Granted { token, lifetime })
}

#[test]
fn a_key_counts_in_either_header_and_the_upstream_gets_the_token() {
    for head in [in_authorization("/keys/x"), in_its_own_header("/keys/x")] {
        let token = token_of(1, NOW.seconds());
        let mut world = World::granting(token.clone());
        for _ in 0..3 {
            let forward = forwarded(world.rule(&head, NOW));
            let set = sent(&forward);
            assert_eq!(set["authorization"], format!("Bearer {token}"));
            assert_eq!(set["portcullis-proof"], token);
            assert_eq!(set["portcullis-subject"], "user-1");
            assert!(!set.contains_key("portcullis-session"));
            assert_eq!(forward.vary, "authorization, x-api-key");
            let left = format!("{forward:?}");
            assert!(!left.contains("pak_"), "{left}");
            assert_eq!(
                forward.remove.contains(&"x-api-key".to_owned()),
                head.api_key.is_some()
            );
        }
        assert_eq!(world.asked, 1, "and is not asked for again");
    }
}

#[test]
fn the_exchange_goes_over_the_channel_that_the_origin_believes() {
    let config = config_with(&[("EDGE_SECRET", "hush")]);
    let head = in_its_own_header("/keys/x");
    let Plan::Judge(case) = plan(&head, &config) else {
        panic!("not a case")
    };
    let request = case.exchange_request().unwrap();
    assert_eq!(request.url, "http://origin.internal:8080/auth/token");
    assert!(
        request
            .form
            .ends_with(&format!("&subject_token={}", api_key(1)))
    );
    for (name, value) in [
        ("portcullis-edge-secret", "hush"),
        ("portcullis-client-ip", "192.0.2.7"),
        ("portcullis-client-country", "NL"),
        ("portcullis-request-id", "request-1"),
    ] {
        assert!(
            request.headers.contains(&(name, value.to_owned())),
            "{name}"
        );
    }
}

#[test]
fn a_mistyped_key_is_refused_without_asking() {
    let mut key = api_key(1);
    let last = if key.pop() == Some('a') { 'b' } else { 'a' };
    key.push(last);
    for head in [
        with_token("/keys/x", &key),
        Head {
            api_key: Some(key.clone()),
            ..get("/keys/x")
        },
    ] {
        let mut world = World::new(Vec::new());
        let ruling = world.rule(&head, NOW);
        assert_eq!(ruling.reason, Some(Reason::NotAnApiKey));
        assert_eq!(answered(ruling).status, 401);
        assert_eq!(world.asked, 0);
        // Nor is anything fetched for its sake.
        let config = config();
        let Plan::Judge(case) = plan(&head, &config) else {
            panic!("not a case")
        };
        assert_eq!(answered(case.screen().unwrap()).status, 401);
        assert!(case.asker().is_none());
    }
}

#[test]
fn a_key_that_the_origin_refuses_is_answered_like_any_bad_token() {
    let mut world = World::new(vec![Outcome::Refused, Outcome::Refused]);
    let head = in_authorization("/keys/x");
    let first = answered(world.rule(&head, NOW));
    assert_eq!(first, answered(rule(&with_token("/keys/x", "a.b.c"))));
    for millis in [0, 5_000, 9_999] {
        assert_eq!(answered(world.rule(&head, NOW.plus(millis))), first);
    }
    assert_eq!(world.asked, 1);
    assert_eq!(answered(world.rule(&head, NOW.plus(10_000))), first);
    assert_eq!(world.asked, 2);
}

#[test]
fn an_origin_that_is_not_there_is_503_and_never_401() {
    let mut world = World::new(Vec::new());
    let answer = answered(world.rule(&in_authorization("/keys/x"), NOW));
    assert_eq!(
        (answer.status, header(&answer, "retry-after")),
        (503, Some("2"))
    );
    let mut world = World::new(vec![Outcome::TooMany(7)]);
    let answer = answered(world.rule(&in_authorization("/keys/x"), NOW));
    assert_eq!(
        (answer.status, header(&answer, "retry-after")),
        (429, Some("7"))
    );
}

#[test]
fn the_token_is_judged_like_any() {
    let bad = |change: fn(&mut portcullis_shared::claims::AccessClaims)| {
        let mut claims = claims();
        claims.client_id = ApiKeyId::from_bytes([1; 16]).to_string();
        claims.sid = None;
        change(&mut claims);
        let ruling = World::granting(signed(&claims)).rule(&in_authorization("/keys/x"), NOW);
        let reason = ruling.reason.expect("a reason");
        (reason, answered(ruling).status)
    };
    let scope = bad(|claims| claims.scope = "notes".parse().unwrap());
    assert_eq!(scope, (Reason::Scope, 403));
    let issuer = bad(|claims| claims.iss = "https://other.example".to_owned());
    assert_eq!(issuer, (Reason::Issuer, 401));
    let audience = bad(|claims| {
        claims.aud = portcullis_shared::claims::Audience::new(vec!["x".to_owned()]).unwrap();
    });
    assert_eq!(audience, (Reason::Audience, 401));
    // That of a session, or of another key.
    let session = bad(|claims| claims.sid = Some("session-1".to_owned()));
    assert_eq!(session, (Reason::OtherApiKey, 401));
    let other = bad(|claims| claims.client_id = ApiKeyId::from_bytes([2; 16]).to_string());
    assert_eq!(other, (Reason::OtherApiKey, 401));
}

#[test]
fn a_revoked_key_stops_with_the_feed_and_is_not_asked_about_again() {
    let mut world = World::granting(token_of(1, NOW.seconds()));
    let head = in_authorization("/keys/x");
    assert_eq!(world.status(&head, NOW), 200);
    let id = ApiKeyId::from_bytes([1; 16]).to_string();
    world.revoke(vec![revoked(Kind::ApiKey, &id)]);
    let ruling = world.rule(&head, NOW);
    assert_eq!(ruling.reason, Some(Reason::RevokedApiKey));
    assert_eq!(ruling.subject(), Some("user-1"));
    assert_eq!(world.status(&head, NOW.plus(1_000)), 401);
    assert_eq!(world.asked, 1);
    // The same key elsewhere: its entry is not that of others.
    world.says = vec![granted(token_of(2, NOW.seconds()))];
    assert_eq!(world.status(&with_token("/keys/x", &api_key(2)), NOW), 200);
}

#[test]
fn a_key_whose_owner_may_do_less_gets_the_smaller_token_at_once() {
    let head = in_authorization("/keys/x");
    let later = NOW.plus(15_000);
    let mut world = World::new(vec![
        granted(token_of(1, NOW.seconds())),
        granted(token_of(1, NOW.seconds().plus(1))),
    ]);
    assert_eq!(world.status(&head, NOW), 200);
    world.revoke(vec![revoked(Kind::User, "user-1")]);
    assert_eq!(world.status(&head, later), 200);
    assert_eq!(world.asked, 2);
    // Of a banned owner the origin says no.
    let mut world = World::new(vec![granted(token_of(1, NOW.seconds())), Outcome::Refused]);
    assert_eq!(world.status(&head, NOW), 200);
    world.revoke(vec![revoked(Kind::User, "user-1")]);
    assert_eq!(world.status(&head, later), 401);
    assert_eq!(world.status(&head, later), 401);
    assert_eq!(world.asked, 2);
}

#[test]
fn a_withdrawn_signing_key_ends_a_token_and_not_the_key_that_it_stands_for() {
    let head = in_authorization("/keys/x");
    let later = NOW.plus(10_000);
    let next_key = SigningKey::from_seed(&[2; 32]).unwrap();
    let by_next_key = token::sign(&next_key, &claims_of(1, later.seconds())).unwrap();
    let by_key = token_of(1, NOW.seconds());
    let mut world = World::new(vec![granted(by_key), granted(by_next_key)]);
    assert_eq!(world.status(&head, NOW), 200);
    world.snapshot = snapshot_by(&next_key, Ages::default(), Vec::new());
    // What has just come may be of a key that is still to be fetched: that is no cause to ask again.
    assert_eq!(world.status(&head, NOW.plus(9_999)), 401);
    assert_eq!(world.asked, 1);
    assert_eq!(world.status(&head, later), 200);
    assert_eq!(world.status(&head, later), 200);
    assert_eq!(world.asked, 2);
}

#[test]
fn two_that_differ_are_a_contradiction() {
    let mut both = in_authorization("/keys/x");
    both.api_key = Some(api_key(1));
    let mut world = World::granting(token_of(1, NOW.seconds()));
    assert_eq!(world.status(&both, NOW), 200, "the same key");
    both.api_key = Some(api_key(2));
    assert_eq!(world.status(&both, NOW), 400);
    let with_token = Head {
        api_key: Some(api_key(1)),
        ..with_token("/keys/x", &token())
    };
    assert_eq!(world.status(&with_token, NOW), 400);
    let twice = Head {
        api_key: Some(format!("{0}, {0}", api_key(1))),
        ..get("/keys/x")
    };
    assert_eq!(world.status(&twice, NOW), 400);
}

#[test]
fn the_key_counts_beside_its_owner_s_cookie_and_contradicts_another_s() {
    let with_cookie = |token: &str| {
        let mut head = in_its_own_header("/keys/pages/x");
        head.method = "POST".to_owned();
        head.cookie = Some(format!("__Host-portcullis={token}"));
        head
    };
    let of_key = token_of(1, NOW.seconds());
    let mut world = World::granting(of_key.clone());
    // No page of this site has to have sent it: no browser adds a key by itself.
    let forward = forwarded(world.rule(&with_cookie(&token()), NOW));
    assert_eq!(sent(&forward)["portcullis-proof"], of_key);
    assert!(forward.remove.contains(&"cookie".to_owned()));
    assert_eq!(forward.vary, "authorization, cookie, x-api-key");
    let mut other = claims();
    other.sub = "user-2".to_owned();
    for cookie in [signed(&other), "a.b.c".to_owned()] {
        let ruling = world.rule(&with_cookie(&cookie), NOW);
        assert_eq!(ruling.reason, Some(Reason::Contradiction));
        assert_eq!(answered(ruling).status, 400);
    }
}

#[test]
fn no_upstream_sees_a_key_whatever_the_route() {
    let key = api_key(1);
    for path in [
        "/open/x",
        "/watched/x",
        "/keys/watched/x",
        "/shared/x",
        "/api/x",
    ] {
        for authorization in [
            Some(format!("Bearer {key}")),
            Some(format!("Token {key}")),
            Some(key.to_uppercase()),
            Some(format!("Basic x, {key}")),
            None,
        ] {
            let mut head = in_its_own_header(path);
            head.names.push("x_api_key".to_owned());
            if authorization.is_some() {
                head.names.push("authorization".to_owned());
            }
            head.authorization = authorization;
            let Decision::Forward(forward) = rule(&head).decision else {
                continue;
            };
            for name in &head.names {
                assert!(forward.remove.contains(name), "{path} {name}");
            }
            assert!(!format!("{:?}", forward.set).contains("pak_"), "{path}");
        }
    }
    for path in ["/open/x", "/maybe/x", "/watched/x", "/keys/maybe/x"] {
        let forward = forwarded(rule(&get(path)));
        assert!(forward.remove.is_empty(), "{path}");
    }
}

#[test]
fn where_no_keys_are_taken_the_header_is_somebody_else_s() {
    let with = |path: &str, value: &str| Head {
        api_key: Some(value.to_owned()),
        names: vec!["x-api-key".to_owned()],
        ..get(path)
    };
    for path in ["/open/x", "/maybe/x", "/watched/x"] {
        let forward = forwarded(rule(&with(path, "the-api-s-own")));
        assert!(forward.remove.is_empty(), "{path}");
    }
    let known = Head {
        api_key: Some("the-api-s-own".to_owned()),
        ..with_token("/api/x", &token())
    };
    assert!(forwarded(rule(&known)).remove.is_empty());
    assert_eq!(answered(rule(&with("/api/x", "own"))).status, 401);
    // Where keys are taken, what stands there is meant for the edge.
    assert_eq!(answered(rule(&with("/keys/x", "own"))).status, 401);
    assert_eq!(answered(rule(&with("/keys/maybe/x", "own"))).status, 401);
    let shared = with("/shared/x", "own");
    let shared = Head {
        authorization: Some(format!("Bearer {}", token())),
        ..shared
    };
    let forward = forwarded(rule(&shared));
    assert!(
        forward.remove.contains(&"x-api-key".to_owned()),
        "nobody's identity"
    );
}

#[test]
fn a_key_is_no_bearer_token_and_the_other_way_round() {
    assert_eq!(answered(rule(&in_authorization("/api/x"))).status, 401);
    let of_key = token_of(1, NOW.seconds());
    let on_pages = with_token("/keys/pages/x", &of_key);
    assert_eq!(answered(rule(&on_pages)).status, 401, "no bearer is taken");
    assert_eq!(
        sent(&forwarded(rule(&with_token("/keys/x", &of_key))))["portcullis-proof"],
        of_key
    );
}
