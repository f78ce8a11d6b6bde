//! Another master key.

use std::{fs, sync::Arc, time::Duration};

use serde_json::Value;

use super::{ISSUER, People, restart};
use crate::harness::{
    chain::assert_invalid_grant,
    load::Load,
    origin::{Home, Origin},
    ports,
    postgres::Database,
    wait,
};

/// A line of a key file, as `openssl rand` and `tr` would make it.
fn new_line() -> String {
    format!("2 {}", "B".repeat(42) + "A")
}

fn write(home: &Home, lines: &[&str]) {
    fs::write(home.master_key(), lines.join("\n") + "\n").unwrap();
}

/// Two origins on one database and one key file.
async fn two() -> (Database, People, [Origin; 2]) {
    let database = Database::create().await;
    let home = Home::on(&database.url, ISSUER)
        .with("PORTCULLIS_LOG__FILTER", "error")
        .with("PORTCULLIS_KEYS__PUBLISH_BEFORE", "1");
    let people = People::new(&home);
    let home = Arc::new(home);
    let origins = [
        Origin::start_at(Arc::clone(&home), ports::free()).await,
        Origin::start_at(home, ports::free()).await,
    ];
    (database, people, origins)
}

async fn restart_each([one, other]: [Origin; 2], load: &mut Load) -> [Origin; 2] {
    let one = restart(one).await;
    load.progress(20).await;
    let other = restart(other).await;
    load.progress(20).await;
    [one, other]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_is_changed_step_by_step_without_anybody_noticing() {
    let (_database, people, mut origins) = two().await;
    let home = Arc::clone(&origins[0].home);
    let old = fs::read_to_string(home.master_key()).unwrap();
    let (old, new) = (old.trim(), new_line());
    let idle = people.log_in(&origins[0]).await;
    let urls = origins.iter().map(Origin::url).collect();
    let mut load = Load::start(urls, people.log_all_in(&origins[0]).await);

    write(&home, &[old, &new]);
    origins = restart_each(origins, &mut load).await;
    write(&home, &[&new, old]);
    origins = restart_each(origins, &mut load).await;
    let made = home.run(&["keys", "rotate", "--json"], "");
    let made: Value = serde_json::from_str(&made).unwrap();
    wait::until("the new key", Duration::from_secs(30), || async {
        let list = home.run(&["keys", "list", "--json"], "");
        let mut keys = list
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let active = keys.find(|key| key["state"] == "active").unwrap();
        (active["kid"] == made["kid"]).then_some(())
    })
    .await;
    // Whoever has refreshed since holds a token of the new key.
    load.progress(20).await;
    write(&home, &[&new]);
    origins = restart_each(origins, &mut load).await;
    for mut chain in load.stop().await {
        people.goes_on(&origins[0], &mut chain).await;
    }
    assert_invalid_grant(&people.present(&origins[1], &idle).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_theft_of_the_master_key_everybody_logs_in_again() {
    let (_database, people, origins) = two().await;
    let home = Arc::clone(&origins[0].home);
    let old = fs::read_to_string(home.master_key()).unwrap();
    let new = new_line();
    let stolen = people.log_in(&origins[0]).await;

    write(&home, &[&new, old.trim()]);
    let [one, other] = origins;
    let (one, other) = (restart(one).await, restart(other).await);
    home.run(&["keys", "rotate", "--withdraw"], "");
    write(&home, &[&new]);
    for origin in [restart(one).await, restart(other).await] {
        assert_invalid_grant(&people.present(&origin, &stolen).await);
        let me = origin.at("/auth/me");
        people
            .http
            .get(&me, &stolen.held().access)
            .await
            .expect(401);
        let mut again = people.log_in(&origin).await;
        people.goes_on(&origin, &mut again).await;
    }
}
