//! `[refresh.on_change]`: what becomes of a session that is used from elsewhere.

use serde::{Deserialize, Serialize};

use super::super::error::{Checked, within};
use crate::domain::refresh::{self, MoveRules};

/// What becomes of a session that is used from elsewhere than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnChange {
    /// Another country.
    pub country: Answer,
    /// Another network, by the prefix lengths below. IPv4 and IPv6 are not compared with each
    /// other.
    pub network: Answer,
    /// Another program; an update is none.
    pub user_agent: Answer,
    /// How many bits of an IPv4 address name the network.
    pub network_prefix_v4: u8,
    /// How many bits of an IPv6 address name the network.
    pub network_prefix_v6: u8,
}

/// What a change is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Answer {
    /// Nothing happens.
    Allow,
    /// It is shown on the session and stands in the audit trail.
    Flag,
    /// The session ends.
    End,
}

impl TryFrom<String> for Answer {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "allow" => Ok(Self::Allow),
            "flag" => Ok(Self::Flag),
            "end" => Ok(Self::End),
            _ => Err("must be `allow`, `flag` or `end`"),
        }
    }
}

impl From<Answer> for refresh::OnChange {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Allow => Self::Allow,
            Answer::Flag => Self::Flag,
            Answer::End => Self::End,
        }
    }
}

impl Default for OnChange {
    fn default() -> Self {
        Self {
            country: Answer::Flag,
            network: Answer::Allow,
            user_agent: Answer::Allow,
            network_prefix_v4: 24,
            network_prefix_v6: 48,
        }
    }
}

impl OnChange {
    pub(in crate::settings) fn check(&self) -> Checked {
        let (v4, v6) = (self.network_prefix_v4, self.network_prefix_v6);
        within("refresh.on_change.network_prefix_v4", v4, 1..=32)?;
        within("refresh.on_change.network_prefix_v6", v6, 1..=128)
    }

    /// The rules as the domain takes them.
    pub(in crate::settings) fn rules(&self) -> MoveRules {
        MoveRules {
            country: self.country.into(),
            network: self.network.into(),
            user_agent: self.user_agent.into(),
            prefix_v4: self.network_prefix_v4,
            prefix_v6: self.network_prefix_v6,
        }
    }
}
