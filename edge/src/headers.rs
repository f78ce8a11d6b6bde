//! Header hygiene: which names a client cannot send, what an upstream is told instead, and what an
//! upstream cannot answer.
//!
//! Invariant: a name that is reserved never passes, in whatever spelling a server behind might fold
//! into it (RFC 3875 §4.1.18 makes `_` of `-`).

/// How our cookies begin (RFC 6265bis §4.1.3.2).
const COOKIE_PREFIX: &str = "__host-portcullis";

/// Every name of ours begins so.
const OWN_PREFIX: &str = "portcullis-";

/// Prefixes of names that say where a request comes from, what was asked for at first, or who asks,
/// as proxies tell it to the servers behind them.
const RESERVED_PREFIXES: [&str; 12] = [
    OWN_PREFIX,
    "x-forwarded",
    "x-original-",
    "x-originating-",
    "x-rewrite-",
    "x-remote-",
    "x-envoy-",
    "x-auth-request-",
    "x-client-cert",
    "x-goog-authenticated-user-",
    "x-amzn-oidc-",
    "cf-access-",
];

/// Further names of that kind, and those that change path, host or method.
const RESERVED: [&str; 25] = [
    "x-forward-for",
    "front-end-https",
    "x-scheme",
    "x-url-scheme",
    "x-http-host-override",
    "x-override-url",
    "x-script-name",
    "script-name",
    "path-info",
    "request-uri",
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "client-ip",
    "true-client-ip",
    "fastly-client-ip",
    "proxy-client-ip",
    "wl-proxy-client-ip",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "http-method-override",
    "remote-user",
];

/// The header in which API keys come.
const API_KEY: &str = "x-api-key";

/// Names that are about one connection only (RFC 9110 §7.6.1); `Expect`, which the runtime has met
/// already and whose `100 Continue` it would take for the answer; and `Proxy`, which CGI programs
/// mistake for a setting.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
];

/// Lower case, and whatever is neither letter nor digit read as `-`: some gateways make `_` of all
/// of them.
fn folded(name: &str) -> impl Iterator<Item = char> + '_ {
    name.chars().map(|char| {
        if char.is_ascii_alphanumeric() {
            char.to_ascii_lowercase()
        } else {
            '-'
        }
    })
}

/// Whether a name is this one, which is folded already.
fn is(name: &str, other: &str) -> bool {
    folded(name).eq(other.chars())
}

/// Whether a name begins so.
fn begins(name: &str, prefix: &str) -> bool {
    let mut name = folded(name);
    prefix.chars().all(|char| name.next() == Some(char))
}

/// Whether a client may not send a header of this name to an upstream.
///
/// ```
/// use portcullis_edge::headers::is_reserved;
/// assert!(is_reserved("Portcullis_Subject") && is_reserved("X-Forwarded-For"));
/// assert!(!is_reserved("Accept"));
/// ```
pub fn is_reserved(name: &str) -> bool {
    RESERVED_PREFIXES.iter().any(|prefix| begins(name, prefix))
        || RESERVED.iter().any(|reserved| is(name, reserved))
}

/// Whether a request header is not passed on, be it reserved, about the connection, or the one of API
/// keys in a spelling that the edge does not look for and a server behind might fold into it.
pub fn is_removed_from_requests(name: &str) -> bool {
    is_reserved(name)
        || HOP_BY_HOP.iter().any(|hop| is(name, hop))
        || (is(name, API_KEY) && !name.eq_ignore_ascii_case(API_KEY))
}

/// Whether an upstream may not answer with a header of this name.
pub fn is_removed_from_answers(name: &str) -> bool {
    begins(name, OWN_PREFIX)
}

/// A `Cookie` header without our cookies; `None` when nothing is left. A runtime joins two headers
/// with a comma, so ours may stand behind one.
///
/// ```
/// use portcullis_edge::headers::without_own_cookies;
/// assert_eq!(without_own_cookies("a=1; __Host-portcullis=x; b=2").as_deref(), Some("a=1; b=2"));
/// assert_eq!(without_own_cookies("__Host-portcullis-refresh=x"), None);
/// ```
pub fn without_own_cookies(cookie: &str) -> Option<String> {
    let others: Vec<&str> = cookie
        .split(';')
        .map(str::trim)
        .filter(|pair| !pair.is_empty() && !pair.split(',').any(is_own))
        .collect();
    (!others.is_empty()).then(|| others.join("; "))
}

