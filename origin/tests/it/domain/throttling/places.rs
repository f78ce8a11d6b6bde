//! The places of the hashing pool: who has how many, and who needs none. Places are held here until
//! a test lets go of them, for two threads and a thousand who wait.

use std::net::{Ipv4Addr, Ipv6Addr};

use portcullis_origin::domain::{
    admin::{self, Authority},
    app::{Config, Registration},
    context::Context,
    hashing::{HashingError, Place},
    login,
    password::Password,
    registration::{self, reserved::ReservedNames},
    setup,
    shares::Claim,
    throttle::{self, Guess, claims::Standing},
};

use super::{
    ELSEWHERE, HOME, attempt, confirming, flood, from, guess, network, registering, strict,
};
use crate::support::{ADMIN, TestApp, TestClock, USER, on_both_engines};

on_both_engines!(
    a_network_that_has_its_part_of_the_places_leaves_the_others_and_devices,
    strangers_of_an_account_keep_its_owner_out_neither_at_home_nor_on_a_device,
    strangers_from_everywhere_have_half_of_the_places,
    a_network_of_many_networks_has_less_than_all_that_is_the_strangers,
    one_account_has_a_quarter_of_the_places_beside_the_strangers,
    whether_an_account_is_at_home_is_asked_every_two_seconds,
    whoever_was_refused_a_moment_ago_costs_no_place,
);

const PLACES: usize = 1002;

/// What these logins come by, as strangers and as those whom the service knows.
fn claims(
    test: &TestApp,
    username: &str,
    device_token: Option<&str>,
    from: &Context,
) -> (Vec<Claim>, Vec<Claim>) {
    let guess = Guess {
        username,
        device_token,
        context: from,
    };
    let claims = throttle::ask(&test.app, guess).unwrap().claims;
    let known = match claims.standing {
        Standing::Nowhere => vec![],
        Standing::AtHome { claims, .. } | Standing::Proven(claims) => claims,
    };
    (claims.stranger, known)
}

/// Takes places one after the other until one is refused.
fn fill(test: &TestApp, claims: impl Fn(u16) -> Vec<Claim>) -> Vec<Place<'_>> {
    let places = (0..).map(|number| test.app.hasher.enter(&claims(number)));
    places.map_while(Result::ok).collect()
}

/// The places that strangers take who want this account from everywhere.
fn fill_account<'a>(test: &'a TestApp, username: &str) -> Vec<Place<'a>> {
    fill(test, |number| {
        claims(test, username, None, &somewhere(number)).0
    })
}

/// All that strangers can take.
fn fill_all(test: &TestApp) -> Vec<Place<'_>> {
    let name = |number| format!("name{number}");
    fill(test, |number| {
        claims(test, &name(number), None, &somewhere(number)).0
    })
}

/// The number-th of many networks that have nothing to do with each other.
fn somewhere(number: u16) -> Context {
    let [high, low] = number.to_be_bytes();
    from(Ipv4Addr::new(10 + high, low, 0, 1))
}

fn is_busy<T>(attempted: &Result<T, login::Error>) -> bool {
    matches!(attempted, Err(login::Error::Hashing(HashingError::Busy)))
}

#[track_caller]
fn assert_busy<T: std::fmt::Debug>(attempted: &Result<T, login::Error>) {
    assert!(is_busy(attempted), "{attempted:?}");
}

async fn a_network_that_has_its_part_of_the_places_leaves_the_others_and_devices(test: TestApp) {
    let login = attempt(&test, USER, None, &from(ELSEWHERE)).await.unwrap();
    let held = fill(&test, |number| {
        claims(&test, &format!("name{number}"), None, &from(ELSEWHERE)).0
    });
    assert_eq!(held.len(), PLACES / 4);
    // Who logged in from there before is told apart by a device alone: all could ask who did.
    for user in [USER, ADMIN] {
        assert_busy(&attempt(&test, user, None, &from(ELSEWHERE)).await);
    }
    let shown = Some(login.device_token.as_str());
    attempt(&test, USER, shown, &from(ELSEWHERE)).await.unwrap();
    attempt(&test, USER, None, &from(HOME)).await.unwrap();
    drop(held);
    attempt(&test, ADMIN, None, &from(ELSEWHERE)).await.unwrap();
}

async fn strangers_of_an_account_keep_its_owner_out_neither_at_home_nor_on_a_device(test: TestApp) {
    let login = attempt(&test, USER, None, &from(HOME)).await.unwrap();
    // One process remembers who was at home, and one has just been started.
    for test in [&test, &test.restarted(|_| {}).await] {
        let held = fill_account(test, USER.0);
        assert_eq!(held.len(), PLACES / 4);
        assert_busy(&attempt(test, USER, None, &from(ELSEWHERE)).await);
        for _ in 0..3 {
            attempt(test, USER, None, &from(HOME)).await.unwrap();
            assert_eq!(guess(test, USER.0, &from(HOME)).await, None);
        }
        let shown = Some(login.device_token.as_str());
        attempt(test, USER, shown, &from([203, 0, 113, 1]))
            .await
            .unwrap();
        // Of other accounts they keep out nobody.
        attempt(test, ADMIN, None, &from(ELSEWHERE)).await.unwrap();
        drop(held);
        test.clock.advance(2);
        attempt(test, ADMIN, None, &from(HOME)).await.unwrap();
    }
}

