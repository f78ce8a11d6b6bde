//! The edge under load while something happens to the origin: it goes and comes back, or somebody
//! makes the edge ask it for keys that do not exist.

use std::{sync::Arc, time::Duration};

use portcullis_shared::keys::SigningKey;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::harness::{
    dice::Dice,
    forged::forge,
    origin::Origin,
    stack::{self, Stack},
    traffic::Traffic,
};

const CLIENTS: usize = 6;

/// The hard age of these tests: a minute without an origin, in seven seconds.
const HARD: Duration = Duration::from_secs(7);

const SHORT: [(&str, &str); 3] = [
    ("REVOCATIONS_FRESH_MS", "300"),
    ("REVOCATIONS_BEHIND_MS", "600"),
    ("REVOCATIONS_HARD_MS", "7000"),
];

/// What is known is at most this much older than what could be: the second between two attempts,
/// an age at which nothing is fetched, and the time of a request on a busy machine.
const SLACK: Duration = Duration::from_millis(2500);

#[tokio::test]
async fn without_an_origin_nobody_is_refused_up_to_the_hard_age_then_all_are_until_it_is_back() {
    let mut stack = Stack::start(&SHORT).await;
    let (_, bearer) = stack.bearer().await;
    let traffic = Traffic::start(
        stack.edge.at("/echo/x"),
        vec![bearer.access.clone()],
        CLIENTS,
    );
    traffic
        .until("the first answers", |status| status == 200)
        .await;
    traffic.progress(50).await;

    let (home, port) = (Arc::clone(&stack.origin.home), stack.origin.port);
    stack.origin.kill();
    let gone = Instant::now();
    let refused = traffic.until("the hard age", |status| status != 200).await;
    assert_eq!(refused.status, 503);
    // From then on nobody passes, and nobody is told that a good token is bad.
    traffic.progress(50).await;
    let still_gone = Instant::now();

    stack.origin = Origin::start_at(home, port).await;
    let back = Instant::now();
    traffic.until("the recovery", |status| status == 200).await;
    let recovered = Instant::now();
    traffic.progress(50).await;

    let seen = traffic.stop().await;
    for seen in seen {
        let since = seen.asked.saturating_duration_since(gone);
        match seen.status {
            200 => assert!(
                since < HARD + SLACK || seen.asked > back - SLACK,
                "still served after {since:?}"
            ),
            503 => assert!(
                since + SLACK > HARD && seen.asked < recovered + SLACK,
                "refused after {since:?} already, or long after the recovery"
            ),
            other => panic!("{other} after {since:?}"),
        }
    }
    println!("gone for {:?}", still_gone - gone);
    // What came before is known again: sessions go on, and a ban of now bites.
    let next = stack::refresh(&stack.http, &stack.edge.url(), &bearer.refresh)
        .await
        .expect(200);
    let next = stack::tokens(&next).access;
    stack.get("/echo/x", &next).await.expect(200);
}

/// A kid that no key of the origin has: of any form that a key's name may have.
fn random_kid(dice: &mut Dice) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:=";
    let length = [1, 8, 43, 128][dice.roll(4)];
    let letters = (0..length).map(|_| char::from(LETTERS[dice.roll(LETTERS.len())]));
    letters.collect()
}

#[tokio::test]
async fn a_thousand_random_kids_cost_the_origin_one_fetch_and_good_tokens_nothing() {
    let stack = Stack::start(&[]).await;
    let (_, bearer) = stack.bearer().await;
    stack.get("/echo/x", &bearer.access).await.expect(200);
    let key = SigningKey::from_seed(&[7; 32]).unwrap();
    let issuer = stack.edge.url();
    let forge = forge(&issuer, &key);
    let mut dice = Dice::new(Dice::fresh_seed());
    let tokens: Vec<String> = (0..1000)
        .map(|_| forge.with_header("kid", json!(random_kid(&mut dice))))
        .collect();

    let keys_asked = || {
        let counts = stack.proxy.counts();
        counts.get("/.well-known/jwks.json").copied().unwrap_or(0)
    };
    let before = keys_asked();
    let traffic = Traffic::start(stack.edge.at("/echo/x"), vec![bearer.access], 2);
    let began = Instant::now();
    let mut askers = JoinSet::new();
    for part in tokens.chunks(125) {
        let (http, url, part) = (stack.http.clone(), stack.edge.at("/echo/x"), part.to_vec());
        askers.spawn(async move {
            for token in part {
                let answer = http.get(&url, &token).await.expect(401);
                assert_eq!(answer.json()["code"], "invalid_token");
            }
        });
    }
    askers.join_all().await;
    let took = began.elapsed();
    let seen = traffic.stop().await;
    assert!(seen.len() > 10 && seen.iter().all(|seen| seen.status == 200));
    // One look in thirty seconds, which a thousand requests do not take but on a very busy machine.
    let budget = 1 + usize::try_from(took.as_secs() / 30).unwrap();
    let asked = keys_asked() - before;
    println!("{asked} fetches of the keys in {took:?}");
    assert!((1..=budget).contains(&asked), "{asked} in {took:?}");
}
