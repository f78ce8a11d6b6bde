//! The country of an address, by a `MaxMind` database file.
//!
//! The file is read into memory, once, at start: mapping it would need unsafe code, and a file that
//! is replaced or cut short beneath a mapping takes the process down. A database of countries is
//! about 10 MB.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use maxminddb::{MaxMindDbError, PathElement, Reader};

/// A database of countries.
pub struct Countries(Reader<Vec<u8>>);

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the database of countries {} cannot be read (geo.database)", path.display())]
pub struct OpenError {
    path: PathBuf,
    source: MaxMindDbError,
}

/// Where the country's code stands in the entry of an address.
const CODE: [PathElement<'static>; 2] = [PathElement::Key("country"), PathElement::Key("iso_code")];

impl Countries {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when there is none, or it is no such database.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let reader = Reader::open_readfile(path).map_err(|source| OpenError {
            path: path.to_owned(),
            source,
        })?;
        let kind = &reader.metadata().database_type;
        tracing::info!(path = %path.display(), kind, "read the database of countries");
        Ok(Self(reader))
    }

    /// The country of an address, ISO 3166-1 alpha-2, upper case; none where it is not known.
    pub fn of(&self, ip: IpAddr) -> Option<String> {
        let found = self
            .0
            .lookup(ip)
            .and_then(|entry| entry.decode_path::<&str>(&CODE));
        // An entry that cannot be read, or an IPv6 address in a database of IPv4: not known.
        let code = found.ok().flatten()?;
        let fits = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| code.to_ascii_uppercase())
    }
}

impl std::fmt::Debug for Countries {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Countries")
    }
}
