//! Five hundred logins at once, with the hashing that users get: whoever finds no place is told so
//! at once, memory stays what the pool has been given, and everything else goes on.

use std::{collections::BTreeMap, fs, thread::available_parallelism};

use tokio::task::JoinSet;

use crate::harness::{
    client::{Http, send},
    origin::{Home, Origin, User},
    postgres::Database,
    stack::{ADMIN_CLIENT, SCOPES, login, refresh, tokens},
};

const LOGINS: usize = 500;

/// Argon2's memory by the default settings, in KiB.
const OF_A_HASH: u64 = 19_456;

/// What a build for debugging takes without any hash, in KiB: 500 connections and their tasks
/// included.
const BASE: u64 = 96 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_logins_on_sqlite_stays_within_its_pool() {
    flood(Home::sqlite("http://edge.example")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_logins_on_postgres_stays_within_its_pool() {
    let database = Database::create().await;
    flood(Home::on(&database.url, "http://edge.example")).await;
}

async fn flood(home: Home) {
    let home = home
        .with("PORTCULLIS_PASSWORD__MEMORY_KIB", OF_A_HASH.to_string())
        .with("PORTCULLIS_PASSWORD__ITERATIONS", "2")
        // All come from one address here.
        .with("PORTCULLIS_THROTTLE__ACCOUNT_ATTEMPTS", "100000")
        .with("PORTCULLIS_THROTTLE__NETWORK_ATTEMPTS", "100000")
        .with("PORTCULLIS_SESSIONS__MAX_PER_USER", "1000");
    let origin = Origin::start(home).await;
    let http = Http::new();
    let user = origin.home.add_user(&SCOPES, &[]);
    let admin = origin.home.add_user(&[], &["admin"]);
    let first = login(&http, &origin.url(), &user, None).await.expect(200);
    let first = tokens(&first);
    let admin = login(&http, &origin.url(), &admin, Some(ADMIN_CLIENT)).await;
    let admin = tokens(&admin.expect(200)).access;

    let mut logins = JoinSet::new();
    for number in 0..LOGINS {
        let (http, base) = (http.clone(), origin.url());
        let user = User {
            password: if number % 2 == 0 {
                user.password.clone()
            } else {
                "not the password".to_owned()
            },
            ..user.clone()
        };
        logins.spawn(async move { (number % 2 == 0, login(&http, &base, &user, None).await) });
    }
    // Until the last login is answered, and once more: the rest of the service goes on.
    let (mut held, mut statuses) = (first, BTreeMap::new());
    loop {
        http.get_plain(&origin.at("/health/ready"))
            .await
            .expect(200);
        let answer = refresh(&http, &origin.url(), &held.refresh).await;
        held = tokens(&answer.expect(200));
        let introspected = http
            .request(reqwest::Method::POST, &origin.at("/auth/introspect"))
            .bearer_auth(&admin)
            .form(&[("token", held.access.as_str())]);
        let answer = send(introspected).await.expect(200);
        assert_eq!(answer.json()["active"], true);
        let over = logins.is_empty();
        while let Some(done) = logins.try_join_next() {
            let (right, answer) = done.unwrap();
            let expected = if right { 200 } else { 401 };
            if answer.status == 503 {
                let again: u32 = answer.header("retry-after").parse().unwrap();
                assert!(again > 0);
            } else {
                assert_eq!(answer.status, expected, "{}", answer.text());
            }
            *statuses.entry(answer.status).or_insert(0) += 1;
        }
        if over {
            break;
        }
    }
    assert_eq!(statuses.values().sum::<usize>(), LOGINS);
    assert!(
        [200, 401, 503]
            .iter()
            .all(|status| statuses.contains_key(status)),
        "the pool must have been both used and full: {statuses:?}"
    );

    let threads = u64::try_from(available_parallelism().unwrap().get()).unwrap();
    let most = peak_memory(&origin);
    let allowed = BASE + threads * OF_A_HASH;
    assert!(most <= allowed, "{most} KiB of {allowed} KiB");

    // Nobody is the worse for it afterwards.
    login(&http, &origin.url(), &user, None).await.expect(200);
}

/// The most memory that was resident, in KiB.
fn peak_memory(origin: &Origin) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", origin.process_id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
