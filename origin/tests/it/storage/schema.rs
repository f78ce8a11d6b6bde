//! The tables.

use portcullis_origin::storage;

use super::Bench;
use crate::support::{Database, Engine};

const SQLITE_COLUMNS: &str = "SELECT tables.name || '.' || columns.name || \
     CASE WHEN columns.\"notnull\" THEN '' ELSE '?' END \
     FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns \
     WHERE tables.type = 'table' AND tables.name NOT LIKE '\\_sqlx%' ESCAPE '\\'";

const POSTGRES_COLUMNS: &str = "SELECT table_name || '.' || column_name || \
     CASE is_nullable WHEN 'NO' THEN '' ELSE '?' END \
     FROM information_schema.columns \
     WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_sqlx%'";

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let sqlite = Bench::new(Engine::Sqlite).await;
    let postgres = Bench::new(Engine::Postgres).await;
    let mut of_sqlite = sqlite.texts(SQLITE_COLUMNS).await;
    let mut of_postgres = postgres.texts(POSTGRES_COLUMNS).await;
    of_sqlite.sort();
    of_postgres.sort();
    assert!(of_sqlite.contains(&"sessions.device?".to_owned()));
    assert_eq!(of_sqlite, of_postgres);
}

async fn many_starts_at_once_make_the_tables_once(engine: Engine) {
    let database = Database::create(engine).await;
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = database.url.clone();
        starting.spawn(async move { storage::connect(&url, 2).await.map(drop) });
    }
    for started in starting.join_all().await {
        started.unwrap();
    }
    storage::migrate(&database.url).await.unwrap();
}

#[tokio::test]
async fn many_starts_at_once_make_the_tables_once_on_sqlite() {
    many_starts_at_once_make_the_tables_once(Engine::Sqlite).await;
}

#[tokio::test]
async fn many_starts_at_once_make_the_tables_once_on_postgres() {
    many_starts_at_once_make_the_tables_once(Engine::Postgres).await;
}
