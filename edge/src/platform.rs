//! Where the edge runs, and so whose word on the client's address counts.
//!
//! Cloudflare says in headers and beside the request who a client is, and lets no client send these
//! headers. A `workerd` of one's own says nothing but whom the connection comes from: there, headers
//! of those names are a client's.
//!
//! Invariant: self-hosted, an address is the connection's, or one that a trusted proxy saw; and no
//! header that only Cloudflare may write is believed or passed on.

use std::{net::IpAddr, str::FromStr};

use portcullis_shared::forwarded_for;

/// How the names of Cloudflare's own headers begin, lower case, whatever is no letter read as `-`.
const CLOUDFLARE_PREFIX: &str = "cf-";

/// Where the edge runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platform {
    /// On Cloudflare's network, or in its local imitation.
    Cloudflare,
    /// In a `workerd` of one's own.
    SelfHosted {
        /// Networks of proxies before it, whose `X-Forwarded-For` is believed.
        proxies: Vec<Network>,
    },
}

/// The addresses that begin with the same bits. IPv4 is a part of IPv6 here (RFC 4291 §2.5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: u128,
    /// How many bits are not the network's.
    free: u32,
}

/// The text is no network, or is that of all addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) = text.split_once('/').ok_or(InvalidNetwork)?;
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let bits: u32 = bits.parse().map_err(|_| InvalidNetwork)?;
        let all: u32 = if address.is_ipv4() { 32 } else { 128 };
        match all.checked_sub(bits) {
            Some(free) if bits > 0 => Ok(Self {
                first: number(address),
                free,
            }),
            _ => Err(InvalidNetwork),
        }
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let differing = self.first ^ number(address);
        differing.checked_shr(self.free) == Some(0)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// A variable has a value that cannot be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformFault {
    /// Its name.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Platform {
    /// Reads the variables `PLATFORM` (`cloudflare`, the default, or `self-hosted`) and
    /// `TRUSTED_PROXIES` (networks with commas between them, only where self-hosted).
    ///
    /// # Errors
    ///
    /// [`PlatformFault`] names the variable.
    pub fn read(platform: &str, proxies: &str) -> Result<Self, PlatformFault> {
        let fault = |variable, problem| PlatformFault { variable, problem };
        match platform {
            "self-hosted" => networks(proxies)
                .map(|proxies| Self::SelfHosted { proxies })
                .ok_or(fault(
                    "TRUSTED_PROXIES",
                    "must be networks such as 10.0.0.0/8, with commas between them, and not all \
                     addresses",
                )),
            "" | "cloudflare" if proxies.is_empty() => Ok(Self::Cloudflare),
            "" | "cloudflare" => Err(fault(
                "TRUSTED_PROXIES",
                "must be empty unless PLATFORM is self-hosted",
            )),
            _ => Err(fault("PLATFORM", "must be cloudflare or self-hosted")),
        }
    }

    /// Whether a request's header of this name can only be a client's invention here.
    ///
    /// ```
    /// use portcullis_edge::platform::Platform;
    /// let own = Platform::read("self-hosted", "").unwrap();
    /// assert!(own.is_forged("CF_Connecting_IP") && !own.is_forged("accept"));
    /// assert!(!Platform::Cloudflare.is_forged("cf-connecting-ip"));
    /// ```
    pub fn is_forged(&self, name: &str) -> bool {
        let folded = |byte: u8| match byte.to_ascii_lowercase() {
            letter @ b'a'..=b'z' => letter,
            _ => b'-',
        };
        let begins = || name.bytes().map(folded).take(CLOUDFLARE_PREFIX.len());
        match self {
            Self::Cloudflare => false,
            Self::SelfHosted { .. } => begins().eq(CLOUDFLARE_PREFIX.bytes()),
        }
    }
}

/// `None` when one is no network, or is that of all addresses.
fn networks(text: &str) -> Option<Vec<Network>> {
    let entries = text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    entries.map(|entry| entry.parse().ok()).collect()
}

