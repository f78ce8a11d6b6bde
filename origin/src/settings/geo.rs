//! `[geo]`: which country an address is in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which country an address is in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Geo {
    /// A `MaxMind` database of countries or cities (`.mmdb`), for requests whose country the edge
    /// does not tell. It is read into memory at start. Empty: none.
    pub database: PathBuf,
}

impl Geo {
    /// The file, if there is one.
    pub fn file(&self) -> Option<&std::path::Path> {
        Some(self.database.as_path()).filter(|path| !path.as_os_str().is_empty())
    }
}
