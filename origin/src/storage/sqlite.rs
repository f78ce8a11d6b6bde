//! SQLite: one writer takes all changes, a pool of read-only connections serves the rest.

mod file;
mod together;
mod writer;

use std::{io, path::Path, sync::Mutex, time::Duration};

use sqlx::{
    ConnectOptions as _, Pool, Sqlite, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::task::JoinHandle;

use super::{
    changes::{ChangeSession, Outcome},
    driver::{Driver, Work},
    engine::Engine,
    fault::Fault,
};
use together::ChangeSessions;
use writer::Queue;

impl Engine for Sqlite {
    const HOLDS_ROWS: bool = false;
    const FOLDS_BY_LOCALE: bool = false;
    const READ_TIME: &'static str = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM feed";
    // There is one writer at a time: whatever has a smaller number than what is visible is too.
    const AUDIT_HORIZON: &'static str = "SELECT coalesce(max(id), 0), '' FROM audit_events";
}

/// How long a statement waits for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a caller waits for a connection to read with.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// The result code of a file that another process holds.
const SQLITE_BUSY: u32 = 5;

/// How often, and with what pauses, a file that others hold is tried to be opened.
const OPEN_TRIES: u32 = 100;
const OPEN_PAUSE: Duration = Duration::from_millis(50);

/// Storage on SQLite.
pub(super) struct SqliteDriver {
    readers: Pool<Sqlite>,
    queue: Queue,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// How the file is opened to be written to. With `synchronous = FULL` a commit is on the disk
/// before it is answered; with less, a power cut could bring back a spent refresh token.
fn writing(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
}

/// Makes the file, readable for its owner alone, and the folder that it is in, where they are
/// missing.
pub(super) fn create(path: &Path) -> io::Result<()> {
    file::create(path)
}

/// Opens the file to write to it. To make a new file one with WAL needs it for a moment alone, for
/// which SQLite does not wait by itself; of several processes that start at once the others try
/// again.
pub(super) async fn open(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = writing(path);
    let mut tries = 0;
    loop {
        match options.connect().await {
            Err(error) if tries < OPEN_TRIES && is_busy(&error) => tries += 1,
            result => return result,
        }
        tokio::time::sleep(OPEN_PAUSE).await;
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| {
        code.parse::<u32>()
            .is_ok_and(|code| code & 0xff == SQLITE_BUSY)
    })
}

impl SqliteDriver {
    /// Opens the file, with at most so many connections that read at a time.
    pub(super) async fn connect(path: &Path, max_connections: u32) -> Result<Self, sqlx::Error> {
        let options = writing(path);
        let (queue, writer) = writer::start(open(path).await?, options);
        let reading = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("trusted_schema", "OFF");
        let readers = SqlitePoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(reading)
            .await?;
        Ok(Self {
            readers,
            queue,
            writer: Mutex::new(Some(writer)),
        })
    }
}

impl Driver for SqliteDriver {
    type Db = Sqlite;

    /// There is one writer.
    const LANES: usize = 1;

    fn readers(&self) -> &Pool<Sqlite> {
        &self.readers
    }

    async fn write<W: Work<Sqlite>>(&self, work: W) -> Result<W::Output, Fault> {
        self.queue.run(work).await
    }

    async fn change_sessions(&self, changes: Vec<ChangeSession>) -> Result<Vec<Outcome>, Fault> {
        let results = self.write(ChangeSessions(changes)).await?;
        Ok(results.into_iter().map(Outcome::Done).collect())
    }

    async fn close(&self) {
        self.queue.close();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        self.readers.close().await;
        if let Some(writer) = writer {
            // An error would say that the writer panicked; its transaction is gone either way.
            let _ended = writer.await;
        }
    }
}
