//! Revocation by criterion: counted first, then carried out, however it is interrupted.

use std::sync::Arc;

use portcullis_origin::domain::{
    admin::Authority,
    audit::Actor,
    clock::Clock as _,
    criteria::{Criteria, SessionFilter, Written},
    ending::SESSIONS_BY_ENTRY,
    mint::TokenSet,
    plan::{
        Plan,
        count::{self, Counted},
        run::{self, Error, Outcome},
    },
    session::{EndReason, Session},
    store::UserChange,
    user::User,
};
use portcullis_shared::ids::{PlanId, SessionId, UserId};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{ADMIN, CURL, Engine, TestApp, TestClock, USER, context, on_both_engines};

on_both_engines!(
    a_dry_run_changes_nothing_but_the_trail,
    a_run_ends_what_was_counted_and_tells_of_newcomers,
    a_session_without_a_good_token_needs_no_entry,
    many_sessions_of_a_user_become_one_entry_and_another_goes_on,
    a_plan_is_begun_within_fifteen_minutes_or_not_at_all,
    an_administrator_who_is_demoted_goes_no_further,
    a_run_that_stops_is_gone_on_with,
    a_run_is_gone_on_with_for_a_day_and_no_longer,
    a_run_whose_caller_went_away_is_gone_on_with,
    two_runs_of_a_plan_come_to_the_same,
    no_refresh_or_login_that_races_it_gets_around_a_run,
    the_trail_names_every_user,
    an_empty_plan_is_done_at_once,
);

const OPERATOR: Authority = Authority::OPERATOR;

fn from(country: &str) -> Criteria {
    let countries = vec![country.to_owned()];
    let written = Written {
        countries,
        ..Written::default()
    };
    written.parse().unwrap()
}

async fn login_from(test: &TestApp, country: &str) -> TokenSet {
    test.login_as(USER, "portcullis", &context(CURL, country))
        .await
        .unwrap()
}

async fn refreshes(test: &TestApp, tokens: &TokenSet, country: &str) -> bool {
    let from = context(CURL, country);
    let refreshed = test.refresh_from(tokens.refresh_token.expose(), &from);
    refreshed.await.is_ok()
}

async fn count(test: &TestApp, criteria: Criteria) -> Counted {
    count::count(&test.app, OPERATOR, criteria).await.unwrap()
}

async fn try_run(test: &TestApp, plan: PlanId) -> Result<Outcome, Error> {
    run::run(&test.app, OPERATOR, plan, None, |_| {}).await
}

/// Ended, over already, newcomers.
fn totals(outcome: &Outcome) -> (u64, u64, u64) {
    let progress = outcome.plan.progress;
    let newcomers = outcome.newcomers.as_ref().unwrap();
    assert_eq!(
        newcomers.sample.len() as u64,
        newcomers.count.min(count::SAMPLE.into())
    );
    (
        progress.ended,
        progress.passed - progress.ended,
        newcomers.count,
    )
}

/// Opens sessions in storage, as logins from a country do, with the tokens of a template.
async fn open(test: &TestApp, template: &Session, user: UserId, numbers: std::ops::Range<u16>) {
    for number in numbers {
        let mut id = [0xee; 16];
        id[..2].copy_from_slice(&number.to_le_bytes());
        let opened = Session {
            id: SessionId::from_bytes(id),
            user_id: user,
            ..template.clone()
        };
        let decide = move |_: &User, _: &[Session]| UserChange {
            opened: Some(opened),
            ..UserChange::default()
        };
        let opened = test
            .app
            .store
            .change_user(user, test.app.now(), Box::new(decide));
        opened.await.unwrap().unwrap();
    }
}

async fn unended(test: &TestApp) -> u64 {
    let filter = SessionFilter::active(Criteria::default(), test.app.clock.now(), 100_000);
    let found = test.app.store.matching_sessions(&filter).await.unwrap();
    found.len() as u64
}

async fn a_dry_run_changes_nothing_but_the_trail(test: TestApp) {
    let (german, french) = (login_from(&test, "DE").await, login_from(&test, "FR").await);
    let before = test.edge().await.revocations.seq();
    let counted = count(&test, from("DE")).await;
    assert_eq!(counted.plan.count, 1);
    let (session, user) = &counted.sample[0];
    assert_eq!(session.id, test.session_of(&german).await.id);
    assert_eq!(user.username.as_str(), USER.0);
    assert_eq!(test.edge().await.revocations.seq(), before);
    for (tokens, country) in [(&german, "DE"), (&french, "FR")] {
        assert!(test.passes(&tokens.access_token).await);
        assert!(refreshes(&test, tokens, country).await);
    }
}

