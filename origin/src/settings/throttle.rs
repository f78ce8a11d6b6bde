//! `[throttle]`: how often passwords may be guessed, and how often people may sign up.

use serde::{Deserialize, Serialize};

use super::error::{Checked, invalid, within};
use crate::domain::throttle::{Rules, bucket::Rule};

const DAY: i64 = 24 * 60 * 60;

/// How often passwords may be guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Throttle {
    /// How many wrong passwords an account takes from one network, or from one known device,
    /// before the first delay.
    pub account_attempts: u32,
    /// How many it takes from all other networks and devices together.
    pub stranger_attempts: u32,
    /// How many wrong passwords a network may send, whatever the account.
    pub network_attempts: u32,
    /// How often a network may try to sign up.
    pub registration_attempts: u32,
    /// The first delay, in seconds.
    pub first_delay: i64,
    /// By how much each further delay is longer than the one before it.
    pub growth: u32,
    /// The longest delay, in seconds.
    pub max_delay: i64,
    /// Within how many seconds a full allowance comes back.
    pub forget_after: i64,
    /// For how many seconds a login makes its network and device known to the account.
    pub known_for: i64,
    /// How many bits of an IPv4 address are a network.
    pub ipv4_prefix: u8,
    /// How many bits of an IPv6 address are a network.
    pub ipv6_prefix: u8,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            account_attempts: 10,
            stranger_attempts: 100,
            network_attempts: 300,
            registration_attempts: 30,
            first_delay: 1,
            growth: 2,
            max_delay: 15 * 60,
            forget_after: DAY,
            known_for: 90 * DAY,
            ipv4_prefix: 32,
            ipv6_prefix: 56,
        }
    }
}

impl Throttle {
    /// The rules that the domain obeys.
    pub const fn rules(&self) -> Rules {
        Rules {
            account: self.rule(self.account_attempts),
            strangers: self.rule(self.stranger_attempts),
            network: self.rule(self.network_attempts),
            registration: self.rule(self.registration_attempts),
            known_for: self.known_for,
            ipv4_prefix: self.ipv4_prefix,
            ipv6_prefix: self.ipv6_prefix,
        }
    }

    const fn rule(&self, attempts: u32) -> Rule {
        Rule {
            attempts,
            first_delay: self.first_delay,
            growth: self.growth,
            max_delay: self.max_delay,
            forget_after: self.forget_after,
        }
    }

    pub(super) fn check(&self) -> Checked {
        let attempts = 1..=1_000_000;
        within(
            "throttle.account_attempts",
            self.account_attempts,
            attempts.clone(),
        )?;
        within(
            "throttle.stranger_attempts",
            self.stranger_attempts,
            attempts.clone(),
        )?;
        within(
            "throttle.network_attempts",
            self.network_attempts,
            attempts.clone(),
        )?;
        within(
            "throttle.registration_attempts",
            self.registration_attempts,
            attempts,
        )?;
        within("throttle.max_delay", self.max_delay, 1..=DAY)?;
        within("throttle.growth", self.growth, 1..=100)?;
        within("throttle.forget_after", self.forget_after, 60..=365 * DAY)?;
        within("throttle.known_for", self.known_for, 0..=3660 * DAY)?;
        within("throttle.ipv4_prefix", self.ipv4_prefix, 8..=32)?;
        within("throttle.ipv6_prefix", self.ipv6_prefix, 16..=128)?;
        if !(1..=self.max_delay).contains(&self.first_delay) {
            return Err(invalid(
                "throttle.first_delay",
                "must be between 1 and throttle.max_delay",
            ));
        }
        Ok(())
    }
}
