//! What can go wrong in storage, and the one place that decides whether trying again may help.

use std::{future::Future, sync::Arc, time::Duration};

use sqlx::{error::DatabaseError, postgres::PgDatabaseError};

use crate::domain::store::StoreError;

/// For how long a read, or a change on Postgres, may keep its caller waiting. Statements and locks
/// have shorter limits of their own; this one is for a server that does not answer at all.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why storage did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The engine or the way to it.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The transaction that the change shared with others was not committed.
    #[error("the transaction was lost")]
    Lost(#[source] Arc<sqlx::Error>),
    /// What was done together with others failed for all.
    #[error("what was done together failed")]
    Shared(#[source] Arc<Fault>),
    /// More changes are waiting for the writer than it may keep waiting.
    #[error("too many changes are waiting")]
    Overloaded,
    /// Storage has been closed.
    #[error("storage is closed")]
    Closed,
    /// No answer in time.
    #[error("the database did not answer in time")]
    TimedOut,
    /// A column with something else than what this version writes.
    #[error("a column does not hold {0}")]
    Unreadable(&'static str),
    /// Others changed the same rows too often meanwhile.
    #[error("others were always faster")]
    Contended,
    /// The decision, or code under it, panicked; its transaction was rolled back.
    #[error("a change panicked")]
    Panicked,
}

impl Fault {
    /// Whether trying again later may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Database(error) => may_pass(error),
            Self::Shared(fault) => fault.may_pass(),
            Self::Lost(_) | Self::Overloaded | Self::Closed | Self::TimedOut | Self::Contended => {
                true
            }
            Self::Unreadable(_) | Self::Panicked => false,
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        if fault.may_pass() {
            Self::Unavailable(fault.into())
        } else {
            Self::Broken(fault.into())
        }
    }
}

/// Waits for `work`, but not for ever.
pub(super) async fn within_patience<T>(
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or(Err(Fault::TimedOut))
}

/// Whether trying again later may help.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            if is_postgres(&**error) {
                postgres_may_pass(&code)
            } else {
                sqlite_may_pass(&code)
            }
        }
        _ => false,
    }
}

fn is_postgres(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<PgDatabaseError>().is_some()
}

/// By SQLSTATE (appendix A of the manual): the connection (08), a rollback for the sake of
/// others (40), resources (53), an operator or a timeout (57), the system (58), a lock that was
/// not free (55P03), an idle transaction that was ended (25P03), a server that takes no writes
/// because another took over (25006).
fn postgres_may_pass(code: &str) -> bool {
    ["08", "40", "53", "57", "58"]
        .iter()
        .any(|class| code.starts_with(class))
        || ["55P03", "25P03", "25006"].contains(&code)
}

/// By the lower byte of the result code (<https://www.sqlite.org/rescode.html>): BUSY, LOCKED,
/// NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL.
fn sqlite_may_pass(code: &str) -> bool {
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 5..=10 | 13..=15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_is_broken() {
        for code in [
            "08006", "40001", "40P01", "53300", "55P03", "57P01", "57014", "58030", "25006",
        ] {
            assert!(postgres_may_pass(code), "{code}");
        }
        for code in ["23505", "23514", "42601", "42P01", "22021", "25P02"] {
            assert!(!postgres_may_pass(code), "{code}");
        }
        // BUSY, BUSY_SNAPSHOT, IOERR_FSYNC, FULL; then ERROR, CORRUPT, CONSTRAINT_UNIQUE, NOTADB.
        for code in ["5", "517", "1034", "13"] {
            assert!(sqlite_may_pass(code), "{code}");
        }
        for code in ["1", "11", "2067", "26", ""] {
            assert!(!sqlite_may_pass(code), "{code}");
        }
    }
}
