//! A backup was put back: sessions follow the tokens that are newer than they are, for a stated
//! time; nothing older revives.

use portcullis_origin::domain::{
    audit::Actor,
    clock::UnixMillis,
    mint::TokenSet,
    refresh::{self, RefreshToken, Rules, Transition, decide, decide_after_restore},
    restored::{self, Outcome},
    session::{EndReason, Ended, Session},
    store::{Seq, SessionChange},
};
use portcullis_shared::time::UnixSeconds;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::support::{CURL, Engine, TestApp, context, on_both_engines};

on_both_engines!(
    a_newer_token_works_once_and_the_chain_goes_on,
    without_being_told_a_newer_token_is_refused_and_the_session_lives,
    no_session_follows_a_newer_token_that_comes_from_elsewhere,
    a_lost_answer_to_a_fast_forward_is_repeated,
    when_the_stated_time_is_over_no_session_follows,
    what_is_older_than_the_newest_token_ends_the_session,
    an_ended_session_does_not_come_back_by_a_newer_token,
    more_scope_is_refused_and_nothing_follows,
    access_tokens_from_before_are_refused_and_sessions_stay,
    seq_is_ahead_of_what_any_edge_has_seen,
    it_may_be_said_twice,
);

const FOR: i64 = 3600;

async fn say(test: &TestApp) -> Outcome {
    restored::restored(&test.app, FOR, Actor::Operator)
        .await
        .unwrap()
}

/// What a backup has of a session.
async fn backed_up(test: &TestApp, tokens: &TokenSet) -> Session {
    test.session_of(tokens).await
}

/// Puts the backup back, as far as this session goes.
async fn put_back(test: &TestApp, session: Session) {
    let id = session.id;
    let decide = move |_: &Session, _: &_| SessionChange {
        session: Some(session.clone()),
        ..SessionChange::default()
    };
    let put = test
        .app
        .store
        .change_session(id, test.app.now(), Box::new(decide));
    assert!(put.await.unwrap().is_some());
}

fn over(reason: EndReason, at: UnixSeconds) -> Ended {
    Ended { reason, at }
}

async fn next(test: &TestApp, tokens: &TokenSet) -> TokenSet {
    test.refresh(tokens.refresh_token.expose()).await.unwrap()
}

fn generation(test: &TestApp, token: &str) -> u32 {
    RefreshToken::parse(token, &test.app.master)
        .unwrap()
        .generation
}

async fn is_refused(test: &TestApp, tokens: &TokenSet) -> bool {
    let answer = test.refresh(tokens.refresh_token.expose()).await;
    matches!(answer, Err(refresh::Error::InvalidGrant))
}

/// A session whose client is two generations ahead of the backup that was put back: the row, and
/// the tokens of generation 2, 3 and 4.
async fn two_ahead(test: &TestApp) -> (Session, [TokenSet; 3]) {
    let second = next(test, &test.login().await).await;
    let row = backed_up(test, &second).await;
    let third = next(test, &second).await;
    let fourth = next(test, &third).await;
    put_back(test, row.clone()).await;
    (row, [second, third, fourth])
}

async fn a_newer_token_works_once_and_the_chain_goes_on(test: TestApp) {
    let (_, [_, _, fourth]) = two_ahead(&test).await;
    say(&test).await;
    test.clock.advance(60);
    let fifth = next(&test, &fourth).await;
    assert_eq!(generation(&test, fifth.refresh_token.expose()), 5);
    let session = test.session_of(&fifth).await;
    assert_eq!((session.generation, session.accepted), (5, 4));
    assert_eq!(session.last_iat, test.app.clock.now());
    assert!(test.passes(&fifth.access_token).await);
    let sixth = next(&test, &fifth).await;
    test.clock.advance(31);
    assert!(is_refused(&test, &fourth).await);
    assert!(is_refused(&test, &sixth).await);
    let ended = test.session_of(&sixth).await.ended;
    assert_eq!(ended.map(|ended| ended.reason), Some(EndReason::Reuse));
}

async fn without_being_told_a_newer_token_is_refused_and_the_session_lives(test: TestApp) {
    let (row, [second, third, fourth]) = two_ahead(&test).await;
    for ahead in [&third, &fourth] {
        assert!(is_refused(&test, ahead).await);
    }
    assert_eq!(test.session_of(&second).await, row);
    next(&test, &second).await;
}

