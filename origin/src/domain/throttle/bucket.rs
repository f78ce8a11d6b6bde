//! One count of attempts, and the delay that comes of it. Pure: the time is an argument.
//!
//! The first [`Rule::attempts`] attempts are let through as fast as they come. The last of them,
//! and each one after it, starts a delay during which further ones are refused; refused ones are
//! not counted. The delay grows with each attempt that is let through, up to a limit. What is
//! counted drains away evenly, a full allowance within [`Rule::forget_after`], so neither a network
//! in which many mistype now and then nor somebody who comes back tomorrow is delayed for ever.
//!
//! An attempt is counted before its password is looked at, and given back when it was right: so
//! many attempts at once are let through no oftener than one after the other.

use portcullis_shared::time::UnixSeconds;

/// How attempts of a kind are limited; times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How many are let through without a delay.
    pub attempts: u32,
    /// The first delay.
    pub first_delay: i64,
    /// By how much each further delay is longer than the one before it.
    pub growth: u32,
    /// The longest delay.
    pub max_delay: i64,
    /// Within which time a full allowance comes back.
    pub forget_after: i64,
}

impl Rule {
    /// The delay after so many attempts.
    fn delay(&self, count: u32) -> i64 {
        let Some(steps) = count.checked_sub(self.attempts) else {
            return 0;
        };
        i64::from(self.growth)
            .checked_pow(steps)
            .and_then(|factor| self.first_delay.checked_mul(factor))
            .map_or(self.max_delay, |delay| delay.min(self.max_delay))
    }

    /// The highest count: the first with the longest delay. What comes on top of it changes
    /// nothing, and would only take longer to be forgotten.
    fn ceiling(&self) -> u32 {
        let grows = |count: &u32| self.growth > 1 && self.delay(*count) < self.max_delay;
        // The delay grows at least twofold with each, so these are more than any number has bits.
        (self.attempts..=self.attempts.saturating_add(64))
            .find(|count| !grows(count))
            .unwrap_or(self.attempts)
    }

    /// The time in which so many attempts drain away, rounded up.
    fn drain_time(&self, count: u32) -> i64 {
        let allowance = i64::from(self.attempts.max(1));
        let whole = i64::from(count).saturating_mul(self.forget_after);
        whole.saturating_add(allowance - 1) / allowance
    }
}

/// A count as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket {
    /// The attempts that have not drained away.
    pub count: u32,
    /// Up to when the draining has been taken into account.
    pub drained_at: UnixSeconds,
    /// From when on the next attempt is let through.
    pub ready_at: UnixSeconds,
    /// Until when it counts those whom a login has made known; none for strangers.
    pub known_until: Option<UnixSeconds>,
    /// Whether the audit trail has been told that this one refuses.
    pub told: bool,
    /// From when on it says nothing that an empty one would not say.
    pub expires_at: UnixSeconds,
}

impl Bucket {
    /// Whether this counts somebody who logged in before.
    pub fn is_known(&self, now: UnixSeconds) -> bool {
        self.known_until.is_some_and(|until| now < until)
    }

    /// For how many seconds attempts are refused; none while they are let through.
    ///
    /// A delay beyond the longest one was set by a clock that was ahead, or under other settings,
    /// and is not kept.
    pub fn wait(&self, rule: &Rule, now: UnixSeconds) -> Option<i64> {
        let wait = self.ready_at.0.saturating_sub(now.0);
        (1..=rule.max_delay).contains(&wait).then_some(wait)
    }

    /// Counts an attempt that is let through.
    #[must_use]
    pub fn count(&self, rule: &Rule, now: UnixSeconds) -> Self {
        let drained = self.drain(rule, now);
        let count = drained.count.saturating_add(1).min(rule.ceiling());
        // It was let through, so an earlier delay is over; another replica's clock, behind this
        // one's, must not find one where there is none.
        let ready_at = match rule.delay(count) {
            0 => UnixSeconds(0),
            delay => now.plus(delay),
        };
        Self {
            count,
            ready_at,
            ..drained
        }
        .expiring(rule)
    }

