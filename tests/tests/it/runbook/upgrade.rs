//! A rolling upgrade: the origins are replaced one after the other.

use std::{process::Stdio, sync::Arc};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{ISSUER, People, restart};
use crate::harness::{
    load::Load,
    origin::{Home, Origin},
    ports,
    postgres::Database,
    server::RUNTIME,
};

/// What a newer release does to the tables, and that it has done it.
async fn step(database: &Database, sql: &str, version: i64, name: &str) {
    let noted = format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT {version}, '{name}', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1"
    );
    let (url, sql) = (database.url.clone(), sql.to_owned());
    let work = RUNTIME.spawn(async move {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        for statement in [sql, noted] {
            connection.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        connection.close().await.unwrap();
    });
    work.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn origins_are_replaced_one_by_one_under_load_and_an_old_one_may_restart_meanwhile() {
    let database = Database::create().await;
    let home = Home::on(&database.url, ISSUER).with("PORTCULLIS_LOG__FILTER", "error");
    let people = People::new(&home);
    let home = Arc::new(home);
    let mut one = Origin::start_at(Arc::clone(&home), ports::free()).await;
    let mut other = Origin::start_at(Arc::clone(&home), ports::free()).await;
    let urls = vec![one.url(), other.url()];
    let mut load = Load::start(urls, people.log_all_in(&one).await);
    load.progress(30).await;

    // The first of the newer release has expanded the tables; the old one restarts on them.
    let expand = "ALTER TABLE sessions ADD COLUMN later TEXT";
    step(&database, expand, 9001, "9001_later").await;
    load.progress(30).await;
    one = restart(one).await;
    load.progress(30).await;
    other = restart(other).await;
    load.progress(30).await;
    for (number, mut chain) in load.stop().await.into_iter().enumerate() {
        let origin = [&one, &other][number % 2];
        people.goes_on(origin, &mut chain).await;
        people.theft_is_theft(origin, &chain).await;
    }

    // A later release contracts: who does not know the step before starts no more, and says why.
    let contract = "ALTER TABLE sessions DROP COLUMN device";
    step(&database, contract, 9002, "9002_needs_9001_drop_device").await;
    let mut serve = home.command();
    let ended = serve.arg("serve").stdin(Stdio::null()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("9002_needs_9001_drop_device"), "{said}");
}