async fn no_session_follows_a_newer_token_that_comes_from_elsewhere(test: TestApp) {
    let (row, [_, third, fourth]) = two_ahead(&test).await;
    say(&test).await;
    // It was spent before the restore, which the database cannot know.
    let stolen = third.refresh_token.expose();
    for elsewhere in [context(CURL, "FR"), context("another/1.0", "DE")] {
        let answer = test.refresh_from(stolen, &elsewhere).await;
        assert!(
            matches!(answer, Err(refresh::Error::InvalidGrant)),
            "{answer:?}"
        );
        assert_eq!(test.session_of(&third).await, row);
    }
    next(&test, &fourth).await;
}

async fn a_lost_answer_to_a_fast_forward_is_repeated(test: TestApp) {
    let (_, [_, _, fourth]) = two_ahead(&test).await;
    say(&test).await;
    let lost = next(&test, &fourth).await;
    let again = next(&test, &fourth).await;
    assert_eq!(lost.refresh_token, again.refresh_token);
    next(&test, &again).await;
}

async fn when_the_stated_time_is_over_no_session_follows(test: TestApp) {
    let (row, [second, _, fourth]) = two_ahead(&test).await;
    say(&test).await;
    test.clock.advance(FOR);
    assert!(is_refused(&test, &fourth).await);
    assert_eq!(test.session_of(&second).await, row);
}

async fn what_is_older_than_the_newest_token_ends_the_session(test: TestApp) {
    let (_, [second, _, fourth]) = two_ahead(&test).await;
    say(&test).await;
    let fifth = next(&test, &fourth).await;
    // The backup knew this one as the newest; a thief may have it from before.
    assert!(is_refused(&test, &second).await);
    assert!(is_refused(&test, &fifth).await);
    assert!(!test.passes(&fifth.access_token).await);
}

async fn an_ended_session_does_not_come_back_by_a_newer_token(test: TestApp) {
    let (row, [_, _, fourth]) = two_ahead(&test).await;
    let ended = Session {
        ended: Some(over(EndReason::Logout, test.app.clock.now())),
        ..row
    };
    put_back(&test, ended.clone()).await;
    say(&test).await;
    assert!(is_refused(&test, &fourth).await);
    assert_eq!(test.session_of(&fourth).await, ended);
}

async fn more_scope_is_refused_and_nothing_follows(test: TestApp) {
    let (row, [second, _, fourth]) = two_ahead(&test).await;
    say(&test).await;
    let request = refresh::Request {
        token: fourth.refresh_token.expose(),
        client: test.app.config.client("portcullis").unwrap(),
        scope: Some("everything".parse().unwrap()),
    };
    let refused = refresh::refresh(&test.app, request, &context(CURL, "DE")).await;
    assert!(matches!(refused, Err(refresh::Error::InvalidScope)));
    assert_eq!(test.session_of(&second).await, row);
    next(&test, &fourth).await;
}

async fn access_tokens_from_before_are_refused_and_sessions_stay(test: TestApp) {
    let (_, [second, third, fourth]) = two_ahead(&test).await;
    for before in [&second, &third, &fourth] {
        assert!(test.passes(&before.access_token).await);
    }
    say(&test).await;
    for before in [&second, &third, &fourth] {
        assert!(!test.passes(&before.access_token).await);
    }
    let after = next(&test, &fourth).await;
    assert!(test.passes(&after.access_token).await);
}

async fn seq_is_ahead_of_what_any_edge_has_seen(test: TestApp) {
    let hour = UnixMillis(test.app.now().0 + 3_600_000);
    let said = say(&test).await;
    assert!(said.seq > Seq(u64::try_from(hour.0).unwrap()));
    assert_eq!(said.until, test.app.clock.now().plus(FOR));
    assert_eq!(said.newest_event, Some(test.app.clock.now()));
    assert_eq!(test.edge().await.revocations.seq(), said.seq.0);
}

async fn it_may_be_said_twice(test: TestApp) {
    let (_, [_, _, fourth]) = two_ahead(&test).await;
    let first = say(&test).await;
    let second = say(&test).await;
    assert!(second.seq > first.seq);
    next(&test, &fourth).await;
}

