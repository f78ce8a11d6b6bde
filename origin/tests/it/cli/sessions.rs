//! `portcullis session` and `portcullis cleanup`.

use std::process::{Child, Stdio};

use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};

use super::Place;
use crate::support::until;

/// How many sessions a test has: more than one batch, and more than a moment's work.
const MANY: usize = 6000;

/// Works on the database of a place.
fn on_database<T>(place: &Place, work: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let path = place.0.join("data/portcullis.db");
        let url = format!("sqlite:{}", path.display());
        let mut raw = SqliteConnection::connect(&url).await.unwrap();
        let done = work(&mut raw).await;
        raw.close().await.unwrap();
        done
    })
}

/// Runs a statement on the database of a place.
fn execute(place: &Place, sql: &'static str) {
    on_database(place, async |raw| {
        sqlx::raw_sql(sql).execute(raw).await.unwrap();
    });
}

/// Kills a run of the only plan once it has passed more sessions than `before`; tells how many.
/// It passes none between that look and its end: meanwhile nobody else can write.
fn kill_beyond(place: &Place, mut running: Child, before: usize) -> usize {
    on_database(place, async |raw| {
        until("a batch to be passed", async || {
            let mut held = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
            let passed: i64 = sqlx::query_scalar("SELECT passed_count FROM revocation_plans")
                .fetch_one(&mut *held)
                .await
                .unwrap();
            let passed = usize::try_from(passed).unwrap();
            if passed > before {
                running.kill().unwrap();
                running.wait().unwrap();
            }
            held.rollback().await.unwrap();
            (passed > before).then_some(passed)
        })
        .await
    })
}

/// A place with [`MANY`] sessions of a user, half of them from Germany.
fn crowded() -> Place {
    let place = Place::new();
    place.run(&["user", "add", "ann", "--setup"], "");
    execute(
        &place,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) \
         INSERT INTO sessions (id, user_id, client_id, generation, accepted, rotated_at, replays, \
         late_retries, last_iat, last_exp, created_at, last_used_at, idle_expires_at, \
         absolute_expires_at, last_ip, last_country, last_user_agent) \
         SELECT randomblob(16), users.id, 'portcullis', 1, 0, 0, 0, 0, unixepoch(), \
         unixepoch() + 600, unixepoch(), unixepoch(), unixepoch() + 9999, unixepoch() + 9999, NULL, \
         CASE i % 2 WHEN 0 THEN 'DE' ELSE 'FR' END, 'curl/8' FROM n CROSS JOIN users",
    );
    place
}

fn number(value: &Value, member: &str) -> usize {
    let number = value[member].as_u64().expect(member);
    usize::try_from(number).unwrap()
}

#[test]
fn sessions_are_counted_confirmed_and_ended() {
    let place = crowded();
    let german = ["session", "revoke", "--country", "DE", "--json"];
    let with = |more: &[&'static str]| [&german[..], more].concat();
    let counted = place.json(&with(&["--dry-run"]), "");
    assert_eq!(number(&counted, "count"), MANY / 2);
    assert_eq!(counted["sample"].as_array().unwrap().len(), 20);
    // Nobody is there to ask.
    let (code, error) = place.fail(&german, "y\n");
    assert!(code == 1 && error.contains("confirm with --yes"), "{error}");
    let listed = |arguments: &[&str]| place.run(arguments, "").lines().count();
    assert_eq!(listed(&["session", "list", "--json"]), MANY);
    let plan = format!("--plan={}", counted["plan"].as_str().unwrap());
    let done = place.json(&["session", "revoke", &plan, "--json"], "");
    let totals = ["ended", "already_over", "newcomers"].map(|member| number(&done, member));
    assert_eq!(totals, [MANY / 2, 0, 0]);
    assert_eq!(listed(&["session", "list"]), MANY / 2);
    assert_eq!(
        listed(&["session", "list", "--over", "--country", "DE"]),
        MANY / 2
    );
    assert_eq!(listed(&["session", "list", "--country", "DE"]), 0);
    let again = place.json(&["session", "revoke", &plan, "--json"], "");
    assert_eq!(number(&again, "ended"), MANY / 2);
    let rest = place.json(&["session", "revoke", "--all", "--yes", "--json"], "");
    assert_eq!(number(&rest, "ended"), MANY / 2);
}

#[test]
fn a_run_that_is_killed_is_gone_on_with() {
    let place = crowded();
    let counted = place.json(&["session", "revoke", "--all", "--dry-run", "--json"], "");
    let plan = format!("--plan={}", counted["plan"].as_str().unwrap());
    let mut passed = 0;
    for _ in 0..3 {
        let running = place
            .command(&["session", "revoke", &plan])
            .stdout(Stdio::null())
            .spawn();
        passed = kill_beyond(&place, running.unwrap(), passed);
        assert!(passed < MANY, "it was still at work");
    }
    let done = place.json(&["session", "revoke", &plan, "--json"], "");
    let totals = ["ended", "already_over"].map(|member| number(&done, member));
    assert_eq!(totals, [MANY, 0]);
    assert_eq!(place.run(&["session", "list"], ""), "");
}

#[test]
fn what_is_over_is_removed_once() {
    let place = crowded();
    let swept = place.json(&["cleanup", "--json"], "");
    assert_eq!(number(&swept, "sessions"), 0);
    execute(
        &place,
        "UPDATE sessions SET last_exp = 1, idle_expires_at = 1 WHERE last_country = 'DE'",
    );
    let text = place.run(&["cleanup"], "");
    assert!(text.starts_with("Removed 3000 sessions, "), "{text}");
    let left = place.run(&["session", "list", "--any"], "");
    assert_eq!(left.lines().count(), MANY / 2);
}

#[test]
fn a_revocation_without_a_criterion_is_a_mistake() {
    let place = Place::new();
    for (arguments, text) in [
        (&["--yes"][..], "name a criterion, or --all"),
        (&["--all", "--role", "admin"], "cannot be used with"),
        (
            &["--plan=AAAAAAAAAAAAAAAAAAAAAA", "--all"],
            "cannot be used with",
        ),
        (
            &["--network", "192.0.2.1/24"],
            "must be an address or a network",
        ),
        (&["--country", "DEU"], "a country has two letters"),
    ] {
        let arguments = [&["session", "revoke"][..], arguments].concat();
        let (code, error) = place.fail(&arguments, "");
        assert!(
            code == 2 && error.contains(text),
            "{arguments:?}: {code} {error}"
        );
    }
    let (code, error) = place.fail(&["session", "revoke", "--plan=AAAAAAAAAAAAAAAAAAAAAA"], "");
    assert_eq!(
        (code, error.as_str()),
        (1, "portcullis: there is no such plan\n")
    );
}
