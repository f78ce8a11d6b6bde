//! A ban against fifty refreshes and logins at once: whatever was minted before, during or after
//! it, nothing works once it is in force.

use std::{sync::Arc, time::Duration};

use portcullis_e2e::clock;
use portcullis_shared::{
    keys::KeySet,
    revocation::{Document, Revocations},
    token::{Policy, Unverified},
};
use reqwest::Method;
use tokio::task::JoinSet;

use crate::harness::{
    client::{Http, send},
    origin::{Home, Origin, User},
    ports,
    postgres::Database,
    skewed,
    stack::{ADMIN_CLIENT, BAN_PROMISE, Ban, SCOPES, Tokens, ban, login, refresh, tokens},
    wait,
};

const ISSUER: &str = "http://edge.example";

/// How many refreshes and logins race the ban.
const RACERS: usize = 50;

/// How often: each time the ban falls elsewhere among them.
const ROUNDS: usize = 6;

/// Replicas of one service.
struct Replicas {
    http: Http,
    urls: Vec<String>,
    admin: User,
}

impl Replicas {
    fn new(home: &Home, urls: Vec<String>) -> Self {
        Self {
            http: Http::new(),
            urls,
            admin: home.add_user(&[], &["admin"]),
        }
    }

    fn url(&self, number: usize) -> &str {
        &self.urls[number % self.urls.len()]
    }

    async fn race(&self, home: &Home) {
        for round in 0..ROUNDS {
            self.round(&home.add_user(&SCOPES, &[]), round).await;
        }
    }

    async fn round(&self, user: &User, round: usize) {
        let mut held = Vec::new();
        for number in 0..RACERS / 2 {
            let answer = login(&self.http, self.url(number), user, None)
                .await
                .expect(200);
            held.push(tokens(&answer));
        }
        let me = format!("{}/auth/me", self.url(0));
        let id = self
            .http
            .get(&me, &held[0].access)
            .await
            .expect(200)
            .member("id");
        let admin = login(&self.http, self.url(round), &self.admin, Some(ADMIN_CLIENT)).await;
        let admin = tokens(&admin.expect(200)).access;

        // The ban starts with that many before it and the rest behind it.
        let place = round * RACERS / ROUNDS;
        let (http, url) = (self.http.clone(), self.url(round + 1).to_owned());
        let mut banned = None;
        let mut racers = JoinSet::new();
        for number in 0..RACERS {
            if number == place {
                let (http, url, admin, id) = (http.clone(), url.clone(), admin.clone(), id.clone());
                banned = Some(tokio::spawn(
                    async move { ban(&http, &url, &admin, &id).await },
                ));
                tokio::task::yield_now().await;
            }
            let (http, url) = (http.clone(), self.url(number + round).to_owned());
            let (user, held) = (user.clone(), held[number / 2].clone());
            racers.spawn(async move {
                if number % 2 == 0 {
                    refresh(&http, &url, &held.refresh).await
                } else {
                    login(&http, &url, &user, None).await
                }
            });
        }
        let answers = racers.join_all().await;
        let ban = banned.unwrap().await.unwrap();
        for answer in answers {
            match answer.status {
                200 => held.push(tokens(&answer)),
                400 | 401 | 403 => {}
                // A crowd may be told to come back.
                503 => assert!(!answer.header("retry-after").is_empty()),
                other => panic!("{other}: {}", answer.text()),
            }
        }
        println!(
            "round {round}: {} pairs of tokens by the time of the ban",
            held.len()
        );
        self.nothing_works(user, &held, ban).await;
    }

