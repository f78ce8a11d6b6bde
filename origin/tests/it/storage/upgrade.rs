//! A rolling upgrade: for a while programs of two releases work on one database.
//!
//! The older one is played by the statements as its source has them.

use std::borrow::Cow;

use portcullis_origin::{
    domain::{session::EndReason, store::ActiveFilter},
    storage::{self, ConnectError},
};
use sqlx::{
    Connection as _, PgConnection, SqlStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
};

use super::{
    Bench,
    samples::{NOW, session, session_id, user, user_id},
};
use crate::support::{Database, Engine};

/// An argument of a statement.
#[derive(Clone, Copy)]
enum Value {
    Text(&'static str),
    Number(i64),
    Bytes(&'static [u8]),
    NoText,
    NoNumber,
    NoBytes,
}

use Value::{Bytes, NoBytes, NoNumber, NoText, Number, Text};

type Statement<'a> = (&'static str, &'a [Value]);

/// Runs statements on a connection of either engine.
macro_rules! run_all {
    ($connection:ty, $url:expr, $statements:expr) => {{
        let mut connection = <$connection>::connect($url).await.unwrap();
        for (sql, values) in $statements {
            let mut query = sqlx::query(*sql);
            for value in *values {
                query = match *value {
                    Text(text) => query.bind(text),
                    Number(number) => query.bind(number),
                    Bytes(bytes) => query.bind(bytes),
                    NoText => query.bind(None::<&str>),
                    NoNumber => query.bind(None::<i64>),
                    NoBytes => query.bind(None::<&[u8]>),
                };
            }
            let ran = query.fetch_all(&mut connection).await;
            ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        connection.close().await.unwrap();
    }};
}

async fn run(engine: Engine, database: &Database, statements: &[Statement<'_>]) {
    match engine {
        Engine::Sqlite => run_all!(SqliteConnection, &database.url, statements),
        Engine::Postgres => run_all!(PgConnection, &database.url, statements),
    }
}

/// The tables as the first release makes them.
async fn first_release(engine: Engine) -> Database {
    let database = Database::create(engine).await;
    let sql = match engine {
        Engine::Sqlite => include_str!("../../../migrations/sqlite/0001_initial.sql"),
        Engine::Postgres => include_str!("../../../migrations/postgres/0001_initial.sql"),
    };
    let step = Migration::new(
        1,
        Cow::Borrowed("0001_initial"),
        MigrationType::Simple,
        SqlStr::from_static(sql),
        false,
    );
    let steps = Migrator::with_migrations(vec![step]);
    match engine {
        Engine::Sqlite => {
            let url = format!("{}?mode=rwc", database.url);
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            steps
                .run_direct(None, &mut connection, false)
                .await
                .unwrap();
            connection.close().await.unwrap();
        }
        Engine::Postgres => {
            let mut connection = PgConnection::connect(&database.url).await.unwrap();
            steps
                .run_direct(None, &mut connection, false)
                .await
                .unwrap();
        }
    }
    database
}

const T: i64 = NOW.0;
const ID: [[u8; 16]; 4] = [[0; 16], [1; 16], [2; 16], [3; 16]];
const ADDRESS: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1];

const INSERT_USER: &str = "INSERT INTO users (username, password_hash, banned_reason, banned_at, \
     roles, scopes, not_before, setup_digest, setup_expires_at, updated_at, id, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
     ON CONFLICT (username) DO NOTHING RETURNING created_at";

const INSERT_SESSION: &str = "INSERT INTO sessions (generation, accepted, rotated_at, replays, \
     late_retries, last_iat, last_exp, ended, last_used_at, idle_expires_at, absolute_expires_at, \
     device, last_ip, last_country, last_user_agent, id, user_id, client_id, created_at, opened_ip, \
     opened_country, opened_user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
     $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)";

const INSERT_EVENT: &str = "INSERT INTO audit_events (at, action, actor, actor_id, user_id, \
     session_id, ip, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// A user, and a session of it.
macro_rules! insert {
    ($name:literal, $number:literal) => {
        [
            (
                INSERT_USER,
                &[
                    Text($name),
                    Text("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"),
                    NoText,
                    NoNumber,
                    Text("admin"),
                    Text("api:read"),
                    Number(T),
                    NoBytes,
                    NoNumber,
                    Number(T),
                    Bytes(&ID[$number]),
                    Number(T),
                ] as &[Value],
            ),
            (
                INSERT_SESSION,
                &[
                    Number(7),
                    Number(6),
                    Number(T),
                    Number(0),
                    Number(0),
                    Number(T),
                    Number(T + 600),
                    NoText,
                    Number(T),
                    Number(T + 1_000),
                    Number(T + 2_000),
                    Text("phone"),
                    Bytes(ADDRESS),
                    Text("DE"),
                    Text("curl/8.9.1"),
                    Bytes(&ID[$number]),
                    Bytes(&ID[$number]),
                    Text("portcullis"),
                    Number(T),
                    Bytes(ADDRESS),
                    Text("DE"),
                    Text("curl/8.9.1"),
                ],
            ),
            (
                INSERT_EVENT,
                &[
                    Number(T),
                    Text("login"),
                    Text("user"),
                    Bytes(&ID[$number]),
                    Bytes(&ID[$number]),
                    Bytes(&ID[$number]),
                    Bytes(ADDRESS),
                    NoText,
                ],
            ),
        ]
    };
}

/// What the first release says to a database, over the rows of [`insert!`] with number 1.
const OLD_STATEMENTS: &[Statement<'static>] = &[
    (
        "SELECT sessions.id, sessions.user_id, sessions.client_id, sessions.generation, \
         sessions.accepted, sessions.rotated_at, sessions.replays, sessions.late_retries, \
         sessions.last_iat, sessions.last_exp, sessions.ended, sessions.created_at, \
         sessions.last_used_at, sessions.idle_expires_at, sessions.absolute_expires_at, \
         sessions.device, sessions.opened_ip, sessions.opened_country, sessions.opened_user_agent, \
         sessions.last_ip, sessions.last_country, sessions.last_user_agent, users.id, \
         users.username, users.password_hash, users.banned_reason, users.banned_at, users.roles, \
         users.scopes, users.not_before, users.setup_digest, users.setup_expires_at, \
         users.created_at, users.updated_at \
         FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = $1",
        &[Bytes(&ID[1])],
    ),
    (
        "SELECT users.id, feed.seq FROM users CROSS JOIN feed WHERE users.id = $1",
        &[Bytes(&ID[1])],
    ),
    (
        "UPDATE sessions SET generation = $1, accepted = $2, rotated_at = $3, replays = $4, \
         late_retries = $5, last_iat = $6, last_exp = $7, ended = $8, last_used_at = $9, \
         idle_expires_at = $10, absolute_expires_at = $11, device = $12, last_ip = $13, \
         last_country = $14, last_user_agent = $15 WHERE id = $16",
        &[
            Number(8),
            Number(7),
            Number(T + 60),
            Number(0),
            Number(0),
            Number(T + 60),
            Number(T + 660),
            NoText,
            Number(T + 60),
            Number(T + 1_060),
            Number(T + 2_000),
            Text("phone"),
            Bytes(ADDRESS),
            Text("FR"),
            Text("curl/8.9.1"),
            Bytes(&ID[1]),
        ],
    ),
    (
        "UPDATE sessions SET ended = $1 WHERE id = $2 AND ended IS NULL",
        &[Text("logout"), Bytes(&ID[3])],
    ),
    (
        "UPDATE users SET username = $1, password_hash = $2, banned_reason = $3, banned_at = $4, \
         roles = $5, scopes = $6, not_before = $7, setup_digest = $8, setup_expires_at = $9, \
         updated_at = $10 WHERE id = $11",
        &[
            Text("ann"),
            NoText,
            Text("spam"),
            Number(T),
            Text(""),
            Text(""),
            Number(T),
            NoBytes,
            NoNumber,
            Number(T + 60),
            Bytes(&ID[1]),
        ],
    ),
    (
        "UPDATE feed SET seq = CASE WHEN seq < $1 THEN $1 ELSE seq + 1 END RETURNING seq",
        &[Number(T * 1000)],
    ),
    (
        "INSERT INTO revocations (kind, digest, not_before, drop_at, seq) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind, digest) DO UPDATE SET \
         not_before = CASE WHEN excluded.not_before > revocations.not_before \
         THEN excluded.not_before ELSE revocations.not_before END, \
         drop_at = CASE WHEN excluded.drop_at > revocations.drop_at \
         THEN excluded.drop_at ELSE revocations.drop_at END, \
         seq = excluded.seq",
        &[
            Number(1),
            Bytes(&[9; 8]),
            Number(T),
            Number(T + 615),
            Number(T * 1000),
        ],
    ),
    (
        "DELETE FROM revocations WHERE drop_at < $1",
        &[Number(T - 3_600)],
    ),
    (
        "SELECT feed.seq, revocations.kind, revocations.digest, revocations.not_before, \
         revocations.drop_at FROM feed LEFT JOIN revocations ON revocations.seq > $1",
        &[Number(0)],
    ),
    (
        "INSERT INTO signing_keys (id, public, sealed, created_at, activates_at, withdrawn_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            Text("key-1"),
            Bytes(&[1; 32]),
            Bytes(&[2; 61]),
            Number(T),
            Number(T),
            NoNumber,
        ],
    ),
    (
        "UPDATE signing_keys SET withdrawn_at = $1 WHERE id = $2 AND withdrawn_at IS NULL",
        &[Number(T), Text("key-1")],
    ),
];

async fn the_first_release_works_on_when_a_newer_one_has_changed_the_tables(engine: Engine) {
    let database = first_release(engine).await;
    run(engine, &database, &insert!("ann", 1)).await;
    run(engine, &database, &insert!("eve", 3)).await;
    let store = database.connect().await;

    // The rows of before are there for the newer program …
    let (session, user) = store.session(session_id(1)).await.unwrap().unwrap();
    assert_eq!((session.generation, session.accepted), (7, 6));
    assert_eq!(session.last_from.country.as_deref(), Some("DE"));
    assert_eq!(user.username.as_str(), "ann");
    assert!(user.is_active());

    // … the older one writes on …
    run(engine, &database, OLD_STATEMENTS).await;
    run(engine, &database, &insert!("bob", 2)).await;

    // … and the newer one reads what it wrote.
    let (session, user) = store.session(session_id(1)).await.unwrap().unwrap();
    assert_eq!((session.generation, session.accepted), (8, 7));
    assert!(!user.is_active());
    let (session, _) = store.session(session_id(3)).await.unwrap().unwrap();
    assert!(!session.is_active(NOW));
    let (session, _) = store.session(session_id(2)).await.unwrap().unwrap();
    assert!(session.is_active(NOW));
    let all = ActiveFilter {
        now: NOW,
        after: None,
        limit: 100,
    };
    let active = store.active_sessions(user_id(2), &all).await;
    assert_eq!(active.unwrap().len(), 1);
    assert_eq!(store.signing_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_first_release_works_on_when_a_newer_one_has_changed_the_tables_on_sqlite() {
    the_first_release_works_on_when_a_newer_one_has_changed_the_tables(Engine::Sqlite).await;
}

#[tokio::test]
async fn the_first_release_works_on_when_a_newer_one_has_changed_the_tables_on_postgres() {
    the_first_release_works_on_when_a_newer_one_has_changed_the_tables(Engine::Postgres).await;
}

/// Has a step that this program does not know.
async fn later_step(bench: &Bench, version: i64, name: &'static str) {
    let sql = "INSERT INTO _sqlx_migrations \
         (version, description, success, checksum, execution_time) \
         SELECT $1, $2, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    let row: &[Value] = &[Number(version), Text(name)];
    run(bench.engine, &bench.database, &[(sql, row)]).await;
}

async fn this_program_starts_where_a_newer_one_has_only_added(engine: Engine) {
    let bench = Bench::new(engine).await;
    bench.add_user(&user(1, "ann")).await;
    run(
        engine,
        &bench.database,
        &[("ALTER TABLE users ADD COLUMN later TEXT", &[])],
    )
    .await;
    later_step(&bench, 9001, "9001_later").await;
    // A step that needs no more than this program knows is no obstacle either.
    later_step(&bench, 9002, "9002_needs_0001_drop_what_is_long_unused").await;
    storage::migrate(&bench.database.url).await.unwrap();
    let store = storage::connect(&bench.database.url, 2).await.unwrap();
    assert!(store.user(user_id(1)).await.unwrap().is_some());
    bench.add_user(&user(2, "bob")).await;
    // What a newer one writes into the old columns is read as well.
    bench.add_session(&session(1, user_id(1))).await;
    let sql = "UPDATE sessions SET ended = 'a reason of tomorrow'";
    run(engine, &bench.database, &[(sql, &[])]).await;
    let (session, _) = store.session(session_id(1)).await.unwrap().unwrap();
    assert!(!session.is_active(NOW));
    assert_eq!(session.ended.unwrap().reason, EndReason::Other);
}

#[tokio::test]
async fn this_program_starts_where_a_newer_one_has_only_added_on_sqlite() {
    this_program_starts_where_a_newer_one_has_only_added(Engine::Sqlite).await;
}

#[tokio::test]
async fn this_program_starts_where_a_newer_one_has_only_added_on_postgres() {
    this_program_starts_where_a_newer_one_has_only_added(Engine::Postgres).await;
}

async fn this_program_refuses_where_a_newer_one_has_taken_away_what_it_uses(engine: Engine) {
    let bench = Bench::new(engine).await;
    later_step(&bench, 9001, "9001_later").await;
    later_step(&bench, 9002, "9002_needs_9001_drop_what_was_before").await;
    for _ in 0..2 {
        let refused = storage::connect(&bench.database.url, 2).await.err();
        let Some(ConnectError::TooNew(too_new)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(too_new.step, "9002_needs_9001_drop_what_was_before");
        assert_eq!(too_new.needed, 9001);
    }
}

#[tokio::test]
async fn this_program_refuses_where_a_newer_one_has_taken_away_what_it_uses_on_sqlite() {
    this_program_refuses_where_a_newer_one_has_taken_away_what_it_uses(Engine::Sqlite).await;
}

#[tokio::test]
async fn this_program_refuses_where_a_newer_one_has_taken_away_what_it_uses_on_postgres() {
    this_program_refuses_where_a_newer_one_has_taken_away_what_it_uses(Engine::Postgres).await;
}
