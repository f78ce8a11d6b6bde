//! What every part of the benchmark stands on: the programs, the cores, one of the two databases.

use anyhow::Result;

use super::programs::Programs;
use crate::bench::cores::Cores;
use crate::stop::Stop;
use crate::test::postgres;
use crate::workspace::Workspace;

/// What a part measures with.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) programs: &'a Programs,
    pub(super) cores: &'a Cores,
    /// A server of which this part has the only database; without one it is `SQLite`.
    pub(super) postgres: Option<&'a str>,
    pub(super) stop: &'a Stop,
}

/// Measures on `SQLite`, and then on a Postgres that nothing else has used.
///
/// # Errors
/// When something cannot be built or started, or measuring fails.
pub(super) fn on_both(
    workspace: &Workspace,
    stop: &Stop,
    measure: impl Fn(&Ground<'_>) -> Result<()>,
) -> Result<()> {
    let programs = Programs::build(workspace, stop)?;
    println!("\nSQLite, durable commits (synchronous = FULL)");
    let on = |postgres| {
        let cores = Cores::divide();
        measure(&Ground {
            programs: &programs,
            cores: &cores,
            postgres,
            stop,
        })
    };
    on(None)?;
    println!("\nPostgres, durable commits (fsync = on)");
    match postgres::Server::started_durable(stop) {
        Ok(server) => on(Some(server.url())),
        Err(reason) => {
            stop.check()?;
            println!("  skipped: {reason:#}");
            Ok(())
        }
    }
}
