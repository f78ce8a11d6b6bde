//! The client's address behind proxies that the settings name.
//!
//! Each proxy adds the address that it was asked from at the end of `X-Forwarded-For`, and whoever
//! asked it may have sent it a beginning. So the list is read from its end, from the peer on, for
//! as long as each hop is a trusted one: the first that is not is the client. An entry that is no
//! address ends the walk at the last hop that was good. `Forwarded` (RFC 7239) is not read: a proxy
//! that writes one of the two passes the other on as the client wrote it.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use poem::http::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// More hops than this are nobody's network.
const MAX_HOPS: usize = 32;

/// The longest entry: an IPv6 address in brackets, and a port.
const ENTRY_LIMIT: usize = 64;

/// The address that the rightmost hop has which `trusted` does not hold.
pub(super) fn client(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(&ip));
    let values = headers.get_all(FORWARDED_FOR).iter().rev();
    // Bytes, since whoever writes the beginning may send what is no text, and the end still counts.
    let entries = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
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

/// An address, with or without a port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    if entry.len() > ENTRY_LIMIT {
        return None;
    }
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip = match bare {
        Some(ip) => ip.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::V6),
        None => entry.parse().ok(),
    };
    let with_port = || entry.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    ip.or_else(with_port).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn seen(peer: &str, lists: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(list).unwrap());
        }
        // Not to be believed, whoever sends it.
        headers.append("forwarded", HeaderValue::from_static("for=203.0.113.66"));
        headers.append("x-real-ip", HeaderValue::from_static("203.0.113.66"));
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().unwrap());
        client(&headers, peer.parse().unwrap(), &trusted).to_string()
    }

    #[test]
    fn the_rightmost_untrusted_hop_is_the_client() {
        for (list, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("203.0.113.66, 192.0.2.7", "192.0.2.7"),
            ("203.0.113.66, 192.0.2.7, 10.2.3.4,10.9.9.9", "192.0.2.7"),
            ("10.5.5.5, 192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:4711, 10.2.3.4:80", "192.0.2.7"),
            ("[2001:db8:7::1]:4711, [2001:db8:1::5]", "2001:db8:7::1"),
            ("::ffff:192.0.2.7, ::ffff:10.1.1.1", "192.0.2.7"),
            // All are trusted: the client is one of them.
            ("10.0.0.9, 10.0.0.8", "10.0.0.9"),
        ] {
            assert_eq!(seen("10.0.0.1", &[list.as_bytes()]), expected, "{list}");
        }
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("2001:db8:1::9", &[b"192.0.2.7"]), "192.0.2.7");
    }

    #[test]
    fn a_peer_that_is_no_trusted_proxy_is_the_client() {
        assert_eq!(seen("192.0.2.200", &[b"203.0.113.66"]), "192.0.2.200");
        assert_eq!(
            seen("192.0.2.200", &[b"203.0.113.66, 10.0.0.1"]),
            "192.0.2.200"
        );
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("203.0.113.66"));
        let peer = "10.0.0.1".parse().unwrap();
        assert_eq!(client(&headers, peer, &[]), peer);
    }

    #[test]
    fn a_malformed_entry_ends_the_walk_at_the_last_good_hop() {
        let long = format!("192.0.2.7, {}1, 10.2.3.4", " ".repeat(100));
        let longer = format!("192.0.2.7, {}, 10.2.3.4", "1".repeat(100));
        for list in [
            b"192.0.2.7, unknown, 10.2.3.4".as_slice(),
            b"192.0.2.7, _hidden, 10.2.3.4",
            b"192.0.2.7, , 10.2.3.4",
            b"192.0.2.7, 192.0.2, 10.2.3.4",
            b"192.0.2.7, 192.0.2.7.7, 10.2.3.4",
            b"192.0.2.7, [10.0.0.1], 10.2.3.4",
            b"192.0.2.7, fe80::1%eth0, 10.2.3.4",
            b"192.0.2.7 198.51.100.9, 10.2.3.4",
            long.as_bytes(),
            longer.as_bytes(),
        ] {
            assert_eq!(seen("10.0.0.1", &[list]), "10.2.3.4", "{list:?}");
        }
        assert_eq!(seen("10.0.0.1", &[b"192.0.2.7,"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[b"192.0.2.7, \xff"]), "10.0.0.1");
    }

    #[test]
    fn a_beginning_that_is_no_text_hides_nobody() {
        assert_eq!(seen("10.0.0.1", &[b"\xff, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(
            seen("10.0.0.1", &[b"\xff", b"192.0.2.7, 10.2.2.2"]),
            "192.0.2.7"
        );
        assert_eq!(seen("10.0.0.1", &[b"192.0.2.7\xff, 10.2.2.2"]), "10.2.2.2");
    }

    #[test]
    fn several_headers_are_one_list_in_their_order() {
        assert_eq!(
            seen("10.0.0.1", &[b"203.0.113.66", b"192.0.2.7"]),
            "192.0.2.7"
        );
        assert_eq!(seen("10.0.0.1", &[b"192.0.2.7", b"10.2.2.2"]), "192.0.2.7");
        assert_eq!(
            seen("10.0.0.1", &[b"192.0.2.7", b"?", b"10.2.2.2"]),
            "10.2.2.2"
        );
    }

    #[test]
    fn a_list_without_end_is_not_followed() {
        let list = format!("192.0.2.7{}", ", 10.2.3.4".repeat(MAX_HOPS));
        assert_eq!(seen("10.0.0.1", &[list.as_bytes()]), "10.2.3.4");
        let list = format!("192.0.2.7{}", ", 10.2.3.4".repeat(MAX_HOPS - 1));
        assert_eq!(seen("10.0.0.1", &[list.as_bytes()]), "192.0.2.7");
    }
}
