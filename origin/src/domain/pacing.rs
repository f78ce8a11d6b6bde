//! Refusals that cost nothing, held up where there are too many of them.
//!
//! Whoever finds no place in the hashing pool, or is throttled, is told so at once, and when to come
//! back. Some come back at once, hundreds at a time, and then answering them would take the
//! processor from everybody else: from refreshes, and from the very threads that hash. So beyond a
//! number that whoever obeys will not see, refusals leave one after the other.
//!
//! Invariant: no refusal waits for longer than [`LONGEST`], and as long as fewer come than
//! [`AT_ONCE`] none waits at all.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::domain::clock::UnixMillis;

/// From one refusal that was held up to the next one, in milliseconds: five hundred a second take
/// some hundredths of a core.
const APART: i64 = 2;

/// How many refusals leave at once after a calm second.
const AT_ONCE: i64 = 512;

/// How long a refusal is held up at most, in milliseconds: what [`Retry-After`] names at least.
///
/// [`Retry-After`]: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
const LONGEST: i64 = 1000;

/// The refusals of this process.
#[derive(Debug, Default)]
pub struct Pacing {
    /// When all refusals so far would have left, had none left at once, in Unix milliseconds.
    gone_at: Mutex<i64>,
}

impl Pacing {
    /// Waits until the refusal of somebody who came at `now` may leave.
    pub async fn wait(&self, now: UnixMillis) {
        let wait = self.take_turn(now);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    fn take_turn(&self, now: UnixMillis) -> Duration {
        let mut gone_at = self.gone_at.lock().unwrap_or_else(PoisonError::into_inner);
        let at_once_until = now.0.saturating_add(APART * AT_ONCE);
        // A clock that was put back must not make anybody wait.
        let turn = (*gone_at).clamp(now.0, at_once_until.saturating_add(LONGEST));
        *gone_at = turn.saturating_add(APART);
        let wait = turn.saturating_sub(at_once_until);
        Duration::from_millis(u64::try_from(wait).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

    fn waits(pacing: &Pacing, now: UnixMillis, refusals: i64) -> Vec<u128> {
        let wait = |_| pacing.take_turn(now).as_millis();
        (0..refusals).map(wait).collect()
    }

    #[test]
    fn refusals_leave_at_once_until_there_are_too_many_and_then_one_by_one() {
        let pacing = Pacing::default();
        assert!(
            waits(&pacing, NOW, AT_ONCE + 1)
                .iter()
                .all(|wait| *wait == 0)
        );
        assert_eq!(waits(&pacing, NOW, 3), [2, 4, 6]);
        // Ten milliseconds later five have left.
        assert_eq!(waits(&pacing, UnixMillis(NOW.0 + 10), 1), [0]);
    }

    #[test]
    fn nobody_waits_for_longer_than_a_second_whatever_the_clock_does() {
        let pacing = Pacing::default();
        let all = waits(&pacing, NOW, 10_000);
        assert_eq!(all.last(), Some(&1000));
        let (earlier, later) = (UnixMillis(NOW.0 - 3_600_000), UnixMillis(NOW.0 + 60_000));
        assert_eq!(waits(&pacing, earlier, 1), [1000]);
        assert_eq!(waits(&pacing, later, 1), [0]);
    }
}
