//! Three origins on one Postgres are one service, whatever happens to one of them or to the
//! database: no refresh that was answered is lost, no family has two live successors, no session
//! that was ended comes back; clients are told to come again, come again, and go on.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{
    chain::{Attempt, Chain, assert_invalid_grant, attempt, present},
    client::{Http, try_send},
    dice::Dice,
    origin::{Home, Origin, User},
    ports,
    postgres_server::{PostgresServer, Stop},
    stack::{ADMIN_CLIENT, SCOPES, Tokens},
    wait,
};

const ISSUER: &str = "http://edge.example";

/// How many origins there are.
const REPLICAS: usize = 3;

/// How many clients refresh at a time.
const CLIENTS: usize = 16;

/// How long clients may be kept from going on by a fault.
const LIMIT: Duration = Duration::from_mins(1);

/// The service as its clients see it, and what they saw.
struct Service {
    http: Http,
    urls: Vec<String>,
    /// Which origins have been killed: from then on connections to them may break.
    killed: Vec<AtomicBool>,
    admin: User,
    granted: AtomicUsize,
    unavailable: AtomicUsize,
    unanswered: AtomicUsize,
    over: AtomicBool,
}

/// How a session is ended.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Logout,
    Ban,
    Reuse,
}

/// What one client did.
#[derive(Default)]
struct Log {
    live: Option<Chain>,
    ended: Vec<Chain>,
}

/// A client, one of many.
struct Client {
    service: Arc<Service>,
    user: User,
    id: String,
    dice: Dice,
    log: Log,
}

impl Service {
    /// Counts an attempt; an origin that was not killed always answers.
    fn count(&self, replica: usize, attempt: &Attempt) {
        match attempt {
            Attempt::Granted(_) => self.granted.fetch_add(1, SeqCst),
            Attempt::Refused(_) => 0,
            Attempt::Unavailable => self.unavailable.fetch_add(1, SeqCst),
            Attempt::NoAnswer => {
                assert!(
                    self.killed[replica].load(SeqCst),
                    "no answer from {replica}"
                );
                self.unanswered.fetch_add(1, SeqCst)
            }
        };
    }

    async fn present(&self, replica: usize, token: &str) -> Attempt {
        let attempt = present(&self.http, &self.urls[replica], token).await;
        self.count(replica, &attempt);
        attempt
    }

    /// Tries at random origins until the answer is definite; it and whether a try went unanswered.
    async fn persist(
        &self,
        dice: &mut Dice,
        mut request: impl FnMut(&str) -> reqwest::RequestBuilder,
    ) -> (Attempt, bool) {
        let unsure = AtomicBool::new(false);
        let answer = wait::until("a definite answer", LIMIT, || {
            let replica = dice.roll(REPLICAS);
            let (request, unsure) = (request(&self.urls[replica]), &unsure);
            async move {
                let attempt = attempt(request).await;
                self.count(replica, &attempt);
                let definite = !matches!(attempt, Attempt::Unavailable | Attempt::NoAnswer);
                unsure.fetch_or(!definite, SeqCst);
                definite.then_some(attempt)
            }
        });
        (answer.await, unsure.load(SeqCst))
    }

    async fn login(&self, dice: &mut Dice, user: &User, client: &str) -> Tokens {
        let body = json!({
            "username": user.name,
            "password": user.password,
            "client_id": client,
        });
        let request = |url: &str| {
            let url = format!("{url}/auth/login");
            self.http.request(Method::POST, &url).json(&body)
        };
        match self.persist(dice, request).await {
            (Attempt::Granted(tokens), _) => tokens,
            (other, _) => panic!("a login was refused: {other:?}"),
        }
    }
}

impl Client {
    async fn run(mut self) -> Log {
        while !self.service.over.load(SeqCst) {
            self.step().await;
        }
        self.log
    }

    async fn step(&mut self) {
        let Some(mut chain) = self.log.live.take() else {
            let service = Arc::clone(&self.service);
            let tokens = service
                .login(&mut self.dice, &self.user, "portcullis")
                .await;
            self.log.live = Some(Chain::begin(tokens));
            return;
        };
        match self.dice.roll(40) {
            0..=25 => self.refresh(&mut chain).await,
            26..=30 => self.lose_an_answer(&mut chain).await,
            31..=36 => self.burst(&mut chain).await,
            ending => {
                let how = [Ending::Logout, Ending::Ban, Ending::Reuse][(ending - 37) % 3];
                self.end(&mut chain, how).await;
                self.log.ended.push(chain);
                return;
            }
        }
        self.log.live = Some(chain);
    }

    fn replica(&mut self) -> usize {
        self.dice.roll(REPLICAS)
    }

