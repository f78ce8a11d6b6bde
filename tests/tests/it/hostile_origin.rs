//! The edge against an origin that misbehaves: the last good documents stay in force for as long as
//! they may, then nobody passes; and nothing makes the edge hammer the origin.

use std::time::Duration;

use portcullis_e2e::clock;
use portcullis_shared::{
    revocation::{Digest, Kind, Record},
    time::UnixSeconds,
};
use tokio::task::JoinSet;

use crate::harness::{
    forged::Forged,
    hostile::{Conduct, State, key},
    wait,
};

/// Ages with which a cut-off takes three seconds instead of thirty.
const SHORT: [(&str, &str); 5] = [
    ("REVOCATIONS_FRESH_MS", "300"),
    ("REVOCATIONS_BEHIND_MS", "600"),
    ("REVOCATIONS_HARD_MS", "3000"),
    ("KEYS_FRESH_MS", "300"),
    ("KEYS_HARD_MS", "3000"),
];

/// A cut-off and its end: a good token passes for the hard age, then gets 503, then passes again.
async fn endures(set: &Forged, name: &str, spoil: impl FnOnce(&mut State)) {
    let token = set.token(&key(1));
    set.until_status(&token, 200).await;
    let seq = set.origin.state.lock().unwrap().seq;
    set.origin.set(spoil);
    // A document that was fetched a moment before the change counts from then.
    assert_eq!(
        set.status(&token).await,
        200,
        "{name}: the last good document stays in force"
    );
    let served = set.last_served(&token).await;
    assert!(
        served < Duration::from_secs(6),
        "{name}: still served after {served:?}"
    );
    let refused = set
        .http
        .get(&set.edge.at("/echo/x"), &token)
        .await
        .expect(503);
    assert!(
        !refused.header("retry-after").is_empty(),
        "{name}: Retry-After"
    );
    assert_eq!(refused.json()["code"], "unavailable", "{name}");
    set.origin.set(|state| {
        (state.keys_conduct, state.feed_conduct) = (Conduct::Good, Conduct::Good);
        (state.signer, state.seq) = (key(1), seq);
    });
    set.until_status(&token, 200).await;
}

#[tokio::test]
async fn whatever_the_feed_answers_the_last_good_one_stays_in_force_and_then_nobody_passes() {
    let set = Forged::start(&SHORT).await;
    let html = b"<!doctype html><title>Sign in to the hotel's network</title>".to_vec();
    let old = {
        let state = set.origin.state.lock().unwrap();
        state.feed(clock::now().plus(-60))
    };
    let bad = [
        ("down", Conduct::Down),
        ("silent", Conduct::Silent),
        ("dripping", Conduct::Dripping),
        ("huge", Conduct::Huge),
        ("redirecting", Conduct::Redirecting),
        ("an error", Conduct::Status(500)),
        ("not found", Conduct::Status(404)),
        ("not modified", Conduct::Status(304)),
        ("HTML as HTML", Conduct::MediaType("text/html")),
        ("HTML in disguise", Conduct::Body(html)),
        ("empty", Conduct::Body(Vec::new())),
        ("malformed", Conduct::Body(b"a.b.c".to_vec())),
        ("an old genuine one, repeated", Conduct::Body(old)),
    ];
    for (name, conduct) in bad {
        endures(&set, name, |state| state.feed_conduct = conduct).await;
    }
}

#[tokio::test]
async fn whatever_the_key_set_answers_the_last_good_one_stays_in_force_and_then_nobody_passes() {
    let set = Forged::start(&SHORT).await;
    let (one, twice) = {
        let state = set.origin.state.lock().unwrap();
        let one = String::from_utf8(state.key_set()).unwrap();
        let entry = one
            .trim_start_matches("{\"keys\":[")
            .trim_end_matches("]}")
            .to_owned();
        (one, format!("{{\"keys\":[{entry},{entry}]}}"))
    };
    let cut = one.as_bytes()[..one.len() - 2].to_vec();
    let bad = [
        ("down", Conduct::Down),
        ("silent", Conduct::Silent),
        ("dripping", Conduct::Dripping),
        ("huge", Conduct::Huge),
        ("redirecting", Conduct::Redirecting),
        ("an error", Conduct::Status(503)),
        ("HTML", Conduct::MediaType("text/html")),
        ("empty", Conduct::Body(Vec::new())),
        ("no key", Conduct::Body(b"{\"keys\":[]}".to_vec())),
        ("cut off", Conduct::Body(cut)),
        ("one kid twice", Conduct::Body(twice.into_bytes())),
    ];
    for (name, conduct) in bad {
        endures(&set, name, |state| state.keys_conduct = conduct).await;
    }
}

#[tokio::test]
async fn a_feed_that_goes_back_or_comes_from_a_stranger_is_not_taken() {
    let set = Forged::start(&SHORT).await;
    let seq = set.origin.state.lock().unwrap().seq;
    endures(&set, "older", |state| state.seq = seq - 1).await;
    endures(&set, "signed by an unknown key", |state| {
        state.signer = key(9);
    })
    .await;
}

