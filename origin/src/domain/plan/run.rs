//! The real run: the sessions of a plan are ended, so many in one transaction that nobody who logs
//! in or refreshes waits for long.
//!
//! How far the run has come is written with what it did. So it may stop anywhere and be repeated:
//! it goes on where it was, and once it is done it answers the same again. Two at once take turns.
//!
//! The audit trail has one event for the run, with the criteria, and in each batch one for each user
//! whose sessions ended: who did what to whom, without an event for each session.

use portcullis_shared::{
    ids::{PlanId, UserId},
    time::UnixSeconds,
};

use super::{
    Plan, Progress,
    count::{Pages, SAMPLE},
};
use crate::domain::{
    admin::{Authority, NotAdmin},
    app::App,
    audit::{Action, Event},
    clock::UnixMillis,
    criteria::{SessionFilter, State},
    ending::{SESSIONS_BY_ENTRY, Tokens},
    session::{EndReason, Session},
    store::{Batch, PlanChange, PlanStep, Seq, StoreError},
    transaction,
    user::User,
};

/// How much is done in one transaction.
const BATCH: Batch = Batch {
    limit: 500,
    users_beyond: SESSIONS_BY_ENTRY,
};

/// How many sessions are looked at at a time for newcomers.
const PAGE: u32 = 5000;

/// Why a run does not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such plan, or not any more.
    #[error("there is no such plan")]
    NoSuchPlan,
    /// It was not begun in time, or has not been counted to its end.
    #[error("the plan has expired: make another dry run")]
    Expired,
    /// Who runs it may not administrate any more.
    #[error(transparent)]
    NotAdmin(#[from] NotAdmin),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// The plan, and how far its run has come, this time and before.
    pub plan: Plan,
    /// Who meets the criteria and was not counted; none as long as the run is not done, or
    /// when they could not be counted.
    pub newcomers: Option<Newcomers>,
    /// An edge that reports this `seq` of the feed, or a greater one, has it all in force.
    pub seq: Seq,
}

/// Active sessions that meet a plan's criteria and are not in it. They stay.
#[derive(Debug)]
pub struct Newcomers {
    /// How many.
    pub count: u64,
    /// The first [`SAMPLE`] of them.
    pub sample: Vec<(Session, User)>,
}

/// Runs a plan until it is done, or until `deadline`; then it may be repeated. `told` hears after
/// each batch how far it has come.
///
/// # Errors
///
/// See [`Error`]; batches that were done by then stay done.
pub async fn run(
    app: &App,
    authority: Authority,
    id: PlanId,
    deadline: Option<UnixMillis>,
    mut told: impl FnMut(&Plan) + Send,
) -> Result<Outcome, Error> {
    loop {
        let (plan, seq) = step(app, &authority, id).await?;
        told(&plan);
        if plan.is_done() {
            // What was done is told even when nobody can say who else there is.
            let newcomers = newcomers(app, &plan)
                .await
                .inspect_err(|cause| tracing::warn!(?cause, "newcomers could not be counted"))
                .ok();
            return Ok(Outcome {
                plan,
                newcomers,
                seq,
            });
        }
        if deadline.is_some_and(|deadline| app.now() >= deadline) {
            return Ok(Outcome {
                plan,
                newcomers: None,
                seq,
            });
        }
    }
}

/// One batch. Whoever was banned or demoted meanwhile goes no further. The session does not matter:
/// it may be one of those that end.
async fn step(app: &App, authority: &Authority, id: PlanId) -> Result<(Plan, Seq), Error> {
    let (now, tokens) = (app.now(), app.tokens());
    let (store, by, authority) = (app.store.as_ref(), authority.by()?, authority.clone());
    let decide =
        move |step: &PlanStep<'_>| match Ending::decide(step, &authority, &tokens, now.seconds()) {
            Ok((change, plan)) => (change, Ok(plan)),
            Err(error) => (PlanChange::default(), Err(error)),
        };
    let done = transaction::with_planned(store, id, by, BATCH, now, decide).await?;
    let (plan, seq) = done.ok_or(Error::NoSuchPlan)?;
    Ok((plan?, seq))
}

