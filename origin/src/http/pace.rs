//! Whether a connection waits for its client, and for how long already.
//!
//! Whoever sends a head byte by byte, sends none, or takes no answer holds a connection, and could
//! hold all of them. So each phase in which the client is waited for has a limit. A change of phase
//! counts and nothing else: no clock is read and no timer set for a request. Each connection is
//! looked at once a second, and what has not changed from look to look grows old.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

pub(super) mod socket;

/// How far two looks are apart; the unit in which limits are counted.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// After so many looks an idle connection may give way. Those that owe a head go before it.
const QUIET: u32 = 5;

/// What happens on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A head is to arrive: the first of a new connection, or one that has begun.
    Head,
    /// A request is served. Its body has a limit of its own.
    Serving,
    /// The answer is made, and may have to be sent.
    Answering,
    /// The last answer is sent, and nothing has come since.
    Idle,
}

/// The limits, in looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For a head to arrive, and for what was answered to be taken.
    pub request: u32,
    /// Between two requests.
    pub idle: u32,
}

/// How a connection is doing. Only the connection's task changes it.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The phase, and how often it has changed.
    phase: AtomicU64,
    /// 0 while all that is to be sent is taken, otherwise the number of the blockage.
    blocked: AtomicU64,
}

impl Pace {
    /// Enters a phase; also the same one anew.
    pub(super) fn enter(&self, phase: Phase) {
        let times = self.phase.load(Ordering::Relaxed) >> 2;
        let next = (times.wrapping_add(1) << 2) | phase.bits();
        self.phase.store(next, Ordering::Relaxed);
    }

    /// Enters a phase if another is on.
    fn follow(&self, phase: Phase, next: Phase) {
        if Phase::of(self.phase.load(Ordering::Relaxed)) == phase {
            self.enter(next);
        }
    }

    fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) != 0
    }
}

impl Phase {
    fn bits(self) -> u64 {
        match self {
            Self::Head => 0,
            Self::Serving => 1,
            Self::Answering => 2,
            Self::Idle => 3,
        }
    }

    fn of(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Head,
            1 => Self::Serving,
            2 => Self::Answering,
            _ => Self::Idle,
        }
    }
}

/// What a look finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It goes on, or the client is waited for as it may be.
    Well,
    /// The client has had nothing to say for a while: it may give way to another.
    Waiting,
    /// No request came in time.
    NoRequest,
    /// What was answered was not taken in time.
    NotTaken,
    /// It was idle for too long.
    Idle,
}

/// Looks at a connection from time to time.
#[derive(Debug, Default)]
pub(super) struct Looks {
    phase: Unchanged,
    blocked: Unchanged,
}

impl Looks {
    /// Looks once more; [`LOOK`] has passed since the last time.
    pub(super) fn look(&mut self, pace: &Pace, limits: Limits) -> Found {
        let phase = pace.phase.load(Ordering::Relaxed);
        let same_phase = self.phase.see(phase);
        let same_blockage = self.blocked.see(pace.blocked.load(Ordering::Relaxed));
        if pace.is_blocked() && same_blockage >= limits.request {
            return Found::NotTaken;
        }
        match Phase::of(phase) {
            Phase::Head if same_phase >= limits.request => Found::NoRequest,
            Phase::Idle if same_phase >= limits.idle => Found::Idle,
            Phase::Head if same_phase >= 1 => Found::Waiting,
            Phase::Idle if same_phase >= QUIET => Found::Waiting,
            Phase::Head | Phase::Idle | Phase::Serving | Phase::Answering => Found::Well,
        }
    }
}

/// A value, and at how many looks after the first it was still the same.
#[derive(Debug, Default)]
struct Unchanged {
    value: u64,
    looks: u32,
}

impl Unchanged {
    fn see(&mut self, value: u64) -> u32 {
        let looks = if value == self.value {
            self.looks.saturating_add(1)
        } else {
            0
        };
        *self = Self { value, looks };
        looks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        request: 2,
        idle: QUIET + 1,
    };

    #[test]
    fn who_is_waited_for_has_a_limit() {
        let (pace, mut looks) = (Pace::default(), Looks::default());
        let mut look = || looks.look(&pace, LIMITS);
        assert_eq!([look(), look()], [Found::Waiting, Found::NoRequest]);
        pace.enter(Phase::Serving);
        assert_eq!([(); 10].map(|()| look()), [Found::Well; 10]);
        pace.enter(Phase::Answering);
        assert_eq!(look(), Found::Well);
        pace.enter(Phase::Idle);
        assert_eq!([(); QUIET as usize].map(|()| look()), [Found::Well; 5]);
        assert_eq!([look(), look()], [Found::Waiting, Found::Idle]);
    }

    #[test]
    fn what_is_answered_has_to_be_taken_whatever_else_goes_on() {
        let (pace, mut looks) = (Pace::default(), Looks::default());
        let mut look = |blocked| {
            pace.blocked.store(blocked, Ordering::Relaxed);
            pace.enter(Phase::Serving);
            looks.look(&pace, LIMITS)
        };
        for blockage in 1..10 {
            assert_eq!([look(blockage), look(blockage)], [Found::Well; 2]);
        }
        assert_eq!([(); 5].map(|()| look(0)), [Found::Well; 5]);
        assert_eq!(
            [(); 3].map(|()| look(10)),
            [Found::Well, Found::Well, Found::NotTaken]
        );
    }

    #[test]
    fn a_request_between_two_looks_is_seen() {
        let (pace, mut looks) = (Pace::default(), Looks::default());
        pace.enter(Phase::Idle);
        for _ in 0..10 {
            assert_eq!(looks.look(&pace, LIMITS), Found::Well);
            for phase in [Phase::Head, Phase::Serving, Phase::Answering, Phase::Idle] {
                pace.enter(phase);
            }
        }
    }
}
