//! Files that the process may have open: each connection is one. Where the system allows fewer than
//! the settings, fewer connections are taken, so that the database never lacks one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::settings::Settings;

/// Files for everything but connections of clients and of the database.
const OTHERS: u64 = 64;

/// Files for one connection of the database: `SQLite` has a database, its log and the log's index.
const PER_DATABASE_CONNECTION: u64 = 4;

/// For how many clients' connections there is room: as many as the settings say, or fewer. Asks the
/// system for it.
pub(super) fn connections(settings: &Settings) -> u32 {
    let wanted = settings.server.max_connections;
    let database = u64::from(settings.database.max_connections) * PER_DATABASE_CONNECTION;
    let others = OTHERS + database;
    let room = room_for(u64::from(wanted) + others);
    let possible = fitting(wanted, room, others);
    if possible < wanted {
        tracing::warn!(
            possible,
            wanted,
            "there is room for fewer connections than server.max_connections: the limit of open \
             files (ulimit -n) is too low"
        );
    }
    possible
}

/// How many files may be open, after asking for `needed`.
fn room_for(needed: u64) -> u64 {
    let now = getrlimit(Resource::Nofile);
    let current = now.current.unwrap_or(u64::MAX);
    if current >= needed {
        return current;
    }
    let raised = Rlimit {
        current: Some(now.maximum.map_or(needed, |most| most.min(needed))),
        maximum: now.maximum,
    };
    // A system that refuses leaves the limit as it is.
    let _refused = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many connections fit in what the others leave; at least one.
fn fitting(wanted: u32, room: u64, others: u64) -> u32 {
    let left = u32::try_from(room.saturating_sub(others)).unwrap_or(u32::MAX);
    wanted.min(left).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_what_the_others_leave() {
        assert_eq!(fitting(10_000, 20_000, 96), 10_000);
        assert_eq!(fitting(10_000, 1024, 96), 928);
        assert_eq!(fitting(10_000, 50, 96), 1);
        assert_eq!(fitting(10_000, u64::MAX, 96), 10_000);
    }
}
