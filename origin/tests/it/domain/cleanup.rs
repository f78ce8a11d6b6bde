//! Cleanup: what is over goes, in its time, and nothing else.

use portcullis_origin::domain::{
    admin::Authority,
    cleanup::{Hold, Removed, When, clean_up},
    context::Context,
    criteria::{Criteria, SessionFilter, State},
    plan::count,
    revoke,
    store::Seq,
};

use crate::support::{CURL, Engine, TestApp, TestClock, context, on_both_engines};

on_both_engines!(
    a_user_who_refreshes_every_ten_minutes_for_a_year_owns_one_row,
    sessions_go_when_their_retention_is_over,
    nothing_that_is_still_good_is_removed,
    entries_and_plans_go_when_nobody_needs_them,
    old_events_go_with_their_retention,
    one_replica_cleans_up_in_an_interval,
    a_round_that_was_broken_off_is_taken_over,
);

const DAY: i64 = 86_400;

async fn rows(test: &TestApp) -> usize {
    let filter = SessionFilter {
        state: State::Any,
        ..SessionFilter::active(Criteria::default(), test.app.clock.now(), 1000)
    };
    test.app.store.sessions(&filter).await.unwrap().len()
}

async fn sweep(test: &TestApp) -> Removed {
    clean_up(&test.app, When::Now).await.unwrap().unwrap()
}

async fn log_out(test: &TestApp, token: &str) {
    let ours = test.app.config.client("portcullis").unwrap().clone();
    let from = Context::default();
    let ended = revoke::revoke(&test.app, &ours, token, &from).await;
    assert!(ended.unwrap().is_some());
}

async fn a_user_who_refreshes_every_ten_minutes_for_a_year_owns_one_row(test: TestApp) {
    let test = test
        .restarted(|config| config.absolute_lifetime = 400 * DAY)
        .await;
    let mut tokens = test.login().await;
    // An hour of every third day: each refresh writes the same row, so the rest is the same again.
    for _ in 0..122 {
        for _ in 0..6 {
            test.clock.advance(600);
            tokens = test.refresh(tokens.refresh_token.expose()).await.unwrap();
        }
        assert_eq!(sweep(&test).await.sessions, 0);
        assert_eq!(rows(&test).await, 1);
        test.clock.advance(3 * DAY - 3600);
    }
    let session = test.session_of(&tokens).await;
    assert!(session.last_used_at.since(session.created_at) > 360 * DAY);
    assert_eq!(session.generation, 122 * 6 + 1);
}

async fn sessions_go_when_their_retention_is_over(test: TestApp) {
    let (ended, idle) = (test.login().await, test.login().await);
    log_out(&test, ended.refresh_token.expose()).await;
    // Its access token was good for ten minutes more.
    test.clock.advance(600 + 30 * DAY - 1);
    assert_eq!((sweep(&test).await.sessions, rows(&test).await), (0, 2));
    test.clock.advance(1);
    assert_eq!((sweep(&test).await.sessions, rows(&test).await), (1, 1));
    // The other expired a moment ago, and stays as long.
    assert!(test.refresh(idle.refresh_token.expose()).await.is_err());
    test.clock.advance(30 * DAY);
    let kept = test.login().await;
    assert_eq!((sweep(&test).await.sessions, rows(&test).await), (1, 1));
    for gone in [&ended, &idle] {
        let refused = test.refresh(gone.refresh_token.expose()).await;
        assert!(refused.is_err());
    }
    test.refresh(kept.refresh_token.expose()).await.unwrap();
}

async fn nothing_that_is_still_good_is_removed(test: TestApp) {
    let test = test.restarted(|config| config.cleanup.retention = 0).await;
    let (active, ended) = (test.login().await, test.login().await);
    log_out(&test, ended.refresh_token.expose()).await;
    // Its access token lives, and who revokes the user must know of it.
    assert_eq!((sweep(&test).await.sessions, rows(&test).await), (0, 2));
    assert!(!test.passes(&ended.access_token).await);
    test.clock.advance(600);
    assert_eq!((sweep(&test).await.sessions, rows(&test).await), (1, 1));
    // A spent token is known for one as long as its session lives.
    let next = test.refresh(active.refresh_token.expose()).await.unwrap();
    test.refresh(next.refresh_token.expose()).await.unwrap();
    sweep(&test).await;
    assert!(test.refresh(active.refresh_token.expose()).await.is_err());
    assert!(test.session_of(&active).await.ended.is_some());
}

