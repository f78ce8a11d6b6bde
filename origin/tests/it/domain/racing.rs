//! Many at once: one token used fifty times, and bans, disabling and deletion that race whatever mints tokens.

use std::{collections::HashSet, sync::Arc};

use portcullis_origin::domain::{
    admin::{self, Authority},
    login,
    mint::TokenSet,
    refresh,
    store::Seq,
};
use portcullis_shared::ids::UserId;
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{CURL, Engine, TestApp, TestClock, USER, context, on_both_engines};

on_both_engines!(
    fifty_refreshes_of_one_token_leave_one_live_successor,
    a_ban_that_races_fifty_refreshes_and_logins_leaves_no_working_token,
    disabling_that_races_fifty_refreshes_and_logins_leaves_no_working_token,
    deletion_that_races_fifty_refreshes_and_logins_leaves_no_working_token,
);

async fn fifty_refreshes_of_one_token_leave_one_live_successor(test: TestApp) {
    let test = Arc::new(test);
    let first = test.login().await;
    let start = Arc::new(Barrier::new(50));
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let (test, start, first) = (Arc::clone(&test), Arc::clone(&start), first.clone());
        tasks.spawn(async move {
            start.wait().await;
            test.refresh(first.refresh_token.expose()).await.unwrap()
        });
    }
    let answers: Vec<TokenSet> = tasks.join_all().await;
    let successors: HashSet<&str> = answers
        .iter()
        .map(|tokens| tokens.refresh_token.expose())
        .collect();
    assert_eq!(successors.len(), 1);
    let session = test.session_of(&first).await;
    assert_eq!(
        (session.generation, session.accepted, session.replays),
        (2, 1, 49)
    );
    test.refresh(answers[0].refresh_token.expose())
        .await
        .unwrap();
}

/// How an administrator puts a user out.
#[derive(Debug, Clone, Copy)]
enum Exit {
    Ban,
    Disable,
    Delete,
}

impl Exit {
    async fn take(self, test: &TestApp, user: UserId) -> Seq {
        let (app, operator) = (&test.app, OPERATOR);
        match self {
            Self::Ban => {
                let banned = admin::ban(app, operator, user, admin::Reason::default()).await;
                banned.unwrap().unwrap().seq
            }
            Self::Disable => {
                let disabled = admin::disable(app, operator, user).await;
                disabled.unwrap().unwrap().seq
            }
            Self::Delete => {
                let deleted = admin::delete_user(app, operator, user).await;
                deleted.unwrap().unwrap()
            }
        }
    }
}

const OPERATOR: Authority = Authority::OPERATOR;

/// Lets refreshes and logins race the exit of their user, on the replicas given, and checks that
/// nothing works afterwards. The first replica puts the user out.
async fn race(exit: Exit, replicas: Vec<Arc<TestApp>>) {
    let first = Arc::clone(&replicas[0]);
    let user = first.user("ann").await;
    let mut held = Vec::new();
    for _ in 0..25 {
        held.push(first.login().await);
    }
    let start = Arc::new(Barrier::new(51));
    let mut tasks = JoinSet::new();
    for (index, tokens) in held.iter().cloned().enumerate() {
        for refreshes in [true, false] {
            let test = Arc::clone(&replicas[index % replicas.len()]);
            let (start, tokens) = (Arc::clone(&start), tokens.clone());
            tasks.spawn(async move {
                start.wait().await;
                if refreshes {
                    // Chained, so that some come before the ban and some after.
                    let once = test.refresh(tokens.refresh_token.expose()).await;
                    check_refresh(&once);
                    let once = once.ok();
                    let again = match &once {
                        Some(tokens) => test.refresh(tokens.refresh_token.expose()).await.ok(),
                        None => None,
                    };
                    [once, again]
                } else {
                    let login = test
                        .login_as(USER, "portcullis", &context(CURL, "DE"))
                        .await;
                    check_login(&login);
                    [login.ok(), None]
                }
            });
        }
    }
    start.wait().await;
    let seq = exit.take(&first, user.id).await;
    let minted: Vec<TokenSet> = tasks
        .join_all()
        .await
        .into_iter()
        .flatten()
        .flatten()
        .chain(held)
        .collect();
    for test in &replicas {
        let edge = test.edge().await;
        assert!(edge.revocations.seq() >= seq.0);
        for tokens in &minted {
            assert!(
                !edge.passes(&tokens.access_token, test),
                "a token survived: {exit:?}"
            );
            let refreshed = test.refresh(tokens.refresh_token.expose()).await;
            assert!(
                matches!(refreshed, Err(refresh::Error::InvalidGrant)),
                "{refreshed:?}"
            );
        }
    }
}

fn check_refresh(result: &Result<TokenSet, refresh::Error>) {
    assert!(
        matches!(result, Ok(_) | Err(refresh::Error::InvalidGrant)),
        "{result:?}"
    );
}

fn check_login(result: &Result<TokenSet, login::Error>) {
    let allowed = matches!(
        result,
        Ok(_)
            | Err(login::Error::Banned | login::Error::Disabled | login::Error::InvalidCredentials)
    );
    assert!(allowed, "{result:?}");
}

async fn a_ban_that_races_fifty_refreshes_and_logins_leaves_no_working_token(test: TestApp) {
    race(Exit::Ban, vec![Arc::new(test)]).await;
}

async fn disabling_that_races_fifty_refreshes_and_logins_leaves_no_working_token(test: TestApp) {
    race(Exit::Disable, vec![Arc::new(test)]).await;
}

async fn deletion_that_races_fifty_refreshes_and_logins_leaves_no_working_token(test: TestApp) {
    let test = Arc::new(test);
    race(Exit::Delete, vec![Arc::clone(&test)]).await;
    let gone = test.app.store.user_by_name(&USER.0.parse().unwrap()).await;
    assert_eq!(gone.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_reaches_tokens_minted_by_a_replica_whose_clock_is_ahead() {
    for ahead in [3, -3] {
        let test = TestApp::on(Engine::Postgres).await;
        let clock = TestClock::new();
        clock.advance(ahead);
        let other = test.replica(clock).await;
        race(Exit::Ban, vec![Arc::new(test), Arc::new(other)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_reaches_tokens_minted_by_a_replica_whose_clock_is_ahead() {
    for exit in [Exit::Disable, Exit::Delete] {
        let test = TestApp::on(Engine::Postgres).await;
        let clock = TestClock::new();
        clock.advance(3);
        let other = test.replica(clock).await;
        race(exit, vec![Arc::new(test), Arc::new(other)]).await;
    }
}
