//! Backup and restore.

use std::{fs, path::Path, sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

use super::{ISSUER, People, stop};
use crate::harness::{
    chain::{Chain, assert_invalid_grant},
    client::send,
    load::Load,
    origin::{Home, Origin},
    ports,
    postgres_server::{PostgresServer, run},
    server::RUNTIME,
    wait,
};

/// What went on between the backup and the loss.
struct Since {
    /// Sessions that went on.
    went_on: Vec<Chain>,
    /// A session that was ended.
    signed_out: Chain,
    /// A session that was opened.
    new: Chain,
}

/// Clients refresh while `back_up` runs; then life goes on.
async fn lose_what_came_after(
    people: &People,
    origin: &Origin,
    back_up: impl AsyncFnOnce(),
) -> Since {
    let signed_out = people.log_in(origin).await;
    let mut load = Load::start(vec![origin.url()], people.log_all_in(origin).await);
    load.progress(40).await;
    back_up().await;
    load.progress(40).await;
    let went_on = load.stop().await;
    let logout = people
        .http
        .request(Method::POST, &origin.at("/auth/logout"));
    let answer = send(logout.bearer_auth(&signed_out.held().access)).await;
    assert!(answer.status < 300, "{}", answer.text());
    assert_invalid_grant(&people.present(origin, &signed_out).await);
    Since {
        went_on,
        signed_out,
        new: people.log_in(origin).await,
    }
}

/// What is so after `portcullis restored`.
async fn check_restored(people: &People, origins: &[Origin], since: Since) {
    let me = |origin: &Origin| origin.at("/auth/me");
    for (number, mut chain) in since.went_on.into_iter().enumerate() {
        let origin = &origins[number % origins.len()];
        // Access tokens from before are refused, by an origin that runs a second later at most,
        // and clients refresh.
        let before = &chain.held().access;
        wait::until("a refusal", Duration::from_secs(5), || async {
            let answer = people.http.get(&me(origin), before).await;
            (answer.status == 401).then_some(())
        })
        .await;
        people.goes_on(origin, &mut chain).await;
        people.theft_is_theft(origin, &chain).await;
    }
    let origin = &origins[0];
    assert_invalid_grant(&people.present(origin, &since.new).await);
    // What was ended since the backup is back, and must be ended once more.
    let mut back = since.signed_out;
    people.goes_on(origin, &mut back).await;
    let logout = people
        .http
        .request(Method::POST, &origin.at("/auth/logout"));
    send(logout.bearer_auth(&back.held().access)).await;
    assert_invalid_grant(&people.present(origin, &back).await);
}

fn said(home: &Home) -> Value {
    let said = home.run(&["restored", "--for", "1h", "--json"], "");
    let said: Value = serde_json::from_str(&said).unwrap();
    let (until, newest) = (&said["fast_forward_until"], &said["newest_event_at"]);
    assert!(until.as_i64().unwrap() > newest.as_i64().unwrap());
    said
}

/// `sqlite3 FILE "VACUUM INTO 'BACKUP'"`.
async fn vacuum_into(file: &Path, backup: &Path) {
    let url = format!("sqlite:{}", file.display());
    let sql = format!("VACUUM INTO '{}'", backup.display());
    let work = RUNTIME.spawn(async move {
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
    });
    work.await.unwrap();
}

/// The three files of the database are replaced by the one of the backup.
fn put_back(backup: &Path, file: &Path) {
    for beside in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(file.with_extension(beside));
    }
    fs::copy(backup, file).unwrap();
}

/// A file that was backed up while serving, and put back after more had happened: where an origin
/// can be started on it, at the port that it had.
async fn put_back_while_serving() -> (People, Since, Arc<Home>, u16) {
    let home = Home::sqlite(ISSUER).with("PORTCULLIS_LOG__FILTER", "error");
    let people = People::new(&home);
    let origin = Origin::start(home).await;
    let file = origin.home.database_file();
    let backup = file.with_file_name("backup.db");
    let since = lose_what_came_after(&people, &origin, async || {
        vacuum_into(&file, &backup).await;
    })
    .await;

    let (home, port) = (Arc::clone(&origin.home), origin.port);
    stop(origin).await;
    put_back(&backup, &file);
    (people, since, home, port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_backed_up_while_serving_is_put_back_and_clients_go_on_after_restored() {
    let (people, since, home, port) = put_back_while_serving().await;
    said(&home);
    let origin = Origin::start_at(home, port).await;
    check_restored(&people, &[origin], since).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_restored_clients_of_a_backup_are_refused_and_their_sessions_live() {
    let (people, since, home, port) = put_back_while_serving().await;
    let origin = Origin::start_at(home, port).await;
    for chain in &since.went_on {
        for _ in 0..2 {
            assert_invalid_grant(&people.present(&origin, chain).await);
        }
    }
    // Said late, while the service runs, it helps all the same.
    said(&origin.home);
    check_restored(&people, &[origin], since).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_was_made_while_serving_is_restored_and_clients_go_on_at_every_origin() {
    let server = PostgresServer::start().await;
    server.execute("CREATE DATABASE portcullis").await;
    let home = Home::on(&server.url("portcullis"), ISSUER).with("PORTCULLIS_LOG__FILTER", "error");
    let people = People::new(&home);
    let home = Arc::new(home);
    let one = Origin::start_at(Arc::clone(&home), ports::free()).await;
    let other = Origin::start_at(Arc::clone(&home), ports::free()).await;
    let (dump, url) = (server.file("portcullis.dump"), server.url("portcullis"));
    let since = lose_what_came_after(&people, &one, async || {
        let mut command = server.program("pg_dump");
        command
            .arg("--format=custom")
            .arg("--file")
            .arg(&dump)
            .arg(&url);
        tokio::task::block_in_place(|| run(&mut command));
    })
    .await;

    let ports = [one.port, other.port];
    stop(one).await;
    stop(other).await;
    server.execute("DROP DATABASE portcullis").await;
    server.execute("CREATE DATABASE portcullis").await;
    run(server
        .program("pg_restore")
        .arg("--dbname")
        .arg(&url)
        .arg(&dump));
    said(&home);
    let mut origins = Vec::new();
    for port in ports {
        origins.push(Origin::start_at(Arc::clone(&home), port).await);
    }
    check_restored(&people, &origins, since).await;
}
