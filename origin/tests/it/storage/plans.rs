//! Plans of revocation: what is stored comes back, and a batch is written whole.

use std::sync::{Arc, Mutex};

use portcullis_origin::domain::{
    audit::{Action, Actor},
    criteria::{SessionFilter, Written},
    plan::{Plan, Planned, Progress},
    session::{EndReason, Session},
    store::{Batch, By, PlanChange, PlanStep, Seq, Store},
    user::User,
};
use portcullis_shared::ids::PlanId;

use super::{
    bench::{Bench, Held, asked, is_broken},
    samples::{MILLIS, NOW, event, millis, record, session, session_id, user, user_id},
};

const BATCH: Batch = Batch {
    limit: 2,
    users_beyond: 1,
};

fn plan_id(number: u8) -> PlanId {
    PlanId::from_bytes([number; 16])
}

pub(super) fn plan(number: u8) -> Plan {
    Plan {
        id: plan_id(number),
        criteria: Written {
            countries: vec!["DE".to_owned()],
            device: Some("téléphone".to_owned()),
            ..Written::default()
        }
        .parse()
        .unwrap(),
        made_by: Actor::User(user_id(9)),
        created_at: NOW,
        expires_at: NOW.plus(900),
        completed_at: None,
        count: 0,
        progress: Progress::default(),
    }
}

fn planned(session: &Session) -> Planned {
    Planned {
        user_id: session.user_id,
        session_id: session.id,
    }
}

pub(super) async fn a_plan_comes_back_as_it_was(bench: &Bench) {
    let counted = Plan {
        completed_at: Some(NOW.plus(2)),
        count: 2,
        progress: Progress {
            started_at: Some(NOW.plus(3)),
            reached: Some(planned(&session(1, user_id(1)))),
            passed: 2,
            ended: 1,
        },
        ..plan(1)
    };
    let operators = Plan {
        made_by: Actor::Operator,
        ..plan(2)
    };
    for before in [plan(1), counted, operators] {
        let events = [event(Action::SessionsRevoked, "plan")];
        bench.store.put_plan(&before, &[], &events).await.unwrap();
        let stored = bench.store.plan(before.id).await.unwrap();
        assert_eq!(stored, Some(before));
    }
    assert_eq!(bench.trail().await.len(), 3);
    // A session that is planned already is no newcomer.
    bench.add_user(&user(1, "ann")).await;
    let sessions = [1, 2, 3].map(|number| session(number, user_id(1)));
    for session in &sessions {
        bench.add_session(session).await;
    }
    let in_it = [planned(&sessions[0]), planned(&sessions[2])];
    bench.store.put_plan(&plan(1), &in_it, &[]).await.unwrap();
    let mut filter = SessionFilter::active(Written::default().parse().unwrap(), NOW, 9);
    for (outside, expected) in [
        (1, vec![planned(&sessions[1])]),
        (2, sessions.each_ref().map(planned).to_vec()),
    ] {
        filter.outside = Some(plan_id(outside));
        let newcomers = bench.store.matching_sessions(&filter).await.unwrap();
        assert_eq!(newcomers, expected);
    }
}

pub(super) async fn a_session_cannot_be_in_a_plan_twice(bench: &Bench) {
    let twice = [planned(&session(1, user_id(1)))];
    bench.store.put_plan(&plan(1), &twice, &[]).await.unwrap();
    let more = Plan {
        count: 2,
        ..plan(1)
    };
    let again = bench.store.put_plan(&more, &twice, &[]).await;
    assert!(is_broken(&again), "{again:?}");
    assert_eq!(bench.store.plan(plan_id(1)).await.unwrap(), Some(plan(1)));
}

pub(super) async fn a_missing_plan_is_none(bench: &Bench) {
    assert_eq!(bench.store.plan(plan_id(1)).await.unwrap(), None);
}

pub(super) async fn a_missing_plan_is_not_decided_over(bench: &Bench) {
    let decide = |_: &PlanStep<'_>| panic!("there is no such plan");
    let changed = bench
        .store
        .change_planned(plan_id(1), By::Service, BATCH, MILLIS, Box::new(decide))
        .await;
    assert_eq!(changed.unwrap(), None);
}

/// Users 1 and 2, sessions of either in turn, and a plan of all.
async fn fill(bench: &Bench, sessions: u8) -> Plan {
    bench.add_user(&user(1, "ann")).await;
    bench.add_user(&user(2, "bob")).await;
    let mut all = Vec::new();
    for number in 1..=sessions {
        let session = session(number, user_id(1 + number % 2));
        bench.add_session(&session).await;
        all.push(planned(&session));
    }
    let plan = Plan {
        count: sessions.into(),
        completed_at: Some(NOW),
        ..plan(1)
    };
    bench.store.put_plan(&plan, &all, &[]).await.unwrap();
    plan
}

/// Past all that a step has, and ends it.
fn end(step: &PlanStep<'_>) -> PlanChange {
    let progress = step.plan.progress;
    let ended = step
        .sessions
        .iter()
        .filter(|session| session.ended.is_none());
    let ended: Vec<_> = ended
        .map(|session| (session.id, EndReason::Administrator))
        .collect();
    PlanChange {
        progress: Some(Progress {
            started_at: Some(NOW),
            reached: step.planned.last().copied().or(progress.reached),
            passed: progress.passed + step.planned.len() as u64,
            ended: progress.ended + ended.len() as u64,
        }),
        ended,
        ..PlanChange::default()
    }
}

