//! `[refresh]`: refresh tokens and the sessions that they belong to.

mod on_change;

pub use on_change::{Answer, OnChange};

use serde::{Deserialize, Serialize};

use super::{
    error::{Checked, SettingsError, invalid, within},
    tokens::Tokens,
};

const DAY: i64 = 24 * 60 * 60;

/// The longest window, in seconds.
const WINDOW_MAX: i64 = 300;

/// Refresh tokens and sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Refresh {
    /// For how many seconds after its use a refresh token gives the same successor again.
    pub window: i64,
    /// How often it does so within the window.
    pub max_replays: u32,
    /// How often a client whose answer was lost may try again after the window.
    pub max_late_retries: u32,
    /// After how many seconds without use a session is over.
    pub idle_lifetime: i64,
    /// After how many seconds a session is over in any case.
    pub absolute_lifetime: i64,
    /// What becomes of a session that is used from elsewhere.
    pub on_change: OnChange,
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            window: 30,
            max_replays: 100,
            max_late_retries: 10,
            idle_lifetime: 30 * DAY,
            absolute_lifetime: 180 * DAY,
            on_change: OnChange::default(),
        }
    }
}

impl Refresh {
    pub(super) fn check(&self, tokens: &Tokens) -> Checked {
        self.check_window(tokens)
            .map_err(|reason| invalid("refresh.window", reason))?;
        within("refresh.max_replays", self.max_replays, 0..=100_000)?;
        within("refresh.max_late_retries", self.max_late_retries, 0..=1000)?;
        within("refresh.idle_lifetime", self.idle_lifetime, 1..=3660 * DAY)?;
        within(
            "refresh.absolute_lifetime",
            self.absolute_lifetime,
            1..=3660 * DAY,
        )?;
        if self.idle_lifetime > self.absolute_lifetime {
            return Err(idle_beyond_absolute());
        }
        self.on_change.check()
    }

    /// A replay's access token expires no later than the first one's, so the window must end
    /// before that does.
    fn check_window(&self, tokens: &Tokens) -> Result<(), String> {
        if (1..=WINDOW_MAX).contains(&self.window) && self.window < tokens.lifetime {
            return Ok(());
        }
        Err(format!(
            "must be between 1 and {WINDOW_MAX}, and below tokens.lifetime ({}), not {}",
            tokens.lifetime, self.window
        ))
    }
}

fn idle_beyond_absolute() -> SettingsError {
    invalid(
        "refresh.idle_lifetime",
        "must not be above refresh.absolute_lifetime",
    )
}
