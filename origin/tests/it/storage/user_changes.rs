//! Changes of a user and of all sessions of that user: written whole or not at all.

use std::sync::{Arc, Mutex};

use portcullis_origin::domain::{
    audit::Action,
    session::{EndReason, Ended, Session},
    store::{Seq, Store, UserChange},
    user::{User, UserStatus},
};

use super::{
    bench::{Bench, deletion, is_broken},
    samples::{MILLIS, NOW, event, full_user, millis, record, session, user, user_id},
};

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
            api_keys: vec![],
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
        api_keys: vec![],
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
    let change = |id| bench.store.change_user(id, MILLIS, Box::new(deletion));
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
