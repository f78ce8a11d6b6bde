//! Where the programs of Postgres are, and whom to run them as.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{find_in_path, output_of};

/// The directory that has `initdb` and `postgres`: from the search path, from `pg_config`, or where
/// Debian keeps them, the newest first.
///
/// # Errors
/// When there is none: the message says how to install one.
pub(in crate::test) fn programs() -> Result<PathBuf> {
    let in_path = find_in_path("initdb")
        // A link may lead to the place where all of them are.
        .and_then(|file| fs::canonicalize(file).ok())
        .and_then(|file| file.parent().map(Path::to_path_buf));
    let configured = find_in_path("pg_config")
        .and_then(|program| output_of(Command::new(program).arg("--bindir")).ok())
        .map(|directory| PathBuf::from(directory.trim()));
    in_path.into_iter().chain(configured).chain(debian()).find(|place| is_complete(place)).context(
        "the tests need Postgres, and neither TEST_POSTGRES_URL is set nor is `initdb` in PATH, \
         known to pg_config or below /usr/lib/postgresql. Install it (Debian, Ubuntu: apt install \
         postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql), or \
         set TEST_POSTGRES_URL=postgres://user@host/database to a server on which databases may \
         be made",
    )
}

fn debian() -> Vec<PathBuf> {
    let Ok(versions) = fs::read_dir("/usr/lib/postgresql") else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, place)| place).collect()
}

fn is_complete(place: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|program| place.join(program).is_file())
}

/// Somebody who is not root.
pub(super) struct Unprivileged {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Whom to be when we are root: `postgres` if its package made it, else `nobody`.
///
/// # Errors
/// When we are root and there is neither.
pub(super) fn unprivileged_user() -> Result<Option<Unprivileged>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
    match ["postgres", "nobody"]
        .iter()
        .find_map(|name| entry(&users, name))
    {
        Some(user) => Ok(Some(user)),
        None => bail!("Postgres does not run as root, and there is no user postgres or nobody"),
    }
}

/// `name:password:uid:gid:…`
fn entry(users: &str, name: &str) -> Option<Unprivileged> {
    let mut fields = users
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| {
            let found = fields.next() == Some(name);
            found.then_some(fields)
        })?;
    fields.next()?;
    Some(Unprivileged {
        uid: fields.next()?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let users = "postgres2:x:1:1::/:/bin/sh\npostgres:x:109:117:admin:/var/lib:/bin/bash\n";
        let user = entry(users, "postgres").unwrap();
        assert_eq!((user.uid, user.gid), (109, 117));
        assert!(entry(users, "nobody").is_none());
    }
}
