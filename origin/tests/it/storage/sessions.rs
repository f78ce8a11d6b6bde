//! Sessions: what is stored comes back, and what is decided is written whole.

use portcullis_origin::domain::{
    audit::Action,
    context::Context,
    session::{EndReason, Ended, Flag, Flags, Session},
    store::{ActiveFilter, Seq, SessionChange, Store as _},
    user::User,
};

use super::{
    bench::Bench,
    samples::{MILLIS, NOW, event, full_user, millis, record, session, session_id, user, user_id},
};

pub(super) async fn a_session_comes_back_as_it_was_with_its_user(bench: &Bench) {
    let owner = full_user(1, "ann");
    bench.add_user(&owner).await;
    bench.add_user(&user(2, "bob")).await;
    let full = session(1, owner.id);
    let sparse = Session {
        device: None,
        flags: Flags::NONE,
        opened_from: Context::default(),
        last_from: Context::default(),
        ..session(2, owner.id)
    };
    for stored in [full, sparse] {
        bench.add_session(&stored).await;
        let found = bench.store.session(stored.id).await.unwrap();
        assert_eq!(found, Some((stored, owner.clone())));
    }
    assert_eq!(bench.store.session(session_id(9)).await.unwrap(), None);
}

pub(super) async fn text_with_nul_is_kept_alike_everywhere(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    let device = |text: &str| Session {
        device: Some(text.to_owned()),
        ..session(1, user_id(1))
    };
    bench.add_session(&device("a\0b")).await;
    assert_eq!(bench.stored(&device("")).await, device("a\u{fffd}b"));
}

pub(super) async fn active_sessions_come_last_used_first(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_user(&user(2, "bob")).await;
    let used = |number, seconds| Session {
        last_used_at: NOW.plus(seconds),
        ..session(number, user_id(1))
    };
    let idle = Session {
        idle_expires_at: NOW,
        ..used(4, 0)
    };
    let old = Session {
        absolute_expires_at: NOW,
        ..used(5, 0)
    };
    let ended = Session {
        ended: Some(Ended {
            reason: EndReason::Logout,
            at: NOW,
        }),
        ..used(6, 0)
    };
    let of_another = session(7, user_id(2));
    for session in [
        used(1, 10),
        used(2, 30),
        used(3, 20),
        idle,
        old,
        ended,
        of_another,
    ] {
        bench.add_session(&session).await;
    }
    let page = |now, after, limit| ActiveFilter { now, after, limit };
    let list = async |filter| {
        let store = &bench.store;
        store.active_sessions(user_id(1), &filter).await.unwrap()
    };
    let active = list(page(NOW, None, 100)).await;
    assert_eq!(active, [used(2, 30), used(3, 20), used(1, 10)]);
    // A second earlier, neither of the two had expired.
    let earlier = list(page(NOW.plus(-1), None, 100)).await;
    assert_eq!(earlier.len(), 5);
    // Page by page it is the same list.
    let (mut after, mut pages) = (None, Vec::new());
    for _ in 0..3 {
        let next = list(page(NOW.plus(-1), after, 2)).await;
        after = next.last().map(|last| (last.last_used_at, last.id));
        pages.push(next);
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(pages.concat(), earlier);
    assert!(active.iter().all(|session| session.is_active(NOW)));
}

pub(super) async fn a_missing_session_is_not_decided_over(bench: &Bench) {
    let decide = |_: &Session, _: &User| panic!("there is no such session");
    let changed = bench
        .store
        .change_session(session_id(1), MILLIS, Box::new(decide))
        .await;
    assert_eq!(changed.unwrap(), None);
}

pub(super) async fn what_is_decided_over_a_session_is_written_whole(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_session(&session(1, user_id(1))).await;
    bench.add_session(&session(2, user_id(1))).await;
    let before = session(1, user_id(1));
    let after = Session {
        generation: 17,
        accepted: 16,
        rotated_at: NOW.plus(11),
        replays: 0,
        late_retries: 12,
        last_iat: NOW.plus(14),
        last_exp: NOW.plus(614),
        ended: Some(Ended {
            reason: EndReason::Reuse,
            at: NOW.plus(16),
        }),
        last_used_at: NOW.plus(15),
        idle_expires_at: NOW.plus(1_010),
        device: None,
        flags: Flag::ALL.into_iter().collect(),
        last_from: Context {
            country: None,
            ..before.opened_from.clone()
        },
        ..before.clone()
    };
    let changed = after.clone();
    let decide = move |session: &Session, owner: &User| {
        assert_eq!((session, owner), (&before, &user(1, "ann")));
        SessionChange {
            session: Some(changed.clone()),
            revocations: vec![record(1)],
            events: vec![event(Action::RefreshReuse, "twice")],
        }
    };
    let seq = bench
        .store
        .change_session(session_id(1), millis(7), Box::new(decide))
        .await;
    let seq = seq.unwrap().unwrap();

    assert_eq!(seq, Seq(u64::try_from(millis(7).0).unwrap()));
    assert_eq!(bench.stored(&after).await, after);
    let other = session(2, user_id(1));
    assert_eq!(bench.stored(&other).await, other);
    let feed = bench.store.feed(Seq(0)).await.unwrap();
    assert_eq!((feed.seq, feed.records), (seq, vec![record(1)]));
    assert_eq!(bench.trail().await[1..], ["refresh_reuse by user: twice"]);
}

pub(super) async fn a_decision_that_changes_nothing_answers_the_current_seq(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    bench.add_session(&session(1, user_id(1))).await;
    let seq = bench.store.advance_seq(millis(3)).await.unwrap();
    let decide = |_: &Session, _: &User| SessionChange::default();
    let answered = bench
        .store
        .change_session(session_id(1), millis(9), Box::new(decide))
        .await;
    assert_eq!(answered.unwrap(), Some(seq));
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap().seq, seq);
    assert_eq!(
        bench.stored(&session(1, user_id(1))).await,
        session(1, user_id(1))
    );
}