/// What a client goes through.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It refreshes; the answer may get lost.
    Refresh { lost: bool },
    /// Seconds pass.
    Wait(i64),
    /// A backup is made.
    Backup,
    /// The last backup is put back, and it is said.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let lost = proptest::bool::weighted(0.3);
    prop_oneof![
        10 => lost.prop_map(|lost| Step::Refresh { lost }),
        3 => (0_i64..100).prop_map(Step::Wait),
        2 => Just(Step::Backup),
        2 => Just(Step::Restore),
    ]
}

async fn honest_client(test: &TestApp, steps: Vec<Step>) {
    let first = test.login().await;
    let mut backup = test.session_of(&first).await;
    let mut token = first.refresh_token.expose().to_owned();
    let mut lost_in_a_row = 0;
    for step in steps {
        match step {
            Step::Wait(seconds) => test.clock.advance(seconds),
            Step::Backup => backup = test.session(backup.id).await,
            Step::Restore => {
                put_back(test, backup.clone()).await;
                say(test).await;
            }
            Step::Refresh { lost } => {
                let before = test.session(backup.id).await;
                let answer = test.refresh(&token).await;
                let answer = answer.expect("an honest client was logged out");
                let after = test.session(backup.id).await;
                assert!(after.generation >= before.generation, "it went back");
                assert!(after.accepted >= generation(test, &token));
                // More losses in a row than retries are allowed are for the operator to set.
                if lost && lost_in_a_row < 10 {
                    lost_in_a_row += 1;
                } else {
                    lost_in_a_row = 0;
                    answer.refresh_token.expose().clone_into(&mut token);
                }
            }
        }
    }
}

fn an_honest_client_goes_on_whatever_backup_is_put_back(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let test = runtime.block_on(TestApp::on(engine));
    let strategy = proptest::collection::vec(step(), 1..30);
    let result = TestRunner::new(config(cases)).run(&strategy, |steps| {
        runtime.block_on(honest_client(&test, steps));
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

#[test]
fn an_honest_client_goes_on_whatever_backup_is_put_back_on_sqlite() {
    an_honest_client_goes_on_whatever_backup_is_put_back(Engine::Sqlite, 60);
}

#[test]
fn an_honest_client_goes_on_whatever_backup_is_put_back_on_postgres() {
    an_honest_client_goes_on_whatever_backup_is_put_back(Engine::Postgres, 20);
}

/// Any row that can come to be, and any generation presented to it.
fn row_and_token(sample: &Session) -> impl Strategy<Value = (Session, u32)> + use<> {
    let sample = sample.clone();
    let generations = (1_u32..20).prop_flat_map(|newest| (Just(newest), 0..newest));
    let ended = proptest::option::weighted(0.1, Just(over(EndReason::Logout, sample.created_at)));
    (generations, 0_i64..40, 0_u32..12, ended, 0_u32..40).prop_map(
        move |((generation, accepted), ago, retries, ended, presented)| {
            let session = Session {
                generation,
                accepted,
                rotated_at: sample.created_at.plus(-ago),
                late_retries: retries,
                ended,
                ..sample.clone()
            };
            (session, presented)
        },
    )
}

#[test]
fn a_fast_forward_only_raises_and_leaves_every_other_rule_as_it_is() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sample, rules) = runtime.block_on(async {
        let test = TestApp::on(Engine::Sqlite).await;
        let tokens = test.login().await;
        (test.session_of(&tokens).await, test.app.config.refresh)
    });
    let now = sample.created_at;
    let result = TestRunner::new(config(2_000)).run(&row_and_token(&sample), |(row, presented)| {
        check_one(&row, presented, now, &rules);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

fn check_one(row: &Session, presented: u32, now: UnixSeconds, rules: &Rules) {
    let here = context(CURL, "DE");
    let usual = decide(row, presented, &here, now, rules);
    let after = decide_after_restore(row, presented, &here, now, rules);
    let Transition::FastForward(next) = after else {
        assert_eq!(after, usual);
        assert!(row.ended.is_some() || presented <= row.generation);
        return;
    };
    assert_eq!(usual, Transition::Ahead);
    let next = next.session;
    assert_eq!((next.accepted, next.generation), (presented, presented + 1));
    assert!(next.generation > row.generation + 1);
    for older in 0..presented {
        let judged = decide_after_restore(&next, older, &here, now, rules);
        assert!(
            matches!(judged, Transition::Theft(_)),
            "{older}: {judged:?}"
        );
    }
}
