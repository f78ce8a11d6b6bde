//! A database for one test, gone with it.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use portcullis_origin::{domain::store::Store, storage};
use sqlx::{Connection, PgConnection, SqliteConnection};

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// An empty database.
#[derive(Debug)]
pub(crate) struct Database {
    /// Where it is, in the form of the setting `database.url`.
    pub(crate) url: String,
    cleanup: Cleanup,
}

#[derive(Debug)]
enum Cleanup {
    Folder(PathBuf),
    Postgres { server: String, name: String },
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

fn unique_name() -> String {
    let count = COUNTER.fetch_add(1, Ordering::SeqCst);
    format!("portcullis_test_{}_{count}", std::process::id())
}

impl Database {
    pub(crate) async fn create(engine: Engine) -> Self {
        let name = unique_name();
        match engine {
            Engine::Sqlite => {
                let folder = std::env::temp_dir().join(name);
                std::fs::create_dir_all(&folder).unwrap();
                let url = format!("sqlite:{}", folder.join("test.db").display());
                Self {
                    url,
                    cleanup: Cleanup::Folder(folder),
                }
            }
            Engine::Postgres => {
                let server = std::env::var("TEST_POSTGRES_URL").expect(
                    "TEST_POSTGRES_URL names no Postgres server; `cargo xtask test` starts one",
                );
                execute(&server, format!("CREATE DATABASE {name}")).await;
                let url = with_database(&server, &name);
                Self {
                    url,
                    cleanup: Cleanup::Postgres { server, name },
                }
            }
        }
    }

    /// A replica's own connections to it.
    pub(crate) async fn connect(&self) -> Arc<dyn Store> {
        storage::connect(&self.url, 8).await.unwrap()
    }

    /// Changes it behind the service's back, by the statement for its engine.
    pub(crate) async fn tamper(&self, on_sqlite: &'static str, on_postgres: &'static str) {
        match self.cleanup {
            Cleanup::Folder(_) => {
                let mut raw = SqliteConnection::connect(&self.url).await.unwrap();
                sqlx::raw_sql(on_sqlite).execute(&mut raw).await.unwrap();
            }
            Cleanup::Postgres { .. } => execute(&self.url, on_postgres.to_owned()).await,
        }
    }
}

async fn execute(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
}

/// The URL with another database in the place of its own.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url
        .split_once('?')
        .map_or((url, None), |(base, query)| (base, Some(query)));
    let start = base.find("://").map_or(0, |at| at + 3);
    let server = base[start..]
        .find('/')
        .map_or(base, |at| &base[..start + at]);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{server}/{name}{query}")
}

impl Drop for Database {
    fn drop(&mut self) {
        match &self.cleanup {
            Cleanup::Folder(folder) => {
                let _ = std::fs::remove_dir_all(folder);
            }
            Cleanup::Postgres { server, name } => {
                let (server, name) = (server.clone(), name.clone());
                let drop = async move {
                    execute(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
                };
                let thread = std::thread::spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build();
                    runtime.unwrap().block_on(drop);
                });
                let _ = thread.join();
            }
        }
    }
}
