//! `cargo xtask bench origin`: the real origin over HTTP, on `SQLite` and on Postgres, beside what
//! the same machine can do at the very best in the same run.
//!
//! Invariant: each refresh token is used once, by the user who got it, and an answer other than
//! the expected one ends the run: what is counted is what worked.

mod crowd;
mod figures;
mod floors;
mod pgbench;
mod programs;
mod service;

use std::time::Duration;

use anyhow::Result;
use portcullis_load::turns::Activity;

use super::cores::Cores;
use crate::stop::Stop;
use crate::test::postgres;
use crate::workspace::Workspace;

use crowd::Crowd;
use figures::{Figures, Served};
use floors::Empty;
use pgbench::Pgbench;
use programs::Programs;
use service::Service;

/// Connections, and so virtual users.
const CONNECTIONS: usize = 16;

const WARM_UP: Duration = Duration::from_secs(1);

/// All that is compared takes turns, so that a noisy minute of the machine falls on all of it.
const ROUNDS: usize = 5;
const TURN: Duration = Duration::from_secs(2);

/// Measures on both databases.
///
/// # Errors
/// When something cannot be built or started, or an answer is wrong.
pub(super) fn run(workspace: &Workspace, stop: &Stop) -> Result<()> {
    let programs = Programs::build(workspace, stop)?;
    on_sqlite(&programs, stop)?;
    on_postgres(&programs, stop)
}

fn on_sqlite(programs: &Programs, stop: &Stop) -> Result<()> {
    println!("\nSQLite, durable commits (synchronous = FULL)");
    let cores = Cores::divide();
    let service = Service::start(&programs.origin, &cores, None, stop)?;
    measure(programs, &service, &cores, None, stop)
}

fn on_postgres(programs: &Programs, stop: &Stop) -> Result<()> {
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
    let service = Service::start(&programs.origin, &cores, Some(server.url()), stop)?;
    measure(programs, &service, &cores, Some(server.url()), stop)
}

fn measure(
    programs: &Programs,
    service: &Service,
    cores: &Cores,
    postgres: Option<&str>,
    stop: &Stop,
) -> Result<()> {
    let empty = Empty::start(programs, cores)?;
    let mut nobody = Crowd::start(programs, empty.address())?;
    let mut crowd = Crowd::start(programs, service.address())?;
    nobody.turn(Activity::Live, WARM_UP, stop)?;
    for activity in Figures::ACTIVITIES {
        crowd.turn(activity, WARM_UP, stop)?;
    }
    // After the first logins: its rows are made of sessions.
    let pgbench = match postgres {
        Some(url) => Pgbench::prepare(url, service.data(), CONNECTIONS)?,
        None => None,
    };
    if postgres.is_some() && pgbench.is_none() {
        println!("  without pgbench, which is not there (Debian: apt install postgresql)");
    }
    let mut figures = Figures::default();
    for _ in 0..ROUNDS {
        let idle = || empty.processor_time();
        let turn = || nobody.turn(Activity::Live, TURN, stop);
        figures.empty.turn(turn, idle)?;
        for (activity, served) in figures.served() {
            served.turn(
                || crowd.turn(activity, TURN, stop),
                || service.processor_time(),
            )?;
        }
        if service.is_on_sqlite() {
            let synced = || floors::durable_writes(service.data(), TURN);
            *figures.synced.get_or_insert_default() += cores.on_measured(synced)?;
        }
        if let Some(pgbench) = &pgbench {
            *figures.updates.get_or_insert_default() += pgbench.updates(TURN)?;
        }
        figures.hashes += floors::hashes(programs, cores, TURN)?;
    }
    figures.print(cores);
    println!(
        "  {:<34} {:>9.1} MiB, with {} thread(s) that hash (19 MiB each)",
        "resident memory",
        Served::mib(service.resident_kib()?),
        cores.of_measured(),
    );
    let started = service.cold_start().as_secs_f64() * 1000.0;
    println!(
        "  {:<34} {started:>9.1} ms",
        "cold start to the first answer"
    );
    Ok(())
}
