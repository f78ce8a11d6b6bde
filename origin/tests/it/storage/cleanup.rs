//! What is removed when its time is over.

use portcullis_origin::domain::{
    audit::Actor,
    plan::{Plan, Planned, Progress},
    session::{EndReason, Ended, Session},
    store::{Seq, Store as _},
};
use portcullis_shared::{ids::PlanId, revocation::Record};

use super::{
    bench::{Bench, rotate},
    samples::{MILLIS, NOW, record, session, session_id, user, user_id},
};

pub(super) async fn sessions_go_when_they_and_their_tokens_were_over_at_the_cutoff(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    let cutoff = NOW.plus(5_000);
    let kept = |number| Session {
        idle_expires_at: cutoff.plus(1),
        absolute_expires_at: cutoff.plus(1),
        last_exp: cutoff,
        ..session(number, user_id(1))
    };
    for session in [
        kept(1),
        Session {
            idle_expires_at: cutoff,
            ..kept(2)
        },
        Session {
            absolute_expires_at: cutoff,
            ..kept(3)
        },
        Session {
            ended: Some(Ended {
                reason: EndReason::Reuse,
                at: cutoff,
            }),
            ..kept(5)
        },
        Session {
            ended: Some(Ended {
                reason: EndReason::Reuse,
                at: cutoff.plus(1),
            }),
            ..kept(6)
        },
        // An access token of it may be good.
        Session {
            idle_expires_at: cutoff,
            ended: Some(Ended {
                reason: EndReason::Reuse,
                at: NOW,
            }),
            last_exp: cutoff.plus(1),
            ..kept(4)
        },
    ] {
        bench.add_session(&session).await;
    }
    let removed = bench.store.remove_sessions_over(cutoff, None, 100).await;
    assert_eq!(removed.unwrap(), (3, Some(session_id(5))));
    for (number, stays) in [
        (1, true),
        (2, false),
        (3, false),
        (4, true),
        (5, false),
        (6, true),
    ] {
        let found = bench.store.session(session_id(number)).await.unwrap();
        assert_eq!(found.is_some(), stays, "{number}");
    }
    // A refresh token of a session that is gone is one of nobody.
    let gone = bench
        .store
        .change_session(session_id(2), MILLIS, Box::new(rotate))
        .await;
    assert_eq!(gone.unwrap(), None);
}

pub(super) async fn removal_goes_on_after_the_last_one_looked_at(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    for number in 1..=5 {
        bench.add_session(&session(number, user_id(1))).await;
    }
    let cutoff = NOW.plus(5_000);
    let mut after = None;
    for expected in [2, 2, 1, 0] {
        let (removed, last) = bench
            .store
            .remove_sessions_over(cutoff, after, 2)
            .await
            .unwrap();
        assert_eq!((removed, last.is_some()), (expected, expected > 0));
        after = last;
    }
}

pub(super) async fn dropped_entries_go_a_few_at_a_time_the_oldest_first(bench: &Bench) {
    bench.add_user(&user(1, "ann")).await;
    let entry = |number: i64| Record {
        drop_at: NOW.plus(number),
        ..record(u64::try_from(number).unwrap())
    };
    let revocations: Vec<Record> = [3, 1, 4, 2, 5].map(entry).into();
    let decide = move |_: &_, _: &[Session]| portcullis_origin::domain::store::UserChange {
        revocations,
        ..Default::default()
    };
    let store = &bench.store;
    let seq = store
        .change_user(user_id(1), MILLIS, Box::new(decide))
        .await;
    for expected in [2, 1, 0] {
        let removed = store.remove_revocations(NOW.plus(4), 2).await;
        assert_eq!(removed.unwrap(), expected);
    }
    let left = store.feed(Seq(0)).await.unwrap();
    let mut drops: Vec<i64> = left
        .records
        .iter()
        .map(|entry| entry.drop_at.0 - NOW.0)
        .collect();
    drops.sort_unstable();
    assert_eq!(drops, [4, 5]);
    assert_eq!(Some(left.seq), seq.unwrap(), "nothing was revoked");
}

pub(super) async fn expired_plans_go_with_their_sessions_a_few_at_a_time(bench: &Bench) {
    let id = |number: u8| PlanId::from_bytes([number; 16]);
    for number in [1, 2] {
        let plan = Plan {
            id: id(number),
            criteria: portcullis_origin::domain::criteria::Criteria::default(),
            made_by: Actor::Operator,
            created_at: NOW,
            expires_at: NOW.plus(number.into()),
            completed_at: None,
            count: 3,
            progress: Progress::default(),
        };
        let sessions = [1, 2, 3].map(|number| Planned {
            user_id: user_id(1),
            session_id: session_id(number),
        });
        bench.store.put_plan(&plan, &sessions, &[]).await.unwrap();
    }
    for expected in [2, 2, 0] {
        let removed = bench.store.remove_plans(NOW.plus(1), 2).await;
        assert_eq!(removed.unwrap(), expected);
    }
    assert_eq!(bench.store.plan(id(1)).await.unwrap(), None);
    assert!(bench.store.plan(id(2)).await.unwrap().is_some());
    let left = "SELECT 'left' FROM revocation_plan_sessions";
    assert_eq!(bench.texts(left).await.len(), 3);
}
