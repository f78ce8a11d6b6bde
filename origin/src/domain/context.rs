//! Where a request came from, as far as the service may believe it.

use std::net::IpAddr;

use crate::domain::user_agent;

/// The longest user agent that is kept, in bytes; longer ones are cut.
pub const USER_AGENT_LIMIT: usize = 512;

/// Address, country and user agent of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The client's address: the edge's word on its authenticated channel, else that of a proxy
    /// which the settings trust, else the peer's.
    pub ip: Option<IpAddr>,
    /// ISO 3166-1 alpha-2, upper case: the edge's word on its authenticated channel, else what the
    /// database of countries says of the address.
    pub country: Option<String>,
    /// The `User-Agent` header, at most [`USER_AGENT_LIMIT`] bytes.
    pub user_agent: Option<String>,
}

impl Context {
    /// The family of the user agent, see [`user_agent::family`].
    pub fn family(&self) -> &str {
        self.user_agent.as_deref().map_or("", user_agent::family)
    }

    /// What the user agent says of the device, see [`user_agent::device`].
    pub fn device(&self) -> Option<String> {
        self.user_agent.as_deref().and_then(user_agent::device)
    }

    /// Whether a request from `other` comes from the same program, another version or not.
    pub fn is_program_of(&self, other: &Self) -> bool {
        // Most of the time the header is the same, which is cheaper to see.
        self.user_agent == other.user_agent || self.family() == other.family()
    }

    /// Whether a request from `other` may be the same program at the same place trying again.
    pub fn resembles(&self, other: &Self) -> bool {
        self.country == other.country && self.is_program_of(other)
    }
}
