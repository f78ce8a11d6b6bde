//! The audit trail, and the record of settings.

use std::{collections::BTreeSet, sync::Arc};

use portcullis_origin::domain::{
    audit::{
        Action, Actor, Event,
        query::{By, Entry, EventId, Filter, Order, Query},
        tail::Tail,
    },
    store::{RecordChange, Store, StoreError},
};
use tokio::task::JoinSet;

use super::{
    bench::{Bench, is_broken},
    samples::{NOW, event, session_id, user_id},
};
use crate::support::until;

const NEWEST: Order = Order::Newest { before: None };

fn query(filter: Filter) -> Query {
    Query {
        filter,
        order: NEWEST,
        limit: 100,
    }
}

fn numbered(number: i64) -> Event {
    Event {
        detail: Some(number.to_string()),
        ..Event::new(NOW.plus(number), Action::Login, Actor::Service)
    }
}

fn details(entries: &[Entry]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry.event.detail.as_deref().unwrap())
        .collect()
}

async fn found(bench: &Bench, filter: Filter) -> Vec<String> {
    let entries = bench.store.audit(&query(filter)).await.unwrap();
    details(&entries).into_iter().map(str::to_owned).collect()
}

async fn tail(store: &dyn Store, filter: Filter) -> Tail {
    let horizon = store.audit_horizon().await.unwrap();
    let begun = async || Tail::begin(store, &horizon, filter.clone()).await.unwrap();
    until("those who wrote before the tail", begun).await
}

pub(super) async fn events_come_back_as_they_were(bench: &Bench) {
    let full = Event {
        country: Some("NZ".to_owned()),
        ..event(Action::UserBanned, "späm; '\"%")
    };
    let mut written = vec![full];
    for actor in [Actor::Operator, Actor::Bearer, Actor::Service] {
        written.push(Event::new(NOW.plus(1), Action::Restored, actor));
    }
    bench.store.append_audit(&written).await.unwrap();
    bench.store.append_audit(&[]).await.unwrap();
    let mut entries = bench.store.audit(&query(Filter::default())).await.unwrap();
    entries.sort_by_key(|entry| entry.id);
    let events: Vec<Event> = entries.into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, written);
}

#[expect(clippy::too_many_lines, reason = "a table of conditions")]
pub(super) async fn every_condition_leaves_out_what_does_not_meet_it(bench: &Bench) {
    let base = Event {
        detail: Some("base".to_owned()),
        user_id: Some(user_id(1)),
        session_id: Some(session_id(1)),
        ip: Some([192, 0, 2, 7].into()),
        ..Event::new(NOW, Action::Login, Actor::User(user_id(1)))
    };
    let other = |detail: &str, change: fn(&mut Event)| {
        let mut event = base.clone();
        event.detail = Some(detail.to_owned());
        change(&mut event);
        event
    };
    let events = [
        base.clone(),
        other("user", |event| event.user_id = Some(user_id(2))),
        other("nobody", |event| event.user_id = None),
        other("session", |event| event.session_id = None),
        other("by", |event| event.actor = Actor::User(user_id(2))),
        other("operator", |event| event.actor = Actor::Operator),
        other("action", |event| event.action = Action::LoginFailed),
        other("network", |event| event.ip = Some([192, 0, 3, 7].into())),
        other("nowhere", |event| event.ip = None),
        other("earlier", |event| event.at = NOW.plus(-1)),
        other("later", |event| event.at = NOW.plus(1)),
    ];
    bench.store.append_audit(&events).await.unwrap();
    let all: Vec<&str> = events
        .iter()
        .map(|event| event.detail.as_deref().unwrap())
        .collect();
    let filter = Filter::default;
    for (filter, missing) in [
        (filter(), vec![]),
        (
            Filter {
                user: Some(user_id(1)),
                ..filter()
            },
            vec!["user", "nobody"],
        ),
        (
            Filter {
                session: Some(session_id(1)),
                ..filter()
            },
            vec!["session"],
        ),
        (
            Filter {
                by: Some(By::User(user_id(1))),
                ..filter()
            },
            vec!["by", "operator"],
        ),
        (
            Filter {
                by: Some(By::AnyUser),
                ..filter()
            },
            vec!["operator"],
        ),
        (
            Filter {
                actions: vec![Action::Login],
                ..filter()
            },
            vec!["action"],
        ),
        (
            Filter {
                actions: vec![Action::Login, Action::LoginFailed, Action::UserBanned],
                ..filter()
            },
            vec![],
        ),
        (
            Filter {
                network: Some("192.0.2.0/24".parse().unwrap()),
                ..filter()
            },
            vec!["network", "nowhere"],
        ),
        (
            Filter {
                since: Some(NOW),
                ..filter()
            },
            vec!["earlier"],
        ),
        (
            Filter {
                until: Some(NOW.plus(1)),
                ..filter()
            },
            vec!["later"],
        ),
        (
            Filter {
                user: Some(user_id(1)),
                session: Some(session_id(1)),
                by: Some(By::User(user_id(1))),
                actions: vec![Action::Login],
                network: Some("192.0.2.7".parse().unwrap()),
                since: Some(NOW),
                until: Some(NOW.plus(1)),
            },
            all[1..].to_vec(),
        ),
    ] {
        let expected: BTreeSet<&str> = all
            .iter()
            .copied()
            .filter(|name| !missing.contains(name))
            .collect();
        // Both orders obey the same conditions.
        for order in [NEWEST, Order::Oldest { after: EventId(0) }] {
            let query = Query {
                filter: filter.clone(),
                order,
                limit: 100,
            };
            let entries = bench.store.audit(&query).await.unwrap();
            let got: BTreeSet<&str> = details(&entries).into_iter().collect();
            assert_eq!(got, expected, "{query:?}");
        }
    }
}

