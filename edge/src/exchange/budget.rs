//! How often keys that are not known may be exchanged: for an address, and for one key's id from
//! that address.
//!
//! Only what fails costs anything in the end: whatever is spent on a key that turns out to be good
//! is given back. And an id has a budget for each address that names it, so whoever knows the id of
//! somebody else's key and guesses at its secret uses up nobody's budget but that of the address he
//! guesses from.
//!
//! Invariant: the memory is bounded, however many addresses there are. What is forgotten for want of
//! room has its whole budget again, and never less.

use std::net::{IpAddr, Ipv6Addr};

use portcullis_shared::api_key::ApiKeyId;

use crate::{cache::Fingerprint, generations::Generations, time::Millis};

/// How much memory the budgets may take, in bytes: some 7,000 of them.
const MEMORY: usize = 1024 * 1024;

/// So many at once, and one more each so many milliseconds.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: i64,
    interval: i64,
}

/// For an address, whatever the keys.
const OF_NETWORK: Rate = Rate {
    burst: 30,
    interval: 2_000,
};

/// For one key's id from an address. Whoever goes on with a key that was revoked stays below: its
/// refusal is remembered for as long as this.
const OF_KEY: Rate = Rate {
    burst: 6,
    interval: 10_000,
};

/// Where a request comes from, as budgets have it: an IPv4 address, or the 64 bits of an IPv6
/// address that belong to one customer (RFC 6177 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(Ipv6Addr);

impl Network {
    /// The network of an address; all that are no addresses are one.
    ///
    /// ```
    /// use portcullis_edge::exchange::Network;
    /// assert_eq!(Network::of("2001:db8::1"), Network::of("2001:db8::2:1"));
    /// assert_ne!(Network::of("192.0.2.1"), Network::of("192.0.2.2"));
    /// ```
    pub fn of(address: &str) -> Self {
        match address.trim().parse::<IpAddr>().map(|ip| ip.to_canonical()) {
            Ok(IpAddr::V4(ip)) => Self(ip.to_ipv6_mapped()),
            Ok(IpAddr::V6(ip)) => Self(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
            Err(_) => Self(Ipv6Addr::UNSPECIFIED),
        }
    }
}

/// What an attempt has spent, so that it can be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent {
    network: Fingerprint,
    key: Fingerprint,
}

/// The budgets that are not whole. Each is the time at which it will be.
#[derive(Debug)]
pub(super) struct Budgets(Generations<Millis>);

impl Budgets {
    pub(super) fn new() -> Self {
        Self(Generations::new(MEMORY))
    }

    /// Spends one exchange of a key from a network; or says in how many milliseconds there will be
    /// one to spend.
    pub(super) fn take(
        &mut self,
        key: ApiKeyId,
        network: Network,
        now: Millis,
    ) -> Result<Spent, i64> {
        let octets = network.0.octets();
        let spent = Spent {
            network: Fingerprint::of_parts(&[&octets]),
            key: Fingerprint::of_parts(&[&octets, key.as_bytes()]),
        };
        let wanted = [(spent.network, OF_NETWORK), (spent.key, OF_KEY)];
        let lacking = wanted
            .iter()
            .map(|(budget, rate)| self.lacks(budget, *rate, now))
            .max();
        if let Some(lacking) = lacking.filter(|lacking| *lacking > 0) {
            return Err(lacking);
        }
        for (budget, rate) in wanted {
            self.move_by(budget, rate, rate.interval, now);
        }
        Ok(spent)
    }

    /// Gives back what was spent.
    pub(super) fn repay(&mut self, spent: Spent, now: Millis) {
        self.move_by(spent.network, OF_NETWORK, -OF_NETWORK.interval, now);
        self.move_by(spent.key, OF_KEY, -OF_KEY.interval, now);
    }

    /// In how many milliseconds there is something to spend.
    fn lacks(&self, budget: &Fingerprint, rate: Rate, now: Millis) -> i64 {
        self.debt(budget, rate, now) - (rate.burst - 1) * rate.interval
    }

    /// In how many milliseconds the budget is whole again. A clock that was put back makes it no
    /// later than if all had been spent just now.
    fn debt(&self, budget: &Fingerprint, rate: Rate, now: Millis) -> i64 {
        let whole = self.0.peek(budget).map_or(0, |whole| whole.since(now));
        whole.clamp(0, rate.burst * rate.interval)
    }

