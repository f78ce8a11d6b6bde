//! Plans: which sessions a revocation by criterion will end, as a dry run found them.
//!
//! A plan is what was counted: the real run ends those sessions and no others. It is kept for
//! fifteen minutes; a run that has begun by then may be finished within a day, after which cleanup
//! takes it. Any administrator may carry
//! out another's plan, so that one can count and another decide; the audit trail names both.
//!
//! [`count`] is the dry run, [`run`] the real one.

pub mod count;
pub mod run;

use portcullis_shared::{
    ids::{PlanId, SessionId, UserId},
    time::UnixSeconds,
};

use crate::domain::{audit::Actor, criteria::Criteria};

/// For how long, in seconds, a plan may be begun.
pub const LIFETIME: i64 = 15 * 60;

/// For how long, in seconds, an expired plan is kept for who has begun it.
pub const KEPT_AFTER: i64 = 24 * 60 * 60;

/// A session of a plan. They are ended in this order: those of one user together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planned {
    /// Whose it is.
    pub user_id: UserId,
    /// Which one.
    pub session_id: SessionId,
}

/// How far the run of a plan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// When it began.
    pub started_at: Option<UnixSeconds>,
    /// The last session that it came past.
    pub reached: Option<Planned>,
    /// How many it came past.
    pub passed: u64,
    /// How many of these it ended; the others were over already.
    pub ended: u64,
}

/// A plan as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How it is named.
    pub id: PlanId,
    /// What its sessions met.
    pub criteria: Criteria,
    /// Who made it.
    pub made_by: Actor,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// From when on no run may begin.
    pub expires_at: UnixSeconds,
    /// When all its sessions were counted; none as long as they are being counted.
    pub completed_at: Option<UnixSeconds>,
    /// How many sessions it has.
    pub count: u64,
    /// How far its run has come.
    pub progress: Progress,
}

impl Plan {
    /// Whether its run may begin or go on.
    pub fn is_usable(&self, now: UnixSeconds) -> bool {
        let begun = self.progress.started_at.is_some();
        let until = self.expires_at.plus(if begun { KEPT_AFTER } else { 0 });
        self.completed_at.is_some() && now < until
    }

    /// Whether its run has come past all its sessions.
    pub fn is_done(&self) -> bool {
        self.progress.started_at.is_some() && self.progress.passed >= self.count
    }
}