async fn a_run_ends_what_was_counted_and_tells_of_newcomers(test: TestApp) {
    let mut german = Vec::new();
    for _ in 0..4 {
        german.push(login_from(&test, "DE").await);
    }
    let french = login_from(&test, "FR").await;
    let counted = count(&test, from("DE")).await;
    assert_eq!(counted.plan.count, 4);
    // Meanwhile one logs out, one refreshes, one moves away, and one comes.
    let ours = test.app.config.client("portcullis").unwrap().clone();
    let token = german[0].refresh_token.expose();
    let from_nowhere = portcullis_origin::domain::context::Context::default();
    portcullis_origin::domain::revoke::revoke(&test.app, &ours, token, &from_nowhere)
        .await
        .unwrap()
        .unwrap();
    assert!(refreshes(&test, &german[1], "DE").await);
    assert!(refreshes(&test, &german[2], "FR").await);
    let newcomer = login_from(&test, "DE").await;
    let outcome = try_run(&test, counted.plan.id).await.unwrap();
    assert_eq!(totals(&outcome), (3, 1, 1));
    let sample = &outcome.newcomers.as_ref().unwrap().sample;
    assert_eq!(sample[0].0.id, test.session_of(&newcomer).await.id);
    let edge = test.edge().await;
    assert!(edge.revocations.seq() >= outcome.seq.0);
    for tokens in &german[1..] {
        assert!(!edge.passes(&tokens.access_token, &test));
        assert!(!refreshes(&test, tokens, "DE").await);
        let session = test.session_of(tokens).await;
        assert_eq!(session.end_reason(), Some(EndReason::Administrator));
    }
    let logged_out = test.session_of(&german[0]).await;
    assert_eq!(logged_out.end_reason(), Some(EndReason::Revoked));
    for (tokens, country) in [(&newcomer, "DE"), (&french, "FR")] {
        assert!(edge.passes(&tokens.access_token, &test));
        assert!(refreshes(&test, tokens, country).await);
    }
    // Once more changes nothing and says the same.
    let before = test.edge().await.revocations.seq();
    let again = try_run(&test, counted.plan.id).await.unwrap();
    assert_eq!(totals(&again), (3, 1, 1));
    assert!(again.seq >= outcome.seq);
    assert_eq!(test.edge().await.revocations.seq(), before);
}

async fn a_session_without_a_good_token_needs_no_entry(test: TestApp) {
    let old = login_from(&test, "DE").await;
    test.clock.advance(616);
    let counted = count(&test, from("DE")).await;
    let outcome = try_run(&test, counted.plan.id).await.unwrap();
    assert_eq!(totals(&outcome), (1, 0, 0));
    assert!(test.edge().await.revocations.is_empty());
    assert!(!refreshes(&test, &old, "DE").await);
}

async fn many_sessions_of_a_user_become_one_entry_and_another_goes_on(test: TestApp) {
    let tokens = login_from(&test, "DE").await;
    let elsewhere = login_from(&test, "FR").await;
    let template = test.session_of(&tokens).await;
    let many = u16::try_from(SESSIONS_BY_ENTRY).unwrap();
    // One of them was minted by a replica whose clock is ahead.
    let ahead = Session {
        last_iat: template.last_iat.plus(5),
        last_exp: template.last_exp.plus(5),
        ..template.clone()
    };
    open(&test, &ahead, template.user_id, 0..1).await;
    open(&test, &template, template.user_id, 1..many).await;
    let counted = count(&test, from("DE")).await;
    assert_eq!(counted.plan.count, u64::from(many) + 1);
    let outcome = try_run(&test, counted.plan.id).await.unwrap();
    assert_eq!(totals(&outcome), (u64::from(many) + 1, 0, 0));
    let edge = test.edge().await;
    assert_eq!(edge.revocations.len(), 1);
    assert!(!edge.passes(&tokens.access_token, &test));
    assert!(!refreshes(&test, &tokens, "DE").await);
    let user = test.user(USER.0).await;
    assert_eq!(user.not_before, ahead.last_iat);
    test.clock.advance(5);
    // What is another session's refreshes and goes on.
    let from = context(CURL, "FR");
    let next = test.refresh_from(elsewhere.refresh_token.expose(), &from);
    assert!(edge.passes(&next.await.unwrap().access_token, &test));
    assert!(edge.passes(&login_from(&test, "DE").await.access_token, &test));
}

