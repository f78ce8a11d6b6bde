//! How often a network may sign up.

use portcullis_origin::domain::{
    app::{Config, Registration},
    context::Context,
    password::Password,
    registration::{self, reserved::ReservedNames},
    throttle::Throttled,
};

use super::{ELSEWHERE, HOME, attempt, from, strict};
use crate::support::{TestApp, USER, on_both_engines};

on_both_engines!(a_network_that_signs_up_too_often_waits_and_costs_no_hash,);

pub(super) async fn sign_up(
    test: &TestApp,
    name: &str,
    from: &Context,
) -> Result<(), registration::Error> {
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
        let reserved = ReservedNames::default();
        config.registration = Registration::Open { scopes, reserved };
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
