//! The origin as it would be deployed: the release binary with its default settings, on a database
//! of its own.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::bench::cores::Cores;
use crate::bench::processor;
use crate::client::Client;
use crate::clock::Stopwatch;
use crate::process::{self, Goodbye, Group};
use crate::scratch;
use crate::stop::Stop;
use crate::workspace::Workspace;

const START_LIMIT: Duration = Duration::from_secs(30);

/// Of all users of the benchmark; on a database that is thrown away.
pub(super) const PASSWORD: &str = "correct horse battery staple";

/// Builds the release binary and says where it is.
///
/// # Errors
/// When it does not compile.
pub(super) fn build(workspace: &Workspace, stop: &Stop) -> Result<PathBuf> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--release", "--package", "portcullis-origin"]);
    cargo
        .args(["--bin", "portcullis", "--target-dir"])
        .arg(workspace.target());
    process::run(cargo.current_dir(workspace.root()), stop)?;
    Ok(workspace.target().join("release/portcullis"))
}

/// A running origin.
pub(super) struct Service {
    address: SocketAddr,
    on_sqlite: bool,
    // The order matters: the process ends before its files go.
    process: Group,
    files: TempDir,
}

impl Service {
    /// Starts it on `database`, or on `SQLite` beside its other files.
    ///
    /// # Errors
    /// When it does not come up in time.
    pub(super) fn start(
        program: &Path,
        cores: &Cores,
        database: Option<&str>,
        stop: &Stop,
    ) -> Result<Self> {
        let files = scratch::directory("portcullis-bench-origin-")?;
        let address = free_address()?;
        let sqlite = format!("sqlite:{}", files.path().join("portcullis.db").display());
        // The log is written, as it would be, but to a file: nobody's time goes into reading it.
        let log = files.path().join("log");
        let output = File::create(&log).context("the log")?;
        let mut command = cores.measured(program);
        command
            .arg("serve")
            .current_dir(files.path())
            .env("PORTCULLIS_SERVER__LISTEN", address.to_string())
            .env("PORTCULLIS_DATABASE__URL", database.unwrap_or(&sqlite))
            .env(
                "PORTCULLIS_KEYS__MASTER_KEY_FILE",
                files.path().join("master.key"),
            )
            .stdout(output.try_clone().context("the log")?)
            .stderr(output);
        let process = Group::spawn("portcullis", &mut command, Goodbye::TerminateAll)?;
        let mut service = Self {
            address,
            on_sqlite: database.is_none(),
            process,
            files,
        };
        service.wait_until_ready(&log, stop)?;
        service.add_users(program, database.unwrap_or(&sqlite), stop)?;
        Ok(service)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Processor time that it has taken so far.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn processor_time(&self) -> Result<Duration> {
        processor::time_of(self.process.id())
    }

    /// Whether its database is a file beside its other files.
    pub(super) fn is_on_sqlite(&self) -> bool {
        self.on_sqlite
    }

    /// Where its files are.
    pub(super) fn data(&self) -> &Path {
        self.files.path()
    }

    fn wait_until_ready(&mut self, log: &Path, stop: &Stop) -> Result<()> {
        let client = Client::new();
        let waited = Stopwatch::start();
        let probe = format!("http://{}/health/ready", self.address);
        while !client
            .get(&probe, None)
            .is_ok_and(|answer| answer.status == 200)
        {
            let ended = self.process.ended()?;
            if ended.is_some() || waited.elapsed() > START_LIMIT {
                let said = fs::read_to_string(log).unwrap_or_default();
                bail!("the origin did not come up. It said:\n{said}");
            }
            stop.pause(Duration::from_millis(20))?;
        }
        Ok(())
    }

    fn add_users(&self, program: &Path, database: &str, stop: &Stop) -> Result<()> {
        for number in 0..super::CONNECTIONS {
            stop.check()?;
            let mut command = Command::new(program);
            command
                .args(["user", "add", &name_of(number), "--password-stdin"])
                .args(["--scope", "api:read", "--scope", "api:write"])
                .current_dir(self.files.path())
                .env("PORTCULLIS_DATABASE__URL", database)
                .env(
                    "PORTCULLIS_KEYS__MASTER_KEY_FILE",
                    self.files.path().join("master.key"),
                )
                .stdin(Stdio::piped())
                .stdout(Stdio::null());
            let mut child = command.spawn().context("cannot start portcullis")?;
            if let Some(mut stdin) = child.stdin.take() {
                writeln!(stdin, "{PASSWORD}").context("handing over a password")?;
            }
            let status = child.wait().context("waiting for portcullis")?;
            if !status.success() {
                bail!("`portcullis user add` ended with {status}");
            }
        }
        Ok(())
    }
}

/// Each virtual user is a user of its own.
pub(super) fn name_of(number: usize) -> String {
    format!("bench-{number}")
}

/// Taken from the system and given back: a race with another program is possible and loud.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    listener.local_addr().context("no free port")
}
