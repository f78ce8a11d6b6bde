//! Five hundred logins at once, from five hundred networks, with the hashing that users get:
//! whoever finds no place is told so without having to wait for one, memory stays what the pool has
//! been given, and everything else goes on. Whoever is known gets in at once.

use std::{collections::BTreeMap, fs, thread::available_parallelism, time::Duration};

use reqwest::Method;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::harness::{
    client::{Answer, Http, send},
    origin::{Home, Origin, User},
    postgres::Database,
    stack::{ADMIN_CLIENT, SCOPES, Tokens, login, refresh, tokens},
};

const LOGINS: usize = 500;

/// Each has fewer of the logins than one account has places.
const USERS: usize = 20;

const EDGE_SECRET: &str = "the-edge-of-the-tests";

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.1";

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
        .with("PORTCULLIS_EDGE__SECRET", EDGE_SECRET);
    let origin = Origin::start(home).await;
    let mut calm = Calm::prepare(&origin).await;
    let mut flooding = start(&origin);
    // Until the last login is answered, and once more: the rest of the service goes on.
    let mut all = Vec::new();
    loop {
        calm.goes_on(&origin).await;
        let over = flooding.is_empty();
        while let Some(done) = flooding.try_join_next() {
            all.extend(done.unwrap());
        }
        if over {
            break;
        }
    }
    let took = |statuses: &[u16]| {
        let of = all.iter().filter(|tried| statuses.contains(&tried.status));
        let mut all: Vec<Duration> = of.map(|tried| tried.took).collect();
        all.sort_unstable();
        all
    };
    let (served, refused) = (took(&[200, 401]), took(&[503]));
    assert_eq!(served.len(), LOGINS);
    let statuses = all.iter().fold(BTreeMap::new(), |mut counts, tried| {
        *counts.entry(tried.status).or_insert(0) += 1;
        counts
    });
    assert!(
        [200, 401, 503]
            .iter()
            .all(|status| statuses.contains_key(status)),
        "the pool must have been both used and full: {statuses:?}"
    );
    // Those who were served waited for the hashes before theirs. As many others as not must have
    // been told sooner than that; all of them share the machine with the flood itself.
    let (served, refused) = (served[served.len() / 2], refused[refused.len() / 2]);
    assert!(refused < served, "{refused:?} {served:?}");

    let threads = u64::try_from(available_parallelism().unwrap().get()).unwrap();
    let most = peak_memory(&origin);
    let allowed = BASE + threads * OF_A_HASH;
    assert!(most <= allowed, "{most} KiB of {allowed} KiB");
}

/// An attempt that was answered.
struct Tried {
    status: u16,
    took: Duration,
}

/// Starts the logins: two of five with the right password, the others with names that nobody has,
/// so that neither a network nor an account has more than its part of the places. Who finds none
/// comes back when he is told to.
fn start(origin: &Origin) -> JoinSet<Vec<Tried>> {
    let users: Vec<User> = (0..USERS)
        .map(|_| origin.home.add_user(&SCOPES, &[]))
        .collect();
    let http = Http::new();
    let mut logins = JoinSet::new();
    for number in 0..LOGINS {
        let right = number % 5 < 2;
        let user = if right {
            users[(number / 5 * 2 + number % 5) % USERS].clone()
        } else {
            User {
                name: format!("nobody-{number}"),
                password: "not the password".to_owned(),
            }
        };
        let (http, base) = (http.clone(), origin.url());
        logins.spawn(async move {
            let place = format!("2001:db8:{number:x}::1");
            let expected = if right { 200 } else { 401 };
            until_served(&http, &base, (&user, &place), expected).await
        });
    }
    logins
}

async fn until_served(
    http: &Http,
    base: &str,
    (user, place): (&User, &str),
    expected: u16,
) -> Vec<Tried> {
    let mut all = Vec::new();
    loop {
        let sent = Instant::now();
        let answer = login_from(http, base, user, place, None).await;
        all.push(Tried {
            status: answer.status,
            took: sent.elapsed(),
        });
        if answer.status != 503 {
            answer.expect(expected);
            return all;
        }
        let again: u64 = answer.header("retry-after").parse().unwrap();
        assert!(again > 0);
        tokio::time::sleep(Duration::from_secs(again)).await;
    }
}

/// Somebody whom the flood does not concern.
struct Calm {
    http: Http,
    admin: String,
    held: Tokens,
    owner: User,
    device_token: String,
}

impl Calm {
    async fn prepare(origin: &Origin) -> Self {
        let http = Http::new();
        let (owner, base) = (origin.home.add_user(&SCOPES, &[]), origin.url());
        let admin = origin.home.add_user(&[], &["admin"]);
        let admin = login(&http, &base, &admin, Some(ADMIN_CLIENT)).await;
        let first = login_from(&http, &base, &owner, HOME, None)
            .await
            .expect(200);
        Self {
            admin: tokens(&admin.expect(200)).access,
            held: tokens(&first),
            device_token: first.member("device_token"),
            owner,
            http,
        }
    }

    /// Whatever needs no place, and the owner's logins: at home, and with the device elsewhere.
    async fn goes_on(&mut self, origin: &Origin) {
        let (http, base) = (&self.http, origin.url());
        http.get_plain(&origin.at("/health/ready"))
            .await
            .expect(200);
        let answer = refresh(http, &base, &self.held.refresh).await;
        self.held = tokens(&answer.expect(200));
        let introspected = http
            .request(Method::POST, &origin.at("/auth/introspect"))
            .bearer_auth(&self.admin)
            .form(&[("token", self.held.access.as_str())]);
        let answer = send(introspected).await.expect(200);
        assert_eq!(answer.json()["active"], true);
        let at_home = login_from(http, &base, &self.owner, HOME, None).await;
        self.held = tokens(&at_home.expect(200));
        let shown = Some(self.device_token.as_str());
        let elsewhere = login_from(http, &base, &self.owner, ELSEWHERE, shown).await;
        elsewhere.expect(200);
    }
}

/// Logs in through the edge, which says from where.
async fn login_from(
    http: &Http,
    base: &str,
    user: &User,
    place: &str,
    device_token: Option<&str>,
) -> Answer {
    let mut body = json!({ "username": user.name, "password": user.password });
    if let Some(token) = device_token {
        body["device_token"] = json!(token);
    }
    let request = http
        .request(Method::POST, &format!("{base}/auth/login"))
        .header("portcullis-edge-secret", EDGE_SECRET)
        .header("portcullis-client-ip", place)
        .json(&body);
    send(request).await
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