#[tokio::test]
async fn a_cold_isolate_under_two_hundred_requests_answers_all_of_them_right() {
    let set = Forged::start(&[]).await;
    let (good, stranger) = (set.token(&key(1)), set.token(&key(7)));
    let mut requests = JoinSet::new();
    for number in 0..200 {
        let (http, url) = (set.http.clone(), set.edge.at("/echo/x"));
        let (token, wanted) = if number % 4 == 3 {
            (stranger.clone(), 401)
        } else {
            (good.clone(), 200)
        };
        requests.spawn(async move { (http.get(&url, &token).await.status, wanted) });
    }
    for (status, wanted) in requests.join_all().await {
        assert_eq!(status, wanted);
    }
    assert_eq!(set.echo.requests(), 150);
    let (keys, feed) = (set.origin.keys_asked(), set.origin.feed_asked());
    // One more fetch of the keys for the stranger's key; a second feed if it took a while.
    assert!(
        keys <= 2 && feed <= 3,
        "{keys} fetches of the keys, {feed} of the feed"
    );
}

#[tokio::test]
async fn a_new_key_is_known_after_one_fetch_and_unknown_ones_cause_no_more() {
    let set = Forged::start(&[]).await;
    assert_eq!(set.status(&set.token(&key(1))).await, 200);
    let before = set.origin.keys_asked();
    set.origin.set(|state| state.keys.push(key(2)));
    assert_eq!(set.status(&set.token(&key(2))).await, 200, "known at once");
    assert_eq!(set.origin.keys_asked(), before + 1);
    for seed in 10..60 {
        assert_eq!(set.status(&set.token(&key(seed))).await, 401);
    }
    assert_eq!(
        set.origin.keys_asked(),
        before + 1,
        "unknown keys have a budget"
    );
    // And none of it has cost a good token anything.
    assert_eq!(set.status(&set.token(&key(1))).await, 200);
    assert_eq!(set.status(&set.token(&key(2))).await, 200);
}

#[tokio::test]
async fn a_slow_origin_delays_no_revocation_on_an_idle_isolate() {
    // Hard ages as by default: what is known would do for a while, were it not older than serves.
    let ages = [
        ("REVOCATIONS_FRESH_MS", "300"),
        ("REVOCATIONS_BEHIND_MS", "600"),
    ];
    let set = Forged::start(&ages).await;
    let token = set.token(&key(1));
    set.until_status(&token, 200).await;
    let digest = Digest::of(&set.edge.url(), Kind::SigningKey, key(1).id().as_str());
    set.origin.set(|state| {
        state.feed_conduct = Conduct::Late(Duration::from_millis(1500));
        state.keys.push(key(2));
        state.signer = key(2);
        state.seq += 1;
        state.records = vec![Record {
            kind: Kind::SigningKey,
            digest,
            not_before: UnixSeconds(0),
            drop_at: clock::now().plus(3600),
        }];
    });
    wait::until_time(tokio::time::Instant::now() + Duration::from_secs(1)).await;
    // A relaxed route goes on with what is known, and has it fetched meanwhile; a strict one waits.
    assert_eq!(set.status_at("/relaxed/x", &token).await, 200);
    assert_eq!(set.status(&token).await, 401);
    assert_eq!(set.status_at("/relaxed/x", &token).await, 401);
}

#[tokio::test]
async fn a_route_for_other_issuers_refuses_our_own_tokens() {
    let set = Forged::start(&[]).await;
    let token = set.token(&key(1));
    set.until_status(&token, 200).await;
    assert_eq!(set.status_at("/foreign/x", &token).await, 401);
}

#[tokio::test]
async fn what_a_withdrawn_key_signs_is_refused_and_so_are_feeds_that_it_signs() {
    let set = Forged::start(&SHORT).await;
    let (stolen, next) = (key(1), key(2));
    set.origin.set(|state| state.keys.push(key(2)));
    let (old, new) = (set.token(&stolen), set.token(&next));
    set.until_status(&old, 200).await;
    set.until_status(&new, 200).await;
    let digest = Digest::of(&set.edge.url(), Kind::SigningKey, stolen.id().as_str());
    let drop_at = clock::now().plus(3600);
    set.origin.set(|state| {
        state.seq += 1;
        state.signer = key(2);
        state.records = vec![Record {
            kind: Kind::SigningKey,
            digest,
            not_before: UnixSeconds(0),
            drop_at,
        }];
    });
    set.until_status(&old, 401).await;
    assert_eq!(
        set.status(&set.token(&stolen)).await,
        401,
        "minted after the withdrawal"
    );
    assert_eq!(set.status(&new).await, 200);
    // Whoever stole it publishes a feed without the entry, with a higher number.
    set.origin.set(|state| {
        state.seq += 1;
        state.signer = key(1);
        state.records.clear();
    });
    set.until_status(&new, 503).await;
    assert_eq!(set.status(&old).await, 503);
}

#[tokio::test]
async fn a_route_that_only_reports_waits_for_no_origin_and_the_log_says_what_it_would_have_been() {
    let set = Forged::start(&[]).await;
    set.origin.set(|state| {
        (state.keys_conduct, state.feed_conduct) = (Conduct::Silent, Conduct::Silent);
    });
    let token = set.token(&key(1));
    let enforced = set.status_at("/echo/x", &token);
    tokio::pin!(enforced);
    let reported = async {
        // The other one is on its way, and the only thing that it can wait for never comes.
        for number in 0..5 {
            let path = format!("/reported/{number}");
            assert_eq!(set.status_at(&path, &token).await, 200);
        }
    };
    tokio::select! {
        biased;
        status = &mut enforced => panic!("{status} came first"),
        () = reported => (),
    }
    assert_eq!(enforced.await, 503);
    wait::until("five lines", Duration::from_secs(20), || async {
        let log = set.edge.log();
        let lines = log.lines().filter(|line| {
            line.contains("\"outcome\":\"reported\"") && line.contains("\"reason\":\"unavailable\"")
        });
        (lines.count() == 5).then_some(())
    })
    .await;
}
