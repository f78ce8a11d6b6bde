//! How often passwords may be guessed: by networks, names and devices, on all replicas together.

mod confirming;
mod places;
mod registering;
mod strangers;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use portcullis_origin::{
    domain::{
        app::Config,
        audit::{
            Action,
            query::{EventId, Filter, Order, Query},
        },
        context::Context,
        hashing::Parameters,
        login::{self, LoggedIn},
        password::Password,
        throttle::Throttled,
    },
    settings::throttle::Throttle,
};
use portcullis_shared::time::UnixSeconds;
use tokio::task::JoinSet;

use crate::support::{CURL, TestApp, TestClock, USER, context, on_both_engines};

on_both_engines!(
    too_many_wrong_passwords_wait_longer_and_longer_and_cost_no_hash,
    fifty_guesses_on_two_replicas_get_no_more_than_the_allowance,
    names_of_nobody_are_throttled_as_those_of_users,
    right_passwords_use_nothing_up,
    the_audit_trail_is_told_once,
    counts_are_gone_when_they_say_nothing_any_more,
);

const HOME: [u8; 4] = [192, 0, 2, 1];
const ELSEWHERE: [u8; 4] = [198, 51, 100, 1];

/// Few attempts, so that tests are short.
const SETTINGS: Throttle = Throttle {
    account_attempts: 3,
    stranger_attempts: 7,
    network_attempts: 12,
    registration_attempts: 4,
    first_delay: 1,
    growth: 2,
    max_delay: 60,
    forget_after: 3600,
    known_for: 86_400,
    ipv4_prefix: 32,
    ipv6_prefix: 64,
};

fn strict(config: &mut Config) {
    config.throttle = SETTINGS.rules();
}

fn from(ip: impl Into<IpAddr>) -> Context {
    Context {
        ip: Some(ip.into()),
        ..context(CURL, "DE")
    }
}

/// The number-th of many networks.
fn network(number: u8) -> Context {
    from([203, 0, 113, number])
}

async fn attempt(
    test: &TestApp,
    (username, password): (&str, &str),
    device_token: Option<&str>,
    from: &Context,
) -> Result<LoggedIn, login::Error> {
    let request = login::Request {
        username: username.to_owned(),
        password: Password::new(password.to_owned()),
        client_id: None,
        device: None,
        device_token: device_token.map(str::to_owned),
    };
    login::login(&test.app, request, from).await
}

/// What a login with a wrong password comes to: how many seconds to wait, or none when it was
/// looked at.
async fn guess(test: &TestApp, username: &str, from: &Context) -> Option<i64> {
    match attempt(test, (username, "wrong"), None, from).await {
        Err(login::Error::InvalidCredentials) => None,
        Err(login::Error::Throttled(Throttled { wait })) => Some(wait),
        other => panic!("{other:?}"),
    }
}

/// Guesses until it is refused, at most so often; how often it was not.
async fn flood(test: &TestApp, username: &str, from: &Context) -> usize {
    for count in 0..100 {
        if guess(test, username, from).await.is_some() {
            return count;
        }
    }
    panic!("nothing was refused");
}

async fn too_many_wrong_passwords_wait_longer_and_longer_and_cost_no_hash(test: TestApp) {
    let of_the_account = |config: &mut Config| {
        strict(config);
        config.throttle.network.attempts = 100;
    };
    let test = test.restarted(of_the_account).await;
    let home = from(HOME);
    let before = test.app.hasher.computed();
    assert_eq!(flood(&test, USER.0, &home).await, 3);
    assert_eq!(test.app.hasher.computed(), before + 3);
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
        let refused = attempt(&test, USER, None, &home).await;
        let Err(login::Error::Throttled(Throttled { wait })) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(wait, expected);
        test.clock.advance(wait - 1);
        assert_eq!(guess(&test, USER.0, &home).await, Some(1));
        test.clock.advance(1);
        assert_eq!(guess(&test, USER.0, &home).await, None);
    }
    assert_eq!(test.app.hasher.computed(), before + 3 + 8);
    // The person comes back, and has the whole allowance again.
    test.clock.advance(60);
    attempt(&test, USER, None, &home).await.unwrap();
    assert_eq!(flood(&test, USER.0, &home).await, 3);
}

