//! Where a request came from, as far as the service may believe it.

use std::net::IpAddr;

/// The longest user agent that is kept, in bytes; longer ones are cut.
pub const USER_AGENT_LIMIT: usize = 512;

/// Address, country and user agent of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The client's address: the edge's word on its authenticated channel, else the peer's.
    pub ip: Option<IpAddr>,
    /// ISO 3166-1 alpha-2, upper case; only from the edge's authenticated channel.
    pub country: Option<String>,
    /// The `User-Agent` header, at most [`USER_AGENT_LIMIT`] bytes.
    pub user_agent: Option<String>,
}

impl Context {
    /// The family of the user agent: the browser's name, or the product name of anything else.
    /// It stays the same when the software is updated.
    pub fn family(&self) -> &str {
        self.user_agent.as_deref().map_or("", family)
    }

    /// Whether a request from `other` may be the same program at the same place trying again.
    pub fn resembles(&self, other: &Self) -> bool {
        self.family() == other.family() && self.country == other.country
    }
}

/// Browsers claim to be each other; the first mark found says which one it is.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

fn family(user_agent: &str) -> &str {
    let browser = BROWSERS.iter().find(|(mark, _)| user_agent.contains(mark));
    let product = || user_agent.split(['/', ' ']).next().unwrap_or_default();
    browser.map_or_else(product, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_does_not_change_the_family() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/";
        let edge = format!("{chrome}120.0 Safari/537.36 Edg/120.0");
        assert_eq!(family(&format!("{chrome}119.0 Safari/537.36")), "Chrome");
        assert_eq!(family(&format!("{chrome}120.0 Safari/537.36")), "Chrome");
        assert_eq!(family(&edge), "Edge");
        assert_eq!(family("curl/8.1"), family("curl/8.2"));
        assert_ne!(family("curl/8.1"), family("okhttp/4"));
        assert_eq!(family(""), "");
    }
}
