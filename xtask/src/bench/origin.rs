//! `cargo xtask bench origin`: the real origin over HTTP, on `SQLite` and on Postgres, beside what
//! the same machine can do at the very best in the same run.
//!
//! Invariant: each refresh token is used once, by the user who got it, and an answer other than
//! the expected one ends the run: what is counted is what worked.

mod floors;
mod pgbench;
mod service;
mod users;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::cores::Cores;
use super::load::{self, Limit, Load, User};
use crate::stop::Stop;
use crate::test::postgres;
use crate::workspace::Workspace;

use floors::Count;
use pgbench::Pgbench;
use service::Service;
use users::{Live, Login, Refresh};

/// Connections, and so virtual users.
const CONNECTIONS: usize = 16;

const WARM_UP: Duration = Duration::from_secs(2);

/// All that is compared takes turns, so that a noisy minute of the machine falls on all of it.
const ROUNDS: usize = 5;
const TURN: Duration = Duration::from_secs(2);

/// Measures on both databases.
///
/// # Errors
/// When something cannot be built or started, or an answer is wrong.
pub(super) fn run(workspace: &Workspace, stop: &Stop) -> Result<()> {
    let program = service::build(workspace, stop)?;
    on_sqlite(&program, stop)?;
    on_postgres(&program, stop)
}

fn on_sqlite(program: &Path, stop: &Stop) -> Result<()> {
    println!("\nSQLite, durable commits (synchronous = FULL)");
    let cores = Cores::divide();
    let service = Service::start(program, &cores, None, stop)?;
    Figures::measure(&service, &cores, None, stop)?.print(&cores);
    Ok(())
}

fn on_postgres(program: &Path, stop: &Stop) -> Result<()> {
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
    // After the first logins: its rows are made of sessions.
    let logged_in = Refresh::some(&service, CONNECTIONS)?;
    drop(logged_in);
    let pgbench = Pgbench::prepare(server.url(), service.data(), CONNECTIONS)?;
    if pgbench.is_none() {
        println!("  without pgbench, which is not there (Debian: apt install postgresql)");
    }
    Figures::measure(&service, &cores, pgbench.as_ref(), stop)?.print(&cores);
    Ok(())
}

/// What was measured of the origin, and of the floors beside it.
#[derive(Default)]
struct Figures {
    live: Served,
    refresh: Served,
    login: Served,
    hashes: Count,
    /// On `SQLite`: its writer is one, and this is what one writer can do.
    synced: Option<Count>,
    updates: Option<Count>,
}

/// Operations that the origin has served.
#[derive(Default)]
struct Served {
    load: Load,
    /// Processor time of the origin.
    processor: Duration,
}

impl Served {
    fn turn<U: User>(&mut self, users: &mut [U], service: &Service, stop: &Stop) -> Result<()> {
        let before = service.processor_time()?;
        self.load += load::run(users, Limit::Time(TURN), stop)?;
        self.processor += service.processor_time()?.saturating_sub(before);
        Ok(())
    }

    fn micros_each(&self) -> f64 {
        load::micros_each(self.processor, self.load.operations())
    }
}

impl Figures {
    fn measure(
        service: &Service,
        cores: &Cores,
        pgbench: Option<&Pgbench>,
        stop: &Stop,
    ) -> Result<Self> {
        let mut figures = Self::default();
        let mut live = Live::some(service, CONNECTIONS)?;
        let mut refresh = Refresh::some(service, CONNECTIONS)?;
        let mut login = Login::some(service, CONNECTIONS)?;
        load::run(&mut live, Limit::Time(WARM_UP), stop)?;
        load::run(&mut refresh, Limit::Time(WARM_UP), stop)?;
        for _ in 0..ROUNDS {
            figures.live.turn(&mut live, service, stop)?;
            figures.refresh.turn(&mut refresh, service, stop)?;
            if service.is_on_sqlite() {
                let synced = || floors::durable_writes(service.data(), TURN);
                *figures.synced.get_or_insert_default() += cores.on_measured(synced)?;
            }
            if let Some(pgbench) = pgbench {
                *figures.updates.get_or_insert_default() += pgbench.updates(TURN)?;
            }
            figures.login.turn(&mut login, service, stop)?;
            let hashes = || floors::hashes(cores.of_measured(), TURN, stop);
            figures.hashes += cores.on_measured(hashes)?;
        }
        Ok(figures)
    }

    fn print(&self, cores: &Cores) {
        for (name, served) in [
            ("POST /auth/token (refresh)", &self.refresh),
            ("POST /auth/login", &self.login),
            ("floor: GET /health/live", &self.live),
        ] {
            let (line, micros) = (served.load.line(), served.micros_each());
            println!("  {name:<34} {line}   cpu {micros:>6.0} µs");
        }
        let hashes = format!("floor: argon2id, {} thread(s)", cores.of_measured());
        let floors = [
            (hashes.as_str(), Some(self.hashes)),
            ("floor: one fdatasync after another", self.synced),
            ("floor: pgbench, one UPDATE", self.updates),
        ];
        for (name, count) in floors
            .iter()
            .filter_map(|(name, count)| Some((name, (*count)?)))
        {
            println!("  {name:<34} {:>9.1} /s", count.per_second());
        }
        self.compare();
    }

    fn compare(&self) {
        let ratio = |name: &str, ratio: f64| println!("  {name:<34} {ratio:>9.2}");
        let refresh = self.refresh.load.per_second();
        ratio("live / refresh", self.live.load.per_second() / refresh);
        if let Some(updates) = self.updates {
            ratio("pgbench / refresh", updates.per_second() / refresh);
        }
        ratio(
            "login / argon2id",
            self.login.load.per_second() / self.hashes.per_second(),
        );
        let hash = load::micros_each(self.hashes.processor, self.hashes.operations);
        ratio(
            "the same by processor time",
            hash / self.login.micros_each(),
        );
    }
}
