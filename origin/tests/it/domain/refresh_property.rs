//! Random sequences of an owner and a thief, against the model and against what is promised:
//! never two live chains; a theft is noticed when the owner refreshes, at the latest; an honest
//! client that only loses answers is never logged out.

use portcullis_origin::domain::{
    admin::{self, Authority},
    caller, context,
    mint::TokenSet,
    refresh::{self, RefreshToken, Transition, decide},
    sessions,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::refresh_model::{Expected, Model};
use crate::support::{CURL, Engine, TestApp, context};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Party {
    Owner,
    Thief,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Presents the newest token held, or one that many before it; the answer may get lost.
    Refresh {
        party: Party,
        back: usize,
        lost: bool,
    },
    /// The thief copies whatever the owner holds.
    Steal,
    /// Seconds pass.
    Wait(i64),
    Logout,
    Ban,
}

fn step() -> impl Strategy<Value = Step> {
    let party = prop_oneof![3 => Just(Party::Owner), 2 => Just(Party::Thief)];
    let back = prop_oneof![8 => Just(0_usize), 1 => 1_usize..4];
    let wait = prop_oneof![3 => 0_i64..30, 2 => Just(30), 2 => Just(31), 3 => 31_i64..5000];
    prop_oneof![
        12 => (party, back, proptest::bool::weighted(0.3))
            .prop_map(|(party, back, lost)| Step::Refresh { party, back, lost }),
        3 => Just(Step::Steal),
        8 => wait.prop_map(Step::Wait),
        1 => Just(Step::Logout),
        1 => Just(Step::Ban),
    ]
}

/// A session under attack, and what everybody knows of it.
struct Scene<'a> {
    test: &'a TestApp,
    model: Model,
    owner: Vec<String>,
    thief: Vec<String>,
    thief_place: &'static str,
    access: Vec<String>,
}

impl<'a> Scene<'a> {
    async fn begin(test: &'a TestApp, thief_place: &'static str) -> Self {
        let tokens = test.login().await;
        Self {
            test,
            model: Model::logged_in("DE"),
            owner: vec![tokens.refresh_token.expose().to_owned()],
            thief: Vec::new(),
            thief_place,
            access: vec![tokens.access_token.to_string()],
        }
    }

    fn generation(&self, token: &str) -> u32 {
        RefreshToken::parse(token, &self.test.app.master)
            .unwrap()
            .generation
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Wait(seconds) => self.test.clock.advance(seconds),
            Step::Steal => self.thief.clone_from(&self.owner),
            Step::Logout => self.logout().await,
            Step::Ban => self.ban().await,
            Step::Refresh { party, back, lost } => {
                let held = if party == Party::Owner {
                    &self.owner
                } else {
                    &self.thief
                };
                if let Some(token) = held.iter().rev().nth(back).cloned() {
                    self.refresh(party, &token, lost).await;
                }
            }
        }
        self.check_one_live_chain().await;
    }

    async fn refresh(&mut self, party: Party, token: &str, lost: bool) {
        let place = if party == Party::Owner {
            "DE"
        } else {
            self.thief_place
        };
        let now = self.test.app.now().seconds().0;
        let expected = self.model.present(self.generation(token), place, now);
        let answer = self.test.refresh_from(token, &context(CURL, place)).await;
        match (expected, answer) {
            (Expected::Granted(generation), Ok(tokens)) => {
                assert_eq!(self.generation(tokens.refresh_token.expose()), generation);
                if !lost {
                    self.keep(party, &tokens);
                }
            }
            (Expected::Refused, Err(refresh::Error::InvalidGrant)) => {}
            (expected, answer) => panic!("{expected:?} was expected, and came {answer:?}"),
        }
        if party == Party::Owner && !lost {
            self.check_theft_is_noticed(token);
        }
    }

    fn keep(&mut self, party: Party, tokens: &TokenSet) {
        let held = if party == Party::Owner {
            &mut self.owner
        } else {
            &mut self.thief
        };
        held.push(tokens.refresh_token.expose().to_owned());
        self.access.push(tokens.access_token.to_string());
    }

    /// After the owner's refresh either all is over, or nothing that the thief got apart from the
    /// owner is of use any more.
    fn check_theft_is_noticed(&self, presented: &str) {
        let owners = |token: &String| self.owner.contains(token) || token == presented;
        for apart in self.thief.iter().filter(|token| !owners(token)) {
            assert!(
                !self.model.is_of_use(self.generation(apart)),
                "the thief goes on"
            );
        }
    }

    /// By the stored row itself: one token rotates, and no token but that and its parent does
    /// anything except end the session.
    async fn check_one_live_chain(&self) {
        let session = RefreshToken::parse(&self.owner[0], &self.test.app.master)
            .unwrap()
            .session;
        let session = self.test.session(session).await;
        let (now, rules) = (self.test.app.clock.now(), self.test.app.config.refresh);
        let here = context(CURL, "DE");
        for generation in 1..=session.generation {
            let transition = decide(&session, generation, &here, now, &rules);
            let fits = match transition {
                Transition::Over => self.model.is_over(),
                Transition::Rotate(_) => generation == self.model.head(),
                Transition::Replay(next) => next.session.generation == self.model.head(),
                // Another head takes the place of this one, which then ends the session.
                Transition::LateRetry(next) => next.session.generation == self.model.head() + 1,
                Transition::Theft(_) => {
                    !self.model.is_of_use(generation)
                        || session.last_from.country.as_deref() != Some("DE")
                        || session.late_retries == rules.max_late_retries
                }
                Transition::TooManyReplays
                | Transition::Ahead
                | Transition::FastForward(_)
                | Transition::Moved { .. } => false,
            };
            assert!(fits, "generation {generation} of {session:?}");
        }
    }

    async fn logout(&mut self) {
        let access = self.access.last().unwrap();
        if let Ok(caller) = caller::authenticate(&self.test.app, access).await {
            sessions::logout(&self.test.app, &caller, &context::Context::default())
                .await
                .unwrap();
            self.model.end();
        }
    }

    async fn ban(&mut self) {
        let app = &self.test.app;
        let user = self.test.user("ann").await;
        admin::ban(app, Authority::OPERATOR, user.id, admin::Reason::default())
            .await
            .unwrap()
            .unwrap();
        self.model.end();
        self.check_all_over().await;
        admin::unban(app, Authority::OPERATOR, user.id)
            .await
            .unwrap()
            .unwrap();
    }

    /// No token that anybody got works anywhere.
    async fn check_all_over(&self) {
        if self.model.is_over() {
            let edge = self.test.edge().await;
            for access in &self.access {
                assert!(
                    !edge.passes(access, self.test),
                    "an access token outlived its session"
                );
            }
        }
    }
}

