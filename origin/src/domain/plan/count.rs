//! The dry run: sessions that meet criteria are counted and written down, and nothing else happens.

use portcullis_shared::{ids::PlanId, time::UnixSeconds};

use super::{LIFETIME, Plan, Planned, Progress};
use crate::domain::{
    admin::Authority,
    app::App,
    audit::{Action, Event},
    criteria::{Criteria, SessionFilter},
    entropy::{self, EntropyError},
    session::Session,
    store::StoreError,
    user::User,
};

/// How many sessions are written down in one transaction: as many as nobody waits for.
const PAGE: u32 = 1000;

/// How many sessions are shown as a sample.
pub const SAMPLE: u32 = 20;

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A plan, and some of what it is about.
#[derive(Debug)]
pub struct Counted {
    /// As stored.
    pub plan: Plan,
    /// The first [`SAMPLE`] of its sessions.
    pub sample: Vec<(Session, User)>,
}

/// Sessions that meet a filter, with their users.
///
/// # Errors
///
/// See [`StoreError`].
pub async fn list(app: &App, filter: &SessionFilter) -> Result<Vec<(Session, User)>, StoreError> {
    app.store.sessions(filter).await
}

/// Makes a plan of the sessions that are active now and meet `criteria`.
///
/// Whoever logs in meanwhile may or may not be in it; the real run tells of those who are not.
///
/// # Errors
///
/// See [`Error`]; what has been written down by then is of no use and goes when it expires.
pub async fn count(app: &App, authority: Authority, criteria: Criteria) -> Result<Counted, Error> {
    let id = PlanId::from_bytes(entropy::random(app.entropy.as_ref())?);
    let now = app.clock.now();
    let filter = SessionFilter::active(criteria.clone(), now, SAMPLE);
    let sample = app.store.sessions(&filter).await?;
    let mut plan = Plan {
        id,
        criteria,
        made_by: authority.actor,
        created_at: now,
        expires_at: now.plus(LIFETIME),
        completed_at: None,
        count: 0,
        progress: Progress::default(),
    };
    let mut pages = Pages::of(SessionFilter {
        limit: PAGE,
        ..filter
    });
    while let Some(page) = pages.next(app).await? {
        plan.count += page.len() as u64;
        app.store.put_plan(&plan, &page, &[]).await?;
    }
    plan.completed_at = Some(app.clock.now());
    let event = planned(&plan, &authority, app.clock.now());
    app.store
        .put_plan(&plan, &[], std::slice::from_ref(&event))
        .await?;
    event.announce();
    Ok(Counted { plan, sample })
}

fn planned(plan: &Plan, authority: &Authority, now: UnixSeconds) -> Event {
    let Plan {
        id,
        count,
        criteria,
        ..
    } = plan;
    Event {
        detail: Some(format!("plan {id}, {count} sessions, {criteria}")),
        ..Event::new(now, Action::RevocationPlanned, authority.actor).from(&authority.from)
    }
}

/// All sessions that meet a filter, page by page.
pub(super) struct Pages {
    filter: SessionFilter,
    more: bool,
}

impl Pages {
    /// From the first one on.
    pub(super) fn of(filter: SessionFilter) -> Self {
        Self { filter, more: true }
    }

    /// The next page; none after the last one.
    pub(super) async fn next(&mut self, app: &App) -> Result<Option<Vec<Planned>>, StoreError> {
        if !self.more {
            return Ok(None);
        }
        let page = app.store.matching_sessions(&self.filter).await?;
        self.more = page.len() as u64 == u64::from(self.filter.limit);
        self.filter.after = page.last().map(|planned| planned.session_id);
        Ok(Some(page).filter(|page| !page.is_empty()))
    }
}
