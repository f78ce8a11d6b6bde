//! Another Postgres takes over.

use std::sync::Arc;

use super::{CLIENTS, ISSUER, People};
use crate::harness::{
    chain::{Attempt, Chain, assert_invalid_grant},
    load::Load,
    origin::{Home, Origin},
    ports,
    postgres_server::{PostgresServer, Stop},
};

/// Two origins on a database that has a standby.
struct Scene {
    primary: PostgresServer,
    standby: PostgresServer,
    people: People,
    origins: [Origin; 2],
}

impl Scene {
    async fn begin() -> Self {
        let primary = PostgresServer::start().await;
        primary.execute("CREATE DATABASE portcullis").await;
        let standby = primary.standby().await;
        let home = Home::on(&primary.url("portcullis"), ISSUER)
            .with("PORTCULLIS_LOG__FILTER", "error")
            .with("PORTCULLIS_REFRESH__WINDOW", "120");
        let people = People::new(&home);
        let home = Arc::new(home);
        Self {
            primary,
            standby,
            people,
            origins: [
                Origin::start_at(Arc::clone(&home), ports::free()).await,
                Origin::start_at(home, ports::free()).await,
            ],
        }
    }

    fn urls(&self) -> Vec<String> {
        self.origins.iter().map(Origin::url).collect()
    }

    /// The primary is lost, and the standby is promoted at its address.
    async fn fail_over(&mut self) {
        self.primary.stop(Stop::Immediate).await;
        self.standby.stop(Stop::Fast).await;
        self.standby.take_the_address_of(&self.primary);
        self.standby.go_on().await;
        // For a moment it only reads: those who write are told to come again.
        self.standby.execute("SELECT pg_promote()").await;
    }

    async fn chains(&self) -> Vec<Chain> {
        self.people.log_all_in(&self.origins[0]).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_a_synchronous_standby_loses_no_answered_refresh() {
    let mut scene = Scene::begin().await;
    for setting in [
        "ALTER SYSTEM SET synchronous_standby_names = '*'",
        "SELECT pg_reload_conf()",
    ] {
        scene.primary.execute(setting).await;
    }
    let mut load = Load::start(scene.urls(), scene.chains().await);
    load.progress(40).await;
    scene.fail_over().await;
    load.progress(40).await;
    let chains = load.stop().await;
    assert_eq!(chains.len(), CLIENTS);
    for (number, mut chain) in chains.into_iter().enumerate() {
        let origin = &scene.origins[number % 2];
        scene.people.goes_on(origin, &mut chain).await;
        scene.people.theft_is_theft(origin, &chain).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_a_standby_that_lags_is_a_restore_and_restored_lets_clients_go_on() {
    let mut scene = Scene::begin().await;
    let mut load = Load::start(scene.urls(), scene.chains().await);
    load.progress(20).await;
    // It hears no more of the primary, whose last commits are lost with it.
    scene.standby.stop(Stop::Fast).await;
    load.progress(20).await;
    let chains = load.stop().await;
    scene.fail_over().await;

    let origin = &scene.origins[0];
    // Connections that the failover cut may be noticed one by one.
    let refused = loop {
        match scene.people.present(origin, &chains[0]).await {
            Attempt::Unavailable => {}
            refused => break refused,
        }
    };
    assert_invalid_grant(&refused);
    origin.home.run(&["restored"], "");
    for (number, mut chain) in chains.into_iter().enumerate() {
        let origin = &scene.origins[number % 2];
        scene.people.goes_on(origin, &mut chain).await;
        scene.people.theft_is_theft(origin, &chain).await;
    }
}
