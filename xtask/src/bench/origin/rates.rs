//! How much the origin does: refresh, introspection, login and what is beside them, one after the
//! other, with the floors between.

use std::time::Duration;

use anyhow::Result;
use portcullis_load::turns::Activity;

use super::crowd::Crowd;
use super::figures::Figures;
use super::floors::{self, Empty};
use super::ground::{self, Ground};
use super::pgbench::Pgbench;
use super::service::Service;
use crate::bench::processor;
use crate::stop::Stop;
use crate::workspace::Workspace;

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
pub(in crate::bench) fn run(workspace: &Workspace, stop: &Stop) -> Result<()> {
    ground::on_both(workspace, stop, measure)
}

fn measure(ground: &Ground<'_>) -> Result<()> {
    let Ground {
        programs,
        cores,
        postgres,
        stop,
    } = *ground;
    // The logins that are measured must not end the sessions that refresh.
    let settings = [("SESSIONS__MAX_PER_USER", "10000")];
    let service = &Service::start(ground, CONNECTIONS, &settings)?;
    let empty = Empty::start(programs, cores)?;
    let mut nobody = Crowd::start(programs, empty.address(), CONNECTIONS)?;
    let mut crowd = Crowd::start(programs, service.address(), CONNECTIONS)?;
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
        processor::mib(service.resident_kib()?),
        cores.of_measured(),
    );
    let started = service.cold_start().as_secs_f64() * 1000.0;
    println!(
        "  {:<34} {started:>9.1} ms",
        "cold start to the first answer"
    );
    Ok(())
}
