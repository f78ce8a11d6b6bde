//! Users: what is stored comes back, by id and by name.

use portcullis_origin::domain::{
    store::Store,
    user::{User, UserStatus},
};

use super::{
    bench::Bench,
    samples::{NOW, full_user, user, user_id},
};

pub(super) async fn a_user_comes_back_as_it_was(bench: &Bench) {
    let disabled = User {
        status: UserStatus::Disabled { at: NOW.plus(5) },
        ..full_user(3, "čeněk")
    };
    for stored in [user(1, "ann"), full_user(2, "bob"), disabled] {
        bench.add_user(&stored).await;
        assert_eq!(bench.store.user(stored.id).await.unwrap(), Some(stored));
    }
    assert_eq!(bench.trail().await, ["user_created by operator"; 3]);
}

pub(super) async fn a_user_is_found_by_id(bench: &Bench) {
    assert_eq!(bench.store.user(user_id(1)).await.unwrap(), None);
    bench.add_user(&user(1, "ann")).await;
    assert_eq!(
        bench.store.user(user_id(1)).await.unwrap(),
        Some(user(1, "ann"))
    );
    assert_eq!(bench.store.user(user_id(2)).await.unwrap(), None);
}

pub(super) async fn a_user_is_found_by_name(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    for (name, found) in [("ann", true), ("Ann", true), ("anna", false), ("an", false)] {
        let name = name.parse().unwrap();
        let by_name = bench.store.user_by_name(&name).await.unwrap();
        assert_eq!(by_name, found.then(|| user(1, "ann")), "{name}");
    }
}

pub(super) async fn a_password_hash_is_found_from_any_id(bench: &Bench) {
    let from = |number| bench.store.password_hash_from(user_id(number));
    assert_eq!(from(0).await.unwrap(), None);
    for (number, name) in [(3, "ann"), (6, "ben")] {
        let with_hash = User {
            password_hash: Some(name.to_owned()),
            ..user(number, name)
        };
        bench.add_user(&with_hash).await;
    }
    bench.add_user(&user(9, "carl")).await;
    for (number, found) in [
        (0, Some("ann")),
        (3, Some("ann")),
        (4, Some("ben")),
        (6, Some("ben")),
        (7, None),
        (10, Some("ann")),
    ] {
        let hash = from(number).await.unwrap();
        assert_eq!(hash.as_deref(), found, "{number}");
    }
}
