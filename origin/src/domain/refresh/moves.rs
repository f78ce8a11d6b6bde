//! What a refresh does that comes from elsewhere than the session was last seen: one pure function
//! over the session's row, by rules of the settings.
//!
//! What counts as a change:
//!
//! - **country**: both are known and differ.
//! - **network**: the address is in another network of the prefix length that is set for its
//!   family. IPv4 is compared with IPv4 and IPv6 with IPv6 alone, so a client that has both may
//!   switch; and within the default /48 an IPv6 client may change its privacy addresses.
//! - **user agent**: another family of programs. An update is none.
//!
//! Compared is what was seen last. Where that is not known, or is an address of the other family,
//! what was seen at login stands in for it, so that a detour over somewhere unknown hides no move;
//! but not once such a move has been flagged, or every detour would be told again.

use std::net::IpAddr;

use crate::domain::{
    context::Context,
    session::{Flag, Flags, Session},
};

/// What a change is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChange {
    /// It is nobody's business.
    Allow,
    /// It is shown on the session and stands in the audit trail.
    Flag,
    /// The session ends.
    End,
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveRules {
    /// Another country.
    pub country: OnChange,
    /// Another network.
    pub network: OnChange,
    /// Another program.
    pub user_agent: OnChange,
    /// How many bits of an IPv4 address are the network's, 0 to 32.
    pub prefix_v4: u8,
    /// How many bits of an IPv6 address are the network's, 0 to 128.
    pub prefix_v6: u8,
}

impl Default for MoveRules {
    /// People travel, phones change networks, and browsers update themselves.
    fn default() -> Self {
        Self {
            country: OnChange::Flag,
            network: OnChange::Allow,
            user_agent: OnChange::Allow,
            prefix_v4: 24,
            prefix_v6: 48,
        }
    }
}

/// What has changed, by what the rules say to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// To be flagged.
    pub flagged: Flags,
    /// For which the session ends; when there are any, nothing else counts.
    pub ending: Flags,
}

impl MoveRules {
    /// Judges a use of `session` from `context`.
    pub fn judge(&self, session: &Session, context: &Context) -> Moved {
        let mut moved = Moved::default();
        for flag in Flag::ALL {
            let (rule, changed): (_, fn(&Self, &Session, &Context) -> bool) = match flag {
                Flag::Country => (self.country, Self::country_changed),
                Flag::Network => (self.network, Self::network_changed),
                Flag::UserAgent => (self.user_agent, Self::user_agent_changed),
            };
            match rule {
                OnChange::Allow => {}
                OnChange::Flag if changed(self, session, context) => {
                    moved.flagged = moved.flagged.with(flag);
                }
                OnChange::End if changed(self, session, context) => {
                    moved.ending = moved.ending.with(flag);
                }
                OnChange::Flag | OnChange::End => {}
            }
        }
        moved
    }

    fn country_changed(&self, session: &Session, context: &Context) -> bool {
        let country = |seen: &Context| seen.country.clone();
        let before = last_known(session, Flag::Country, country);
        before.is_some_and(|before| context.country.as_ref().is_some_and(|now| *now != before))
    }

    fn network_changed(&self, session: &Session, context: &Context) -> bool {
        let Some(now) = context.ip else { return false };
        let of_the_family = |seen: &Context| seen.ip.filter(|ip| ip.is_ipv4() == now.is_ipv4());
        let before = last_known(session, Flag::Network, of_the_family);
        before.is_some_and(|before| self.network(before) != self.network(now))
    }

    fn user_agent_changed(&self, session: &Session, context: &Context) -> bool {
        !context.is_program_of(&session.last_from)
    }

    /// The bits of an address that are its network's.
    fn network(&self, ip: IpAddr) -> u128 {
        let (bits, width, prefix) = match ip {
            IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32, self.prefix_v4),
            IpAddr::V6(ip) => (ip.to_bits(), 128, self.prefix_v6),
        };
        let rest = u32::saturating_sub(width, u32::from(prefix));
        bits.checked_shr(rest).unwrap_or_default()
    }
}

/// What was seen last, or else at login.
fn last_known<T>(session: &Session, flag: Flag, seen: impl Fn(&Context) -> Option<T>) -> Option<T> {
    let at_login = || {
        let told = session.flags.contains(flag);
        (!told).then(|| seen(&session.opened_from)).flatten()
    };
    seen(&session.last_from).or_else(at_login)
}

/// What has changed, in words, for the audit trail.
pub(super) fn describe(changed: Flags, from: &Context, to: &Context) -> String {
    let unknown = || "unknown".to_owned();
    let ip = |seen: &Context| seen.ip.map_or_else(unknown, |ip| ip.to_string());
    let country = |seen: &Context| seen.country.clone().unwrap_or_else(unknown);
    let words = changed.iter().map(|flag| match flag {
        Flag::Country => format!("country from {} to {}", country(from), country(to)),
        Flag::Network => format!("address from {} to {}", ip(from), ip(to)),
        Flag::UserAgent => format!("program from `{}` to `{}`", from.family(), to.family()),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
