//! `[log]`: logs.

use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::error::{Checked, invalid};

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: Format,
    /// What is logged: a level, or levels by target such as `info,sqlx=warn`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: Format::Human,
            filter: "info".to_owned(),
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Format {
    /// One line of text.
    Human,
    /// One line of JSON.
    Json,
}

impl TryFrom<String> for Format {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err("must be `human` or `json`"),
        }
    }
}

impl Log {
    pub(super) fn check(&self) -> Checked {
        let refuse = |why| invalid("log.filter", format!("must be a log filter: {why}"));
        // The library takes a misspelt level for a target, and then logs nothing else.
        let level = |word: &str| word.parse::<LevelFilter>().is_ok();
        let bare = |part: &&str| !part.contains('=') && !level(part.trim());
        if let Some(part) = self.filter.split(',').find(bare) {
            return Err(refuse(format!(
                "`{}` is none of off, error, warn, info, debug and trace",
                part.trim()
            )));
        }
        EnvFilter::try_new(&self.filter)
            .map(drop)
            .map_err(|error| refuse(error.to_string()))
    }
}
