//! Where a request came from, as far as the service may believe it.

use std::net::IpAddr;

use crate::domain::user_agent;

/// The longest user agent that is kept, in bytes; longer ones are cut.
pub const USER_AGENT_LIMIT: usize = 512;

/// The code of a country as it is kept: ISO 3166-1 alpha-2, upper case, or one of a platform's own
/// such as `T1`, Cloudflare's for Tor. None for what stands for no country, `XX` and `ZZ`, or is no
/// code.
pub fn known_country(code: &str) -> Option<String> {
    let fits = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let code = code.to_ascii_uppercase();
    (fits && !["XX", "ZZ"].contains(&code.as_str())).then_some(code)
}

/// Address, country and user agent of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The client's address: the edge's word on its authenticated channel, else that of a proxy
    /// which the settings trust, else the peer's.
    pub ip: Option<IpAddr>,
    /// A [`known_country`]: the edge's word on its authenticated channel, else what the database of
    /// countries says of the address.
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

    /// Whether a request from `other` may be the same program at the same place trying again. A
    /// country that is not known is no other one.
    pub fn resembles(&self, other: &Self) -> bool {
        let countries = self.country.as_ref().zip(other.country.as_ref());
        countries.is_none_or(|(one, other)| one == other) && self.is_program_of(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_no_country_is_none() {
        for (code, country) in [
            ("DE", Some("DE")),
            ("ch", Some("CH")),
            ("T1", Some("T1")),
            ("XX", None),
            ("xx", None),
            ("ZZ", None),
            ("", None),
            ("D", None),
            ("DEU", None),
            ("D-", None),
            ("é", None),
        ] {
            assert_eq!(known_country(code).as_deref(), country, "{code}");
        }
    }

    #[test]
    fn an_unknown_country_is_no_difference_and_another_program_is() {
        let from = |country: Option<&str>, program: &str| Context {
            ip: None,
            country: country.map(str::to_owned),
            user_agent: Some(program.to_owned()),
        };
        let (home, curl) = (from(Some("DE"), "curl/8"), "curl/9");
        for (other, expected) in [
            (from(Some("DE"), curl), true),
            (from(None, curl), true),
            (from(Some("FR"), curl), false),
            (from(Some("T1"), curl), false),
            (from(None, "okhttp/4"), false),
            (from(Some("DE"), "okhttp/4"), false),
        ] {
            assert_eq!(home.resembles(&other), expected, "{other:?}");
            assert_eq!(other.resembles(&home), expected, "{other:?}");
        }
    }
}
