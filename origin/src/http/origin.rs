//! Where a request came from, as far as that can be believed.
//!
//! The edge's word counts where it shows the shared secret. Otherwise the peer's address does, or
//! behind proxies that the settings name, the one that they saw ([`super::proxies`]). No other
//! forwarding header is ever looked at, since whoever sends a request can write any.

use std::net::IpAddr;

use poem::{
    Addr, FromRequest, Request, RequestBody, Result,
    http::{HeaderMap, header},
};
use subtle::ConstantTimeEq;

use super::{bearer::service, proxies, service::Places};
use crate::domain::context::{Context, USER_AGENT_LIMIT};

const EDGE_SECRET: &str = "portcullis-edge-secret";
const CLIENT_IP: &str = "portcullis-client-ip";
const CLIENT_COUNTRY: &str = "portcullis-client-country";

/// Where a request came from.
#[derive(Debug)]
pub(crate) struct From(pub Context);

impl<'a> FromRequest<'a> for From {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        let service = service(request)?;
        let peer = match &request.remote_addr().0 {
            Addr::SocketAddr(address) => Some(address.ip().to_canonical()),
            Addr::Unix(_) | Addr::Custom(..) => None,
        };
        let secret = service.edge_secret.expose();
        Ok(Self(context(
            request.headers(),
            peer,
            secret,
            &service.places,
        )))
    }
}

fn context(
    headers: &HeaderMap,
    peer: Option<IpAddr>,
    secret: Option<&str>,
    places: &Places,
) -> Context {
    let user_agent = headers.get(header::USER_AGENT);
    let user_agent =
        user_agent.map(|value| cut(String::from_utf8_lossy(value.as_bytes()).into_owned()));
    if !is_edge(headers, secret) {
        let ip = peer.map(|peer| proxies::client(headers, peer, &places.trusted_proxies));
        return Context {
            ip,
            country: ip.and_then(|ip| places.country(ip)),
            user_agent,
        };
    }
    let word = |name| single(headers, name);
    let ip = word(CLIENT_IP).and_then(|text| text.parse::<IpAddr>().ok());
    let ip = ip.map(|ip| ip.to_canonical());
    let country = word(CLIENT_COUNTRY)
        .filter(|text| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .map(str::to_ascii_uppercase);
    Context {
        ip: ip.or(peer),
        country: country.or_else(|| ip.and_then(|ip| places.country(ip))),
        user_agent,
    }
}

fn is_edge(headers: &HeaderMap, secret: Option<&str>) -> bool {
    let (Some(secret), Some(shown)) = (secret, single(headers, EDGE_SECRET)) else {
        return false;
    };
    secret.as_bytes().ct_eq(shown.as_bytes()).into()
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    value.to_str().ok()
}

fn cut(mut text: String) -> String {
    let end = (0..=USER_AGENT_LIMIT)
        .rev()
        .find(|&index| text.is_char_boundary(index));
    text.truncate(end.unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use poem::http::{HeaderName, HeaderValue};

    use super::*;

    const SECRET: &str = "a-secret-of-the-edge";

    fn seen(pairs: &[(&'static str, &str)], secret: Option<&str>) -> Context {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let places = Places {
            trusted_proxies: vec!["203.0.113.0/24".parse().unwrap()],
            ..Places::default()
        };
        context(&headers, "192.0.2.1".parse().ok(), secret, &places)
    }

    #[test]
    fn only_who_shows_the_secret_is_believed() {
        let word = [(CLIENT_IP, "::ffff:198.51.100.7"), (CLIENT_COUNTRY, "ch")];
        let with = |secret| [&word[..], &[(EDGE_SECRET, secret)]].concat();
        let peer: Option<IpAddr> = "192.0.2.1".parse().ok();

        let believed = seen(&with(SECRET), Some(SECRET));
        assert_eq!(believed.ip, "198.51.100.7".parse().ok());
        assert_eq!(believed.country.as_deref(), Some("CH"));

        for context in [
            seen(&word, Some(SECRET)),
            seen(&with("another-secret-there"), Some(SECRET)),
            seen(&with(""), Some(SECRET)),
            seen(&with(SECRET), None),
            seen(&with(""), None),
            seen(
                &[&with(SECRET)[..], &[(EDGE_SECRET, SECRET)]].concat(),
                Some(SECRET),
            ),
            seen(
                &[
                    ("x-forwarded-for", "198.51.100.7"),
                    ("forwarded", "for=198.51.100.7"),
                ],
                Some(SECRET),
            ),
        ] {
            assert_eq!((context.ip, context.country), (peer, None));
        }
    }

    #[test]
    fn a_long_user_agent_is_cut_between_characters() {
        let long = format!("{}é", "a".repeat(USER_AGENT_LIMIT - 1));
        assert_eq!(cut(long).len(), USER_AGENT_LIMIT - 1);
        assert_eq!(cut("short".to_owned()), "short");
    }
}