    async fn nothing_works(&self, user: &User, held: &[Tokens], ban: Ban) {
        for url in &self.urls {
            let again = login(&self.http, url, user, None).await;
            assert!([401, 403].contains(&again.status), "{}", again.text());
            let (keys, revocations) = self.documents(url, ban).await;
            for tokens in held {
                let refused = refresh(&self.http, url, &tokens.refresh).await.expect(400);
                assert_eq!(refused.json()["error"], "invalid_grant");
                let token = Unverified::parse(&tokens.access)
                    .unwrap()
                    .authenticate(&keys)
                    .unwrap();
                let policy = Policy {
                    issuer: ISSUER,
                    audience: "api",
                    max_lifetime: 600,
                };
                let verified = token.verify(&policy, clock::now()).unwrap();
                let (iat, seq) = (verified.claims().iat, revocations.seq());
                assert!(
                    revocations.refuses(verified).is_some(),
                    "a token minted at {iat:?} passes with the feed of {url} at {seq} (ban: {})",
                    ban.seq
                );
                self.http
                    .get(&format!("{url}/auth/me"), &tokens.access)
                    .await
                    .expect(401);
            }
        }
    }

    /// What an edge would fetch once the ban is in force at this replica.
    async fn documents(&self, url: &str, ban: Ban) -> (KeySet, Revocations) {
        let get = |path: &str| send(self.http.request(Method::GET, &format!("{url}{path}")));
        let keys = get("/.well-known/jwks.json").await.expect(200);
        let keys = KeySet::parse(&keys.body).unwrap();
        let limit = BAN_PROMISE.saturating_sub(ban.answered.elapsed()) + Duration::from_secs(1);
        let revocations = wait::until("the ban in the feed", limit, || async {
            let feed = get("/.well-known/revocations").await.expect(200);
            let document = Document::verify(&feed.text(), &keys, ISSUER, clock::now()).unwrap();
            let mut revocations = Revocations::default();
            revocations.merge(&document, clock::now()).unwrap();
            (revocations.seq() >= ban.seq).then_some(revocations)
        })
        .await;
        (keys, revocations)
    }
}

/// Lets a crowd log in as one user from one address, which is more than anybody's own devices do.
fn crowded(home: Home) -> Home {
    home.with("PORTCULLIS_THROTTLE__ACCOUNT_ATTEMPTS", "10000")
        .with("PORTCULLIS_THROTTLE__NETWORK_ATTEMPTS", "10000")
        .with("PORTCULLIS_SESSIONS__MAX_PER_USER", "10000")
}

#[tokio::test]
async fn a_ban_that_races_refreshes_and_logins_leaves_no_working_token_on_sqlite() {
    let origin = Origin::start(crowded(Home::sqlite(ISSUER))).await;
    Replicas::new(&origin.home, vec![origin.url()])
        .race(&origin.home)
        .await;
}

#[tokio::test]
async fn a_ban_that_races_them_on_two_processes_leaves_none_on_postgres() {
    let database = Database::create().await;
    let home = Arc::new(crowded(Home::on(&database.url, ISSUER)));
    let one = Origin::start_at(Arc::clone(&home), ports::free()).await;
    let other = Origin::start_at(Arc::clone(&home), ports::free()).await;
    Replicas::new(&home, vec![one.url(), other.url()])
        .race(&home)
        .await;
}

#[tokio::test]
async fn two_replicas_whose_clocks_are_three_seconds_apart_leave_none_either() {
    let database = Database::create().await;
    let home = crowded(Home::on(&database.url, ISSUER));
    home.run(&["migrate"], "");
    let operator = home.add_user(&[], &[]);
    let early = skewed::start(&home, -1500).await;
    let late = skewed::start(&home, 1500).await;
    let replicas = Replicas::new(&home, vec![early.url(), late.url()]);
    for url in &replicas.urls {
        let ready = replicas
            .http
            .get_plain(&format!("{url}/health/ready"))
            .await;
        assert_eq!(
            ready.status,
            200,
            "within what is allowed: {}",
            ready.text()
        );
        login(&replicas.http, url, &operator, None)
            .await
            .expect(200);
    }
    replicas.race(&home).await;
}

#[tokio::test]
async fn a_replica_whose_clock_is_further_off_than_allowed_is_not_ready() {
    let database = Database::create().await;
    let home = crowded(Home::on(&database.url, ISSUER));
    home.run(&["migrate"], "");
    home.add_user(&[], &[]);
    let off = skewed::start(&home, 4000).await;
    let ready = Http::new()
        .get_plain(&format!("{}/health/ready", off.url()))
        .await;
    assert_eq!(ready.status, 503, "{}", ready.text());
}
