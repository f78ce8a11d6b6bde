//! A full disk and a locked file, on `SQLite`: the answer is 503, nothing is lost, and it goes on
//! when there is room again. Reading goes on meanwhile.

use std::{fs, sync::Arc, time::Duration};

use sqlx::{Connection, SqliteConnection};

use crate::harness::{
    chain::{Attempt, Chain, assert_invalid_grant, present},
    client::Http,
    origin::{Home, Origin, User},
    ports,
    server::RUNTIME,
    stack::{SCOPES, login, tokens},
    wait,
};

const LIMIT: Duration = Duration::from_secs(30);

/// An origin with a few sessions.
struct Scene {
    http: Http,
    origin: Origin,
    user: User,
    chains: Vec<Chain>,
}

impl Scene {
    async fn begin() -> Self {
        let home = Home::sqlite("http://edge.example").with("PORTCULLIS_LOG__FILTER", "error");
        let user = home.add_user(&SCOPES, &[]);
        let origin = Origin::start_with_little_room(Arc::new(home), ports::free()).await;
        let mut scene = Self {
            http: Http::new(),
            origin,
            user,
            chains: Vec::new(),
        };
        for _ in 0..4 {
            let answer = login(&scene.http, &scene.origin.url(), &scene.user, None).await;
            scene.chains.push(Chain::begin(tokens(&answer.expect(200))));
        }
        scene
    }

    /// Refreshes each session once; how many were told to come again.
    async fn refresh_all(&mut self) -> usize {
        let mut unavailable = 0;
        for chain in &mut self.chains {
            let token = chain.held().refresh.clone();
            match present(&self.http, &self.origin.url(), &token).await {
                Attempt::Granted(next) => chain.note(next),
                Attempt::Unavailable => unavailable += 1,
                other => panic!("{other:?}"),
            }
        }
        unavailable
    }

    async fn reading_goes_on(&self) {
        let me = self.origin.at("/auth/me");
        self.http
            .get(&me, &self.chains[0].held().access)
            .await
            .expect(200);
        let keys = self.origin.at("/.well-known/jwks.json");
        self.http.get_plain(&keys).await.expect(200);
    }

    /// Every session goes on from where its client is, and its spent tokens stay spent.
    async fn check(mut self) {
        for _ in 0..2 {
            assert_eq!(self.refresh_all().await, 0);
        }
        for chain in &self.chains {
            let spent = chain.long_spent().unwrap();
            let url = self.origin.url();
            assert_invalid_grant(&present(&self.http, &url, spent).await);
            let held = &chain.held().refresh;
            assert_invalid_grant(&present(&self.http, &url, held).await);
        }
    }
}

#[tokio::test]
async fn on_a_full_disk_the_answer_is_503_and_nothing_is_lost() {
    let mut scene = Scene::begin().await;
    for _ in 0..3 {
        assert_eq!(scene.refresh_all().await, 0);
        let log = scene.origin.home.database_file().with_extension("db-wal");
        let size = fs::metadata(log).unwrap().len();
        // Room for a few writes, the last of which ends in the middle.
        scene.origin.limit_files(Some(size + 30_000));
        let mut rounds = 0;
        while scene.refresh_all().await < scene.chains.len() {
            rounds += 1;
            assert!(rounds < 100, "it never ran out of room");
        }
        let login = login(&scene.http, &scene.origin.url(), &scene.user, None).await;
        assert_eq!(login.status, 503, "{}", login.text());
        scene.reading_goes_on().await;

        scene.origin.limit_files(None);
        let scene = &mut scene;
        let mut left = scene.refresh_all().await;
        for _ in 0..3 {
            left = left.min(scene.refresh_all().await);
        }
        assert_eq!(left, 0, "there is room again");
    }
    scene.check().await;
}

#[tokio::test]
async fn on_a_full_disk_it_is_killed_and_starts_again_without_loss() {
    let mut scene = Scene::begin().await;
    assert_eq!(scene.refresh_all().await, 0);
    let log = scene.origin.home.database_file().with_extension("db-wal");
    let size = fs::metadata(log).unwrap().len();
    scene.origin.limit_files(Some(size + 20_000));
    while scene.refresh_all().await < scene.chains.len() {}
    let (home, port) = (Arc::clone(&scene.origin.home), scene.origin.port);
    scene.origin.kill();
    scene.origin = Origin::start_at(home, port).await;
    scene.check().await;
}

#[tokio::test]
async fn while_another_process_holds_the_file_the_answer_is_503_and_nothing_is_lost() {
    let mut scene = Scene::begin().await;
    let file = scene.origin.home.database_file();
    let url = format!("sqlite:{}", file.display());
    let opening = RUNTIME.spawn(async move { SqliteConnection::connect(&url).await });
    let mut other = opening.await.unwrap().unwrap();
    for _ in 0..2 {
        let held = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
        // All wait at once, so that they are told at once.
        let url = scene.origin.url();
        let asking = scene.chains.iter().map(|chain| {
            let (http, url) = (scene.http.clone(), url.clone());
            let token = chain.held().refresh.clone();
            tokio::spawn(async move { present(&http, &url, &token).await })
        });
        for answer in asking.collect::<Vec<_>>() {
            let answer = answer.await.unwrap();
            assert!(matches!(answer, Attempt::Unavailable), "{answer:?}");
        }
        scene.reading_goes_on().await;
        held.rollback().await.unwrap();

        let scene = &mut scene;
        let mut left = scene.refresh_all().await;
        for _ in 0..3 {
            left = left.min(scene.refresh_all().await);
        }
        assert_eq!(left, 0, "the file is free again");
    }
    scene.check().await;
}

#[tokio::test]
async fn one_who_waits_for_the_file_gets_it_when_it_is_free() {
    let scene = Scene::begin().await;
    let file = scene.origin.home.database_file();
    let url = format!("sqlite:{}", file.display());
    let opening = RUNTIME.spawn(async move { SqliteConnection::connect(&url).await });
    let mut other = opening.await.unwrap().unwrap();
    let held = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
    let (http, url) = (scene.http.clone(), scene.origin.url());
    let token = scene.chains[0].held().refresh.clone();
    let waiting = tokio::spawn(async move { present(&http, &url, &token).await });
    // Others are answered while it waits.
    scene.reading_goes_on().await;
    assert!(!waiting.is_finished());
    held.rollback().await.unwrap();
    let granted = wait::until("the refresh that waited", LIMIT, || async {
        waiting.is_finished().then_some(())
    });
    granted.await;
    let answer = waiting.await.unwrap();
    assert!(matches!(answer, Attempt::Granted(_)), "{answer:?}");
}
