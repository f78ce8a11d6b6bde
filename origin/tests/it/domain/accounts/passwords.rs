//! Passwords that their users change.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin,
    caller::{self, Caller},
    change_password::{self, Passwords, change_password},
    login,
    mint::TokenSet,
    password::PasswordRule,
    sessions,
};
use tokio::task::JoinSet;

use super::{OPERATOR, goes_on, here, is_out, password};
use crate::support::{TestApp, USER, on_both_engines};

on_both_engines!(
    a_password_change_ends_the_other_sessions_alone,
    a_wrong_current_password_changes_nothing,
    a_session_that_is_over_changes_no_password,
    of_many_password_changes_at_once_one_wins,
    a_password_changes_whose_hash_was_replaced_meanwhile,
);

async fn caller_of(test: &TestApp, tokens: &TokenSet) -> Caller {
    caller::authenticate(&test.app, &tokens.access_token)
        .await
        .unwrap()
}

fn to(new: &str) -> Passwords {
    Passwords {
        current: password(USER.1),
        new: password(new),
    }
}

const NEW: &str = "a brand new password";

async fn a_password_change_ends_the_other_sessions_alone(test: TestApp) {
    let (mut current, mut other_count) = (USER.1, 2);
    for new in [NEW, "another\0 one with NUL", "🐎🔋📎🐎🔋📎🐎🔋"] {
        let log_in = async || {
            let who = (USER.0, current);
            test.login_as(who, "portcullis", &here()).await.unwrap()
        };
        let own = log_in().await;
        let mut others = Vec::new();
        for _ in 0..other_count {
            others.push(log_in().await);
        }
        let passwords = Passwords {
            current: password(current),
            new: password(new),
        };
        let caller = caller_of(&test, &own).await;
        let seq = change_password(&test.app, &caller, passwords, &here()).await;
        assert!(test.edge().await.revocations.seq() >= seq.unwrap().0);
        for tokens in &others {
            is_out(&test, tokens).await;
        }
        // Where they are many, this session's access token goes with theirs; it refreshes.
        let own = test.refresh(own.refresh_token.expose()).await.unwrap();
        assert!(test.passes(&own.access_token).await);
        let old = test
            .login_as((USER.0, current), "portcullis", &here())
            .await;
        assert!(matches!(old, Err(login::Error::InvalidCredentials)));
        (current, other_count) = (new, 40);
    }
}

async fn a_wrong_current_password_changes_nothing(test: TestApp) {
    let (own, other) = (test.login().await, test.login().await);
    let caller = caller_of(&test, &own).await;
    let before = test.user(USER.0).await;
    for current in ["", "wrong", &USER.1.to_uppercase(), &"x".repeat(100_000)] {
        let passwords = Passwords {
            current: password(current),
            new: password(NEW),
        };
        let refused = change_password(&test.app, &caller, passwords, &here()).await;
        assert!(
            matches!(refused, Err(change_password::Error::WrongPassword)),
            "{refused:?}"
        );
    }
    for (new, rule) in [
        ("short", PasswordRule::TooShort),
        ("PassWord", PasswordRule::Common),
    ] {
        let refused = change_password(&test.app, &caller, to(new), &here()).await;
        assert!(
            matches!(refused, Err(change_password::Error::Password(broken)) if broken == rule),
            "{refused:?}"
        );
    }
    assert_eq!(test.user(USER.0).await, before);
    goes_on(&test, &own).await;
    goes_on(&test, &other).await;
}

async fn a_session_that_is_over_changes_no_password(test: TestApp) {
    let own = test.login().await;
    let caller = caller_of(&test, &own).await;
    let before = test.user(USER.0).await.password_hash;
    sessions::logout(&test.app, &caller, &here()).await.unwrap();
    let over = async || {
        let refused = change_password(&test.app, &caller, to(NEW), &here()).await;
        assert!(
            matches!(refused, Err(change_password::Error::SessionOver)),
            "{refused:?}"
        );
    };
    over().await;
    admin::disable(&test.app, OPERATOR, caller.user.id)
        .await
        .unwrap();
    over().await;
    assert_eq!(test.user(USER.0).await.password_hash, before);
    admin::delete_user(&test.app, OPERATOR, caller.user.id)
        .await
        .unwrap();
    over().await;
}

async fn of_many_password_changes_at_once_one_wins(test: TestApp) {
    let test = Arc::new(test);
    let own = test.login().await;
    let caller = caller_of(&test, &own).await;
    let mut changing = JoinSet::new();
    for number in 0..8 {
        let (test, caller) = (Arc::clone(&test), caller.clone());
        changing.spawn(async move {
            let new = format!("new password {number}");
            let changed = change_password(&test.app, &caller, to(&new), &here()).await;
            match changed {
                Ok(_) => Some(new),
                Err(change_password::Error::WrongPassword) => None,
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    let won: Vec<String> = changing.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    test.login_as((USER.0, &won[0]), "portcullis", &here())
        .await
        .unwrap();
}

async fn a_password_changes_whose_hash_was_replaced_meanwhile(test: TestApp) {
    let own = test.login().await;
    // As after the first look at the user: a login replaces the hash by one of the same password.
    let caller = caller_of(&test, &own).await;
    let harder = portcullis_origin::domain::hashing::Parameters {
        memory_kib: 16,
        iterations: 1,
        parallelism: 1,
    };
    test.rehashing(harder).await.login().await;
    assert_ne!(
        test.user(USER.0).await.password_hash,
        caller.user.password_hash
    );
    change_password(&test.app, &caller, to(NEW), &here())
        .await
        .unwrap();
    test.login_as((USER.0, NEW), "portcullis", &here())
        .await
        .unwrap();
}