    /// Presents what is held until there is an answer, which must be the successor.
    async fn refresh(&mut self, chain: &mut Chain) {
        let token = chain.held().refresh.clone();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "portcullis"),
            ("refresh_token", &token),
        ];
        let service = Arc::clone(&self.service);
        let request = |url: &str| {
            let url = format!("{url}/auth/token");
            service.http.request(Method::POST, &url).form(&form)
        };
        match service.persist(&mut self.dice, request).await {
            (Attempt::Granted(next), _) => chain.note(next),
            (other, _) => panic!("an answered refresh was lost: {other:?}"),
        }
    }

    /// An answer that does not arrive is given once more, wherever the client asks.
    async fn lose_an_answer(&mut self, chain: &mut Chain) {
        let replica = self.replica();
        let lost = self.service.present(replica, &chain.held().refresh).await;
        self.refresh(chain).await;
        if let Attempt::Granted(lost) = lost {
            assert_eq!(lost.refresh, chain.held().refresh, "two live successors");
        }
    }

    /// The same token at several origins at once gives one successor.
    async fn burst(&mut self, chain: &mut Chain) {
        let mut asking = JoinSet::new();
        for _ in 0..4 {
            let (replica, service) = (self.replica(), Arc::clone(&self.service));
            let token = chain.held().refresh.clone();
            asking.spawn(async move { service.present(replica, &token).await });
        }
        let answers = asking.join_all().await;
        self.refresh(chain).await;
        for answer in answers {
            match answer {
                Attempt::Granted(next) => {
                    assert_eq!(next.refresh, chain.held().refresh, "two live successors");
                }
                Attempt::Unavailable | Attempt::NoAnswer => {}
                Attempt::Refused(answer) => panic!("refused: {}", answer.text()),
            }
        }
    }

    /// Ends the session while others refresh it; from the answer on nothing of it works.
    async fn end(&mut self, chain: &mut Chain, how: Ending) {
        let mut racing = JoinSet::new();
        for _ in 0..2 {
            let (replica, service) = (self.replica(), Arc::clone(&self.service));
            let token = chain.held().refresh.clone();
            racing.spawn(async move { service.present(replica, &token).await });
        }
        match how {
            Ending::Logout => self.logout(chain).await,
            Ending::Ban => self.ban().await,
            Ending::Reuse => self.reuse(chain).await,
        }
        for answer in racing.join_all().await {
            if let Attempt::Granted(next) = answer {
                chain.answered.push(next);
            }
        }
        let replica = self.replica();
        let service = Arc::clone(&self.service);
        let refused = service.present(replica, &chain.held().refresh).await;
        if !matches!(refused, Attempt::Unavailable | Attempt::NoAnswer) {
            assert_invalid_grant(&refused);
        }
    }

    async fn logout(&mut self, chain: &Chain) {
        let access = chain.held().access.clone();
        let service = Arc::clone(&self.service);
        let request = |url: &str| {
            let url = format!("{url}/auth/logout");
            service
                .http
                .request(Method::POST, &url)
                .bearer_auth(&access)
        };
        let (answer, unsure) = service.persist(&mut self.dice, request).await;
        let Attempt::Refused(answer) = answer else {
            panic!("{answer:?}");
        };
        // It had been done, and the answer was lost.
        let done_before = unsure && answer.status == 401;
        assert!(answer.status < 300 || done_before, "{}", answer.text());
    }

    async fn ban(&mut self) {
        let service = Arc::clone(&self.service);
        let admin = service
            .login(&mut self.dice, &service.admin, ADMIN_CLIENT)
            .await
            .access;
        for verb in ["ban", "unban"] {
            let path = format!("/admin/users/{}/{verb}", self.id);
            let request = |url: &str| {
                let request = service.http.request(Method::POST, &format!("{url}{path}"));
                let body = json!({ "reason": "a test" });
                let request = request.bearer_auth(&admin);
                if verb == "ban" {
                    request.json(&body)
                } else {
                    request
                }
            };
            let (answer, _) = service.persist(&mut self.dice, request).await;
            let Attempt::Refused(answer) = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(answer.status, 200, "{verb}: {}", answer.text());
        }
    }

    /// A token that was spent long ago ends it all.
    async fn reuse(&mut self, chain: &mut Chain) {
        while chain.long_spent().is_none() {
            self.refresh(chain).await;
        }
        let token = chain.long_spent().unwrap().to_owned();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "portcullis"),
            ("refresh_token", &token),
        ];
        let service = Arc::clone(&self.service);
        let request = |url: &str| {
            let url = format!("{url}/auth/token");
            service.http.request(Method::POST, &url).form(&form)
        };
        let (answer, _) = service.persist(&mut self.dice, request).await;
        assert_invalid_grant(&answer);
    }
}

/// The origins, their database, and the clients.
struct Scene {
    service: Arc<Service>,
    database: PostgresServer,
    home: Arc<Home>,
    origins: Vec<Option<Origin>>,
    clients: JoinSet<Log>,
}

