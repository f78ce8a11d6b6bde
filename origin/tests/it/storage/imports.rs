//! Users in batches: each is added unless somebody is in the way, and the trail tells of all.

use portcullis_origin::domain::{
    audit::Action,
    store::{ImportEvents, Store as _},
    user::User,
};

use super::{
    bench::{Bench, is_broken},
    samples::{event, full_user, user, user_id},
};

/// Tells how many were added.
fn count() -> ImportEvents {
    Box::new(|in_the_way: &[Option<User>]| {
        let added = in_the_way.iter().filter(|other| other.is_none()).count();
        vec![event(Action::UsersImported, &added.to_string())]
    })
}

pub(super) async fn users_are_added_unless_somebody_is_in_the_way(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_user(&user(2, "paul")).await;
    let wanted = [
        full_user(9, "zoe"),
        // The same name, the same id, a name that looks alike; and both, of two users.
        user(3, "Ann"),
        user(2, "ben"),
        user(4, "pau1"),
        user(2, "ann"),
        user(5, "carl"),
    ];
    let in_the_way = bench.store.import_users(&wanted, count()).await.unwrap();
    let names: Vec<_> = in_the_way
        .iter()
        .map(|other| other.as_ref().map(|other| other.username.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            None,
            Some("ann"),
            Some("paul"),
            Some("paul"),
            Some("ann"),
            None
        ]
    );
    for (number, stored) in [
        (9, Some(full_user(9, "zoe"))),
        (1, Some(user(1, "ann"))),
        (2, Some(user(2, "paul"))),
        (3, None),
        (4, None),
        (5, Some(user(5, "carl"))),
    ] {
        assert_eq!(bench.store.user(user_id(number)).await.unwrap(), stored);
    }
    let trail = bench.trail().await;
    assert_eq!(trail.len(), 3);
    assert_eq!(trail.last().unwrap(), "users_imported by user: 2");
}

pub(super) async fn what_is_told_of_an_import_is_written_with_it_or_not_at_all(bench: &Bench) {
    let nothing: ImportEvents = Box::new(|_| Vec::new());
    bench
        .store
        .import_users(&[user(1, "ann")], nothing)
        .await
        .unwrap();
    assert!(bench.trail().await.is_empty());
    let panics: ImportEvents = Box::new(|_| panic!("in the decision"));
    let failed = bench.store.import_users(&[user(2, "ben")], panics).await;
    assert!(is_broken(&failed), "{failed:?}");
    assert_eq!(bench.store.user(user_id(2)).await.unwrap(), None);
    let again = bench.store.import_users(&[user(2, "ben")], count()).await;
    assert_eq!(again.unwrap(), [None]);
    assert_eq!(bench.trail().await, ["users_imported by user: 1"]);
}

pub(super) async fn of_imports_that_race_each_user_is_added_once(bench: &Bench) {
    let users: Vec<User> = (0..100)
        .map(|number| user(number, &format!("user{number}")))
        .collect();
    let racing = bench.at_once(0..6, |turn, store| {
        let mut users = users.clone();
        users.rotate_left(turn * 17);
        async move { store.import_users(&users, count()).await.unwrap() }
    });
    let added: usize = racing
        .await
        .iter()
        .map(|in_the_way| in_the_way.iter().filter(|other| other.is_none()).count())
        .sum();
    assert_eq!(added, 100);
    assert_eq!(bench.trail().await.len(), 6);
}

pub(super) async fn imports_of_names_that_look_alike_do_not_wait_for_each_other_crosswise(
    bench: &Bench,
) {
    // By name the users of the one file come in the other order than those of the other; by what the
    // names look like, in the same.
    let file = |file: u8, first: char| -> Vec<User> {
        let names = ('a'..='y').flat_map(|letter| {
            let alike = format!("{first}dd{letter}");
            [alike, format!("middle{letter}")]
        });
        let users = (0..).zip(names);
        users
            .map(|(number, name)| user(100 * file + number, &name))
            .collect()
    };
    let racing = bench.at_once([(0, '0'), (1, 'o')], |(number, first), store| {
        let users = file(number, first);
        async move { store.import_users(&users, count()).await.unwrap() }
    });
    let added: usize = racing
        .await
        .iter()
        .map(|in_the_way| in_the_way.iter().filter(|other| other.is_none()).count())
        .sum();
    assert_eq!(added, 50);
}

pub(super) async fn who_is_in_the_way_is_told_without_writing(bench: &Bench) {
    let ann = full_user(1, "ann");
    bench.add_user(&ann).await;
    let wanted = [user(2, "ben"), user(3, "ann"), user(1, "carl")];
    let found = bench.store.users_in_the_way(&wanted).await.unwrap();
    assert_eq!(found, [None, Some(ann.clone()), Some(ann)]);
    assert_eq!(bench.store.user(user_id(2)).await.unwrap(), None);
    assert_eq!(bench.trail().await.len(), 1);
}
