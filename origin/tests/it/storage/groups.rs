//! Changes of sessions that are made together.
//!
//! While the first change is held in its decision, everything else gathers behind it; so it is
//! known what goes together.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use portcullis_origin::domain::{
    audit::Action,
    session::{EndReason, Ended, Session},
    store::{Seq, SessionChange, Store, StoreError, UserChange},
    user::{User, UserStatus},
};
use tokio::task::{JoinHandle, JoinSet};

use super::{
    bench::{Bench, Held, asked, is_broken, rotate},
    samples::{MILLIS, NOW, event, millis, record, session, session_id, user, user_id},
};
use crate::support::Engine;

type Changing = JoinHandle<Result<Option<Seq>, StoreError>>;

/// Three users, with the sessions 1 and 2, 3 and 4, 5 and 6.
async fn with_six_sessions(bench: &Bench) {
    for (number, name) in [(1, "ann"), (2, "bob"), (3, "eve")] {
        bench.add_user(&user(number, name)).await;
        for session_number in [number * 2 - 1, number * 2] {
            bench
                .add_session(&session(session_number, user_id(number)))
                .await;
        }
    }
}

async fn change<F>(bench: &Bench, number: u8, decide: F) -> Changing
where
    F: FnMut(&Session, &User) -> SessionChange + Send + 'static,
{
    let store = bench.store.clone();
    let id = session_id(number);
    asked(async move { store.change_session(id, MILLIS, Box::new(decide)).await }).await
}

async fn rotating(bench: &Bench, numbers: &[u8]) -> Vec<Changing> {
    let mut changing = Vec::new();
    for &number in numbers {
        changing.push(change(bench, number, rotate).await);
    }
    changing
}

/// Keeps whatever comes from beginning until all are told to go on: as many groups of changes as
/// are in work at once, each of one change, of the sessions 1 and 2.
async fn busy(bench: &Bench) -> Vec<Held> {
    let mut held = vec![Held::begin(bench.store.clone()).await];
    match bench.engine {
        // There is one writer.
        Engine::Sqlite => {}
        Engine::Postgres => {
            held.push(Held::begin_over(bench.store.clone(), session_id(2)).await);
        }
    }
    held
}

async fn go_on(held: Vec<Held>) {
    for held in held {
        held.go_on();
        held.changing.await.unwrap().unwrap();
    }
}

async fn generation(bench: &Bench, number: u8) -> u32 {
    bench.stored(&session(number, user_id(1))).await.generation
}

fn refused(session: &Session, _: &User) -> SessionChange {
    SessionChange {
        session: Some(Session {
            accepted: session.generation + 1,
            ..session.clone()
        }),
        revocations: vec![record(9)],
        events: vec![event(Action::Login, "must not be kept")],
    }
}

pub(super) async fn changes_of_one_session_that_go_together_see_each_other(bench: &Bench) {
    with_six_sessions(bench).await;
    let held = busy(bench).await;
    let changing = rotating(bench, &[3, 4, 3, 3, 4]).await;
    go_on(held).await;
    for changing in changing {
        assert!(changing.await.unwrap().unwrap().is_some());
    }
    assert_eq!(generation(bench, 3).await, 7 + 3);
    assert_eq!(generation(bench, 4).await, 7 + 2);
}

pub(super) async fn a_row_of_a_newer_version_fails_alone(bench: &Bench) {
    with_six_sessions(bench).await;
    // Session 4 as a newer program may write it: this one does not know the word.
    let newer = "UPDATE sessions SET flags = 'teleported' \
                 WHERE id = (SELECT id FROM sessions ORDER BY id LIMIT 1 OFFSET 3) RETURNING flags";
    bench.texts(newer).await;
    let id = session_id(4);
    let held = busy(bench).await;
    let good = rotating(bench, &[3, 5]).await;
    let unreadable = change(bench, 4, rotate).await;
    let (read, not_read) =
        tokio::join!(bench.store.session(session_id(3)), bench.store.session(id));
    assert!(read.unwrap().is_some());
    assert!(is_broken(&not_read), "{not_read:?}");
    go_on(held).await;
    for changing in good {
        assert!(changing.await.unwrap().unwrap().is_some());
    }
    let unreadable = unreadable.await.unwrap();
    assert!(is_broken(&unreadable), "{unreadable:?}");
}

pub(super) async fn one_that_fails_among_many_fails_alone(bench: &Bench) {
    with_six_sessions(bench).await;
    let held = busy(bench).await;
    let good = rotating(bench, &[3, 4, 5]).await;
    let refused = change(bench, 6, refused).await;
    let panics = change(bench, 4, |_, _| panic!("on purpose")).await;
    let after = rotating(bench, &[3, 4]).await;
    let missing = change(bench, 9, rotate).await;
    go_on(held).await;
    for changing in good.into_iter().chain(after) {
        assert!(changing.await.unwrap().unwrap().is_some());
    }
    for bad in [refused, panics] {
        let bad = bad.await.unwrap();
        assert!(is_broken(&bad), "{bad:?}");
    }
    assert_eq!(missing.await.unwrap().unwrap(), None);
    assert_eq!(generation(bench, 5).await, 8);
    assert_eq!(generation(bench, 6).await, 7);
    assert_eq!(generation(bench, 3).await, 9);
    assert_eq!(generation(bench, 4).await, 9);
    assert_eq!(bench.trail().await, ["user_created by operator"; 3]);
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap().records, []);
}

