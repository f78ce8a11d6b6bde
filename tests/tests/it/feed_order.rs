//! The feed is one, whichever origin is asked: `seq` never goes back, and whoever is told a `seq`
//! has been told every entry up to it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use portcullis_e2e::clock;
use portcullis_shared::{
    keys::KeySet,
    revocation::{Document, Revocations},
    token::{Unverified, Verified},
};
use reqwest::Method;
use tokio::task::JoinSet;

use crate::harness::{
    client::{Http, send},
    dice::Dice,
    origin::{Home, Origin, User},
    ports,
    postgres::Database,
    stack::{ADMIN_CLIENT, SCOPES, ban, login, tokens},
};

const ISSUER: &str = "http://edge.example";

const REPLICAS: usize = 3;

/// How many revoke at a time, and how often each.
const REVOKING: usize = 6;
const REVOCATIONS: usize = 30;

const READING: usize = 4;

/// A revocation that was answered: the `seq` that its answer named, if it did, and an access token
/// that it refuses.
#[derive(Clone)]
struct Answered {
    seq: Option<u64>,
    token: String,
}

struct Service {
    http: Http,
    urls: Vec<String>,
    keys: KeySet,
    answered: Mutex<Vec<Answered>>,
    over: AtomicBool,
}

impl Service {
    fn answered(&self) -> Vec<Answered> {
        self.answered.lock().unwrap().clone()
    }

    /// What `look` finds in an access token.
    fn look<T>(&self, token: &str, look: impl FnOnce(Verified<'_>) -> T) -> T {
        let token = Unverified::parse(token).unwrap();
        let token = token.authenticate(&self.keys).unwrap();
        look(token.verify_for_issuer(ISSUER, 600, clock::now()).unwrap())
    }

    /// Opens sessions and ends each, at any origin; by logout or, where there is an `admin`, by
    /// bans of the user.
    async fn revoke(self: Arc<Self>, users: Vec<User>, admin: Option<User>, mut dice: Dice) {
        let mut url = || self.urls[dice.roll(REPLICAS)].clone();
        for user in users.iter().cycle().take(REVOCATIONS) {
            let opened = tokens(&login(&self.http, &url(), user, None).await.expect(200));
            let token = opened.access;
            let seq = if let Some(admin) = &admin {
                let id = self.look(&token, |token| token.claims().sub.clone());
                let admin = login(&self.http, &url(), admin, Some(ADMIN_CLIENT)).await;
                let admin = tokens(&admin.expect(200)).access;
                let banned = ban(&self.http, &url(), &admin, &id).await;
                let unban = format!("{}/admin/users/{id}/unban", url());
                let unban = self.http.request(Method::POST, &unban).bearer_auth(&admin);
                send(unban).await.expect(200);
                Some(banned.seq)
            } else {
                let logout = format!("{}/auth/logout", url());
                let logout = self.http.request(Method::POST, &logout);
                let answer = send(logout.bearer_auth(&token)).await;
                assert!(answer.status < 300, "{}", answer.text());
                None
            };
            self.answered.lock().unwrap().push(Answered { seq, token });
        }
    }

    /// Asks origins at random for what came since, as an edge does, or each time for all. How
    /// often, and the last `seq`.
    async fn read(self: Arc<Self>, whole: bool, mut dice: Dice) -> (usize, u64) {
        let (mut held, mut last, mut reads, mut checked) = (Revocations::default(), 0, 0, 0);
        loop {
            let last_time = self.over.load(SeqCst);
            let known = self.answered().len();
            if whole {
                held = Revocations::default();
            }
            let (base, since) = (&self.urls[dice.roll(REPLICAS)], held.seq());
            let url = format!("{base}/.well-known/revocations?since={since}");
            let answer = send(self.http.request(Method::GET, &url)).await.expect(200);
            let document =
                Document::verify(&answer.text(), &self.keys, ISSUER, clock::now()).unwrap();
            assert!(document.seq() >= last, "seq went back");
            last = document.seq();
            held.merge(&document, clock::now()).unwrap();
            for (place, one) in self.answered().iter().enumerate().skip(checked) {
                // What was answered before this was asked, and what has a seq that is told.
                let before = place < known;
                if before || one.seq.is_some_and(|seq| seq <= last) {
                    assert!(
                        one.seq.is_none_or(|seq| seq <= last),
                        "an answered seq is missing"
                    );
                    let refused = self.look(&one.token, |token| held.refuses(token));
                    assert!(refused.is_some(), "an entry is missing");
                }
            }
            checked = known;
            reads += 1;
            if last_time {
                return (reads, last);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_any_of_three_origins_never_sees_seq_go_back_or_an_entry_missing() {
    let database = Database::create().await;
    let home = Home::on(&database.url, ISSUER).with("PORTCULLIS_LOG__FILTER", "warn");
    home.run(&["migrate"], "");
    let home = Arc::new(home);
    let mut origins = Vec::new();
    for _ in 0..REPLICAS {
        origins.push(Origin::start_at(Arc::clone(&home), ports::free()).await);
    }
    let http = Http::new();
    let keys = http
        .get_plain(&origins[0].at("/.well-known/jwks.json"))
        .await;
    let service = Arc::new(Service {
        http,
        urls: origins.iter().map(Origin::url).collect(),
        keys: KeySet::parse(&keys.expect(200).body).unwrap(),
        answered: Mutex::default(),
        over: AtomicBool::new(false),
    });
    let mut dice = Dice::new(Dice::fresh_seed());
    let admin = home.add_user(&[], &["admin"]);
    let mut reading = JoinSet::new();
    for number in 0..READING {
        reading.spawn(Arc::clone(&service).read(number % 2 == 0, dice.fork()));
    }
    let mut revoking = JoinSet::new();
    for number in 0..REVOKING {
        let admin = (number == 0).then(|| admin.clone());
        // Each ban of a user moves the `iat` of his next token: a second ban would be ahead of time.
        let count = if admin.is_some() { REVOCATIONS } else { 1 };
        let users = (0..count).map(|_| home.add_user(&SCOPES, &[])).collect();
        revoking.spawn(Arc::clone(&service).revoke(users, admin, dice.fork()));
    }
    revoking.join_all().await;
    service.over.store(true, SeqCst);
    let read = reading.join_all().await;
    let answered = service.answered();
    println!("{} revocations, reads and seq: {read:?}", answered.len());
    assert_eq!(answered.len(), REVOKING * REVOCATIONS);
    let newest = answered.iter().filter_map(|one| one.seq).max().unwrap();
    assert!(
        read.iter()
            .all(|(reads, seq)| *reads > 10 && *seq >= newest)
    );
}