pub(super) async fn pages_come_newest_first_without_gap_or_overlap(bench: &Bench) {
    // Times repeat, and are not in the order of the numbers.
    for number in [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5] {
        bench.store.append_audit(&[numbered(number)]).await.unwrap();
    }
    let whole = bench.store.audit(&query(Filter::default())).await.unwrap();
    assert_eq!(
        details(&whole),
        ["9", "6", "5", "5", "5", "4", "3", "3", "2", "1", "1"]
    );
    let ids: Vec<EventId> = whole.iter().map(|entry| entry.id).collect();
    assert!(ids[2] > ids[3] && ids[3] > ids[4], "{ids:?}");
    for limit in 1..=4 {
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let query = Query {
                filter: Filter::default(),
                order: Order::Newest { before },
                limit,
            };
            let page = bench.store.audit(&query).await.unwrap();
            assert!(page.len() <= usize::try_from(limit).unwrap());
            let Some(last) = page.last() else { break };
            before = Some((last.event.at, last.id));
            pages.extend(page);
        }
        assert_eq!(pages, whole);
    }
}

pub(super) async fn the_trail_is_append_only(bench: &Bench) {
    bench.store.append_audit(&[numbered(1)]).await.unwrap();
    let refused = bench
        .try_texts("UPDATE audit_events SET detail = 'nothing' RETURNING detail")
        .await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("append-only"), "{error}");
    assert_eq!(found(bench, Filter::default()).await, ["1"]);
}

pub(super) async fn what_only_a_newer_program_knows_is_told_by_its_name(bench: &Bench) {
    bench
        .texts(
            "INSERT INTO audit_events (at, action, actor, detail) \
             VALUES (1, 'later', 'operator', 'x'), (2, 'later', 'service', NULL) RETURNING action",
        )
        .await;
    assert_eq!(found(bench, Filter::default()).await, ["later", "later: x"]);
    let entries = bench.store.audit(&query(Filter::default())).await.unwrap();
    assert_eq!(entries[0].event.action, Action::Unknown);
}

