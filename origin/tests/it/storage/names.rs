//! Names: each is one user's, and so is whatever looks like it.

use portcullis_origin::domain::{
    audit::Action,
    store::{By, CreateUserError, Store},
};

use super::{
    bench::Bench,
    samples::{event, user, user_id},
};

pub(super) async fn a_taken_name_is_told_and_nothing_is_written(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    let event = event(Action::UserCreated, "second");
    let refused = bench
        .store
        .create_user(&user(2, "ANN"), &event, By::Service)
        .await;
    assert!(matches!(refused, Err(CreateUserError::NameTaken)));
    assert_eq!(bench.store.user(user_id(2)).await.unwrap(), None);
    assert_eq!(bench.trail().await, ["user_created by operator"]);
}

/// How many of twenty, who want these names at once, get theirs.
async fn winners(bench: &Bench, names: &'static [&'static str]) -> usize {
    let numbers = (1..=20).zip(names.iter().cycle());
    let won = bench.at_once(numbers, |(number, name), store| async move {
        let event = event(Action::UserCreated, "race");
        match store
            .create_user(&user(number, name), &event, By::Service)
            .await
        {
            Ok(()) => true,
            Err(CreateUserError::NameTaken) => false,
            Err(error) => panic!("{error:?}"),
        }
    });
    won.await.into_iter().filter(|won| *won).count()
}

pub(super) async fn of_many_who_want_a_name_one_gets_it(bench: &Bench) {
    assert_eq!(winners(bench, &["ann"]).await, 1);
    assert_eq!(bench.trail().await.len(), 1);
}

pub(super) async fn a_name_that_looks_like_another_is_taken(bench: &Bench) {
    bench.add_user(&user(1, "mary")).await;
    let event = event(Action::UserCreated, "second");
    for name in ["rnary", "RNARY", "mary", "MARY"] {
        let refused = bench
            .store
            .create_user(&user(2, name), &event, By::Service)
            .await;
        assert!(matches!(refused, Err(CreateUserError::NameTaken)), "{name}");
    }
    assert_eq!(bench.store.user(user_id(2)).await.unwrap(), None);
    bench.add_user(&user(2, "maryann")).await;
}

pub(super) async fn of_many_who_want_names_that_look_alike_one_gets_it(bench: &Bench) {
    // Three of the names look alike, the second has another letter.
    assert_eq!(winners(bench, &["bill", "bell", "bi1l", "bil1"]).await, 2);
}

/// Makes the rows of all users as a version wrote them that knew nothing of skeletons.
async fn age(bench: &Bench) {
    let names = "UPDATE users SET skeleton = NULL RETURNING username";
    bench.texts(names).await;
}

async fn fill(bench: &Bench) -> usize {
    let (mut last, mut batches) = (None, 0);
    loop {
        last = bench.store.fill_skeletons(last, 2).await.unwrap();
        if last.is_none() {
            return batches;
        }
        batches += 1;
    }
}

pub(super) async fn names_of_an_older_version_are_protected_once_they_are_filled_in(bench: &Bench) {
    let names = ["mary", "bill", "ann", "cleo", "0tto"];
    for (number, name) in (1..).zip(names) {
        bench.add_user(&user(number, name)).await;
    }
    age(bench).await;
    assert_eq!(fill(bench).await, 3);
    assert_eq!(fill(bench).await, 0, "all are there");
    let event = event(Action::UserCreated, "second");
    for name in ["rnary", "bi11", "c1eo"] {
        let refused = bench
            .store
            .create_user(&user(9, name), &event, By::Service)
            .await;
        assert!(matches!(refused, Err(CreateUserError::NameTaken)), "{name}");
    }
    let found = bench.store.user(user_id(2)).await.unwrap();
    assert_eq!(found, Some(user(2, "bill")), "nothing else was touched");
}

pub(super) async fn two_old_names_that_look_alike_both_stay(bench: &Bench) {
    bench.add_user(&user(1, "mary")).await;
    age(bench).await;
    bench.add_user(&user(2, "rnary")).await;
    age(bench).await;
    assert_eq!(fill(bench).await, 1);
    for (number, name) in [(1, "mary"), (2, "rnary")] {
        let found = bench.store.user_by_name(&name.parse().unwrap()).await;
        assert_eq!(found.unwrap(), Some(user(number, name)));
    }
    let kept = "SELECT username FROM users WHERE skeleton IS NOT NULL";
    assert_eq!(bench.texts(kept).await, ["mary"]);
}