async fn fifty_guesses_on_two_replicas_get_no_more_than_the_allowance(test: TestApp) {
    let test = Arc::new(test.restarted(strict).await);
    let replica = Arc::new(test.replica(TestClock::new()).await);
    for username in [USER.0, "nobody"] {
        let mut racing = JoinSet::new();
        for number in 0..50 {
            let replica = Arc::clone(if number % 2 == 0 { &test } else { &replica });
            racing.spawn(async move { guess(&replica, username, &from(HOME)).await });
        }
        let answers = racing.join_all().await;
        let looked_at = answers.iter().filter(|answer| answer.is_none()).count();
        assert_eq!(looked_at, 3, "{username}");
    }
    let computed = test.app.hasher.computed() + replica.app.hasher.computed();
    assert_eq!(computed, 6);
}

async fn names_of_nobody_are_throttled_as_those_of_users(test: TestApp) {
    let test = test.restarted(strict).await;
    let mut seen: BTreeMap<&str, Vec<Option<i64>>> = BTreeMap::new();
    for (index, name) in ["ann", "nobody", "no such: name", ""]
        .into_iter()
        .enumerate()
    {
        let before = test.app.hasher.computed();
        for number in 0..6 {
            let place = network(u8::try_from(index * 10 + number % 3).unwrap());
            for _ in 0..4 {
                seen.entry(name)
                    .or_default()
                    .push(guess(&test, name, &place).await);
            }
        }
        assert_eq!(test.app.hasher.computed(), before + 7, "{name}");
    }
    let of_ann = &seen["ann"];
    assert!(seen.values().all(|answers| answers == of_ann), "{seen:?}");
    // Upper and lower case are one name.
    assert!(guess(&test, "ANN", &from(ELSEWHERE)).await.is_some());
}

async fn right_passwords_use_nothing_up(test: TestApp) {
    let test = test.restarted(strict).await;
    for number in 0..20 {
        attempt(&test, USER, None, &network(number)).await.unwrap();
        attempt(&test, USER, None, &from(HOME)).await.unwrap();
    }
    assert_eq!(flood(&test, USER.0, &from(HOME)).await, 3);
    assert_eq!(flood(&test, USER.0, &from(ELSEWHERE)).await, 3);
}

async fn the_audit_trail_is_told_once(test: TestApp) {
    let test = test.restarted(strict).await;
    for name in [USER.0, "nobody"] {
        for _ in 0..5 {
            flood(&test, name, &from(HOME)).await;
        }
    }
    let query = Query {
        filter: Filter {
            actions: vec![Action::LoginThrottled],
            ..Filter::default()
        },
        order: Order::Oldest { after: EventId(0) },
        limit: 100,
    };
    let entries = test.app.store.audit(&query).await.unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry.event.user_id,
                entry.event.ip,
                entry.event.detail.as_deref(),
            )
        })
        .collect();
    let place = Some(IpAddr::from(HOME));
    let detail = Some("for one account from one network");
    let ann = test.user(USER.0).await.id;
    assert_eq!(told, [(Some(ann), place, detail), (None, place, detail)]);
}

async fn counts_are_gone_when_they_say_nothing_any_more(test: TestApp) {
    let test = test.restarted(strict).await;
    let store = &test.app.store;
    attempt(&test, USER, None, &from(HOME)).await.unwrap();
    for number in 0..4 {
        flood(&test, "nobody", &network(number)).await;
    }
    let forget = |after| store.forget_throttle(UnixSeconds(TestClock::START + after), 100);
    // The account's count of strangers and the network's, back at nothing.
    assert_eq!(forget(0).await.unwrap(), 2);
    // Two networks in which the last attempts were too many for the account, and the account.
    assert!(forget(3600 + 60).await.unwrap() > 0);
    assert_eq!(forget(SETTINGS.known_for - 1).await.unwrap(), 0);
    assert_eq!(forget(SETTINGS.known_for).await.unwrap(), 1);
    assert_eq!(forget(i64::from(u32::MAX)).await.unwrap(), 0);
    // Nothing is known that must not be: other parameters change no count.
    let cheap = Parameters {
        memory_kib: 8,
        iterations: 1,
        parallelism: 1,
    };
    let test = test.rehashing(cheap).await;
    assert_eq!(flood(&test, "nobody", &network(0)).await, 3);
}