async fn entries_and_plans_go_when_nobody_needs_them(test: TestApp) {
    let test = test.restarted(|config| config.cleanup.batch = 2).await;
    for _ in 0..5 {
        let tokens = test.login().await;
        log_out(&test, tokens.refresh_token.expose()).await;
        test.login().await;
    }
    let operator = Authority::OPERATOR;
    let counted = count::count(&test.app, operator, Criteria::default()).await;
    let plan = counted.unwrap().plan;
    assert_eq!(plan.count, 5);
    let seq = test.app.store.feed(Seq(0)).await.unwrap().seq;
    test.clock.advance(615 + 3600);
    let removed = sweep(&test).await;
    // The logins' counts of attempts have drained by now.
    let but_counts = Removed {
        throttle: 0,
        ..removed
    };
    assert_eq!(but_counts, Removed::default());
    test.clock.advance(1);
    assert_eq!(sweep(&test).await.revocations, 5);
    let feed = test.app.store.feed(Seq(0)).await.unwrap();
    assert_eq!((feed.seq, feed.records.len()), (seq, 0));
    test.clock.advance(DAY);
    assert_eq!(sweep(&test).await.plans, 6);
    assert_eq!(test.app.store.plan(plan.id).await.unwrap(), None);
}

async fn old_events_go_with_their_retention(test: TestApp) {
    let forever = test.restarted(|config| config.audit_retention = 0).await;
    let before = test.trail().await.len();
    test.clock.advance(400 * DAY);
    assert_eq!(sweep(&forever).await.audit, 0);
    let test = test.restarted(|config| config.audit_retention = DAY).await;
    test.login().await;
    let removed = sweep(&test).await.audit;
    assert_eq!(removed, before as u64);
    let trail = test.trail().await;
    assert!(trail[0].starts_with("key_added by service"), "{trail:?}");
    assert!(trail[1].starts_with("login by user"), "{trail:?}");
    assert_eq!(trail.len(), 2);
}

async fn one_replica_cleans_up_in_an_interval(test: TestApp) {
    let replica = test.replica(TestClock::new()).await;
    let (one, other) = tokio::join!(
        clean_up(&test.app, When::Due),
        clean_up(&replica.app, When::Due)
    );
    let done = [one.unwrap(), other.unwrap()];
    assert_eq!(done.iter().flatten().count(), 1, "{done:?}");
    test.clock.advance(3599);
    assert_eq!(clean_up(&test.app, When::Due).await.unwrap(), None);
    assert!(clean_up(&test.app, When::Now).await.unwrap().is_some());
    test.clock.advance(3600);
    assert!(clean_up(&test.app, When::Due).await.unwrap().is_some());
}

async fn a_round_that_was_broken_off_is_taken_over(test: TestApp) {
    let now = test.app.clock.now();
    let vanished = Hold {
        job: "cleanup",
        holder: [7; 16],
        now,
        until: now.plus(60),
        unless_done_after: now,
    };
    assert!(test.app.store.hold_job(&vanished).await.unwrap());
    test.clock.advance(59);
    assert_eq!(clean_up(&test.app, When::Now).await.unwrap(), None);
    test.clock.advance(1);
    assert!(clean_up(&test.app, When::Due).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleanup_goes_on_while_people_refresh() {
    let test = TestApp::with(Engine::Postgres, |config| config.cleanup.batch = 1).await;
    for _ in 0..10 {
        test.login().await;
    }
    test.clock.advance(61 * DAY);
    let mut tokens = test.login().await;
    let refreshing = async {
        for _ in 0..20 {
            let from = context(CURL, "DE");
            tokens = test
                .refresh_from(tokens.refresh_token.expose(), &from)
                .await
                .unwrap();
        }
    };
    let ((), removed) = tokio::join!(refreshing, sweep(&test));
    assert_eq!((removed.sessions, rows(&test).await), (10, 1));
}
