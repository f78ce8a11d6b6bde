//! How often passwords may be guessed: by networks, names and devices, on all replicas together.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use portcullis_origin::{
    domain::{
        admin::{self, Authority},
        app::{Config, Registration},
        audit::{
            Action, Actor,
            query::{EventId, Filter, Order, Query},
        },
        caller, change_password,
        context::Context,
        hashing::{HashingError, Parameters, Place},
        login::{self, LoggedIn},
        password::Password,
        registration, setup,
        throttle::{self, Guess, Throttled},
    },
    settings::throttle::Throttle,
};
use portcullis_shared::time::UnixSeconds;
use tokio::task::JoinSet;

use crate::support::{CURL, TestApp, TestClock, USER, context, on_both_engines};

on_both_engines!(
    too_many_wrong_passwords_wait_longer_and_longer_and_cost_no_hash,
    fifty_guesses_on_two_replicas_get_no_more_than_the_allowance,
    a_flood_from_elsewhere_keeps_nobody_out_who_is_at_home,
    a_device_gets_in_from_a_network_that_floods_its_account,
    guesses_from_many_networks_at_one_account_are_slowed_together,
    a_network_that_tries_many_names_is_slowed_and_tells_nobody_whom_it_knows,
    a_network_or_an_account_that_has_its_share_of_the_places_leaves_the_others,
    whoever_was_refused_a_moment_ago_costs_no_place,
    names_of_nobody_are_throttled_as_those_of_users,
    right_passwords_use_nothing_up,
    whom_a_login_made_known_is_a_stranger_again_after_a_while,
    without_an_address_all_strangers_are_one,
    the_audit_trail_is_told_once,
    the_old_password_cannot_be_guessed_by_who_holds_an_access_token,
    a_setup_token_makes_the_network_known_that_it_is_used_from,
    counts_are_gone_when_they_say_nothing_any_more,
    a_network_that_signs_up_too_often_waits_and_costs_no_hash,
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

async fn a_flood_from_elsewhere_keeps_nobody_out_who_is_at_home(test: TestApp) {
    let test = test.restarted(strict).await;
    let home = from(HOME);
    attempt(&test, USER, None, &home).await.unwrap();
    for number in 0..10 {
        flood(&test, USER.0, &network(number)).await;
    }
    let stranger = attempt(&test, USER, None, &from(ELSEWHERE)).await;
    assert!(
        matches!(stranger, Err(login::Error::Throttled(_))),
        "{stranger:?}"
    );
    // At home there is the whole allowance, mistakes included.
    assert_eq!(guess(&test, USER.0, &home).await, None);
    assert_eq!(guess(&test, USER.0, &home).await, None);
    attempt(&test, USER, None, &home).await.unwrap();
}

async fn a_device_gets_in_from_a_network_that_floods_its_account(test: TestApp) {
    let test = test.restarted(strict).await;
    let home = from(HOME);
    let login = attempt(&test, USER, None, &home).await.unwrap();
    let others = attempt(&test, crate::support::ADMIN, None, &home)
        .await
        .unwrap();
    flood(&test, USER.0, &home).await;
    flood(&test, USER.0, &from(ELSEWHERE)).await;
    for place in [&home, &from(ELSEWHERE)] {
        for token in [None, Some("pdt_"), Some(others.device_token.as_str())] {
            let refused = attempt(&test, USER, token, place).await;
            assert!(
                matches!(refused, Err(login::Error::Throttled(_))),
                "{token:?} {refused:?}"
            );
        }
    }
    let shown = Some(login.device_token.as_str());
    let again = attempt(&test, USER, shown, &from(ELSEWHERE)).await.unwrap();
    assert_ne!(again.device_token, login.device_token);
    // The device's own guesses are limited too.
    for _ in 0..3 {
        let wrong = attempt(&test, (USER.0, "wrong"), shown, &home).await;
        assert!(
            matches!(wrong, Err(login::Error::InvalidCredentials)),
            "{wrong:?}"
        );
    }
    let refused = attempt(&test, USER, shown, &home).await;
    assert!(
        matches!(refused, Err(login::Error::Throttled(_))),
        "{refused:?}"
    );
}

async fn guesses_from_many_networks_at_one_account_are_slowed_together(test: TestApp) {
    let test = test.restarted(strict).await;
    let mut looked_at = 0;
    for number in 0..20 {
        looked_at += usize::from(guess(&test, USER.0, &network(number)).await.is_none());
    }
    assert_eq!(looked_at, 7);
    assert_eq!(guess(&test, "other", &network(200)).await, None);
}

async fn a_network_that_tries_many_names_is_slowed_and_tells_nobody_whom_it_knows(test: TestApp) {
    let test = test.restarted(strict).await;
    let office = from(HOME);
    let login = attempt(&test, USER, None, &office).await.unwrap();
    let mut looked_at = 0;
    for number in 0..20 {
        let name = format!("name{number}");
        looked_at += usize::from(guess(&test, &name, &office).await.is_none());
    }
    assert_eq!(looked_at, 12);
    // Whoever logged in from here is refused as others are, but on the device that was used.
    assert_eq!(guess(&test, "name99", &office).await, Some(1));
    assert_eq!(guess(&test, USER.0, &office).await, Some(1));
    let shown = Some(login.device_token.as_str());
    attempt(&test, USER, shown, &office).await.unwrap();
    test.clock.advance(1);
    attempt(&test, USER, None, &office).await.unwrap();
    // IPv6: the network is the first 64 bits.
    let of_six = |text: &str| from(text.parse::<IpAddr>().unwrap());
    for number in 0..12 {
        let place = of_six(&format!("2001:db8::{number}"));
        assert_eq!(guess(&test, &format!("name{number}"), &place).await, None);
    }
    assert_eq!(
        guess(&test, "one", &of_six("2001:db8::ffff")).await,
        Some(1)
    );
    assert_eq!(guess(&test, "one", &of_six("2001:db8:0:1::1")).await, None);
}

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

async fn whom_a_login_made_known_is_a_stranger_again_after_a_while(test: TestApp) {
    let test = test.restarted(strict).await;
    let home = from(HOME);
    let login = attempt(&test, USER, None, &home).await.unwrap();
    test.clock.advance(SETTINGS.known_for);
    for number in 0..10 {
        flood(&test, USER.0, &network(number)).await;
    }
    for token in [None, Some(login.device_token.as_str())] {
        let refused = attempt(&test, USER, token, &home).await;
        assert!(
            matches!(refused, Err(login::Error::Throttled(_))),
            "{refused:?}"
        );
    }
}

async fn without_an_address_all_strangers_are_one(test: TestApp) {
    let test = test.restarted(strict).await;
    let nowhere = Context {
        ip: None,
        ..context(CURL, "DE")
    };
    let login = attempt(&test, USER, None, &nowhere).await.unwrap();
    assert_eq!(flood(&test, USER.0, &nowhere).await, 7);
    assert_eq!(guess(&test, "other", &nowhere).await, None);
    let refused = attempt(&test, USER, None, &nowhere).await;
    assert!(
        matches!(refused, Err(login::Error::Throttled(_))),
        "{refused:?}"
    );
    let shown = Some(login.device_token.as_str());
    attempt(&test, USER, shown, &nowhere).await.unwrap();
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

async fn the_old_password_cannot_be_guessed_by_who_holds_an_access_token(test: TestApp) {
    let test = test.restarted(strict).await;
    let login = attempt(&test, USER, None, &from(HOME)).await.unwrap();
    let caller = caller::authenticate(&test.app, &login.tokens.access_token);
    let caller = caller.await.unwrap();
    let change = |current: &str| {
        let passwords = change_password::Passwords {
            current: Password::new(current.to_owned()),
            new: Password::new("a brand new password".to_owned()),
        };
        let (app, caller) = (Arc::clone(&test.app), caller.clone());
        async move { change_password::change_password(&app, &caller, passwords, &from(HOME)).await }
    };
    for _ in 0..3 {
        let wrong = change("wrong").await;
        assert!(
            matches!(wrong, Err(change_password::Error::WrongPassword)),
            "{wrong:?}"
        );
    }
    let before = test.app.hasher.computed();
    let refused = change(USER.1).await;
    assert!(
        matches!(
            refused,
            Err(change_password::Error::Throttled(Throttled { wait: 1 }))
        ),
        "{refused:?}"
    );
    assert_eq!(test.app.hasher.computed(), before);
    // Logins are counted apart.
    attempt(&test, USER, None, &from(HOME)).await.unwrap();
    test.clock.advance(1);
    change(USER.1).await.unwrap();
}

async fn a_setup_token_makes_the_network_known_that_it_is_used_from(test: TestApp) {
    let test = test.restarted(strict).await;
    for number in 0..10 {
        flood(&test, "ben", &network(number)).await;
    }
    let new = admin::NewUser {
        username: "ben".parse().unwrap(),
        email: None,
        password: None,
        roles: [].into(),
        scopes: "".parse().unwrap(),
    };
    let operator = Authority {
        actor: Actor::Operator,
        ip: None,
    };
    let created = admin::create_user(&test.app, operator, new).await.unwrap();
    let (token, password) = (created.setup_token.unwrap(), "a brand new password");
    let chosen = Password::new(password.to_owned());
    setup::complete(&test.app, &token, chosen, &from(HOME))
        .await
        .unwrap();
    let refused = attempt(&test, ("ben", password), None, &from(ELSEWHERE)).await;
    assert!(
        matches!(refused, Err(login::Error::Throttled(_))),
        "{refused:?}"
    );
    attempt(&test, ("ben", password), None, &from(HOME))
        .await
        .unwrap();
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

async fn sign_up(test: &TestApp, name: &str, from: &Context) -> Result<(), registration::Error> {
    let request = registration::Request {
        username: name.parse().unwrap(),
        email: None,
        password: Password::new("quiet harbour lantern".to_owned()),
    };
    let done = registration::register(&test.app, request, from).await;
    done.map(|_| ())
}

async fn a_network_that_signs_up_too_often_waits_and_costs_no_hash(test: TestApp) {
    let open = |config: &mut Config| {
        strict(config);
        let scopes = "api:read".parse().unwrap();
        config.registration = Registration::Open { scopes };
    };
    let test = test.restarted(open).await;
    // Asking for names that are taken counts as well.
    for name in ["first", "ann", "second", "first"] {
        let _any = sign_up(&test, name, &from(HOME)).await;
    }
    let hashes = test.app.hasher.computed();
    for name in ["third", "ann", "fourth"] {
        let refused = sign_up(&test, name, &from(HOME)).await;
        assert!(
            matches!(
                refused,
                Err(registration::Error::Throttled(Throttled { wait: 1 }))
            ),
            "{name}: {refused:?}"
        );
    }
    assert_eq!(test.app.hasher.computed(), hashes);
    let told = test.trail().await;
    let told = told.iter().filter(|line| line.contains("login_throttled"));
    assert_eq!(told.count(), 1);
    // Neither other networks nor logins from this one are concerned.
    sign_up(&test, "third", &from(ELSEWHERE)).await.unwrap();
    attempt(&test, USER, None, &from(HOME)).await.unwrap();
    test.clock.advance(1);
    sign_up(&test, "fourth", &from(HOME)).await.unwrap();
    let refused = sign_up(&test, "fifth", &from(HOME)).await;
    assert!(
        matches!(
            refused,
            Err(registration::Error::Throttled(Throttled { wait: 2 }))
        ),
        "{refused:?}"
    );
}
