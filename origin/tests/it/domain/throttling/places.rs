//! The places of the hashing pool: who has how many, and who needs none.

use portcullis_origin::domain::{
    context::Context,
    hashing::{HashingError, Place},
    login,
    throttle::{self, Guess},
};

use super::{ELSEWHERE, HOME, attempt, flood, from, guess, network, strict};
use crate::support::{TestApp, USER, on_both_engines};

on_both_engines!(
    a_network_or_an_account_that_has_its_share_of_the_places_leaves_the_others,
    whoever_was_refused_a_moment_ago_costs_no_place,
);

/// Takes places as these logins do, until no more are given.
fn fill<'a>(test: &'a TestApp, username: &str, from: &Context) -> Vec<Place<'a>> {
    let guess = Guess {
        username,
        device_token: None,
        context: from,
    };
    let asked = throttle::ask(&test.app, guess).unwrap();
    std::iter::repeat_with(|| test.app.hasher.enter(&asked.claims))
        .map_while(Result::ok)
        .collect()
}

fn is_busy<T>(attempted: &Result<T, login::Error>) -> bool {
    matches!(attempted, Err(login::Error::Hashing(HashingError::Busy)))
}

async fn a_network_or_an_account_that_has_its_share_of_the_places_leaves_the_others(test: TestApp) {
    let login = attempt(&test, USER, None, &from(HOME)).await.unwrap();
    let shown = Some(login.device_token.as_str());
    // Places for two threads and a thousand who wait.
    let held = fill(&test, "nobody", &from(ELSEWHERE));
    assert_eq!(held.len(), 1002 / 4);
    for token in [None, shown] {
        let refused = attempt(&test, USER, token, &from(ELSEWHERE)).await;
        assert!(is_busy(&refused), "{refused:?}");
    }
    attempt(&test, USER, None, &from(HOME)).await.unwrap();
    drop(held);
    attempt(&test, USER, None, &from(ELSEWHERE)).await.unwrap();
    // An account that is asked for from everywhere keeps out its strangers alone.
    let held = fill(&test, USER.0, &network(1));
    let refused = attempt(&test, USER, None, &from(HOME)).await;
    assert!(is_busy(&refused), "{refused:?}");
    attempt(&test, USER, shown, &from(HOME)).await.unwrap();
    attempt(&test, crate::support::ADMIN, None, &from(HOME))
        .await
        .unwrap();
    drop(held);
    attempt(&test, USER, None, &from(HOME)).await.unwrap();
}

async fn whoever_was_refused_a_moment_ago_costs_no_place(test: TestApp) {
    let test = test.restarted(strict).await;
    let home = from(HOME);
    // Each attempt that is let through makes the next delay longer.
    for _ in 0..4 {
        flood(&test, USER.0, &home).await;
        let wait = guess(&test, USER.0, &home).await.unwrap();
        test.clock.advance(wait);
    }
    flood(&test, USER.0, &home).await;
    assert_eq!(guess(&test, USER.0, &home).await, Some(16));
    let hasher = &test.app.hasher;
    let everything: Vec<_> = std::iter::repeat_with(|| hasher.enter(&[]))
        .map_while(Result::ok)
        .collect();
    test.clock.advance(1);
    assert_eq!(guess(&test, USER.0, &home).await, Some(15));
    // What the database says is asked again after two seconds, and of others at once.
    let other = attempt(&test, USER, None, &from(ELSEWHERE)).await;
    assert!(is_busy(&other), "{other:?}");
    test.clock.advance(1);
    let later = attempt(&test, USER, None, &home).await;
    assert!(is_busy(&later), "{later:?}");
    drop(everything);
    assert_eq!(guess(&test, USER.0, &home).await, Some(14));
}
