//! Whoever is logged in shows the password once more.

use portcullis_origin::domain::{
    caller::{self, Caller},
    change_password::{self, Passwords, change_password},
    password::Password,
    throttle::Throttled,
};

use super::{ELSEWHERE, HOME, attempt, from, network, strict};
use crate::support::{TestApp, USER, on_both_engines};

on_both_engines!(
    the_old_password_cannot_be_guessed_by_who_holds_an_access_token,
    who_guesses_with_a_stolen_access_token_does_not_keep_the_owner_from_changing_the_password,
    many_sessions_are_no_way_to_more_guesses,
    a_wrong_current_password_is_in_the_trail,
);

/// The caller of a new session.
pub(super) async fn logged_in(test: &TestApp) -> Caller {
    let login = attempt(test, USER, None, &from(HOME)).await.unwrap();
    let caller = caller::authenticate(&test.app, &login.tokens.access_token);
    caller.await.unwrap()
}

pub(super) async fn change(
    test: &TestApp,
    caller: &Caller,
    current: &str,
    place: [u8; 4],
) -> Result<(), change_password::Error> {
    let passwords = Passwords {
        current: Password::new(current.to_owned()),
        new: Password::new("a brand new password".to_owned()),
    };
    let changed = change_password(&test.app, caller, passwords, &from(place)).await;
    changed.map(|_| ())
}

/// Guesses until it is refused; how often it was not.
async fn flood(test: &TestApp, caller: &Caller) -> usize {
    for count in 0..100 {
        match change(test, caller, "wrong", ELSEWHERE).await {
            Err(change_password::Error::WrongPassword) => {}
            Err(change_password::Error::Throttled(_)) => return count,
            other => panic!("{other:?}"),
        }
    }
    panic!("nothing was refused");
}

async fn the_old_password_cannot_be_guessed_by_who_holds_an_access_token(test: TestApp) {
    let test = test.restarted(strict).await;
    let caller = logged_in(&test).await;
    assert_eq!(flood(&test, &caller).await, 3);
    let before = test.app.hasher.computed();
    // From elsewhere too.
    for place in [ELSEWHERE, HOME] {
        let refused = change(&test, &caller, USER.1, place).await;
        assert!(
            matches!(
                refused,
                Err(change_password::Error::Throttled(Throttled { wait: 1 }))
            ),
            "{refused:?}"
        );
    }
    assert_eq!(test.app.hasher.computed(), before);
    // Logins are counted apart.
    attempt(&test, USER, None, &from(HOME)).await.unwrap();
    test.clock.advance(1);
    change(&test, &caller, USER.1, HOME).await.unwrap();
}

async fn who_guesses_with_a_stolen_access_token_does_not_keep_the_owner_from_changing_the_password(
    test: TestApp,
) {
    let test = test.restarted(strict).await;
    let (stolen, own) = (logged_in(&test).await, logged_in(&test).await);
    flood(&test, &stolen).await;
    // Mistakes included.
    let wrong = change(&test, &own, "wrong", HOME).await;
    assert!(
        matches!(wrong, Err(change_password::Error::WrongPassword)),
        "{wrong:?}"
    );
    change(&test, &own, USER.1, HOME).await.unwrap();
}

async fn many_sessions_are_no_way_to_more_guesses(test: TestApp) {
    let test = test.restarted(strict).await;
    let mut looked_at = 0;
    for _ in 0..5 {
        let caller = logged_in(&test).await;
        looked_at += flood(&test, &caller).await;
    }
    assert_eq!(looked_at, 7);
    // The last session has guessed nothing: whose count refuses it is the user's.
    let caller = logged_in(&test).await;
    let refused = change(&test, &caller, USER.1, HOME).await;
    assert!(
        matches!(
            refused,
            Err(change_password::Error::Throttled(Throttled { wait: 1 }))
        ),
        "{refused:?}"
    );
    test.clock.advance(1);
    change(&test, &caller, USER.1, HOME).await.unwrap();
    attempt(&test, (USER.0, "a brand new password"), None, &network(1))
        .await
        .unwrap();
}

async fn a_wrong_current_password_is_in_the_trail(test: TestApp) {
    let caller = logged_in(&test).await;
    let before = test.trail().await.len();
    change(&test, &caller, "wrong", HOME).await.unwrap_err();
    change(&test, &caller, USER.1, HOME).await.unwrap();
    let trail = test.trail().await;
    let told = [&trail[before], &trail[before + 1]];
    assert_eq!(told[0], "login_failed by service to ann: confirmation");
    assert!(told[1].starts_with("password_changed"), "{told:?}");
}
