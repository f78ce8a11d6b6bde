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
        let changed = |flag| match flag {
            Flag::Country => country_changed(session, context),
            Flag::Network => self.network_changed(session, context),
            Flag::UserAgent => !context.is_program_of(&session.last_from),
        };
        let mut moved = Moved::default();
        for flag in Flag::ALL {
            // What is allowed is not even looked at.
            match self.rule(flag) {
                OnChange::Flag if changed(flag) => moved.flagged = moved.flagged.with(flag),
                OnChange::End if changed(flag) => moved.ending = moved.ending.with(flag),
                OnChange::Allow | OnChange::Flag | OnChange::End => {}
            }
        }
        moved
    }

    const fn rule(self, flag: Flag) -> OnChange {
        match flag {
            Flag::Country => self.country,
            Flag::Network => self.network,
            Flag::UserAgent => self.user_agent,
        }
    }

    fn network_changed(self, session: &Session, context: &Context) -> bool {
        let Some(now) = context.ip else { return false };
        let before = last_known(session, Flag::Network, |seen| {
            seen.ip.filter(|ip| ip.is_ipv4() == now.is_ipv4())
        });
        before.is_some_and(|before| self.network(before) != self.network(now))
    }

    /// The bits of an address that are its network's.
    fn network(self, ip: IpAddr) -> u128 {
        let (bits, width, prefix) = match ip {
            IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32, self.prefix_v4),
            IpAddr::V6(ip) => (ip.to_bits(), 128, self.prefix_v6),
        };
        let rest = u32::saturating_sub(width, u32::from(prefix));
        bits.checked_shr(rest).unwrap_or_default()
    }
}

fn country_changed(session: &Session, context: &Context) -> bool {
    let before = last_known(session, Flag::Country, |seen| seen.country.as_deref());
    let now = context.country.as_deref();
    before.zip(now).is_some_and(|(before, now)| before != now)
}

/// What was seen last, or else at login.
fn last_known<'a, T>(
    session: &'a Session,
    flag: Flag,
    seen: impl Fn(&'a Context) -> Option<T>,
) -> Option<T> {
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
