//! Criteria that sessions are listed and revoked by.
//!
//! What is named must all hold; of several countries one. Country, network and user agent are those
//! of the session's last login or refresh: where it is now, not where it was opened. Of texts that
//! a user agent or a device contains, letters of ASCII are found in upper and lower case, anything
//! else to the letter.

mod written;

pub use written::{InvalidCriterion, Written};

use std::{collections::BTreeSet, fmt, str::FromStr};

use portcullis_shared::{
    ids::{PlanId, SessionId, UserId},
    time::UnixSeconds,
};

use crate::domain::{
    network::Network,
    session::Session,
    user::{Role, Username},
};

/// The text is not a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a country has two letters (ISO 3166-1 alpha-2)")]
pub struct InvalidCountry;

/// A country, ISO 3166-1 alpha-2 in upper case. Codes that networks use beside those, such as `T1`
/// for Tor, are countries too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Country(String);

impl Country {
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Self, InvalidCountry> {
        if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            Err(InvalidCountry)
        }
    }
}

/// The longest [`Fragment`], in characters.
pub const FRAGMENT_LIMIT: usize = 200;

/// The text is not a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text has 1 to {FRAGMENT_LIMIT} characters, none of them for control")]
pub struct InvalidFragment;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment(String);

impl Fragment {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fragment {
    type Err = InvalidFragment;

    fn from_str(text: &str) -> Result<Self, InvalidFragment> {
        let length = text.chars().count();
        if length == 0 || length > FRAGMENT_LIMIT || text.chars().any(char::is_control) {
            return Err(InvalidFragment);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Which sessions; what is `None` or empty is no criterion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Criteria {
    /// Those of this user.
    pub user_id: Option<UserId>,
    /// Those of the user of this name.
    pub username: Option<Username>,
    /// Those of users who have this role now.
    pub role: Option<Role>,
    /// Those that were opened with this client.
    pub client_id: Option<String>,
    /// Those that were last used from one of these countries.
    pub countries: BTreeSet<Country>,
    /// Those that were last used from this network.
    pub network: Option<Network>,
    /// Those whose last user agent contains this.
    pub user_agent: Option<Fragment>,
    /// Those whose device's name contains this.
    pub device: Option<Fragment>,
    /// Those that were opened then or later.
    pub created_after: Option<UnixSeconds>,
    /// Those that were opened before.
    pub created_before: Option<UnixSeconds>,
    /// Those that were last opened or refreshed then or later.
    pub last_used_after: Option<UnixSeconds>,
    /// Those that were last opened or refreshed before.
    pub last_used_before: Option<UnixSeconds>,
}

impl Criteria {
    /// Whether every session meets them.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// For people: `{"countries":["DE"],"role":"editor"}`; `{}` where every session meets them.
impl fmt::Display for Criteria {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&Written::from(self).to_json())
    }
}

/// Which sessions, by whether they are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Those with a token that is still good: not ended, and the refresh token or an access token
    /// has not expired.
    #[default]
    Active,
    /// All others.
    Over,
    /// All.
    Any,
}

impl State {
    /// Whether a session is among them at `now`.
    pub fn includes(self, session: &Session, now: UnixSeconds) -> bool {
        let active = session.is_active(now) || (session.ended.is_none() && now < session.last_exp);
        match self {
            Self::Active => active,
            Self::Over => !active,
            Self::Any => true,
        }
    }
}

/// Which sessions to find, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFilter {
    /// What they must meet.
    pub criteria: Criteria,
    /// Whether they are over.
    pub state: State,
    /// The time for that.
    pub now: UnixSeconds,
    /// Only those that are not in this plan.
    pub outside: Option<PlanId>,
    /// Only those after this one.
    pub after: Option<SessionId>,
    /// At most so many.
    pub limit: u32,
}

impl SessionFilter {
    /// The first sessions that are active at `now`.
    pub fn active(criteria: Criteria, now: UnixSeconds, limit: u32) -> Self {
        Self {
            criteria,
            state: State::Active,
            now,
            outside: None,
            after: None,
            limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_and_fragments_are_checked() {
        assert_eq!("de".parse::<Country>().unwrap().as_str(), "DE");
        for text in ["", "D", "DEU", "D ", "%%", "é"] {
            assert_eq!(text.parse::<Country>(), Err(InvalidCountry), "{text:?}");
        }
        for text in ["", "a\nb", "\0", &"a".repeat(201)] {
            assert_eq!(text.parse::<Fragment>(), Err(InvalidFragment), "{text:?}");
        }
        assert!("é".repeat(200).parse::<Fragment>().is_ok());
    }
}
