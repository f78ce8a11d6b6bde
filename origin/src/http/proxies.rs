//! The client's address behind proxies that the settings name: the rule that the edge obeys as well
//! ([`forwarded_for`]), over the headers of a request.

use std::net::IpAddr;

use ipnet::IpNet;
use poem::http::HeaderMap;
use portcullis_shared::forwarded_for::{self, FORWARDED_FOR};

/// The address that the rightmost hop has which `trusted` does not hold.
pub(super) fn client(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let values = headers.get_all(FORWARDED_FOR).iter();
    let values = values.map(poem::http::HeaderValue::as_bytes);
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(&ip));
    forwarded_for::client(values, peer, is_trusted)
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;
    use portcullis_shared::forwarded_for::MAX_HOPS;

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
