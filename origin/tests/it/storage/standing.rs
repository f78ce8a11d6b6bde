//! Who may log in and administrate, and that somebody does.

use std::sync::{Arc, Mutex};

use portcullis_origin::domain::{
    session::Session,
    store::{OtherAdmins, Store, UserChange},
    user::{User, UserStatus},
};

use super::{
    bench::Bench,
    samples::{MILLIS, NOW, record, user, user_id},
};

/// A user who can administrate.
fn admin(number: u8, name: &str) -> User {
    User {
        roles: ["admin"].map(|role| role.parse().unwrap()).into(),
        password_hash: Some("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned()),
        ..user(number, name)
    }
}

async fn others_of(bench: &Bench, number: u8) -> OtherAdmins {
    let shown = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&shown);
    let decide = move |_: &User, _: &[Session], others| {
        *seen.lock().unwrap() = Some(others);
        UserChange::default()
    };
    let changed = bench
        .store
        .change_standing(user_id(number), MILLIS, Box::new(decide))
        .await;
    assert!(changed.unwrap().is_some());
    shown.lock().unwrap().unwrap()
}

pub(super) async fn a_decision_learns_whether_others_could_administrate(bench: &Bench) {
    let roles = |role: &str| [role.parse().unwrap()].into();
    let nobodies = [
        user(2, "bob"),
        User {
            roles: roles("Admin"),
            ..admin(3, "carl")
        },
        User {
            roles: roles("admin-of-sorts"),
            ..admin(4, "dan")
        },
        User {
            password_hash: None,
            ..admin(5, "eve")
        },
        User {
            status: UserStatus::Disabled { at: NOW },
            ..admin(6, "fay")
        },
        User {
            status: UserStatus::Banned {
                reason: String::new(),
                at: NOW,
            },
            ..admin(7, "guy")
        },
    ];
    bench.add_user(&admin(1, "ann")).await;
    for nobody in &nobodies {
        bench.add_user(nobody).await;
    }
    assert_eq!(others_of(bench, 1).await, OtherAdmins::Missing);
    for nobody in nobodies {
        assert_eq!(
            others_of(bench, nobody.id.as_bytes()[0]).await,
            OtherAdmins::Exist
        );
    }
    let roles = ["a", "admin", "z"].map(|role| role.parse().unwrap()).into();
    bench
        .add_user(&User {
            roles,
            ..admin(8, "hal")
        })
        .await;
    assert_eq!(others_of(bench, 1).await, OtherAdmins::Exist);
}

/// Disables a user, unless nobody else could administrate then.
fn disable(user: &User, _: &[Session], others: OtherAdmins) -> UserChange {
    if others == OtherAdmins::Missing {
        return UserChange::default();
    }
    UserChange {
        user: Some(User {
            status: UserStatus::Disabled { at: NOW },
            ..user.clone()
        }),
        revocations: vec![record(u64::from(user.id.as_bytes()[0]))],
        ..UserChange::default()
    }
}

pub(super) async fn of_administrators_who_remove_each_other_one_stays(bench: &Bench) {
    let names = ["ann", "bob", "carl", "dan", "eve", "fay", "guy", "hal"];
    for (number, name) in (1..).zip(names) {
        bench.add_user(&admin(number, name)).await;
    }
    bench
        .at_once(1..=8, |number, store| async move {
            let done = store.change_standing(user_id(number), MILLIS, Box::new(disable));
            assert!(done.await.unwrap().is_some());
        })
        .await;
    let left = "SELECT username FROM users WHERE disabled_at IS NULL";
    assert_eq!(bench.texts(left).await.len(), 1);
}
