//! Lists of users: their order, pages, and what is searched for.

use portcullis_origin::domain::{
    store::{Store, UserFilter},
    user::{User, UserStatus},
};

use super::{
    bench::Bench,
    samples::{NOW, full_user, user},
};

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