pub(super) async fn what_is_revoked_together_is_published_whole(bench: &Bench) {
    with_six_sessions(bench).await;
    let before = bench.store.advance_seq(MILLIS).await.unwrap();
    let held = busy(bench).await;
    let ends = |number: u8| {
        move |session: &Session, _: &User| SessionChange {
            session: Some(Session {
                ended: Some(Ended {
                    reason: EndReason::Reuse,
                    at: NOW,
                }),
                ..session.clone()
            }),
            revocations: vec![record(number.into())],
            events: vec![event(Action::RefreshReuse, "spent")],
        }
    };
    let mut ending = Vec::new();
    for number in [3, 4, 5] {
        ending.push(change(bench, number, ends(number)).await);
    }
    let quiet = change(bench, 6, |_, _| SessionChange::default()).await;
    go_on(held).await;
    for ending in ending {
        assert!(ending.await.unwrap().unwrap().unwrap() > before);
    }
    assert!(quiet.await.unwrap().unwrap().unwrap() >= before);
    let mut published = bench.store.feed(before).await.unwrap().records;
    published.sort_by_key(|record| record.digest.0);
    assert_eq!(published, [record(3), record(4), record(5)]);
    assert_eq!(bench.trail().await.len(), 3 + 3);
}

fn banned(user: &User, sessions: &[Session]) -> UserChange {
    UserChange {
        user: Some(User {
            status: UserStatus::Banned {
                reason: String::new(),
                at: NOW,
            },
            ..user.clone()
        }),
        ended: sessions
            .iter()
            .map(|session| (session.id, EndReason::Banned))
            .collect(),
        revocations: vec![record(user.id.as_bytes()[0].into())],
        ..UserChange::default()
    }
}

/// Refreshes, thefts, bans and logouts of sessions that overlap, on three replicas: nobody waits
/// for somebody who waits for them, and no ban is overtaken.
pub(super) async fn nobody_waits_in_a_circle(bench: &Bench) {
    let replicas = bench.replicas(3).await;
    for number in 1..=4 {
        bench
            .add_user(&user(number, &format!("user{number}")))
            .await;
        for nth in 0..8 {
            bench
                .add_session(&session(number * 8 + nth, user_id(number)))
                .await;
        }
    }
    let overtaken = Arc::new(AtomicU32::new(0));
    let mut racing = JoinSet::new();
    for (number, store) in (0..600_u32).zip(replicas.iter().cycle()) {
        let store = Arc::clone(store);
        let overtaken = Arc::clone(&overtaken);
        let id = u8::try_from(8 + number * 7 % 32).unwrap();
        let now = millis(number.into());
        racing.spawn(async move {
            let done = if number % 50 == 49 {
                let owner = user_id(u8::try_from(1 + number / 50 % 4).unwrap());
                store.change_user(owner, now, Box::new(banned)).await
            } else {
                let decide = move |session: &Session, user: &User| {
                    if session
                        .ended
                        .is_some_and(|ended| ended.reason == EndReason::Banned)
                        && user.is_active()
                    {
                        overtaken.fetch_add(1, Ordering::SeqCst);
                    }
                    if session.ended.is_some() || number % 20 != 19 {
                        return rotate(session, user);
                    }
                    SessionChange {
                        session: Some(Session {
                            ended: Some(Ended {
                                reason: EndReason::Logout,
                                at: NOW,
                            }),
                            ..session.clone()
                        }),
                        revocations: vec![record(number.into())],
                        events: vec![event(Action::SessionsRevoked, "")],
                    }
                };
                store
                    .change_session(session_id(id), now, Box::new(decide))
                    .await
            };
            assert!(
                done.as_ref().is_ok_and(Option::is_some),
                "{number}: {done:?}"
            );
        });
    }
    racing.join_all().await;
    assert_eq!(overtaken.load(Ordering::SeqCst), 0);
    let unbanned = "SELECT username FROM users WHERE banned_at IS NULL";
    assert_eq!(bench.texts(unbanned).await, Vec::<String>::new());
}

pub(super) async fn looks_that_go_together_get_each_their_own(bench: &Bench) {
    with_six_sessions(bench).await;
    let mut looking = JoinSet::new();
    for round in 0..300_u32 {
        let store = bench.store.clone();
        let number = u8::try_from(1 + round % 7).unwrap();
        looking.spawn(async move { (number, store.session(session_id(number)).await.unwrap()) });
    }
    for (number, found) in looking.join_all().await {
        let expected = match number {
            1 | 2 => Some((session(number, user_id(1)), user(1, "ann"))),
            3 | 4 => Some((session(number, user_id(2)), user(2, "bob"))),
            5 | 6 => Some((session(number, user_id(3)), user(3, "eve"))),
            _ => None,
        };
        assert_eq!(found, expected);
    }
}
