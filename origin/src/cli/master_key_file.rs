//! The file of master keys: read, or made at the first start.
//!
//! It is made readable by its owner alone, and appears whole or not at all: of several processes
//! that start at once one makes it, and all read the same.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::domain::{
    entropy::{self, Entropy, EntropyError},
    master_key::{MasterKeyError, MasterKeys},
};

/// Why there are no master keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// It cannot be read.
    #[error("the master key file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be made.
    #[error("the master key file {} cannot be made", path.display())]
    Unmade {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not there, and the database's keys were sealed with one.
    #[error(
        "the master key file {} is missing, and the signing keys in the database were sealed with \
         it: put it back, or name it by keys.master_key_file", .0.display()
    )]
    Missing(PathBuf),
    /// It is not a key file.
    #[error("the master key file {} is not valid", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: MasterKeyError,
    },
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Reads the file, and makes it first where it is missing, unless something has been `sealed` with
/// one.
pub(super) fn open(path: &Path, sealed: bool, entropy: &dyn Entropy) -> Result<MasterKeys, Error> {
    let unmade = |source| Error::Unmade {
        path: path.to_owned(),
        source,
    };
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && sealed => {
            return Err(Error::Missing(path.to_owned()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(path, &MasterKeys::generate_file(entropy)?, entropy)?.map_err(unmade)?;
            tracing::warn!(
                ?path,
                "made a new master key; keep a copy of it apart from the database"
            );
            fs::read_to_string(path)
        }
        read => read,
    };
    let text = text.map(Zeroizing::new);
    let text = text.map_err(|source| Error::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    warn_if_shared(path);
    MasterKeys::parse(&text).map_err(|source| Error::Malformed {
        path: path.to_owned(),
        source,
    })
}

/// Writes the file under another name and links it to its own, which fails where it exists.
fn make(path: &Path, text: &str, entropy: &dyn Entropy) -> Result<io::Result<()>, EntropyError> {
    let suffix = u64::from_le_bytes(entropy::random(entropy)?);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{suffix:016x}"));
    let draft = PathBuf::from(name);
    let made = write(path, &draft, text);
    let _ = fs::remove_file(&draft);
    Ok(match made {
        // Another process was faster; its keys count.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    })
}

fn write(path: &Path, draft: &Path, text: &str) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::hard_link(draft, path)?;
    // The name is to survive a power cut as well: without the key the database is worth little.
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn warn_if_shared(path: &Path) {
    let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        tracing::warn!(
            ?path,
            "others than its owner may read the master key file: chmod 600"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::OsEntropy;

    #[test]
    fn the_file_is_made_once_and_for_its_owner_alone() {
        let folder = std::env::temp_dir().join(format!("portcullis-key-{}", std::process::id()));
        let path = folder.join("deep/master.key");
        let first = open(&path, false, &OsEntropy).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            make(&path, "other", &OsEntropy)
                .unwrap()
                .map_err(|error| error.kind()),
            Ok(())
        );
        assert_eq!(
            open(&path, true, &OsEntropy).unwrap().current_id(),
            first.current_id()
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        fs::remove_file(&path).unwrap();
        let missing = open(&path, true, &OsEntropy).unwrap_err();
        assert!(matches!(missing, Error::Missing(_)), "{missing:?}");
        fs::remove_dir_all(folder).unwrap();
    }
}
