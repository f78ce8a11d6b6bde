//! Criteria as they are written: in a request, at the command line, in a stored plan. One place
//! makes values of the texts, and says which of them is off.

use portcullis_shared::time::UnixSeconds;
use serde::{Deserialize, Serialize};

use super::Criteria;

/// The most countries that are taken: more than there are.
const COUNTRIES_LIMIT: usize = 300;

/// The longest `client_id`, in bytes.
const CLIENT_ID_LIMIT: usize = 256;

/// A criterion that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member}: {reason}")]
pub struct InvalidCriterion {
    /// Which one.
    pub member: &'static str,
    /// Why, for people.
    pub reason: String,
}

/// Criteria in words; times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Written {
    /// See [`Criteria::user_id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// See [`Criteria::username`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// See [`Criteria::role`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// See [`Criteria::client_id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// See [`Criteria::countries`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// See [`Criteria::network`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// See [`Criteria::user_agent`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// See [`Criteria::device`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// See [`Criteria::created_after`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_after: Option<i64>,
    /// See [`Criteria::created_before`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_before: Option<i64>,
    /// See [`Criteria::last_used_after`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_after: Option<i64>,
    /// See [`Criteria::last_used_before`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_before: Option<i64>,
}

impl Written {
    /// The values.
    ///
    /// # Errors
    ///
    /// [`InvalidCriterion`], the first that is off.
    pub fn parse(&self) -> Result<Criteria, InvalidCriterion> {
        if self.countries.len() > COUNTRIES_LIMIT {
            return Err(off("countries", format!("at most {COUNTRIES_LIMIT}")));
        }
        let countries = self.countries.iter();
        Ok(Criteria {
            user_id: parsed("user_id", self.user_id.as_deref())?,
            username: parsed("username", self.username.as_deref())?,
            role: parsed("role", self.role.as_deref())?,
            client_id: client_id(self.client_id.as_deref())?,
            countries: countries
                .map(|text| text.parse().map_err(|error| off("countries", error)))
                .collect::<Result<_, _>>()?,
            network: parsed("network", self.network.as_deref())?,
            user_agent: parsed("user_agent", self.user_agent.as_deref())?,
            device: parsed("device", self.device.as_deref())?,
            created_after: self.created_after.map(UnixSeconds),
            created_before: self.created_before.map(UnixSeconds),
            last_used_after: self.last_used_after.map(UnixSeconds),
            last_used_before: self.last_used_before.map(UnixSeconds),
        })
    }

    /// One line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What [`Self::to_json`] wrote; none for any other text.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

fn off(member: &'static str, reason: impl std::fmt::Display) -> InvalidCriterion {
    InvalidCriterion {
        member,
        reason: reason.to_string(),
    }
}

fn parsed<T>(member: &'static str, text: Option<&str>) -> Result<Option<T>, InvalidCriterion>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let value = text.map(str::parse).transpose();
    value.map_err(|error| off(member, error))
}

fn client_id(text: Option<&str>) -> Result<Option<String>, InvalidCriterion> {
    let fits = |text: &str| {
        (1..=CLIENT_ID_LIMIT).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    };
    match text {
        Some(text) if !fits(text) => Err(off("client_id", "not one that a client can have")),
        text => Ok(text.map(str::to_owned)),
    }
}

impl From<&Criteria> for Written {
    fn from(criteria: &Criteria) -> Self {
        let seconds = |time: Option<UnixSeconds>| time.map(|time| time.0);
        Self {
            user_id: criteria.user_id.map(|id| id.to_string()),
            username: criteria.username.as_ref().map(ToString::to_string),
            role: criteria.role.as_ref().map(|role| role.as_str().to_owned()),
            client_id: criteria.client_id.clone(),
            countries: criteria
                .countries
                .iter()
                .map(|country| country.as_str().to_owned())
                .collect(),
            network: criteria.network.map(|network| network.to_string()),
            user_agent: criteria
                .user_agent
                .as_ref()
                .map(|text| text.as_str().to_owned()),
            device: criteria
                .device
                .as_ref()
                .map(|text| text.as_str().to_owned()),
            created_after: seconds(criteria.created_after),
            created_before: seconds(criteria.created_before),
            last_used_after: seconds(criteria.last_used_after),
            last_used_before: seconds(criteria.last_used_before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Written {
        let text = |text: &str| Some(text.to_owned());
        Written {
            user_id: text("BwcHBwcHBwcHBwcHBwcHBw"),
            username: text("ann"),
            role: text("editor"),
            client_id: text("portcullis"),
            countries: vec!["AT".to_owned(), "DE".to_owned()],
            network: text("192.0.2.0/24"),
            user_agent: text("Chrome/120 %"),
            device: text("Ann's téléphone"),
            created_after: Some(1),
            created_before: Some(2),
            last_used_after: Some(3),
            last_used_before: Some(4),
        }
    }

    #[test]
    fn what_is_stored_comes_back() {
        for written in [full(), Written::default()] {
            let criteria = written.parse().unwrap();
            let again = Written::from_json(&criteria.to_string()).unwrap();
            assert_eq!(again, written);
            assert_eq!(again.parse().unwrap(), criteria);
        }
        assert_eq!(Criteria::default().to_string(), "{}");
    }

    #[test]
    fn the_member_that_is_off_is_named() {
        let text = |text: &str| Some(text.to_owned());
        let full = full();
        for (written, member) in [
            (
                Written {
                    user_id: text("ann"),
                    ..full.clone()
                },
                "user_id",
            ),
            (
                Written {
                    username: text("a b"),
                    ..full.clone()
                },
                "username",
            ),
            (
                Written {
                    role: text("a b"),
                    ..full.clone()
                },
                "role",
            ),
            (
                Written {
                    client_id: text(""),
                    ..full.clone()
                },
                "client_id",
            ),
            (
                Written {
                    countries: vec!["DEU".to_owned()],
                    ..full.clone()
                },
                "countries",
            ),
            (
                Written {
                    countries: vec!["DE".to_owned(); 301],
                    ..full.clone()
                },
                "countries",
            ),
            (
                Written {
                    network: text("192.0.2.1/24"),
                    ..full.clone()
                },
                "network",
            ),
            (
                Written {
                    user_agent: text(""),
                    ..full.clone()
                },
                "user_agent",
            ),
            (
                Written {
                    device: text("a\nb"),
                    ..full.clone()
                },
                "device",
            ),
        ] {
            assert_eq!(written.parse().unwrap_err().member, member);
        }
    }
}