impl Scene {
    async fn begin() -> Self {
        let database = PostgresServer::start().await;
        database.execute("CREATE DATABASE portcullis").await;
        let home = Home::on(&database.url("portcullis"), ISSUER)
            .with("PORTCULLIS_LOG__FILTER", "warn")
            // Faults may take longer than a client's patience has to be.
            .with("PORTCULLIS_REFRESH__WINDOW", "120");
        home.run(&["migrate"], "");
        let home = Arc::new(home);
        let mut origins = Vec::new();
        for _ in 0..REPLICAS {
            let origin = Origin::start_at(Arc::clone(&home), ports::free()).await;
            origins.push(Some(origin));
        }
        let service = Arc::new(Service {
            http: Http::new(),
            urls: origins.iter().flatten().map(Origin::url).collect(),
            killed: (0..REPLICAS).map(|_| AtomicBool::new(false)).collect(),
            admin: home.add_user(&[], &["admin"]),
            granted: AtomicUsize::new(0),
            unavailable: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let mut dice = Dice::new(Dice::fresh_seed());
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let user = home.add_user(&SCOPES, &[]);
            let mut dice = dice.fork();
            let first = service.login(&mut dice, &user, "portcullis").await;
            let me = format!("{}/auth/me", service.urls[0]);
            let id = service
                .http
                .get(&me, &first.access)
                .await
                .expect(200)
                .member("id");
            let client = Client {
                service: Arc::clone(&service),
                user,
                id,
                dice,
                log: Log::default(),
            };
            clients.spawn(client.run());
        }
        Self {
            service,
            database,
            home,
            origins,
            clients,
        }
    }

    /// Until so many more requests were granted: that clients go on.
    async fn progress(&mut self, what: &str, more: usize) {
        let (service, start) = (&self.service, self.service.granted.load(SeqCst));
        let clients = &mut self.clients;
        wait::until(what, LIMIT, || {
            assert!(clients.try_join_next().is_none(), "a client gave up");
            let done = service.granted.load(SeqCst) >= start + more;
            async move { done.then_some(()) }
        })
        .await;
    }

    fn kill(&mut self, replica: usize) {
        self.service.killed[replica].store(true, SeqCst);
        self.origins[replica].take().unwrap().kill();
    }

    async fn start(&mut self, replica: usize) {
        let port = self.service.urls[replica].rsplit(':').next().unwrap();
        let port = port.parse().unwrap();
        let origin = Origin::start_at(Arc::clone(&self.home), port).await;
        self.origins[replica] = Some(origin);
    }

    async fn restart_the_database(&mut self, how: Stop) {
        let before = self.service.unavailable.load(SeqCst);
        self.database.stop(how).await;
        let service = Arc::clone(&self.service);
        wait::until("clients that are told to come again", LIMIT, || {
            let told = service.unavailable.load(SeqCst) > before;
            async move { told.then_some(()) }
        })
        .await;
        self.database.go_on().await;
    }

    /// Ends the clients, and checks at every origin what their logs promise.
    async fn check(mut self) {
        self.service.over.store(true, SeqCst);
        let logs = std::mem::take(&mut self.clients).join_all().await;
        let (mut live, mut ended) = (0, 0);
        for log in logs {
            if let Some(chain) = log.live {
                self.check_live(chain).await;
                live += 1;
            }
            for chain in &log.ended {
                self.check_ended(chain).await;
                ended += 1;
            }
        }
        let count = |counter: &AtomicUsize| counter.load(SeqCst);
        println!(
            "{} granted, {} told to come again, {} unanswered; {live} sessions live, {ended} ended",
            count(&self.service.granted),
            count(&self.service.unavailable),
            count(&self.service.unanswered),
        );
        assert!(live > 0 && ended > 0 && count(&self.service.unanswered) > 0);
    }

    async fn check_live(&self, mut chain: Chain) {
        let mut successors = HashSet::new();
        for replica in 0..REPLICAS {
            let answer = self.service.present(replica, &chain.held().refresh).await;
            let Attempt::Granted(next) = answer else {
                panic!("the last answered token does not work: {answer:?}");
            };
            successors.insert(next.refresh.clone());
            if replica + 1 == REPLICAS {
                chain.note(next);
            }
        }
        assert_eq!(successors.len(), 1, "two live successors");
        if let Some(spent) = chain.long_spent() {
            assert_invalid_grant(&self.service.present(0, spent).await);
            self.check_ended(&chain).await;
        }
    }

    async fn check_ended(&self, chain: &Chain) {
        for (number, tokens) in chain.answered.iter().rev().take(4).enumerate() {
            let replica = number % REPLICAS;
            let refused = self.service.present(replica, &tokens.refresh).await;
            assert_invalid_grant(&refused);
            let me = format!("{}/auth/me", self.service.urls[replica]);
            let request = self.service.http.request(Method::GET, &me);
            let answer = try_send(request.bearer_auth(&tokens.access)).await.unwrap();
            assert_eq!(answer.status, 401, "{}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_origins_lose_no_refresh_when_one_is_killed_and_the_database_restarts() {
    let mut scene = Scene::begin().await;
    scene.progress("load on three origins", 300).await;

    scene.kill(1);
    scene.progress("load on the two that are left", 200).await;
    scene.start(1).await;
    scene.progress("load on three again", 200).await;

    scene.restart_the_database(Stop::Immediate).await;
    scene.progress("load after the database's crash", 300).await;

    scene.restart_the_database(Stop::Fast).await;
    scene
        .progress("load after the database's restart", 300)
        .await;

    // Both at once.
    scene.kill(2);
    scene.restart_the_database(Stop::Immediate).await;
    scene.start(2).await;
    scene.progress("load at the end", 300).await;
    scene.check().await;
}
