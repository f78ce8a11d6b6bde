//! `cargo xtask bench origin`: the real origin over HTTP, on `SQLite` and on Postgres, beside what
//! the same machine can do at the very best in the same run.
//!
//! Invariant: each refresh token is used once, by the user who got it, and an answer other than
//! the expected one ends the run: what is counted is what worked.

mod floors;
mod pgbench;
mod service;
mod users;

use std::time::Duration;

use anyhow::Result;

use super::cores::Cores;
use super::load::{self, Limit};
use crate::stop::Stop;
use crate::test::postgres;
use crate::workspace::Workspace;

use service::Service;
use users::{Live, Login, Refresh};

/// Connections, and so virtual users.
const CONNECTIONS: usize = 16;

const WARM_UP: Duration = Duration::from_secs(2);

/// How long each operation is measured.
const MEASURED: Duration = Duration::from_secs(10);

/// Measures on both databases.
///
/// # Errors
/// When something cannot be built or started, or an answer is wrong.
pub(super) fn run(workspace: &Workspace, stop: &Stop) -> Result<()> {
    let program = service::build(workspace, stop)?;
    on_sqlite(&program, stop)?;
    on_postgres(&program, stop)
}

fn on_sqlite(program: &std::path::Path, stop: &Stop) -> Result<()> {
    println!("\nSQLite, durable commits (synchronous = FULL)");
    let cores = Cores::divide();
    let service = Service::start(program, &cores, None, stop)?;
    let figures = measure(&service, &cores, stop)?;
    let synced = floors::durable_writes(service.data(), MEASURED / 4)?;
    println!(
        "  {:<34} {synced:>9.0} /s   one after the other",
        "floor: fdatasync of 4 KiB"
    );
    figures.compare();
    Ok(())
}

fn on_postgres(program: &std::path::Path, stop: &Stop) -> Result<()> {
    println!("\nPostgres, durable commits (fsync = on)");
    let server = match postgres::Server::started_durable(stop) {
        Ok(server) => server,
        Err(reason) => {
            stop.check()?;
            println!("  skipped: {reason:#}");
            return Ok(());
        }
    };
    let cores = Cores::divide();
    let service = Service::start(program, &cores, Some(server.url()), stop)?;
    let figures = measure(&service, &cores, stop)?;
    match pgbench::updates(server.url(), service.data(), CONNECTIONS, MEASURED, stop)? {
        Some(updates) => {
            println!("  {:<34} {updates:>9.0} /s", "floor: pgbench, one UPDATE");
            println!("  pgbench / refresh {:>31.2}", updates / figures.refresh);
        }
        None => println!("  floor: pgbench is not there (Debian: apt install postgresql)"),
    }
    figures.compare();
    Ok(())
}

/// Operations a second.
struct Figures {
    live: f64,
    refresh: f64,
    login: f64,
    hashes: f64,
}

impl Figures {
    fn compare(&self) {
        println!("  live / refresh {:>34.2}", self.live / self.refresh);
        println!("  login / argon2id {:>32.2}", self.login / self.hashes);
    }
}

fn measure(service: &Service, cores: &Cores, stop: &Stop) -> Result<Figures> {
    let time = Limit::Time(MEASURED);
    let report = |name: &str, load: &load::Load| println!("  {name:<34} {}", load.line());

    let mut live = Live::some(service, CONNECTIONS)?;
    load::run(&mut live, Limit::Time(WARM_UP), stop)?;
    let live = load::run(&mut live, time, stop)?;
    report("floor: GET /health/live", &live);

    let mut refresh = Refresh::some(service, CONNECTIONS)?;
    load::run(&mut refresh, Limit::Time(WARM_UP), stop)?;
    let refresh = load::run(&mut refresh, time, stop)?;
    report("POST /auth/token (refresh)", &refresh);

    let mut login = Login::some(service, CONNECTIONS)?;
    let login = load::run(&mut login, time, stop)?;
    report("POST /auth/login", &login);

    let hashes = floors::hashes(cores.of_measured(), MEASURED / 2, stop)?;
    println!(
        "  {:<34} {hashes:>9.1} /s   {} thread(s)",
        "floor: argon2id",
        cores.of_measured()
    );
    Ok(Figures {
        live: live.per_second(),
        refresh: refresh.per_second(),
        login: login.per_second(),
        hashes,
    })
}
