//! Users: what is stored comes back, names are unique, lists are in order.

use std::sync::{Arc, Mutex};

use portcullis_origin::domain::{
    audit::Action,
    session::{EndReason, Ended, Session},
    store::{CreateUserError, Seq, Store, UserChange, UserFilter},
    user::{User, UserStatus},
};
use tokio::task::JoinSet;

use super::{
    bench::{Bench, is_broken, rotate},
    samples::{MILLIS, NOW, event, full_user, millis, record, session, user, user_id},
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

pub(super) async fn a_taken_name_is_told_and_nothing_is_written(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    let event = event(Action::UserCreated, "second");
    let refused = bench.store.create_user(&user(2, "ANN"), &event).await;
    assert!(matches!(refused, Err(CreateUserError::NameTaken)));
    assert_eq!(bench.store.user(user_id(2)).await.unwrap(), None);
    assert_eq!(bench.trail().await, ["user_created by operator"]);
}

pub(super) async fn of_many_who_want_a_name_one_gets_it(bench: &Bench) {
    let mut wanting = JoinSet::new();
    for number in 1..=20 {
        let store = Arc::clone(&bench.store);
        wanting.spawn(async move {
            let event = event(Action::UserCreated, "race");
            match store.create_user(&user(number, "ann"), &event).await {
                Ok(()) => true,
                Err(CreateUserError::NameTaken) => false,
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    let winners = wanting.join_all().await.into_iter().filter(|won| *won);
    assert_eq!(winners.count(), 1);
    assert_eq!(bench.trail().await.len(), 1);
}

pub(super) async fn a_name_that_looks_like_another_is_taken(bench: &Bench) {
    bench.add_user(&user(1, "mary")).await;
    let event = event(Action::UserCreated, "second");
    for name in ["rnary", "RNARY", "mary", "MARY"] {
        let refused = bench.store.create_user(&user(2, name), &event).await;
        assert!(matches!(refused, Err(CreateUserError::NameTaken)), "{name}");
    }
    assert_eq!(bench.store.user(user_id(2)).await.unwrap(), None);
    bench.add_user(&user(2, "maryann")).await;
}

pub(super) async fn of_many_who_want_names_that_look_alike_one_gets_it(bench: &Bench) {
    let other: Arc<dyn Store> = bench.database.connect().await;
    let mut wanting = JoinSet::new();
    for number in 1..=20 {
        let ours: Arc<dyn Store> = Arc::clone(&bench.store) as _;
        let store = if number % 2 == 0 {
            ours
        } else {
            Arc::clone(&other)
        };
        let name = ["bill", "bell", "bi1l", "bil1"][usize::from(number) % 4];
        wanting.spawn(async move {
            let event = event(Action::UserCreated, "race");
            match store.create_user(&user(number, name), &event).await {
                Ok(()) => true,
                Err(CreateUserError::NameTaken) => false,
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    let won = wanting.join_all().await.into_iter().filter(|won| *won);
    // Three of the names look alike, the fourth has another letter.
    assert_eq!(won.count(), 2);
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
        let refused = bench.store.create_user(&user(9, name), &event).await;
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

async fn names(bench: &Bench, filter: UserFilter) -> Vec<String> {
    let users = bench.store.users(&filter).await.unwrap();
    users.iter().map(|user| user.username.to_string()).collect()
}

fn searching(text: &str) -> UserFilter {
    UserFilter {
        search: Some(text.to_owned()),
        limit: 100,
        ..UserFilter::default()
    }
}

/// In the order of their bytes, which is not that of a dictionary.
const NAMES: [&str; 9] = ["a", "a+b", "a-b", "a.b", "a0", "a@b", "a_b", "ab", "b"];

async fn add_names(bench: &Bench) {
    for (number, name) in (1..).zip(NAMES).collect::<Vec<_>>().into_iter().rev() {
        bench.add_user(&user(number, name)).await;
    }
}

pub(super) async fn users_come_in_the_order_of_their_names_bytes(bench: &Bench) {
    add_names(bench).await;
    assert_eq!(names(bench, searching("")).await, NAMES);
}

pub(super) async fn pages_follow_each_other_without_gap_or_overlap(bench: &Bench) {
    add_names(bench).await;
    let mut filter = UserFilter {
        limit: 2,
        ..UserFilter::default()
    };
    let mut listed = Vec::new();
    loop {
        let page = names(bench, filter.clone()).await;
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        filter.after = Some(last.parse().unwrap());
        listed.extend(page);
    }
    assert_eq!(listed, NAMES);
}

pub(super) async fn a_search_is_taken_to_the_letter(bench: &Bench) {
    add_names(bench).await;
    assert_eq!(names(bench, searching("_")).await, ["a_b"]);
    assert_eq!(names(bench, searching(".")).await, ["a.b"]);
    assert_eq!(names(bench, searching("A@")).await, ["a@b"]);
    assert_eq!(
        names(bench, searching("b")).await,
        NAMES
            .into_iter()
            .filter(|name| name.contains('b'))
            .collect::<Vec<_>>()
    );
    for text in ["%", "a%b", r"\", r"\_", "a\\", "'", "é", "*", "?"] {
        assert!(names(bench, searching(text)).await.is_empty(), "{text:?}");
    }
}

pub(super) async fn a_search_for_what_no_name_holds_finds_nothing(bench: &Bench) {
    bench.add_user(&user(1, &"a".repeat(64))).await;
    assert_eq!(names(bench, searching(&"a".repeat(64))).await.len(), 1);
    for text in ["\0", "a\0", &"a".repeat(65), &"%".repeat(1_000_000)] {
        assert!(names(bench, searching(text)).await.is_empty());
    }
}

pub(super) async fn users_are_listed_by_whether_they_are_banned_or_disabled(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_user(&full_user(2, "bob")).await;
    for (banned, expected) in [
        (None, vec!["ann", "bob"]),
        (Some(false), vec!["ann"]),
        (Some(true), vec!["bob"]),
    ] {
        let filter = UserFilter {
            banned,
            ..searching("")
        };
        assert_eq!(names(bench, filter).await, expected);
    }
    let disabled = User {
        status: UserStatus::Disabled { at: NOW },
        ..user(3, "cy")
    };
    bench.add_user(&disabled).await;
    for (disabled, banned, expected) in [
        (Some(true), None, vec!["cy"]),
        (Some(false), None, vec!["ann", "bob"]),
        (Some(false), Some(false), vec!["ann"]),
        (Some(true), Some(true), vec![]),
    ] {
        let filter = UserFilter {
            banned,
            disabled,
            ..searching("")
        };
        assert_eq!(names(bench, filter).await, expected);
    }
}

pub(super) async fn a_missing_user_is_not_decided_over(bench: &Bench) {
    let decide = |_: &User, _: &[Session]| panic!("there is no such user");
    let changed = bench
        .store
        .change_user(user_id(1), MILLIS, Box::new(decide))
        .await;
    assert_eq!(changed.unwrap(), None);
}

pub(super) async fn what_is_decided_over_a_user_is_written_whole(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    for number in [1, 2] {
        bench.add_session(&session(number, user_id(1))).await;
    }
    let (before, after) = (user(1, "ann"), full_user(1, "ann"));
    let changed = after.clone();
    let decide = move |user: &User, _: &[Session]| {
        assert_eq!(user, &before);
        UserChange {
            user: Some(changed),
            opened: Some(session(3, user.id)),
            deleted: false,
            ended: vec![(session(1, user.id).id, EndReason::Banned)],
            revocations: vec![record(1), record(2)],
            settled: vec![],
            events: vec![event(Action::UserBanned, "spam"), event(Action::Login, "")],
        }
    };
    let seq = bench
        .store
        .change_user(user_id(1), millis(5), Box::new(decide))
        .await;
    let seq = seq.unwrap().unwrap();

    assert_eq!(seq, Seq(u64::try_from(millis(5).0).unwrap()));
    assert_eq!(bench.store.user(user_id(1)).await.unwrap(), Some(after));
    let banned = Ended {
        reason: EndReason::Banned,
        at: NOW,
    };
    for (number, ended) in [(1, Some(banned)), (2, None), (3, None)] {
        let expected = session(number, user_id(1));
        assert_eq!(bench.stored(&expected).await, Session { ended, ..expected });
    }
    let feed = bench.store.feed(Seq(0)).await.unwrap();
    assert_eq!((feed.seq, feed.records.len()), (seq, 2));
    let trail = bench.trail().await;
    assert_eq!(trail[1..], ["user_banned by user: spam", "login by user: "]);
}

pub(super) async fn a_decision_is_shown_all_sessions_that_have_not_been_ended(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_user(&user(2, "bob")).await;
    let expired = Session {
        idle_expires_at: NOW.plus(-100_000),
        ..session(2, user_id(1))
    };
    let ended = Session {
        ended: Some(Ended {
            reason: EndReason::Logout,
            at: NOW,
        }),
        ..session(4, user_id(1))
    };
    let of_another = session(5, user_id(2));
    let open = [session(1, user_id(1)), expired, session(3, user_id(1))];
    for session in [&open[2], &ended, &of_another, &open[1], &open[0]] {
        bench.add_session(session).await;
    }
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shown);
    let decide = move |_: &User, sessions: &[Session]| {
        seen.lock().unwrap().extend_from_slice(sessions);
        UserChange::default()
    };
    let changed = bench
        .store
        .change_user(user_id(1), MILLIS, Box::new(decide))
        .await;
    assert!(changed.unwrap().is_some());
    assert_eq!(*shown.lock().unwrap(), open);
}

pub(super) async fn a_change_that_fails_half_way_leaves_nothing(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_session(&session(1, user_id(1))).await;
    let decide = |user: &User, sessions: &[Session]| UserChange {
        user: Some(User {
            status: UserStatus::Banned {
                reason: String::new(),
                at: NOW,
            },
            ..user.clone()
        }),
        ended: vec![(sessions[0].id, EndReason::Banned)],
        // A session of this id exists: the third statement fails.
        opened: Some(sessions[0].clone()),
        deleted: false,
        revocations: vec![record(1)],
        settled: vec![],
        events: vec![event(Action::UserBanned, "")],
    };
    let before = bench.store.feed(Seq(0)).await.unwrap();
    let failed = bench
        .store
        .change_user(user_id(1), MILLIS, Box::new(decide))
        .await;
    assert!(is_broken(&failed), "{failed:?}");
    assert!(
        bench
            .store
            .user(user_id(1))
            .await
            .unwrap()
            .unwrap()
            .is_active()
    );
    assert_eq!(bench.stored(&session(1, user_id(1))).await.ended, None);
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap(), before);
    assert_eq!(bench.trail().await, ["user_created by operator"]);
}

pub(super) async fn the_first_end_of_a_session_stays(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_session(&session(1, user_id(1))).await;
    for (later, reason) in [(2_000, EndReason::Reuse), (5_000, EndReason::Banned)] {
        let decide = move |user: &User, _: &[Session]| UserChange {
            ended: vec![(session(1, user.id).id, reason)],
            ..UserChange::default()
        };
        let changed = bench
            .store
            .change_user(user_id(1), millis(later), Box::new(decide))
            .await;
        assert!(changed.unwrap().is_some());
    }
    let stored = bench.stored(&session(1, user_id(1))).await;
    let first = Ended {
        reason: EndReason::Reuse,
        at: NOW.plus(2),
    };
    assert_eq!(stored.ended, Some(first));
}

/// Deletes a user as the domain does: with an entry in the feed.
fn delete(user: &User, _: &[Session]) -> UserChange {
    UserChange {
        deleted: true,
        revocations: vec![record(u64::from(user.id.as_bytes()[0]))],
        events: vec![event(Action::UserDeleted, "")],
        ..UserChange::default()
    }
}

pub(super) async fn a_deleted_user_leaves_nothing_but_the_trail(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_user(&user(2, "bob")).await;
    let ended = Session {
        ended: Some(Ended {
            reason: EndReason::Logout,
            at: NOW,
        }),
        ..session(2, user_id(1))
    };
    for session in [&session(1, user_id(1)), &ended, &session(3, user_id(2))] {
        bench.add_session(session).await;
    }
    let change = |id| bench.store.change_user(id, MILLIS, Box::new(delete));
    let seq = change(user_id(1)).await.unwrap();
    assert_eq!(seq, Some(bench.store.feed(Seq(0)).await.unwrap().seq));
    assert_eq!(bench.store.user(user_id(1)).await.unwrap(), None);
    for (number, there) in [(1, false), (2, false), (3, true)] {
        let found = bench.store.session(session(number, user_id(1)).id).await;
        assert_eq!(found.unwrap().is_some(), there, "{number}");
    }
    assert_eq!(bench.trail().await[2..], ["user_deleted by user: "]);
    assert_eq!(change(user_id(1)).await.unwrap(), None, "it is gone");
    bench.add_user(&user(3, "ann")).await;
}

pub(super) async fn a_deletion_beats_every_refresh_and_login_that_races_it(bench: &Bench) {
    let replica: Arc<dyn Store> = bench.database.connect().await;
    for round in 1..=10 {
        let owner = user(round, &format!("user{round}"));
        bench.add_user(&owner).await;
        let first = session(round * 20, owner.id);
        bench.add_session(&first).await;
        let mut racing = JoinSet::new();
        for number in 0..18_u8 {
            let ours: Arc<dyn Store> = bench.store.clone();
            let store = if number % 2 == 0 {
                ours
            } else {
                Arc::clone(&replica)
            };
            let (user, first) = (owner.id, first.id);
            let opened = session(round * 20 + number, user);
            racing.spawn(async move {
                let now = millis(i64::from(number));
                match number {
                    9 => store.change_user(user, now, Box::new(delete)).await,
                    1..9 => {
                        let login = move |_: &User, _: &[Session]| UserChange {
                            opened: Some(opened),
                            ..UserChange::default()
                        };
                        store.change_user(user, now, Box::new(login)).await
                    }
                    _ => store.change_session(first, now, Box::new(rotate)).await,
                }
                .map(drop)
                .unwrap();
            });
        }
        racing.join_all().await;
    }
    let left = "SELECT ended FROM sessions UNION ALL SELECT username FROM users";
    assert_eq!(bench.texts(left).await, Vec::<String>::new());
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap().records.len(), 10);
}

pub(super) async fn sessions_of_a_user_may_end_for_different_reasons(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    for number in 1..=4 {
        bench.add_session(&session(number, user_id(1))).await;
    }
    let reasons = [
        (1, EndReason::Evicted),
        (2, EndReason::Logout),
        (3, EndReason::Evicted),
    ];
    let decide = move |user: &User, _: &[Session]| UserChange {
        ended: reasons
            .map(|(number, reason)| (session(number, user.id).id, reason))
            .into(),
        ..UserChange::default()
    };
    let changed = bench
        .store
        .change_user(user_id(1), MILLIS, Box::new(decide))
        .await;
    assert!(changed.unwrap().is_some());
    for (number, reason) in reasons {
        let stored = bench.stored(&session(number, user_id(1))).await;
        assert_eq!(stored.end_reason(), Some(reason));
    }
    assert_eq!(bench.stored(&session(4, user_id(1))).await.ended, None);
}
