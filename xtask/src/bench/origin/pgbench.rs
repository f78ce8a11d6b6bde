//! Postgres' own load generator, with the one statement that a refresh cannot do without.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::floors::Count;
use crate::tools::{find_in_path, output_of};

/// A row for each client, of the shape and with the indexes of a real session.
const TABLE: &str = "
CREATE TABLE bench_floor (LIKE sessions INCLUDING ALL, client integer UNIQUE) WITH (fillfactor = 80);
INSERT INTO bench_floor SELECT *, row_number() OVER (ORDER BY id) - 1 FROM sessions LIMIT 64;
";

/// What a rotation writes, in a transaction of its own.
const UPDATE: &str = "
UPDATE bench_floor SET generation = generation + 1, accepted = generation, rotated_at = 1,
 replays = 0, late_retries = 0, last_iat = 1, last_used_at = 1, idle_expires_at = 1
 WHERE client = :client_id;
";

/// The program, and a table for it to work on.
pub(super) struct Pgbench {
    program: PathBuf,
    url: String,
    clients: usize,
    update: PathBuf,
}

impl Pgbench {
    /// Makes the table on the database in which the sessions are, one row for each client; `None`
    /// without `pgbench`.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn prepare(url: &str, scratch: &Path, clients: usize) -> Result<Option<Self>> {
        let Some(program) = find_in_path("pgbench") else {
            return Ok(None);
        };
        let (table, update) = (scratch.join("table.sql"), scratch.join("update.sql"));
        fs::write(&table, TABLE).context("a script for pgbench")?;
        fs::write(&update, UPDATE).context("a script for pgbench")?;
        let pgbench = Self {
            program,
            url: url.to_owned(),
            clients,
            update,
        };
        pgbench.run(&["--client=1", "--transactions=1"], &table)?;
        Ok(Some(pgbench))
    }

    /// Updates in so much time, whole seconds of which count.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn updates(&self, time: Duration) -> Result<Count> {
        let clients = format!("--client={}", self.clients);
        let time = format!("--time={}", time.as_secs());
        let said = self.run(
            &[&clients, &time, "--jobs=1", "--protocol=prepared"],
            &self.update,
        )?;
        let figure = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name))?;
            line.split(' ').next()
        };
        let operations = figure("number of transactions actually processed: ")
            .and_then(|count| count.parse::<u32>().ok());
        let (operations, rate) = operations
            .zip(figure("tps = ").and_then(|rate| rate.parse::<f64>().ok()))
            .with_context(|| format!("pgbench said no tps:\n{said}"))?;
        let elapsed = Duration::from_secs_f64(f64::from(operations) / rate.max(1.0));
        Ok(Count {
            operations: usize::try_from(operations)?,
            elapsed,
        })
    }

    fn run(&self, arguments: &[&str], script: &Path) -> Result<String> {
        let mut command = Command::new(&self.program);
        command
            .args(["--no-vacuum", "--file"])
            .arg(script)
            .args(arguments)
            .arg(&self.url);
        output_of(&mut command)
    }
}