pub(super) async fn the_sessions_of_a_plan_come_in_batches_those_of_one_user_together(
    bench: &Bench,
) {
    fill(bench, 5).await;
    // One that is planned and does not exist any more.
    let gone = planned(&session(9, user_id(2)));
    let more = Plan {
        count: 6,
        completed_at: Some(NOW),
        ..plan(1)
    };
    bench.store.put_plan(&more, &[gone], &[]).await.unwrap();
    let shown = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..4 {
        let seen = Arc::clone(&shown);
        let decide = move |step: &PlanStep<'_>| {
            let numbers = |ids: Vec<[u8; 16]>| ids.iter().map(|id| id[0]).collect::<Vec<u8>>();
            seen.lock().unwrap().push((
                numbers(
                    step.planned
                        .iter()
                        .map(|one| *one.session_id.as_bytes())
                        .collect(),
                ),
                numbers(step.users.iter().map(|user| *user.id.as_bytes()).collect()),
                numbers(step.sessions.iter().map(|one| *one.id.as_bytes()).collect()),
            ));
            end(step)
        };
        let changed = bench
            .store
            .change_planned(plan_id(1), By::Service, BATCH, MILLIS, Box::new(decide))
            .await;
        assert!(changed.unwrap().is_some());
    }
    let expected = [
        (vec![2, 4], vec![1], vec![2, 4]),
        (vec![1, 3], vec![2], vec![1, 3]),
        (vec![5, 9], vec![2], vec![5]),
        (vec![], vec![], vec![]),
    ];
    assert_eq!(*shown.lock().unwrap(), expected);
    let progress = bench
        .store
        .plan(plan_id(1))
        .await
        .unwrap()
        .unwrap()
        .progress;
    assert_eq!((progress.passed, progress.ended), (6, 5));
    assert_eq!(progress.reached, Some(gone));
}

pub(super) async fn what_is_decided_over_a_batch_is_written_whole(bench: &Bench) {
    let plan = fill(bench, 2).await;
    let decide = |step: &PlanStep<'_>| PlanChange {
        users: vec![User {
            not_before: NOW.plus(77),
            ..user(1, "ann")
        }],
        revocations: vec![record(1)],
        events: vec![event(Action::SessionsRevoked, "plan")],
        ..end(step)
    };
    let seq = bench
        .store
        .change_planned(plan_id(1), By::Service, BATCH, millis(5), Box::new(decide))
        .await
        .unwrap();
    assert_eq!(seq, Some(Seq(u64::try_from(millis(5).0).unwrap())));
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap().records, [record(1)]);
    let ann = bench.store.user(user_id(1)).await.unwrap().unwrap();
    assert_eq!(ann.not_before, NOW.plus(77));
    for number in [1, 2] {
        let stored = bench.stored(&session(number, user_id(1))).await;
        assert_eq!(stored.end_reason(), Some(EndReason::Administrator));
    }
    let stored = bench.store.plan(plan.id).await.unwrap().unwrap();
    assert_eq!((stored.progress.passed, stored.progress.ended), (2, 2));
    assert_eq!(
        bench.trail().await.last().unwrap(),
        "sessions_revoked by user: plan"
    );
}

pub(super) async fn a_batch_that_fails_half_way_leaves_nothing(bench: &Bench) {
    let plan = fill(bench, 2).await;
    let before = bench.store.feed(Seq(0)).await.unwrap();
    // More ended than passed: the plan's row is refused, after the sessions were written.
    let decide = |step: &PlanStep<'_>| PlanChange {
        progress: Some(Progress {
            ended: 2,
            ..Progress::default()
        }),
        revocations: vec![record(1)],
        events: vec![event(Action::SessionsRevoked, "must not be kept")],
        ..end(step)
    };
    let failed = bench
        .store
        .change_planned(plan_id(1), By::Service, BATCH, MILLIS, Box::new(decide))
        .await;
    assert!(is_broken(&failed), "{failed:?}");
    assert_eq!(bench.stored(&session(1, user_id(2))).await.ended, None);
    assert_eq!(bench.store.feed(Seq(0)).await.unwrap(), before);
    assert_eq!(bench.store.plan(plan.id).await.unwrap(), Some(plan));
    assert_eq!(bench.trail().await.len(), 2, "the two users");
}

pub(super) async fn two_runs_of_a_plan_take_turns(bench: &Bench) {
    fill(bench, 40).await;
    bench
        .at_once(0..30, |_, store| async move {
            let step = store.change_planned(plan_id(1), By::Service, BATCH, MILLIS, Box::new(end));
            step.await.unwrap()
        })
        .await;
    let progress = bench
        .store
        .plan(plan_id(1))
        .await
        .unwrap()
        .unwrap()
        .progress;
    assert_eq!((progress.passed, progress.ended), (40, 40));
}

pub(super) async fn a_batch_sees_the_refresh_that_it_waited_for(bench: &Bench) {
    fill(bench, 2).await;
    // The refresh holds session 1 in the middle of its decision.
    let held = Held::begin_holding(bench).await;
    let generation = session(1, user_id(2)).generation;
    let store = bench.store.clone();
    let decide = move |step: &PlanStep<'_>| {
        let first = step.sessions.iter().find(|one| one.id == session_id(1));
        assert_eq!(first.unwrap().generation, generation + 1);
        end(step)
    };
    let ending = asked(async move {
        store
            .change_planned(plan_id(1), By::Service, BATCH, MILLIS, Box::new(decide))
            .await
    })
    .await;
    bench.until_waiting(1).await;
    assert!(!ending.is_finished());
    held.go_on();
    ending.await.unwrap().unwrap();
    let stored = bench.stored(&session(1, user_id(2))).await;
    assert_eq!(
        (stored.generation, stored.end_reason()),
        (generation + 1, Some(EndReason::Administrator))
    );
}