async fn strangers_from_everywhere_have_half_of_the_places(test: TestApp) {
    let open = |config: &mut Config| {
        let scopes = "api:read".parse().unwrap();
        config.registration = Registration::Open {
            scopes,
            reserved: ReservedNames::default(),
        };
    };
    let login = attempt(&test, USER, None, &from(HOME)).await.unwrap();
    let caller = confirming::logged_in(&test).await;
    let test = test.restarted(open).await;
    let held = fill_all(&test);
    assert_eq!(held.len(), PLACES / 2);
    assert_busy(&attempt(&test, USER, None, &from(ELSEWHERE)).await);
    assert_busy(&attempt(&test, ADMIN, None, &from(HOME)).await);
    let refused = registering::sign_up(&test, "new", &from(HOME)).await;
    assert!(
        matches!(
            refused,
            Err(registration::Error::Hashing(HashingError::Busy))
        ),
        "{refused:?}"
    );
    attempt(&test, USER, None, &from(HOME)).await.unwrap();
    let shown = Some(login.device_token.as_str());
    attempt(&test, USER, shown, &from(ELSEWHERE)).await.unwrap();
    // Neither do they keep out who is logged in, or was let in by hand.
    confirming::change(&test, &caller, USER.1, ELSEWHERE)
        .await
        .unwrap();
    let id = test.user(ADMIN.0).await.id;
    let issued = admin::issue_setup(&test.app, Authority::OPERATOR, id)
        .await
        .unwrap()
        .unwrap();
    let chosen = Password::new("a brand new password".to_owned());
    setup::complete(&test.app, &issued.token, chosen, &from(ELSEWHERE))
        .await
        .unwrap();
}

async fn a_network_of_many_networks_has_less_than_all_that_is_the_strangers(test: TestApp) {
    // The number-th /56 of a /48, and the number-th address of a /16.
    let six = |number| from(Ipv6Addr::new(0x2001, 0xdb8, 1, number << 8, 0, 0, 0, 1));
    let four = |number: u16| {
        let [high, low] = number.to_be_bytes();
        from(Ipv4Addr::new(198, 18, high, low))
    };
    let all: [&dyn Fn(u16) -> Context; 2] = [&six, &four];
    for many in all {
        let held = fill(&test, |number| {
            claims(&test, &format!("name{number}"), None, &many(number % 256)).0
        });
        assert_eq!(held.len(), PLACES * 3 / 8);
        assert_busy(&attempt(&test, USER, None, &many(255)).await);
        attempt(&test, USER, None, &from(ELSEWHERE)).await.unwrap();
    }
}

async fn one_account_has_a_quarter_of_the_places_beside_the_strangers(test: TestApp) {
    let login = attempt(&test, ADMIN, None, &from(HOME)).await.unwrap();
    let mut tokens = vec![];
    for number in 0..4 {
        let opened = attempt(&test, USER, None, &network(number)).await.unwrap();
        tokens.push(opened.device_token);
    }
    let strangers = fill_all(&test);
    let known = |number: u16, device: bool| {
        let of = usize::from(number % 4);
        let token = device.then(|| tokens[of].as_str());
        claims(&test, USER.0, token, &network(u8::try_from(of).unwrap())).1
    };
    // One home, all homes, one device, all devices.
    let one_home = fill(&test, |_| known(0, false));
    assert_eq!(one_home.len(), PLACES / 16);
    attempt(&test, USER, None, &network(1)).await.unwrap();
    let homes = fill(&test, |number| known(1 + number % 3, false));
    assert_eq!(one_home.len() + homes.len(), PLACES / 8);
    assert_busy(&attempt(&test, USER, None, &network(1)).await);
    let one_device = fill(&test, |_| known(0, true));
    assert_eq!(one_device.len(), PLACES / 16);
    let shown = Some(tokens[1].as_str());
    attempt(&test, USER, shown, &from(ELSEWHERE)).await.unwrap();
    let devices = fill(&test, |number| known(1 + number % 3, true));
    assert_eq!(one_device.len() + devices.len(), PLACES / 8);
    assert_busy(&attempt(&test, USER, shown, &from(ELSEWHERE)).await);
    // Others are where they always are.
    attempt(&test, ADMIN, None, &from(HOME)).await.unwrap();
    let shown = Some(login.device_token.as_str());
    attempt(&test, ADMIN, shown, &from(ELSEWHERE))
        .await
        .unwrap();
    // Where there is a place for strangers, whoever is known has it too.
    drop(strangers);
    attempt(&test, USER, None, &network(1)).await.unwrap();
    attempt(&test, USER, Some(tokens[1].as_str()), &from(ELSEWHERE))
        .await
        .unwrap();
}

async fn whether_an_account_is_at_home_is_asked_every_two_seconds(test: TestApp) {
    let replica = test.replica(TestClock::new()).await;
    let _held = fill_account(&test, USER.0);
    assert_busy(&attempt(&test, USER, None, &from(HOME)).await);
    attempt(&replica, USER, None, &from(HOME)).await.unwrap();
    test.clock.advance(1);
    assert_busy(&attempt(&test, USER, None, &from(HOME)).await);
    test.clock.advance(1);
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
    assert_eq!(everything.len(), PLACES);
    test.clock.advance(1);
    assert_eq!(guess(&test, USER.0, &home).await, Some(15));
    // What the database says is asked again after two seconds, and of others at once.
    assert_busy(&attempt(&test, USER, None, &from(ELSEWHERE)).await);
    test.clock.advance(1);
    assert_busy(&attempt(&test, USER, None, &home).await);
    drop(everything);
    assert_eq!(guess(&test, USER.0, &home).await, Some(14));
}
