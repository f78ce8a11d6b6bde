//! The client's address behind proxies that the settings name, for both halves.
//!
//! Each proxy adds the address that it was asked from at the end of `X-Forwarded-For`, and whoever
//! asked it may have sent it a beginning. So the list is read from its end, from the peer on, for
//! as long as each hop is a trusted one: the first that is not is the client. An entry that is no
//! address ends the walk at the last hop that was good. `Forwarded` (RFC 7239) is not read: a proxy
//! that writes one of the two passes the other on as the client wrote it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The header, in lower case.
pub const FORWARDED_FOR: &str = "x-forwarded-for";

/// More hops than this are nobody's network.
pub const MAX_HOPS: usize = 32;

/// The longest entry: an IPv6 address in brackets, and a port.
const ENTRY_LIMIT: usize = 64;

/// The address that the rightmost hop has which is not trusted. `values` are those of the header,
/// in their order.
///
/// ```
/// use portcullis_shared::forwarded_for::client;
/// let trusted = |ip: std::net::IpAddr| ip.to_string().starts_with("10.");
/// let seen = |list: &str| client([list.as_bytes()], "10.0.0.1".parse().unwrap(), trusted);
/// assert_eq!(seen("203.0.113.66, 192.0.2.7, 10.2.3.4").to_string(), "192.0.2.7");
/// ```
pub fn client<'a, L>(values: L, peer: IpAddr, is_trusted: impl Fn(IpAddr) -> bool) -> IpAddr
where
    L: IntoIterator<Item = &'a [u8], IntoIter: DoubleEndedIterator>,
{
    // Bytes, since whoever writes the beginning may send what is no text, and the end still counts.
    let entries = values
        .into_iter()
        .rev()
        .flat_map(|value| value.rsplit(|byte| *byte == b','));
    let mut hop = peer;
    for entry in entries.take(MAX_HOPS) {
        if !is_trusted(hop) {
            break;
        }
        // Text that is no text is an entry that is no address.
        let Some(ip) = std::str::from_utf8(entry).ok().and_then(address) else {
            break;
        };
        hop = ip;
    }
    hop
}

/// An address, with or without a port; an IPv4 address that is written as an IPv6 one is IPv4.
///
/// ```
/// use portcullis_shared::forwarded_for::address;
/// assert_eq!(address("[::ffff:192.0.2.7]:80"), "192.0.2.7".parse().ok());
/// assert_eq!(address("unknown"), None);
/// ```
pub fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    if entry.len() > ENTRY_LIMIT {
        return None;
    }
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip = match bare {
        Some(ip) => ip.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => entry.parse().ok(),
    };
    let with_port = || entry.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    ip.or_else(with_port).map(|ip| ip.to_canonical())
}