async fn newcomers(app: &App, plan: &Plan) -> Result<Newcomers, StoreError> {
    let now = app.clock.now();
    let filter = SessionFilter {
        outside: Some(plan.id),
        ..SessionFilter::active(plan.criteria.clone(), now, SAMPLE)
    };
    let sample = app.store.sessions(&filter).await?;
    let mut count = 0;
    let mut pages = Pages::of(SessionFilter {
        limit: PAGE,
        ..filter
    });
    while let Some(page) = pages.next(app).await? {
        count += page.len() as u64;
    }
    Ok(Newcomers { count, sample })
}

/// What one batch comes to.
struct Ending<'a> {
    step: &'a PlanStep<'a>,
    authority: &'a Authority,
    tokens: &'a Tokens,
    now: UnixSeconds,
    change: PlanChange,
}

impl<'a> Ending<'a> {
    /// What to write, and the plan after it.
    fn decide(
        step: &'a PlanStep<'a>,
        authority: &'a Authority,
        tokens: &'a Tokens,
        now: UnixSeconds,
    ) -> Result<(PlanChange, Plan), Error> {
        if !step.is_permitted {
            return Err(NotAdmin.into());
        }
        if !step.plan.is_usable(now) {
            return Err(Error::Expired);
        }
        let mut ending = Self {
            step,
            authority,
            tokens,
            now,
            change: PlanChange::default(),
        };
        if step.plan.is_done() {
            return Ok((ending.change, step.plan.clone()));
        }
        if step.plan.progress.started_at.is_none() {
            let Plan {
                count, criteria, ..
            } = step.plan;
            let text = format!("{count} sessions, {criteria}");
            ending.tell(None, &text);
        }
        for of_user in step
            .sessions
            .chunk_by(|one, next| one.user_id == next.user_id)
        {
            ending.end(of_user);
        }
        let progress = ending.progress();
        ending.change.progress = Some(progress);
        let plan = Plan {
            progress,
            ..step.plan.clone()
        };
        Ok((ending.change, plan))
    }

    /// Ends those of one user's sessions that are not over. Where they are many it is one entry for
    /// the user, which covers them all; another session of that user, if it has one, refreshes and
    /// goes on.
    fn end(&mut self, sessions: &[Session]) {
        let active = |session: &&Session| State::Active.includes(session, self.now);
        let sessions: Vec<Session> = sessions.iter().filter(active).cloned().collect();
        let Some(first) = sessions.first() else {
            return;
        };
        let reason = EndReason::Administrator;
        let held = self.step.users.iter().find(|user| user.id == first.user_id);
        if let Some(user) = held {
            let mut user = user.clone();
            let (_, revocations) = self
                .tokens
                .end_all(&mut user, &sessions, None, reason, self.now);
            self.change.revocations.extend(revocations);
            self.change.users.push(user);
        } else {
            let entries = sessions
                .iter()
                .filter_map(|session| self.tokens.session_entry(session, self.now));
            self.change.revocations.extend(entries);
        }
        let ended = sessions.iter().map(|session| (session.id, reason));
        self.change.ended.extend(ended);
        let text = format!("{} sessions", sessions.len());
        self.tell(Some(first.user_id), &text);
    }

    fn tell(&mut self, user_id: Option<UserId>, text: &str) {
        self.change.events.push(Event {
            user_id,
            detail: Some(format!("plan {}, {text}", self.step.plan.id)),
            ..Event::new(self.now, Action::SessionsRevoked, self.authority.actor)
                .from(&self.authority.from)
        });
    }

    fn progress(&self) -> Progress {
        let Plan {
            progress, count, ..
        } = self.step.plan;
        let planned = self.step.planned;
        let passed = progress.passed + planned.len() as u64;
        Progress {
            started_at: progress.started_at.or(Some(self.now)),
            reached: planned.last().copied().or(progress.reached),
            // With none left it has come past all.
            passed: if planned.is_empty() { *count } else { passed },
            ended: progress.ended + self.change.ended.len() as u64,
        }
    }
}