/// The client's address, self-hosted: that of the connection, as the runtime writes it with its
/// port, or where that is a trusted proxy, the one that the proxies saw.
pub fn client(peer: &str, forwarded_for: Option<&str>, proxies: &[Network]) -> Option<String> {
    let peer = forwarded_for::address(peer)?;
    let is_trusted = |ip: IpAddr| proxies.iter().any(|network| network.contains(ip));
    let values = forwarded_for.map(str::as_bytes);
    Some(forwarded_for::client(values, peer, is_trusted).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded_for: Option<&str>, proxies: &str) -> Option<String> {
        let Ok(Platform::SelfHosted { proxies }) = Platform::read("self-hosted", proxies) else {
            panic!("self-hosted");
        };
        client(peer, forwarded_for, &proxies)
    }

    #[test]
    fn without_proxies_the_connection_alone_tells_the_address() {
        for (peer, address) in [
            ("192.0.2.7:4711", "192.0.2.7"),
            ("192.0.2.7", "192.0.2.7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[::ffff:192.0.2.7]:4711", "192.0.2.7"),
        ] {
            assert_eq!(seen(peer, None, "").as_deref(), Some(address));
            let forged = seen(peer, Some("203.0.113.66"), "");
            assert_eq!(forged.as_deref(), Some(address));
            let not_there = seen(peer, Some("203.0.113.66"), "10.0.0.0/8");
            assert_eq!(not_there.as_deref(), Some(address));
        }
        assert_eq!(seen("a socket of Unix", Some("203.0.113.66"), ""), None);
    }

    #[test]
    fn a_trusted_proxy_tells_who_is_before_it() {
        let seen = |list| seen("10.0.0.1:80", Some(list), "10.0.0.0/8, 2001:db8::/32");
        for (list, address) in [
            ("192.0.2.7", "192.0.2.7"),
            ("203.0.113.66, 192.0.2.7", "192.0.2.7"),
            ("203.0.113.66, 192.0.2.7, 10.7.7.7", "192.0.2.7"),
            ("192.0.2.7, nobody", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(seen(list).as_deref(), Some(address), "{list}");
        }
    }

    #[test]
    fn a_network_ends_where_its_bits_end() {
        for (network, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("10.1.2.3/16", "10.1.0.0", "10.0.255.255"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"),
            ("128.0.0.0/1", "255.255.255.255", "127.255.255.255"),
            ("2001:db8:1::/48", "2001:db8:1:ffff::1", "2001:db8:2::"),
            ("2001:db8::7/128", "2001:db8::7", "2001:db8::6"),
            ("8000::/1", "ffff::", "7fff::"),
            ("10.0.0.0/8", "10.0.0.1", "::a00:1"),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{network}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{network}");
        }
    }

    #[test]
    fn a_network_that_cannot_be_meant_is_named() {
        for proxies in [
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/",
            "2001:db8::/129",
            "10.0.0.1",
            "proxy.example",
            "0.0.0.0/0",
            "::/0",
        ] {
            let fault = Platform::read("self-hosted", proxies).unwrap_err();
            assert_eq!(fault.variable, "TRUSTED_PROXIES", "{proxies}");
        }
        let fault = Platform::read("cloudflare", "10.0.0.0/8").unwrap_err();
        assert_eq!(fault.variable, "TRUSTED_PROXIES");
        assert_eq!(Platform::read("aws", "").unwrap_err().variable, "PLATFORM");
    }

    #[test]
    fn cloudflare_s_own_headers_are_known_in_every_spelling() {
        let own = Platform::read("self-hosted", "").unwrap();
        for name in ["cf-ray", "CF-IPCountry", "cf_connecting_ip", "Cf.Visitor"] {
            assert!(own.is_forged(name), "{name}");
            assert!(!Platform::Cloudflare.is_forged(name), "{name}");
        }
        for name in ["c", "cf", "cfx", "accept", "x-cf-ray"] {
            assert!(!own.is_forged(name), "{name}");
        }
    }
}