async fn a_plan_is_begun_within_fifteen_minutes_or_not_at_all(test: TestApp) {
    login_from(&test, "DE").await;
    login_from(&test, "FR").await;
    let (german, french) = (
        count(&test, from("DE")).await,
        count(&test, from("FR")).await,
    );
    test.clock.advance(899);
    assert_eq!(totals(&try_run(&test, german.plan.id).await.unwrap()).0, 1);
    test.clock.advance(1);
    let late = try_run(&test, french.plan.id).await;
    assert!(matches!(late, Err(Error::Expired)), "{late:?}");
    assert_eq!(unended(&test).await, 1);
    // One that was begun answers the same again.
    assert_eq!(totals(&try_run(&test, german.plan.id).await.unwrap()).0, 1);
    let unknown = try_run(&test, PlanId::from_bytes([9; 16])).await;
    assert!(matches!(unknown, Err(Error::NoSuchPlan)), "{unknown:?}");
}

async fn an_administrator_who_is_demoted_goes_no_further(test: TestApp) {
    login_from(&test, "DE").await;
    let authority = |user: &User| Authority {
        actor: Actor::User(user.id),
        from: context(CURL, "DE"),
    };
    let (admin, user) = (test.user(ADMIN.0).await, test.user(USER.0).await);
    let counted = count::count(&test.app, authority(&user), from("DE")).await;
    let plan = counted.unwrap().plan.id;
    let refused = run::run(&test.app, authority(&user), plan, None, |_| {}).await;
    assert!(matches!(refused, Err(Error::NotAdmin(_))), "{refused:?}");
    assert_eq!(unended(&test).await, 1);
    // Another's plan may be carried out.
    let done = run::run(&test.app, authority(&admin), plan, None, |_| {}).await;
    assert_eq!(totals(&done.unwrap()), (1, 0, 0));
}

/// Sessions for three batches, of a user and of the administrator.
async fn three_batches(test: &TestApp) -> (TokenSet, Counted) {
    let tokens = login_from(test, "DE").await;
    let template = test.session_of(&tokens).await;
    let admin = test.user(ADMIN.0).await.id;
    open(test, &template, template.user_id, 0..600).await;
    open(test, &template, admin, 600..1200).await;
    (tokens, count(test, from("DE")).await)
}

async fn a_run_that_stops_is_gone_on_with(test: TestApp) {
    let (tokens, counted) = three_batches(&test).await;
    let plan = counted.plan.id;
    assert_eq!((counted.plan.count, counted.sample.len()), (1201, 20));
    let mut told = Vec::new();
    for passed in [500, 1000, 1201] {
        let deadline = Some(test.app.now());
        let hear = |plan: &Plan| told.push(plan.progress.passed);
        let outcome = run::run(&test.app, OPERATOR, plan, deadline, hear);
        let outcome = outcome.await.unwrap();
        assert_eq!(outcome.plan.progress.passed, passed);
        assert_eq!(outcome.newcomers.is_some(), passed == 1201);
        assert_eq!(unended(&test).await, 1201 - passed);
        // Many of one user are one entry; in the last batch no token is alive any more.
        let entries = test.edge().await.revocations.len();
        assert_eq!(entries, [1, 2, 0][told.len() - 1]);
        // It may be begun again long after, as it was begun in time.
        test.clock.advance(400);
    }
    assert_eq!(told, [500, 1000, 1201]);
    let again = try_run(&test, plan).await.unwrap();
    assert_eq!(totals(&again), (1201, 0, 0));
    assert!(!refreshes(&test, &tokens, "DE").await);
}

async fn a_run_is_gone_on_with_for_a_day_and_no_longer(test: TestApp) {
    let (_, counted) = three_batches(&test).await;
    let plan = counted.plan.id;
    let step = async || run::run(&test.app, OPERATOR, plan, Some(test.app.now()), |_| {}).await;
    assert_eq!(step().await.unwrap().plan.progress.passed, 500);
    test.clock.advance(15 * 60 + 24 * 60 * 60 - 1);
    assert_eq!(step().await.unwrap().plan.progress.passed, 1000);
    // From now on cleanup may have taken what is left of it.
    test.clock.advance(1);
    let late = step().await;
    assert!(matches!(late, Err(Error::Expired)), "{late:?}");
}

async fn a_run_whose_caller_went_away_is_gone_on_with(test: TestApp) {
    let (_, counted) = three_batches(&test).await;
    let (plan, app) = (counted.plan.id, Arc::clone(&test.app));
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let running = tokio::spawn(async move {
        run::run(&app, OPERATOR, plan, None, |plan| {
            tell.send(plan.progress.passed).unwrap();
        })
        .await
    });
    assert_eq!(told.recv().await, Some(500));
    running.abort();
    let _gone = running.await;
    let outcome = try_run(&test, plan).await.unwrap();
    assert_eq!(totals(&outcome), (1201, 0, 0));
    assert_eq!(unended(&test).await, 0);
}

