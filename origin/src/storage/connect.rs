//! From a database's URL to storage that is ready.

use std::{
    io,
    path::{self, PathBuf},
    sync::Arc,
};

use sqlx::{
    ConnectOptions as _, Connection as _, Postgres, Sqlite, migrate::MigrateError,
    postgres::PgConnectOptions,
};

use super::{
    fault::Fault,
    migrations::{self, TooNew},
    postgres::PostgresDriver,
    sqlite::{self, SqliteDriver},
    store::SqlStore,
};
use crate::domain::store::Store;

/// Why there is no storage.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL names no database that is supported.
    #[error("a database's URL begins with `sqlite:` or `postgres://`")]
    UnknownEngine,
    /// A database that would be gone with the process, or whose sharing we do not control.
    #[error("`sqlite:` is followed by the path of a file, and by no parameters")]
    NotAFile,
    /// The file or its folder could not be made.
    #[error("the database's file {} cannot be made", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database does not answer, or does not let us in.
    #[error("cannot connect to the database")]
    Connect(#[from] sqlx::Error),
    /// The tables could not be brought up to date.
    #[error("cannot bring the database's tables up to date")]
    Migrate(#[from] MigrateError),
    /// The program is older than the database allows.
    #[error("the database is too new for this program")]
    TooNew(#[from] TooNew),
}

impl From<Fault> for ConnectError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Database(error) => Self::Connect(error),
            other => Self::Connect(sqlx::Error::Decode(other.into())),
        }
    }
}

/// Which database a URL names.
enum Place {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Place {
    fn of(url: &str) -> Result<Self, ConnectError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains(['?', '#']) || path.starts_with(":memory:") {
                return Err(ConnectError::NotAFile);
            }
            // Absolute, hence never one of SQLite's own `file:` URIs.
            let made = |source| ConnectError::File {
                path: path.into(),
                source,
            };
            return path::absolute(path).map(Self::Sqlite).map_err(made);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(Box::new(url.parse()?)));
        }
        Err(ConnectError::UnknownEngine)
    }

    /// Brings the tables up to date. Of several processes that start at once one does it, and the
    /// others wait.
    async fn migrate(&self) -> Result<(), ConnectError> {
        match self {
            Self::Sqlite(path) => migrate_sqlite(path).await,
            Self::Postgres(options) => {
                // A connection without the limits of the service's: a step may take its time.
                // sqlx holds an advisory lock meanwhile.
                let mut connection = options.connect().await?;
                migrations::run(migrations::POSTGRES, &mut connection).await?;
                migrations::check::<Postgres>(migrations::POSTGRES, &mut connection).await??;
                Ok(connection.close().await?)
            }
        }
    }
}

/// Connects to the database of this URL and brings its tables up to date: `sqlite:` and a path, or
/// `postgres://`. At most `max_connections` connections are open at a time, on SQLite not counting
/// the one that writes.
///
/// # Errors
///
/// [`ConnectError`]. No message holds the URL, in which a password may stand.
pub async fn connect(url: &str, max_connections: u32) -> Result<Arc<dyn Store>, ConnectError> {
    let place = Place::of(url)?;
    place.migrate().await?;
    Ok(match place {
        Place::Sqlite(path) => Arc::new(SqlStore::new(
            SqliteDriver::connect(&path, max_connections).await?,
        )),
        Place::Postgres(options) => Arc::new(SqlStore::new(
            PostgresDriver::connect(*options, max_connections).await?,
        )),
    })
}

/// Brings the tables of the database of this URL up to date, as [`connect`] does too.
///
/// # Errors
///
/// [`ConnectError`].
pub async fn migrate(url: &str) -> Result<(), ConnectError> {
    Place::of(url)?.migrate().await
}

async fn migrate_sqlite(path: &path::Path) -> Result<(), ConnectError> {
    let made = |source| ConnectError::File {
        path: path.to_owned(),
        source,
    };
    sqlite::create(path).map_err(made)?;
    let mut connection = sqlite::open(path).await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    migrations::run(migrations::SQLITE, &mut *transaction).await?;
    migrations::check::<Sqlite>(migrations::SQLITE, &mut transaction).await??;
    transaction.commit().await?;
    Ok(connection.close().await?)
}
