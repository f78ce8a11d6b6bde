//! `POST /admin/sessions/revoke`: sessions are ended by criterion, after they were counted.
//!
//! Without a plan it is a dry run and makes one; with a plan it ends the sessions of that plan. There
//! is no third way: what is ended has been counted before, and seen.

use poem_openapi::{Object, OpenApi};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use super::{acting::Acting, not_found, session_answer::Session};
use crate::{
    domain::{
        clock::UnixMillis,
        criteria::{Criteria, Written},
        plan::{
            count::{self, Counted},
            run::{self, Outcome},
        },
    },
    http::{
        answer::InFeed,
        body::{Strict, present},
        failure::Failure,
        mapping::unacceptable,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// After how many milliseconds a request answers how far its run has come, done or not: before
/// anything on the way gives up waiting.
const PATIENCE: i64 = 20_000;

/// The name of the body's schema.
pub(crate) const SCHEMA: &str = "SessionsRevocation";

/// The members of the body that are criteria.
pub(crate) const CRITERIA: [&str; 12] = [
    "user_id",
    "username",
    "role",
    "client_id",
    "countries",
    "network",
    "user_agent",
    "device",
    "created_after",
    "created_before",
    "last_used_after",
    "last_used_before",
];

/// Either `dry_run` and criteria, which must all be met, or a `plan`.
#[derive(Object, Deserialize, Default)]
#[oai(rename = "SessionsRevocation")]
#[serde(default, deny_unknown_fields)]
struct Body {
    /// Count, and end nothing. It must be `true` where there is no `plan`.
    #[serde(deserialize_with = "present")]
    dry_run: Option<bool>,
    /// The `plan` of a dry run, to be carried out; it may be repeated.
    #[serde(deserialize_with = "present")]
    plan: Option<String>,
    /// `true` for every session there is, instead of criteria.
    #[serde(deserialize_with = "present")]
    all: Option<bool>,
    /// Sessions of this user.
    #[serde(deserialize_with = "present")]
    user_id: Option<String>,
    /// Sessions of the user of this name.
    #[serde(deserialize_with = "present")]
    username: Option<String>,
    /// Sessions of users who have this role now.
    #[serde(deserialize_with = "present")]
    role: Option<String>,
    /// Sessions that were opened with this client.
    #[serde(deserialize_with = "present")]
    client_id: Option<String>,
    /// Sessions that were last used from one of these countries (ISO 3166-1 alpha-2).
    #[serde(deserialize_with = "present")]
    countries: Option<Vec<String>>,
    /// Sessions that were last used from this address or network, such as `192.0.2.0/24`.
    #[serde(deserialize_with = "present")]
    network: Option<String>,
    /// Sessions whose last user agent contains this. Of letters, those of ASCII are found in upper
    /// and lower case.
    #[serde(deserialize_with = "present")]
    user_agent: Option<String>,
    /// Sessions whose device contains this, in the same way.
    #[serde(deserialize_with = "present")]
    device: Option<String>,
    /// Sessions that were opened then or later, in Unix seconds.
    #[serde(deserialize_with = "present")]
    created_after: Option<i64>,
    /// Sessions that were opened before, in Unix seconds.
    #[serde(deserialize_with = "present")]
    created_before: Option<i64>,
    /// Sessions that were last opened or refreshed then or later, in Unix seconds.
    #[serde(deserialize_with = "present")]
    last_used_after: Option<i64>,
    /// Sessions that were last opened or refreshed before, in Unix seconds.
    #[serde(deserialize_with = "present")]
    last_used_before: Option<i64>,
}

/// What is asked for.
enum Asked {
    Count(Box<Criteria>),
    Run(String),
}

impl Body {
    fn read(self) -> Result<Asked, Failure> {
        let (dry_run, plan) = (self.dry_run.unwrap_or(false), self.plan.clone());
        let all = self.all.unwrap_or(false);
        let criteria = Written::from(self).parse()?;
        match plan {
            Some(_) if dry_run || all || !criteria.is_empty() => {
                Err(unacceptable("plan", "it is carried out as it was counted"))
            }
            Some(plan) => Ok(Asked::Run(plan)),
            None if !dry_run => Err(unacceptable(
                "dry_run",
                "make a dry run first, and then name its plan",
            )),
            None if all != criteria.is_empty() => Err(unacceptable(
                "all",
                "name a criterion, or `\"all\": true` and none",
            )),
            None => Ok(Asked::Count(Box::new(criteria))),
        }
    }
}

impl From<Body> for Written {
    fn from(body: Body) -> Self {
        Self {
            user_id: body.user_id,
            username: body.username,
            role: body.role,
            client_id: body.client_id,
            countries: body.countries.unwrap_or_default(),
            network: body.network,
            user_agent: body.user_agent,
            device: body.device,
            created_after: body.created_after,
            created_before: body.created_before,
            last_used_after: body.last_used_after,
            last_used_before: body.last_used_before,
        }
    }
}

/// What was counted, and what has come of it.
#[derive(Object)]
#[oai(rename = "SessionsRevoked", skip_serializing_if_is_none)]
struct Answer {
    /// The plan, to be carried out with `{"plan": …}`.
    plan: String,
    /// From when on it can no longer be begun, in Unix seconds.
    expires_at: i64,
    /// How many sessions it has.
    count: u64,
    /// After a dry run: the first of them.
    sample: Option<Vec<Session>>,
    /// After a run: what it came to.
    run: Option<Run>,
}

/// What a run has come to, with the runs of the same plan before it.
#[derive(Object)]
#[oai(rename = "SessionsRevocationRun", skip_serializing_if_is_none)]
struct Run {
    /// Whether it is done. If not, the same request goes on with it.
    done: bool,
    /// How many sessions it ended.
    ended: u64,
    /// How many were over already.
    already_over: u64,
    /// How many are left.
    left: u64,
    /// Once it is done: how many active sessions meet the criteria and were not counted. They stay.
    newcomers: Option<u64>,
    /// The first of them.
    newcomers_sample: Option<Vec<Session>>,
    /// An edge that reports this `seq` of the feed, or a greater one, has it all in force.
    seq: u64,
}

impl From<Counted> for InFeed<Answer> {
    fn from(counted: Counted) -> Self {
        let body = Answer {
            plan: counted.plan.id.to_string(),
            expires_at: counted.plan.expires_at.0,
            count: counted.plan.count,
            sample: Some(counted.sample.into_iter().map(Session::from).collect()),
            run: None,
        };
        Self { body, seq: None }
    }
}

impl From<Outcome> for InFeed<Answer> {
    fn from(outcome: Outcome) -> Self {
        let (plan, progress) = (&outcome.plan, outcome.plan.progress);
        let (newcomers, sample) = match outcome.newcomers {
            Some(newcomers) => (Some(newcomers.count), Some(newcomers.sample)),
            None => (None, None),
        };
        let body = Answer {
            plan: plan.id.to_string(),
            expires_at: plan.expires_at.0,
            count: plan.count,
            sample: None,
            run: Some(Run {
                done: plan.is_done(),
                ended: progress.ended,
                already_over: progress.passed.saturating_sub(progress.ended),
                left: plan.count.saturating_sub(progress.passed),
                newcomers,
                newcomers_sample: sample
                    .map(|sample| sample.into_iter().map(Session::from).collect()),
                seq: outcome.seq.0,
            }),
        };
        Self {
            body,
            seq: Some(outcome.seq),
        }
    }
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[
        refused::ADMIN,
        refused::BODY,
        &[Code::NotFound, Code::Conflict],
    ];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// End sessions by criterion
    ///
    /// First `{"dry_run": true, …}` with criteria: it counts, ends nothing, and answers with a plan,
    /// which any administrator can carry out within fifteen minutes. Then `{"plan": …}`: it ends
    /// those sessions of the plan that are still active, and no others. A large plan may take
    /// several requests: as long as `done` is false, the same request goes on.
    #[oai(
        path = "/admin/sessions/revoke",
        method = "post",
        operation_id = "revokeSessions"
    )]
    async fn revoke(
        &self,
        service: Shared<'_>,
        acting: Acting,
        body: Strict<Body>,
    ) -> Result<InFeed<Answer>, Refused<Failures>> {
        let app = &service.app;
        let authority = acting.still(app).await?;
        match body.0.read()? {
            Asked::Count(criteria) => Ok(count::count(app, authority, *criteria).await?.into()),
            Asked::Run(plan) => {
                let plan = plan.parse().map_err(|_| not_found())?;
                let deadline = UnixMillis(app.now().0.saturating_add(PATIENCE));
                let run = run::run(app, authority, plan, Some(deadline), |_| {});
                Ok(run.await?.into())
            }
        }
    }
}