    fn move_by(&mut self, budget: Fingerprint, rate: Rate, millis: i64, now: Millis) {
        let debt = self.debt(&budget, rate, now) + millis;
        if debt > 0 {
            self.0.insert(budget, now.plus(debt), 0);
        } else {
            self.0.remove(&budget);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const NOW: Millis = Millis(1_800_000_000_000);

    fn key(number: u8) -> ApiKeyId {
        ApiKeyId::from_bytes([number; 16])
    }

    fn here() -> Network {
        Network::of("192.0.2.1")
    }

    /// How many attempts are let through of very many.
    fn burst(budgets: &mut Budgets, key: impl Fn(u8) -> ApiKeyId, network: Network) -> usize {
        let taken = (0..200).filter(|number| budgets.take(key(*number), network, NOW).is_ok());
        taken.count()
    }

    #[test]
    fn whoever_guesses_uses_up_the_budget_of_his_own_address() {
        let mut budgets = Budgets::new();
        assert_eq!(burst(&mut budgets, |_| key(1), here()), 6);
        assert_eq!(burst(&mut budgets, key, here()), 30 - 6);
        let elsewhere = Network::of("192.0.2.2");
        assert_eq!(burst(&mut budgets, |_| key(1), elsewhere), 6);
    }

    #[test]
    fn a_budget_comes_back_with_time_and_says_when() {
        let mut budgets = Budgets::new();
        burst(&mut budgets, |_| key(1), here());
        assert_eq!(budgets.take(key(1), here(), NOW), Err(10_000));
        let later = NOW.plus(9_999);
        assert_eq!(budgets.take(key(1), here(), later), Err(1));
        let later = NOW.plus(10_000);
        assert!(budgets.take(key(1), here(), later).is_ok());
        assert_eq!(budgets.take(key(1), here(), later), Err(10_000));
        burst(&mut budgets, key, here());
        assert!((1..=2_000).contains(&budgets.take(key(9), here(), NOW).unwrap_err()));
    }

    #[test]
    fn what_was_spent_on_good_keys_is_given_back() {
        let mut budgets = Budgets::new();
        for number in 0..200 {
            let spent = budgets.take(key(number), here(), NOW).unwrap();
            budgets.repay(spent, NOW);
        }
        assert!(budgets.0.is_empty(), "nothing is to be remembered");
        let spent = budgets.take(key(1), here(), NOW).unwrap();
        assert_eq!(burst(&mut budgets, |_| key(1), here()), 5);
        budgets.repay(spent, NOW);
        assert_eq!(burst(&mut budgets, |_| key(1), here()), 1, "and no more");
    }

    #[test]
    fn a_clock_that_was_put_back_costs_no_more_than_the_whole_budget() {
        let mut budgets = Budgets::new();
        burst(&mut budgets, |_| key(1), here());
        let before = NOW.plus(-3_600_000);
        assert_eq!(budgets.take(key(1), here(), before), Err(10_000));
    }

    proptest! {
        #[test]
        fn nobody_ever_gets_more_than_burst_and_rate_give(
            attempts in prop::collection::vec((0_u8..3, 0_u8..12, 0_i64..1_500), 1..400),
        ) {
            let mut budgets = Budgets::new();
            let mut taken: BTreeMap<_, i64> = BTreeMap::new();
            let mut now = NOW;
            for (network, number, pause) in attempts {
                now = now.plus(pause);
                let address = Network::of(&format!("192.0.2.{network}"));
                if budgets.take(key(number), address, now).is_ok() {
                    *taken.entry((network, None)).or_default() += 1;
                    *taken.entry((network, Some(number))).or_default() += 1;
                }
            }
            let passed = now.since(NOW);
            for ((network, key), count) in taken {
                let rate = if key.is_some() { OF_KEY } else { OF_NETWORK };
                let most = rate.burst + passed / rate.interval;
                prop_assert!(count <= most, "{network} {key:?}: {count} > {most}");
            }
        }
    }

    #[test]
    fn very_many_addresses_take_no_more_than_the_memory() {
        let mut budgets = Budgets::new();
        for number in 0..50_000_u32 {
            let network = Network(Ipv6Addr::from_bits(u128::from(number) << 64));
            assert!(budgets.take(key(1), network, NOW).is_ok(), "{number}");
        }
        assert!(budgets.0.len() < 8_000, "{}", budgets.0.len());
    }

    #[test]
    fn an_address_is_known_in_every_spelling() {
        for (one, other, same) in [
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:0:1::1", "2001:DB8::1:ffff:ffff:ffff:ffff", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("192.0.2.1", "192.0.2.2", false),
            ("", "localhost", true),
            ("", "192.0.2.1", false),
        ] {
            assert_eq!(
                Network::of(one) == Network::of(other),
                same,
                "{one} {other}"
            );
        }
    }
}