    /// Takes an attempt back that was none: its password was right, or was never looked at.
    #[must_use]
    pub fn give_back(&self, rule: &Rule, now: UnixSeconds) -> Self {
        let drained = self.drain(rule, now);
        Self {
            count: drained.count.saturating_sub(1),
            // It was let through, so whatever delay there is now is its own.
            ready_at: UnixSeconds(0),
            ..drained
        }
        .expiring(rule)
    }

    /// Forgets all attempts, and who this counts is known until then.
    #[must_use]
    pub fn recognise(&self, until: UnixSeconds, now: UnixSeconds) -> Self {
        let until = self.known_until.map_or(until, |known| known.max(until));
        Self {
            count: 0,
            drained_at: now,
            ready_at: UnixSeconds(0),
            known_until: Some(until),
            told: false,
            expires_at: until,
        }
    }

    fn drain(&self, rule: &Rule, now: UnixSeconds) -> Self {
        let elapsed = now.0.saturating_sub(self.drained_at.0).max(0);
        let allowance = i64::from(rule.attempts.max(1));
        let drained = elapsed.saturating_mul(allowance) / rule.forget_after.max(1);
        let drained = u32::try_from(drained).unwrap_or(u32::MAX);
        if drained >= self.count {
            return Self {
                count: 0,
                drained_at: now,
                told: false,
                ..*self
            };
        }
        // The part of a step that has passed counts for the next one.
        Self {
            count: self.count - drained,
            drained_at: self.drained_at.plus(rule.drain_time(drained)),
            ..*self
        }
    }

