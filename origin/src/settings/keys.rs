//! `[keys]`: the keys that sign, and the key that seals them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::{Checked, invalid, within};

/// The keys that sign, and the key that seals them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// The file of master keys; made at the first start, readable by its owner alone. It belongs
    /// to the backup, but not next to the database.
    pub master_key_file: PathBuf,
    /// For how many seconds a new signing key is published before it signs. Verifiers that keep keys
    /// for longer than that do not know it when its first token comes, and have to look for it.
    pub publish_before: i64,
    /// After how many seconds of signing a new key is made; 0: only when asked to.
    pub rotate_every: i64,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            master_key_file: PathBuf::from("data/master.key"),
            publish_before: 900,
            rotate_every: 30 * 24 * 60 * 60,
        }
    }
}

impl Keys {
    pub(super) fn check(&self) -> Checked {
        if self.master_key_file.as_os_str().is_empty() {
            return Err(invalid("keys.master_key_file", "must be a path"));
        }
        within(
            "keys.publish_before",
            self.publish_before,
            1..=7 * 24 * 60 * 60,
        )?;
        within(
            "keys.rotate_every",
            self.rotate_every,
            0..=366 * 24 * 60 * 60,
        )?;
        if self.rotate_every > 0 && self.publish_before >= self.rotate_every {
            return Err(invalid(
                "keys.publish_before",
                "must be below keys.rotate_every",
            ));
        }
        Ok(())
    }
}
