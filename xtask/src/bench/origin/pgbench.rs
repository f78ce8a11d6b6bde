//! Postgres' own load generator, with the one statement that a refresh cannot do without.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::stop::Stop;
use crate::tools::{find_in_path, output_of};

/// A row for each client, of the shape and with the indexes of a real session.
const TABLE: &str = "
CREATE TABLE bench_floor (LIKE sessions INCLUDING ALL, client integer UNIQUE) WITH (fillfactor = 80);
INSERT INTO bench_floor SELECT *, row_number() OVER (ORDER BY id) - 1 FROM sessions;
";

/// What a rotation writes, in a transaction of its own.
const UPDATE: &str = "
UPDATE bench_floor SET generation = generation + 1, accepted = generation, rotated_at = 1,
 replays = 0, late_retries = 0, last_iat = 1, last_used_at = 1, idle_expires_at = 1
 WHERE client = :client_id;
";

/// Updates a second of `clients` connections on the database in which the sessions are; `None`
/// without `pgbench`.
///
/// # Errors
/// When it fails.
pub(super) fn updates(
    url: &str,
    scratch: &Path,
    clients: usize,
    time: Duration,
    stop: &Stop,
) -> Result<Option<f64>> {
    let Some(program) = find_in_path("pgbench") else {
        return Ok(None);
    };
    let script = |name: &str, text: &str| {
        let file = scratch.join(name);
        fs::write(&file, text)
            .context("a script for pgbench")
            .map(|()| file)
    };
    let pgbench = |arguments: &[&str], script: &Path| {
        let mut command = Command::new(&program);
        command
            .args(["--no-vacuum", "--file"])
            .arg(script)
            .args(arguments)
            .arg(url);
        output_of(&mut command)
    };
    pgbench(
        &["--client=1", "--transactions=1"],
        &script("table.sql", TABLE)?,
    )?;
    stop.check()?;
    let said = pgbench(
        &[
            &format!("--client={clients}"),
            &format!("--time={}", time.as_secs()),
            "--jobs=1",
            "--protocol=prepared",
        ],
        &script("update.sql", UPDATE)?,
    )?;
    let figure = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let figure = figure.and_then(|line| line.split(' ').next()?.parse().ok());
    figure
        .map(Some)
        .with_context(|| format!("pgbench said no tps:\n{said}"))
}
