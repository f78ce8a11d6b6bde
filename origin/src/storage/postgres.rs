//! Postgres: one transaction for each change, rows held by `FOR UPDATE`; refreshes that wait go
//! together and hold nothing while they are decided ([`optimistic`]).
//!
//! READ COMMITTED is stated, not assumed: each statement sees what was committed before it began,
//! which is what makes a change that waited for a row see what it waited for.

mod optimistic;

use std::time::Duration;

use sqlx::{
    Pool, Postgres,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    changes::{ChangeSession, Outcome},
    driver::{Driver, Work, attempt},
    engine::Engine,
    fault::{Fault, within_patience},
};

impl Engine for Postgres {
    const HOLDS_ROWS: bool = true;
    const FOLDS_BY_LOCALE: bool = true;
    const READ_TIME: &'static str =
        "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) FROM feed";
    // A transaction has this lock before it takes a number, and until its rows can be seen. The
    // newest row is that of the statement's snapshot, which is older than the list of locks.
    const AUDIT_HORIZON: &'static str = "SELECT coalesce((SELECT max(id) FROM audit_events), 0), \
         coalesce((SELECT string_agg(DISTINCT virtualtransaction, ' ') FROM pg_locks \
         WHERE locktype = 'relation' AND granted AND mode = 'RowExclusiveLock' \
         AND relation = CAST('audit_events' AS regclass) AND database = \
         (SELECT oid FROM pg_database WHERE datname = current_database())), '')";
}

/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection that has been idle for longer is tried before it is used, so that those which a
/// restart of the server has cut are noticed. Under load no use pays for that.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// What each session is set to at the server. A replica that hangs in a transaction loses it before
/// those who wait for its rows give up; and a commit is on disk when it is answered, whatever the
/// server's default, or a crash would revive a spent refresh token.
const SESSION: [(&str, &str); 5] = [
    ("lock_timeout", "8s"),
    ("statement_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("synchronous_commit", "on"),
    // Also where a statement is a transaction of its own.
    ("default_transaction_isolation", "read committed"),
];

/// Storage on Postgres.
pub(super) struct PostgresDriver {
    pool: Pool<Postgres>,
}

impl PostgresDriver {
    /// Connects, with at most so many connections at a time.
    pub(super) async fn connect(
        options: PgConnectOptions,
        max_connections: u32,
    ) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, usage| {
                Box::pin(async move {
                    if usage.idle_for > TRUSTED_IDLE {
                        sqlx::Connection::ping(connection).await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options.options(SESSION).application_name("portcullis"))
            .await?;
        Ok(Self { pool })
    }
}

impl Driver for PostgresDriver {
    type Db = Postgres;

    const LANES: usize = 2;

    fn readers(&self) -> &Pool<Postgres> {
        &self.pool
    }

    async fn write<W: Work<Postgres>>(&self, work: W) -> Result<W::Output, Fault> {
        // A task of its own: it goes on when the caller is dropped.
        let transaction = tokio::spawn(within_patience(run(self.pool.clone(), work)));
        transaction.await.unwrap_or(Err(Fault::Panicked))
    }

    async fn change_sessions(&self, changes: Vec<ChangeSession>) -> Result<Vec<Outcome>, Fault> {
        let work = async {
            let connection = &mut *self.pool.acquire().await?;
            Ok(optimistic::change(connection, changes).await)
        };
        within_patience(work).await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

async fn run<W: Work<Postgres>>(pool: Pool<Postgres>, work: W) -> Result<W::Output, Fault> {
    let mut transaction = pool
        .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
        .await?;
    let output = attempt(work, &mut *transaction).await?;
    transaction.commit().await?;
    Ok(output)
}
