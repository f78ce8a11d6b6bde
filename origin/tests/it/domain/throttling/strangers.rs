//! Whoever comes from a known network or with a known device, and everybody else.

use std::net::IpAddr;

use portcullis_origin::domain::{
    admin::{self, Authority},
    context::Context,
    login,
    password::Password,
    setup,
};

use super::{ELSEWHERE, HOME, SETTINGS, attempt, flood, from, guess, network, strict};
use crate::support::{CURL, TestApp, USER, context, on_both_engines};

on_both_engines!(
    a_flood_from_elsewhere_keeps_nobody_out_who_is_at_home,
    a_device_gets_in_from_a_network_that_floods_its_account,
    guesses_from_many_networks_at_one_account_are_slowed_together,
    a_network_that_tries_many_names_is_slowed_and_tells_nobody_whom_it_knows,
    whom_a_login_made_known_is_a_stranger_again_after_a_while,
    without_an_address_all_strangers_are_one,
    a_setup_token_makes_the_network_known_that_it_is_used_from,
);

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
    let operator = Authority::OPERATOR;
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