/// Whether a `Set-Cookie` header would set a cookie of ours.
pub fn sets_own_cookie(set_cookie: &str) -> bool {
    is_own(set_cookie)
}

fn is_own(pair: &str) -> bool {
    let name = pair.split(['=', ';']).next().unwrap_or_default().trim();
    // A browser may fold a nameless cookie's value into a name.
    let name = if name.is_empty() {
        pair.trim_start_matches([' ', '\t', '='])
    } else {
        name
    };
    name.to_ascii_lowercase().starts_with(COOKIE_PREFIX)
}

/// `text` if a header can carry it without being read differently: printable ASCII, no spaces at
/// the ends.
pub fn value(text: &str) -> Option<&str> {
    let fits = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    (fits && !text.is_empty() && text.trim() == text).then_some(text)
}

/// `Cache-Control` for an answer that is one bearer's: what the upstream said, less whatever lets
/// a shared cache keep it.
///
/// ```
/// use portcullis_edge::headers::private;
/// assert_eq!(private(None), "private");
/// assert_eq!(private(Some("public, max-age=60")), "private, max-age=60");
/// assert_eq!(private(Some("no-store")), "private, no-store");
/// ```
pub fn private(cache_control: Option<&str>) -> String {
    let given = cache_control.unwrap_or_default();
    // A quoted list of field names would need a parser; nobody is worse off without caching.
    if given.contains('"') {
        return "private, no-store".to_owned();
    }
    let shared = ["public", "private", "s-maxage", "proxy-revalidate"];
    let kept = given.split(',').map(str::trim).filter(|directive| {
        let name = directive.split('=').next().unwrap_or_default().trim();
        !name.is_empty()
            && !shared
                .iter()
                .any(|shared| shared.eq_ignore_ascii_case(name))
    });
    std::iter::once("private")
        .chain(kept)
        .collect::<Vec<_>>()
        .join(", ")
}