    fn expiring(self, rule: &Rule) -> Self {
        let empty_at = self.drained_at.plus(rule.drain_time(self.count));
        let known_until = self.known_until.unwrap_or(UnixSeconds(0));
        Self {
            expires_at: empty_at.max(self.ready_at).max(known_until),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_767_225_600);

    fn rules() -> impl Strategy<Value = Rule> {
        (
            1..200_u32,
            1..60_i64,
            1..10_u32,
            60..3600_i64,
            60..200_000_i64,
        )
            .prop_map(
                |(attempts, first_delay, growth, max_delay, forget_after)| Rule {
                    attempts,
                    first_delay,
                    growth,
                    max_delay,
                    forget_after,
                },
            )
    }

    /// Counts as many attempts as are let through at `now`, up to a limit.
    fn exhaust(bucket: &mut Bucket, rule: &Rule, now: UnixSeconds) -> u32 {
        let mut admitted = 0;
        while admitted < 1000 && bucket.wait(rule, now).is_none() {
            *bucket = bucket.count(rule, now);
            admitted += 1;
        }
        admitted
    }

    proptest! {
        #[test]
        fn the_first_attempts_are_never_refused_and_the_next_one_is(rule in rules()) {
            prop_assert_eq!(exhaust(&mut Bucket::default(), &rule, NOW), rule.attempts);
        }

        #[test]
        fn delays_grow_up_to_the_longest_one(rule in rules(), tries in 1..40_u32) {
            // Long enough to forget that nothing drains meanwhile.
            let rule = Rule { forget_after: i64::MAX / 1_000, ..rule };
            let mut bucket = Bucket::default();
            exhaust(&mut bucket, &rule, NOW);
            let (mut now, mut last) = (NOW, 0);
            for _ in 0..tries {
                let wait = bucket.wait(&rule, now).unwrap();
                let expected = (last * i64::from(rule.growth)).clamp(rule.first_delay, rule.max_delay);
                prop_assert_eq!(wait, expected);
                prop_assert!(bucket.wait(&rule, now.plus(wait - 1)).is_some());
                now = now.plus(wait);
                prop_assert_eq!(exhaust(&mut bucket, &rule, now), 1);
                last = wait;
            }
        }

        #[test]
        fn what_is_counted_is_forgotten_in_time(rule in rules(), tries in 0..60_u32) {
            let (mut bucket, mut now) = (Bucket::default(), NOW);
            exhaust(&mut bucket, &rule, now);
            for _ in 0..tries {
                now = now.plus(bucket.wait(&rule, now).unwrap_or(0));
                exhaust(&mut bucket, &rule, now);
            }
            let forgotten = bucket.expires_at;
            prop_assert!(forgotten.0 <= now.0 + rule.drain_time(rule.ceiling()).max(rule.max_delay));
            prop_assert_eq!(exhaust(&mut bucket, &rule, forgotten), rule.attempts);
        }

        #[test]
        fn over_a_long_time_no_more_get_through_than_drain_and_delay_allow(
            rule in rules(),
            pauses in proptest::collection::vec(0..2_000_i64, 1..200),
        ) {
            let (mut bucket, mut now, mut admitted) = (Bucket::default(), NOW, 0_i64);
            for pause in pauses {
                now = now.plus(pause);
                admitted += i64::from(exhaust(&mut bucket, &rule, now));
            }
            let elapsed = now.0 - NOW.0;
            let drained = elapsed * i64::from(rule.attempts) / rule.forget_after;
            let delayed = elapsed / rule.first_delay;
            prop_assert!(admitted <= i64::from(rule.attempts) + drained + delayed + 1);
        }

        #[test]
        fn right_passwords_cost_nothing(rule in rules(), times in 1..300_u32) {
            let mut bucket = Bucket::default();
            for _ in 0..times {
                prop_assert_eq!(bucket.wait(&rule, NOW), None);
                bucket = bucket.count(&rule, NOW).give_back(&rule, NOW);
            }
            prop_assert_eq!(bucket.count, 0);
        }

        #[test]
        fn a_right_password_among_wrong_ones_wins_no_guess(rule in rules(), right in 0..100_u32) {
            let mut bucket = Bucket::default();
            // Logins under way while somebody guesses, each of which then turns out right.
            let right = right.min(rule.attempts);
            for _ in 0..right {
                bucket = bucket.count(&rule, NOW);
            }
            let mut guesses = exhaust(&mut bucket, &rule, NOW);
            for _ in 0..right {
                bucket = bucket.give_back(&rule, NOW);
                guesses += exhaust(&mut bucket, &rule, NOW);
            }
            prop_assert_eq!(guesses, rule.attempts);
        }
    }

    const RULE: Rule = Rule {
        attempts: 3,
        first_delay: 2,
        growth: 3,
        max_delay: 20,
        forget_after: 300,
    };

    #[test]
    fn clocks_that_are_apart_find_no_delay_where_there_is_none() {
        let ahead = NOW.plus(2);
        let once = Bucket::default().count(&RULE, ahead);
        assert_eq!(once.wait(&RULE, NOW), None);
        let mut full = Bucket::default();
        exhaust(&mut full, &RULE, NOW);
        let later = NOW.plus(2);
        let back = full.count(&RULE, later).give_back(&RULE, later.plus(2));
        assert_eq!(back.wait(&RULE, later), None);
    }

    #[test]
    fn a_delay_longer_than_any_is_not_kept() {
        let mut bucket = Bucket::default();
        exhaust(&mut bucket, &RULE, NOW.plus(86_400));
        assert_eq!(bucket.wait(&RULE, NOW.plus(86_400)), Some(2));
        assert_eq!(bucket.wait(&RULE, NOW), None);
    }

    #[test]
    fn whom_a_login_made_known_starts_anew_and_is_known_for_a_while() {
        let mut bucket = Bucket::default();
        exhaust(&mut bucket, &RULE, NOW);
        let known = bucket.recognise(NOW.plus(900), NOW);
        assert_eq!(known.wait(&RULE, NOW), None);
        assert!(known.is_known(NOW.plus(899)) && !known.is_known(NOW.plus(900)));
        assert_eq!(known.expires_at, NOW.plus(900));
        let counted = known.count(&RULE, NOW.plus(1));
        assert_eq!((counted.count, counted.known_until), (1, known.known_until));
        assert_eq!(counted.expires_at, NOW.plus(900));
    }
}
