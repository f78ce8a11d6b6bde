//! Networks (RFC 4632, RFC 4291 §2.3): as people write them, in CIDR notation, and those that addresses
//! are in.
//!
//! Addresses are 128 bits, IPv4 mapped into IPv6, as storage keeps them: a network is a range.

use std::{fmt, net::IpAddr, net::Ipv6Addr, str::FromStr};

/// How far IPv4 is from the left in a mapped address, in bits.
const MAPPED: u8 = 96;

/// The text is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an address or a network such as 192.0.2.0/24, without bits beyond its prefix")]
pub struct InvalidNetwork;

/// A network; a single address is one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: u128,
    prefix: u8,
}

impl Network {
    /// The network that an address is in, by the lengths of prefixes in bits.
    pub fn of(address: IpAddr, ipv4_prefix: u8, ipv6_prefix: u8) -> Self {
        let prefix = match address.to_canonical() {
            IpAddr::V4(_) => MAPPED + ipv4_prefix.min(32),
            IpAddr::V6(_) => ipv6_prefix.min(128),
        };
        Self {
            first: bits(address) & !host_bits(prefix),
            prefix,
        }
    }

    /// The bytes of the first address, of IPv4 mapped into IPv6.
    pub fn first_bytes(self) -> [u8; 16] {
        self.first.to_be_bytes()
    }

    /// The first address.
    pub fn first(self) -> IpAddr {
        Ipv6Addr::from_bits(self.first).to_canonical()
    }

    /// The last address.
    pub fn last(self) -> IpAddr {
        Ipv6Addr::from_bits(self.first | host_bits(self.prefix)).to_canonical()
    }

    /// Whether an address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        bits(address) & !host_bits(self.prefix) == self.first
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The bits that are not the prefix's.
fn host_bits(prefix: u8) -> u128 {
    u128::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let (skipped, longest) = match address {
            IpAddr::V4(_) => (MAPPED, 32),
            IpAddr::V6(_) => (0, 128),
        };
        // `parse` would take a plus sign.
        let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            None => longest,
            Some(text) => Some(text)
                .filter(digits)
                .and_then(|text| text.parse().ok())
                .filter(|&prefix| prefix <= longest)
                .ok_or(InvalidNetwork)?,
        };
        let (first, prefix) = (bits(address), prefix + skipped);
        if first & host_bits(prefix) == 0 {
            Ok(Self { first, prefix })
        } else {
            Err(InvalidNetwork)
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first();
        let skipped = if first.is_ipv4() { MAPPED } else { 0 };
        write!(out, "{first}/{}", self.prefix.saturating_sub(skipped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_range_of_either_family() {
        for (text, first, last) in [
            ("192.0.2.0/24", "192.0.2.0", "192.0.2.255"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            (
                "2001:db8::/32",
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
            ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            let network: Network = text.parse().unwrap();
            let (first, last) = (first.parse().unwrap(), last.parse().unwrap());
            assert_eq!((network.first(), network.last()), (first, last), "{text}");
            assert!(network.contains(first) && network.contains(last), "{text}");
            let again: Network = network.to_string().parse().unwrap();
            assert_eq!(again, network, "{text}");
        }
        let network: Network = "198.51.100.0/25".parse().unwrap();
        assert!(!network.contains([198, 51, 100, 128].into()));
        assert!(network.contains("::ffff:198.51.100.1".parse().unwrap()));
    }

    #[test]
    fn an_address_is_in_the_network_of_its_prefix() {
        let network = |text: &str| Network::of(text.parse().unwrap(), 24, 56);
        assert_eq!(network("192.0.2.9").to_string(), "192.0.2.0/24");
        assert_eq!(
            network("2001:db8:0:1ff::1").to_string(),
            "2001:db8:0:100::/56"
        );
        assert_eq!(network("192.0.2.1"), network("192.0.2.255"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.9"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8::1"), network("2001:db8:0:ff::1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:100::1"));
        let whole = |text: &str| Network::of(text.parse().unwrap(), 32, 128);
        assert_ne!(whole("192.0.2.1"), whole("192.0.2.2"));
        assert_ne!(whole("2001:db8::1"), whole("2001:db8::2"));
        let none = |text: &str| Network::of(text.parse().unwrap(), 0, 0);
        assert_eq!(none("2001:db8::1"), none("::"));
        assert_eq!(none("192.0.2.1"), none("0.0.0.0"));
    }

    #[test]
    fn what_is_not_exactly_a_network_is_refused() {
        for text in [
            "",
            "/",
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.0/+8",
            "192.0.2.0/-1",
            "192.0.2.1/24",
            "192.0.2/24",
            "2001:db8::1/64",
            "::/129",
            "::/0/0",
            "example/8",
            " ::/0",
        ] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text:?}");
        }
    }
}