pub(super) async fn a_tail_hands_out_each_event_once(bench: &Bench) {
    let store = &*bench.store;
    bench.store.append_audit(&[numbered(1)]).await.unwrap();
    let filter = Filter {
        actions: vec![Action::Login],
        ..Filter::default()
    };
    let mut tail = tail(store, filter).await;
    assert_eq!(tail.news(store).await.unwrap(), []);
    for number in 2..6 {
        let other = Event::new(NOW, Action::Restored, Actor::Operator);
        let events = [numbered(number), other, numbered(-number)];
        bench.store.append_audit(&events).await.unwrap();
        let news = tail.news(store).await.unwrap();
        let (plus, minus) = (number.to_string(), (-number).to_string());
        assert_eq!(details(&news), [&plus, &minus]);
        assert_eq!(tail.news(store).await.unwrap(), []);
    }
}

pub(super) async fn a_tail_misses_nothing_while_many_write(bench: &Bench) {
    let replicas = bench.replicas(3).await;
    let store = &*bench.store;
    let mut tail = tail(store, Filter::default()).await;
    let mut writing = JoinSet::new();
    for (writer, store) in (0..12_i64).zip(replicas.iter().cycle()) {
        let store = Arc::clone(store);
        writing.spawn(async move {
            for number in 0..25 {
                let events = [numbered(writer * 100 + number), numbered(-1)];
                store.append_audit(&events).await.unwrap();
            }
        });
    }
    let mut seen = Vec::new();
    while !writing.is_empty() {
        while writing.try_join_next().is_some() {}
        seen.extend(tail.news(store).await.unwrap());
        tokio::task::yield_now().await;
    }
    seen.extend(tail.news(store).await.unwrap());
    let ids: BTreeSet<EventId> = seen.iter().map(|entry| entry.id).collect();
    assert_eq!((ids.len(), seen.len()), (600, 600));
}

pub(super) async fn old_events_go_in_batches_and_the_newest_stays(bench: &Bench) {
    for number in [5, 1, 2, 3, 4] {
        bench.store.append_audit(&[numbered(number)]).await.unwrap();
    }
    let delete = |time, limit| bench.store.delete_audit_before(NOW.plus(time), limit);
    assert_eq!(delete(1, 10).await.unwrap(), 0);
    assert_eq!(delete(4, 2).await.unwrap(), 2);
    assert_eq!(found(bench, Filter::default()).await, ["5", "4", "3"]);
    assert_eq!(delete(4, 2).await.unwrap(), 1);
    let before = bench.store.audit_horizon().await.unwrap().newest;
    assert_eq!(delete(99, 10).await.unwrap(), 1);
    assert_eq!(
        found(bench, Filter::default()).await,
        ["4"],
        "the last that was written"
    );
    assert_eq!(delete(99, 10).await.unwrap(), 0);
    bench.store.append_audit(&[numbered(6)]).await.unwrap();
    assert!(bench.store.audit_horizon().await.unwrap().newest > before);
}

pub(super) async fn the_settings_record_is_kept_with_its_events(bench: &Bench) {
    let change = |expected: &'static str, document: Option<&'static str>| {
        bench.store.change_settings_record(Box::new(move |found| {
            assert_eq!(found, expected);
            RecordChange {
                document: document.map(str::to_owned),
                events: vec![event(Action::SettingsChanged, "x")],
            }
        }))
    };
    change("", None).await.unwrap();
    change("", Some("a")).await.unwrap();
    change("a", Some("b")).await.unwrap();
    change("b", None).await.unwrap();
    assert_eq!(
        bench.trail().await,
        ["settings_changed by user: x"; 4],
        "one for each"
    );
    let failing = bench
        .store
        .change_settings_record(Box::new(|_| panic!("a decision panics")));
    let failed: Result<(), StoreError> = failing.await;
    assert!(is_broken(&failed), "{failed:?}");
    change("b", None).await.unwrap();
}

pub(super) async fn replicas_that_start_at_once_write_one_event(bench: &Bench) {
    bench
        .at_once(0..20, |_, store| async move {
            let decide = |found: &str| {
                if found == "new" {
                    return RecordChange::default();
                }
                RecordChange {
                    document: Some("new".to_owned()),
                    events: vec![event(Action::SettingsChanged, "x")],
                }
            };
            let changed = store.change_settings_record(Box::new(decide));
            changed.await.unwrap();
        })
        .await;
    assert_eq!(bench.trail().await.len(), 1);
}