/// Runs `cases` random cases over one service.
fn run<S: Strategy>(
    engine: Engine,
    cases: u32,
    strategy: &S,
    check: &impl AsyncFn(&TestApp, S::Value),
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let test = runtime.block_on(TestApp::on(engine));
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(strategy, |value| {
        runtime.block_on(check(&test, value));
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

fn owner_and_thief(engine: Engine, cases: u32) {
    let place = prop_oneof![Just("DE"), Just("FR")];
    let strategy = (place, proptest::collection::vec(step(), 1..40));
    run(engine, cases, &strategy, &async |test, (place, steps)| {
        let mut scene = Scene::begin(test, place).await;
        for step in steps {
            scene.take(step).await;
        }
        scene.check_all_over().await;
    });
}

/// Each refresh: whether its answer is lost, and the seconds until the next attempt.
fn lossy_client(engine: Engine, cases: u32) {
    let attempt = (
        proptest::bool::weighted(0.5),
        prop_oneof![0_i64..30, 30_i64..100_000],
    );
    let strategy = proptest::collection::vec(attempt, 1..60);
    run(engine, cases, &strategy, &async |test, attempts| {
        let mut token = test.login().await.refresh_token.expose().to_owned();
        let mut lost_in_a_row = 0;
        for (lost, wait) in attempts {
            let answer = test
                .refresh(&token)
                .await
                .expect("an honest client was logged out");
            // More losses in a row than renewals are allowed are for the operator to set.
            if lost && lost_in_a_row < 10 {
                lost_in_a_row += 1;
            } else {
                lost_in_a_row = 0;
                answer.refresh_token.expose().clone_into(&mut token);
            }
            test.clock.advance(wait);
        }
    });
}

#[test]
fn an_owner_and_a_thief_are_never_both_served_on_sqlite() {
    owner_and_thief(Engine::Sqlite, 200);
}

#[test]
fn an_owner_and_a_thief_are_never_both_served_on_postgres() {
    owner_and_thief(Engine::Postgres, 60);
}

#[test]
fn a_client_that_only_loses_answers_is_never_logged_out_on_sqlite() {
    lossy_client(Engine::Sqlite, 100);
}

#[test]
fn a_client_that_only_loses_answers_is_never_logged_out_on_postgres() {
    lossy_client(Engine::Postgres, 30);
}
