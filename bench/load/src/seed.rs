//! Many sessions, written past the service: to log in a hundred thousand times takes half an hour.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

/// How many sessions a user has on average: by turns one and three.
pub const SESSIONS_EACH: u32 = 2;

/// The user agent that all of them were last used with.
pub const USER_AGENT: &str = "bench-bulk";

/// Writes so many users, whose sessions live on for a day. Each session has an access token that is
/// as good as new, so that each that is ended needs an entry in the feed: the dearest case.
///
/// # Errors
/// When the database refuses.
pub fn seed(database: &str, users: u32) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("runtime")?;
    runtime.block_on(async {
        if database.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(database).await?;
            write(&mut connection, users, "randomblob(16)", "unixepoch()").await
        } else {
            let mut connection = PgConnection::connect(database).await?;
            let (random, now) = (
                "uuid_send(gen_random_uuid())",
                "extract(epoch FROM now())::bigint",
            );
            write(&mut connection, users, random, now).await?;
            // What the server does by itself a minute later.
            run(&mut connection, "ANALYZE".to_owned()).await
        }
    })
}

async fn write<C>(connection: &mut C, users: u32, random: &str, now: &str) -> Result<()>
where
    for<'c> &'c mut C: Executor<'c>,
{
    let users = format!(
        "INSERT INTO users (id, username, skeleton, roles, scopes, not_before, created_at, \
         updated_at) \
         WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted \
         WHERE n < {users}) \
         SELECT {random}, 'bulk-' || n, 'bulk-' || n, '', '', 0, 0, 0 FROM counted"
    );
    run(connection, users).await?;
    let sessions = format!(
        "INSERT INTO sessions (id, user_id, client_id, generation, accepted, rotated_at, replays, \
         late_retries, last_iat, last_exp, created_at, last_used_at, idle_expires_at, \
         absolute_expires_at, last_user_agent) \
         WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted \
         WHERE n < 3), times(now) AS (SELECT {now}) \
         SELECT {random}, users.id, 'portcullis', 1, 0, now, 0, 0, now, now + 600, now, now, \
         now + 86400, now + 86400, '{USER_AGENT}' \
         FROM users CROSS JOIN counted CROSS JOIN times WHERE username LIKE 'bulk-%' \
         AND n <= 1 + 2 * (CAST(substr(username, 6) AS integer) % 2)"
    );
    run(connection, sessions).await
}

/// The text is made of numbers and of constants of this file.
async fn run<C>(connection: &mut C, sql: String) -> Result<()>
where
    for<'c> &'c mut C: Executor<'c>,
{
    let done = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql)));
    done.await.context("seeding")?;
    Ok(())
}
