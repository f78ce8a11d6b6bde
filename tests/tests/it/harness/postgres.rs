//! Databases of a test's own on the Postgres server that is given.

use reqwest::Url;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{place, server::RUNTIME};

/// An empty database; it goes when this is dropped.
#[derive(Debug)]
pub struct Database {
    name: String,
    pub url: String,
}

impl Database {
    pub async fn create() -> Self {
        let server = place::postgres();
        let name = format!("e2e_{}_{}", std::process::id(), super::ports::free());
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        let mut url: Url = server.parse().unwrap();
        url.set_path(&name);
        Self {
            name,
            url: url.to_string(),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // Not on this thread, which may be a runtime's.
        let work =
            move || RUNTIME.block_on(async move { execute(&place::postgres(), &drop).await });
        let _ = std::thread::spawn(work).join();
    }
}

async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    let _ = connection.close().await;
}