async fn two_runs_of_a_plan_come_to_the_same(test: TestApp) {
    let (_, counted) = three_batches(&test).await;
    let plan = counted.plan.id;
    let replica = test.replica(TestClock::new()).await;
    let (one, other) = tokio::join!(try_run(&test, plan), try_run(&replica, plan));
    assert_eq!(totals(&one.unwrap()), (1201, 0, 0));
    assert_eq!(totals(&other.unwrap()), (1201, 0, 0));
}

async fn no_refresh_or_login_that_races_it_gets_around_a_run(test: TestApp) {
    let mut held = Vec::new();
    for _ in 0..15 {
        held.push(login_from(&test, "DE").await);
    }
    // Enough for an entry of the user, which later logins must not be refused by.
    let template = test.session_of(&held[0]).await;
    open(&test, &template, template.user_id, 0..40).await;
    let plan = count(&test, from("DE")).await.plan.id;
    let test = Arc::new(test);
    let start = Arc::new(Barrier::new(31));
    let mut tasks = JoinSet::new();
    for tokens in held.iter().cloned() {
        let (task, begin) = (Arc::clone(&test), Arc::clone(&start));
        tasks.spawn(async move {
            begin.wait().await;
            let mut minted = vec![tokens];
            let from = context(CURL, "DE");
            while minted.len() < 5 {
                let last = minted.last().unwrap().refresh_token.expose().to_owned();
                match task.refresh_from(&last, &from).await {
                    Ok(next) => minted.push(next),
                    Err(_) => break,
                }
            }
            (minted, Vec::new())
        });
        let (task, begin) = (Arc::clone(&test), Arc::clone(&start));
        tasks.spawn(async move {
            begin.wait().await;
            (Vec::new(), vec![login_from(&task, "DE").await])
        });
    }
    start.wait().await;
    let outcome = try_run(&test, plan).await.unwrap();
    let all = tasks.join_all().await;
    let (ended, logins): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    assert_eq!(outcome.plan.progress.ended, 55);
    let edge = test.edge().await;
    for tokens in ended.iter().flatten() {
        assert!(
            !edge.passes(&tokens.access_token, &test),
            "a token survived"
        );
        assert!(!refreshes(&test, tokens, "DE").await);
    }
    for tokens in logins.iter().flatten() {
        let from = context(CURL, "DE");
        let next = test
            .refresh_from(tokens.refresh_token.expose(), &from)
            .await;
        let next = next.expect("a newcomer goes on");
        assert!(edge.passes(&next.access_token, &test));
    }
}

async fn the_trail_names_every_user(test: TestApp) {
    let tokens = login_from(&test, "DE").await;
    let template = test.session_of(&tokens).await;
    let admin = test.user(ADMIN.0).await.id;
    open(&test, &template, admin, 0..2).await;
    let plan = count(&test, from("DE")).await.plan.id;
    try_run(&test, plan).await.unwrap();
    let trail = test.trail().await;
    let of_plan = trail.iter().filter(|line| line.contains(&plan.to_string()));
    let criteria = r#"{"countries":["DE"]}"#;
    let mut lines: Vec<String> = of_plan
        .map(|line| line.replace(&plan.to_string(), "P"))
        .collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            format!("revocation_planned by operator: plan P, 3 sessions, {criteria}"),
            "sessions_revoked by operator to ann: plan P, 1 sessions".to_owned(),
            "sessions_revoked by operator to root: plan P, 2 sessions".to_owned(),
            format!("sessions_revoked by operator: plan P, 3 sessions, {criteria}"),
        ]
    );
}

async fn an_empty_plan_is_done_at_once(test: TestApp) {
    let counted = count(&test, from("XX")).await;
    assert_eq!((counted.plan.count, counted.sample.len()), (0, 0));
    for _ in 0..2 {
        let outcome = try_run(&test, counted.plan.id).await.unwrap();
        assert_eq!(totals(&outcome), (0, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_told_of_by_one_replica_is_in_the_feed_of_another() {
    let test = TestApp::on(Engine::Postgres).await;
    let tokens = login_from(&test, "DE").await;
    let replica = test.replica(TestClock::new()).await;
    let plan = count(&test, from("DE")).await.plan.id;
    let outcome = try_run(&replica, plan).await.unwrap();
    let edge = test.edge().await;
    assert!(edge.revocations.seq() >= outcome.seq.0);
    assert!(!edge.passes(&tokens.access_token, &test));
    assert_eq!(test.clock.now(), replica.clock.now());
}