/// `Cache-Control` for an answer to a link that works for `max_age` seconds more: as [`private`],
/// and no longer than that. What the upstream says nothing about may be kept so long, where it is
/// the answer that was wished for (`is_success`).
///
/// ```
/// use portcullis_edge::headers::private_for;
/// assert_eq!(private_for(None, 60, true), "private, max-age=60");
/// assert_eq!(private_for(Some("public, max-age=600"), 60, true), "private, max-age=60");
/// assert_eq!(private_for(Some("no-store"), 60, true), "private, no-store");
/// assert_eq!(private_for(None, 60, false), "private, no-cache");
/// ```
pub fn private_for(cache_control: Option<&str>, max_age: i64, is_success: bool) -> String {
    let private = private(cache_control);
    let directive = |piece: &str| {
        piece
            .split('=')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let pieces = || private.split(", ");
    if pieces().any(|piece| ["no-store", "no-cache"].contains(&directive(piece).as_str())) {
        return private;
    }
    let lifetimes = ["max-age", "stale-while-revalidate", "stale-if-error"];
    let kept = pieces().filter(|piece| !lifetimes.contains(&directive(piece).as_str()));
    let own = pieces().filter(|piece| directive(piece) == "max-age");
    let own = own.map(|piece| {
        piece
            .split_once('=')
            .and_then(|(_, text)| text.parse::<u32>().ok())
    });
    let own = own.map(|seconds| i64::from(seconds.unwrap_or(0))).min();
    let lifetime = match own {
        Some(seconds) => format!("max-age={}", max_age.min(seconds)),
        None if is_success => format!("max-age={max_age}"),
        None => "no-cache".to_owned(),
    };
    kept.chain([lifetime.as_str()])
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reserved_names_are_known_in_every_spelling() {
        for name in [
            "portcullis-subject",
            "PORTCULLIS-PROOF",
            "Portcullis_Subject",
            "portcullis.roles",
            "Portcullis_Edge.Secret",
            "forwarded",
            "Forwarded",
            "x-forwarded",
            "x-forwarded-for",
            "X_Forwarded_Host",
            "x.forwarded.proto",
            "x-real-ip",
            "x_real_ip",
            "x-original-url",
            "x-original-host",
            "x-rewrite-url",
            "x-http-method-override",
            "x_http_method_override",
            "X-HTTP-Method",
            "x-method-override",
            "true-client-ip",
            "portcullis~subject",
            "Portcullis!Roles",
            "x|forwarded'for",
            "Script_Name",
            "X-Remote-Addr",
            "CF-Access-Authenticated-User-Email",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in [
            "accept",
            "authorization",
            "cookie",
            "x-requested-with",
            "portcullis",
            "content-type",
            "range",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
        assert!(is_removed_from_requests("Connection") && is_removed_from_requests("proxy"));
        assert!(!is_removed_from_requests("upgrade"));
        assert!(is_removed_from_requests("x_api_key") && is_removed_from_requests("X.API-Key"));
        assert!(
            !is_removed_from_requests("X-API-Key"),
            "that is looked into"
        );
    }

    #[test]
    fn our_cookies_stay_here() {
        assert_eq!(
            without_own_cookies("__HOST-Portcullis=1;a=2").as_deref(),
            Some("a=2")
        );
        assert_eq!(
            without_own_cookies("x=__Host-portcullis").as_deref(),
            Some("x=__Host-portcullis")
        );
        assert!(sets_own_cookie(
            "__Host-portcullis-session=x; Path=/; Secure"
        ));
        assert!(sets_own_cookie(" __host-portcullis =x"));
        assert!(sets_own_cookie("=__Host-portcullis=x"));
        assert!(!sets_own_cookie("theme=dark"));
    }

    #[test]
    fn private_is_never_weaker_than_what_the_upstream_said() {
        assert_eq!(
            private(Some("no-cache, s-maxage=9, PUBLIC")),
            "private, no-cache"
        );
        assert_eq!(
            private(Some("private=\"set-cookie\", max-age=5")),
            "private, no-store"
        );
        assert_eq!(private(Some("")), "private");
    }

    #[test]
    fn an_answer_to_a_link_is_kept_no_longer_than_the_link_works() {
        for (said, told) in [
            ("max-age=30", "private, max-age=30"),
            ("MAX-AGE=600, immutable", "private, immutable, max-age=60"),
            ("max-age=600, max-age=5", "private, max-age=5"),
            ("max-age=\"600\"", "private, no-store"),
            ("max-age=forever", "private, max-age=0"),
            ("max-age=-1", "private, max-age=0"),
            (
                "max-age=600, stale-while-revalidate=9999",
                "private, max-age=60",
            ),
            ("private, no-cache", "private, no-cache"),
            (
                "s-maxage=600, must-revalidate",
                "private, must-revalidate, max-age=60",
            ),
        ] {
            assert_eq!(private_for(Some(said), 60, true), told, "{said}");
        }
        assert_eq!(
            private_for(Some("max-age=5"), 60, false),
            "private, max-age=5"
        );
    }

    #[test]
    fn a_value_that_would_break_a_header_is_none() {
        assert_eq!(value("a b"), Some("a b"));
        for text in ["", " a", "a\r\nX: y", "a\u{0}", "ä", "a\t"] {
            assert_eq!(value(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_spelling_of_a_reserved_name_passes(
            name in "(portcullis-|x-forwarded-|x-original-)[a-z]{1,8}|forwarded|x-real-ip|x-http-method-override",
            noise in proptest::collection::vec(0..4_u8, 40),
        ) {
            let spelt: String = name.chars().zip(noise).map(|(char, noise)| match (char, noise) {
                ('-', 1) => '_',
                ('-', 2) => '.',
                (char, 3) => char.to_ascii_uppercase(),
                (char, _) => char,
            }).collect();
            prop_assert!(is_reserved(&spelt));
        }
    }
}
