//! Who may log in and administrate, and that somebody does.

use std::sync::{Arc, Mutex};

use portcullis_origin::domain::{
    audit::Action,
    store::{
        Batch, By, CreateUserError, OtherAdmins, PlanChange, PlanStep, Standing, Store, UserChange,
    },
    user::{User, UserStatus},
};

use super::{
    bench::{Bench, asked, pause},
    plans::plan,
    samples::{MILLIS, NOW, event, record, user, user_id},
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
    let decide = move |standing: &Standing<'_>| {
        *seen.lock().unwrap() = Some(standing.others);
        UserChange::default()
    };
    let changed = bench
        .store
        .change_standing(user_id(number), By::Service, MILLIS, Box::new(decide))
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

/// Disables a user, where that may be done, unless nobody else could administrate then.
fn disable(standing: &Standing<'_>) -> UserChange {
    if standing.others == OtherAdmins::Missing || !standing.is_permitted {
        return UserChange::default();
    }
    let user = standing.user;
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
            let done =
                store.change_standing(user_id(number), By::Service, MILLIS, Box::new(disable));
            assert!(done.await.unwrap().is_some());
        })
        .await;
    let left = "SELECT username FROM users WHERE disabled_at IS NULL";
    assert_eq!(bench.texts(left).await.len(), 1);
}

/// Whether a decision over a user may be made in somebody's name.
async fn is_permitted(store: Arc<dyn Store>, number: u8, by: By) -> bool {
    let shown = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&shown);
    let decide = move |standing: &Standing<'_>| {
        assert_eq!(standing.user.id, user_id(number));
        *seen.lock().unwrap() = Some(standing.is_permitted);
        UserChange::default()
    };
    let changed = store
        .change_standing(user_id(number), by, MILLIS, Box::new(decide))
        .await;
    assert!(changed.unwrap().is_some());
    shown.lock().unwrap().unwrap()
}

pub(super) async fn a_decision_learns_whether_its_administrator_is_one(bench: &Bench) {
    let nobodies = [
        user(3, "carl"),
        User {
            status: UserStatus::Disabled { at: NOW },
            ..admin(4, "dan")
        },
        User {
            status: UserStatus::Banned {
                reason: String::new(),
                at: NOW,
            },
            ..admin(5, "eve")
        },
    ];
    for user in [admin(1, "ann"), user(2, "bob")].iter().chain(&nobodies) {
        bench.add_user(user).await;
    }
    let permitted = async |number, by| is_permitted(bench.store.clone(), number, by).await;
    for number in [1, 2, 3] {
        let by = By::Administrator(user_id(1));
        assert!(permitted(number, by).await, "{number}");
        assert!(permitted(number, By::Service).await);
        for nobody in 3..=6 {
            let by = By::Administrator(user_id(nobody));
            assert!(!permitted(number, by).await, "{nobody} over {number}");
        }
    }
}

pub(super) async fn of_administrators_in_a_ring_who_is_out_puts_nobody_out(bench: &Bench) {
    let names = ["ann", "bob", "carl", "dan", "eve", "fay", "guy", "hal"];
    for (number, name) in (1..).zip(names) {
        bench.add_user(&admin(number, name)).await;
    }
    bench
        .at_once(1..=8_u8, |number, store| async move {
            let (by, next) = (By::Administrator(user_id(number)), user_id(number % 8 + 1));
            let done = store.change_standing(next, by, MILLIS, Box::new(disable));
            assert!(done.await.unwrap().is_some());
        })
        .await;
    for number in 1..=8 {
        let next = bench.store.user(user_id(number % 8 + 1)).await.unwrap();
        let own = bench.store.user(user_id(number)).await.unwrap();
        // Who is still in was spared by somebody who was out by then, and by nobody else.
        assert!(!(own.unwrap().is_active() && next.unwrap().is_active()));
    }
    assert!(others_of(bench, 1).await == OtherAdmins::Exist);
    let left = "SELECT username FROM users WHERE disabled_at IS NULL";
    assert!(!bench.texts(left).await.is_empty());
}

pub(super) async fn whoever_waits_for_an_own_exit_does_nothing_after_it(bench: &Bench) {
    bench.add_user(&admin(1, "ann")).await;
    bench.add_user(&admin(2, "bob")).await;
    let (mut pause, mut exit) = pause();
    let decide = move |standing: &Standing<'_>| {
        pause.stay(());
        disable(standing)
    };
    let (store, by) = (bench.store.clone(), By::Administrator(user_id(2)));
    let leaving = asked(async move {
        let done = store.change_standing(user_id(1), by, MILLIS, Box::new(decide));
        done.await.unwrap().is_some()
    });
    let leaving = leaving.await;
    exit.begun().await;
    let by = By::Administrator(user_id(1));
    let lifting = asked(is_permitted(bench.store.clone(), 1, by)).await;
    let storing = asked(is_permitted(bench.store.clone(), 2, by)).await;
    let store = bench.store.clone();
    let creating = asked(async move {
        let event = event(Action::UserCreated, "too late");
        store.create_user(&user(3, "carl"), &event, by).await
    });
    let creating = creating.await;
    bench.until_waiting(3).await;
    exit.go_on();
    assert!(leaving.await.unwrap());
    assert!(!lifting.await.unwrap());
    assert!(!storing.await.unwrap());
    let refused = creating.await.unwrap();
    assert!(
        matches!(refused, Err(CreateUserError::NotAdmin)),
        "{refused:?}"
    );
    assert!(bench.store.user(user_id(3)).await.unwrap().is_none());
    assert_eq!(bench.trail().await, ["user_created by operator"; 2]);
}

pub(super) async fn a_batch_learns_whether_its_administrator_is_one(bench: &Bench) {
    bench.add_user(&admin(1, "ann")).await;
    bench.add_user(&user(2, "bob")).await;
    bench.store.put_plan(&plan(1), &[], &[]).await.unwrap();
    for (by, expected) in [
        (By::Service, true),
        (By::Administrator(user_id(1)), true),
        (By::Administrator(user_id(2)), false),
        (By::Administrator(user_id(3)), false),
    ] {
        let decide = move |step: &PlanStep<'_>| {
            assert_eq!(step.is_permitted, expected, "{by:?}");
            // Held, and none of this batch's business.
            assert!(step.users.is_empty());
            PlanChange::default()
        };
        let batch = Batch {
            limit: 2,
            users_beyond: 1,
        };
        let changed = bench
            .store
            .change_planned(plan(1).id, by, batch, MILLIS, Box::new(decide))
            .await;
        assert!(changed.unwrap().is_some());
    }
}
