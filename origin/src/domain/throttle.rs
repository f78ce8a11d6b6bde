//! Throttling of password guesses, shared by all replicas through the database.
//!
//! What is counted, and under which key, is in [`key`]; how a count becomes a delay, and how it is
//! forgotten, is pure and in [`bucket`].

pub mod bucket;
pub mod key;
pub mod settlement;

use bucket::Rule;

/// How attempts to log in are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Those for a name from one network, or from one device.
    pub account: Rule,
    /// Those for a name from all networks and devices together that nobody has logged in from
    /// with it.
    pub strangers: Rule,
    /// Those from one network, whatever the name.
    pub network: Rule,
    /// For how many seconds a login makes its network and device known.
    pub known_for: i64,
    /// How many bits of an IPv4 address are a network.
    pub ipv4_prefix: u8,
    /// How many bits of an IPv6 address are a network.
    pub ipv6_prefix: u8,
}
