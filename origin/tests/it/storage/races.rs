//! Changes at the same time.

use std::sync::Arc;

use portcullis_origin::domain::{
    audit::Action,
    session::{EndReason, Session},
    store::{Seq, SessionChange, Store, StoreError, UserChange},
    user::{User, UserStatus},
};
use portcullis_shared::time::UnixSeconds;
use tokio::task::JoinSet;

use super::{
    bench::{Bench, Held, deletion, is_broken, rotate},
    samples::{MILLIS, NOW, event, millis, record, session, session_id, user, user_id},
};

async fn with_session(bench: &Bench) -> Session {
    bench.add_user(&user(1, "ann")).await;
    let session = session(1, user_id(1));
    bench.add_session(&session).await;
    session
}

async fn rotate_on(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let changed = store
        .change_session(session_id(1), MILLIS, Box::new(rotate))
        .await;
    changed.map(|seq| assert!(seq.is_some()))
}

pub(super) async fn fifty_changes_of_one_session_see_each_other(bench: &Bench) {
    let before = with_session(bench).await;
    let mut rotating = JoinSet::new();
    for _ in 0..50 {
        rotating.spawn(rotate_on(bench.store.clone()));
    }
    for rotated in rotating.join_all().await {
        rotated.unwrap();
    }
    assert_eq!(
        bench.stored(&before).await.generation,
        before.generation + 50
    );
}

pub(super) async fn changes_of_two_replicas_see_each_other(bench: &Bench) {
    let before = with_session(bench).await;
    for rotated in bench.at_once(0..50, |_, store| rotate_on(store)).await {
        rotated.unwrap();
    }
    assert_eq!(
        bench.stored(&before).await.generation,
        before.generation + 50
    );
}

/// Runs a bad decision between nineteen good ones, and checks that it alone failed.
async fn among_others(bench: &Bench, bad: fn(&Session, &User) -> SessionChange) {
    let before = with_session(bench).await;
    let mut changing = JoinSet::new();
    for number in 0..20 {
        let store = bench.store.clone();
        changing.spawn(async move {
            if number != 10 {
                return rotate_on(store).await.unwrap();
            }
            let failed = store
                .change_session(session_id(1), MILLIS, Box::new(bad))
                .await;
            assert!(is_broken(&failed), "{failed:?}");
        });
    }
    changing.join_all().await;
    assert_eq!(
        bench.stored(&before).await.generation,
        before.generation + 19
    );
    assert_eq!(bench.trail().await, ["user_created by operator"]);
}

pub(super) async fn a_panic_in_a_decision_harms_no_other_change(bench: &Bench) {
    among_others(bench, |_, _| panic!("on purpose")).await;
}

pub(super) async fn a_change_that_is_refused_harms_no_other_change(bench: &Bench) {
    among_others(bench, |session, _| {
        let mut session = session.clone();
        session.accepted = session.generation + 1;
        SessionChange {
            session: Some(session),
            revocations: vec![record(1)],
            events: vec![event(Action::Login, "must not be kept")],
        }
    })
    .await;
}

pub(super) async fn a_change_is_made_when_its_caller_has_gone_away(bench: &Bench) {
    let before = with_session(bench).await;
    let held = Held::begin_holding(bench).await;
    held.changing.abort();
    held.go_on();
    let _gone = held.changing.await;
    // Waits for the one that nobody waits for any more, which holds the session.
    rotate_on(bench.store.clone()).await.unwrap();
    assert_eq!(
        bench.stored(&before).await.generation,
        before.generation + 2
    );
}

/// A refresh as the domain does it: by an active user, with an `iat` that no revocation covers.
fn refresh(clock: UnixSeconds) -> impl Fn(&Session, &User) -> SessionChange + Send {
    move |session, user| {
        if session.ended.is_some() || !user.is_active() {
            return SessionChange::default();
        }
        let mut change = rotate(session, user);
        if let Some(session) = &mut change.session {
            session.last_iat = user.next_iat(clock);
        }
        change
    }
}

fn login(number: u8, clock: UnixSeconds) -> impl FnOnce(&User, &[Session]) -> UserChange + Send {
    move |user, _| UserChange {
        opened: user.is_active().then(|| Session {
            last_iat: user.next_iat(clock),
            last_exp: user.next_iat(clock).plus(600),
            ..session(number, user.id)
        }),
        ..UserChange::default()
    }
}

fn ban(user: &User, sessions: &[Session]) -> UserChange {
    let newest = sessions.iter().map(|session| session.last_iat).max();
    UserChange {
        user: Some(User {
            status: UserStatus::Banned {
                reason: String::new(),
                at: NOW,
            },
            not_before: newest.map_or(NOW, |newest| newest.max(NOW)),
            ..user.clone()
        }),
        ended: sessions
            .iter()
            .map(|session| (session.id, EndReason::Banned))
            .collect(),
        revocations: vec![record(1)],
        ..UserChange::default()
    }
}

/// Ten users, and at once, on two replicas, eight logins of each, nine refreshes, and one who puts
/// the user out. Tells what came of each.
async fn race_over_users<F>(bench: &Bench, put_out: F) -> Vec<Option<Seq>>
where
    F: Fn(&User, &[Session]) -> UserChange + Copy + Send + 'static,
{
    let mut done = Vec::new();
    for round in 1..=10 {
        let owner = user(round, &format!("user{round}"));
        bench.add_user(&owner).await;
        let first = session(round * 20, owner.id);
        bench.add_session(&first).await;
        let (user, session) = (owner.id, first.id);
        let racing = bench.at_once(0..18_u8, |number, store| async move {
            let now = millis(i64::from(number));
            // The clocks of replicas are not the same; some are ahead of the one that puts out.
            let clock = NOW.plus(i64::from(number));
            let done = match number {
                9 => store.change_user(user, now, Box::new(put_out)).await,
                1..9 => {
                    let decide = login(round * 20 + number, clock);
                    store.change_user(user, now, Box::new(decide)).await
                }
                _ => {
                    let decide = refresh(clock);
                    store.change_session(session, now, Box::new(decide)).await
                }
            };
            done.unwrap()
        });
        done.extend(racing.await);
    }
    done
}

pub(super) async fn a_ban_beats_every_refresh_and_login_that_races_it(bench: &Bench) {
    let done = race_over_users(bench, ban).await;
    assert!(done.iter().all(Option::is_some), "{done:?}");
    let alive = "SELECT users.username FROM users JOIN sessions ON sessions.user_id = users.id \
                 WHERE sessions.ended IS NULL OR sessions.last_iat > users.not_before \
                 OR users.banned_at IS NULL";
    assert_eq!(bench.texts(alive).await, Vec::<String>::new());
}

pub(super) async fn a_deletion_beats_every_refresh_and_login_that_races_it(bench: &Bench) {
    race_over_users(bench, deletion).await;
    let left = "SELECT ended FROM sessions UNION ALL SELECT username FROM users";
    assert_eq!(bench.texts(left).await, Vec::<String>::new());
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap().records.len(), 10);
}
