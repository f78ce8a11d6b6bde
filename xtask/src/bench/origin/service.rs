//! The origin as it would be deployed: the release binary with its default settings, on a database
//! of its own.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use portcullis_load::http::{self, Connection};
use portcullis_load::users::{CLIENT, PASSWORD, name_of};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::bench::cores::Cores;
use crate::bench::processor;
use crate::clock::Stopwatch;
use crate::process::{Goodbye, Group};
use crate::scratch;
use crate::stop::Stop;

const START_LIMIT: Duration = Duration::from_secs(30);

/// A running origin.
pub(super) struct Service {
    address: SocketAddr,
    on_sqlite: bool,
    // The order matters: the process ends before its files go.
    process: Group,
    files: TempDir,
    /// From its start to its first answer.
    cold_start: Duration,
}

impl Service {
    /// Starts it on `database`, or on `SQLite` beside its other files, for the second time: the
    /// first start makes the tables, and the users of the benchmark.
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
        fs::write(files.path().join("settings.toml"), settings()).context("settings")?;
        let sqlite = format!("sqlite:{}", files.path().join("portcullis.db").display());
        let address = free_address()?;
        let url = database.unwrap_or(&sqlite).to_owned();
        let command = || command(cores.measured(program), files.path(), address, &url);
        let mut first = Group::spawn(
            "portcullis",
            &mut serving(command(), files.path())?,
            GOODBYE,
        )?;
        wait_until_ready(&mut first, address, files.path(), stop)?;
        add_users(command, stop)?;
        drop(first);
        let watch = Stopwatch::start();
        let mut process = Group::spawn(
            "portcullis",
            &mut serving(command(), files.path())?,
            GOODBYE,
        )?;
        wait_until_ready(&mut process, address, files.path(), stop)?;
        Ok(Self {
            address,
            on_sqlite: database.is_none(),
            process,
            cold_start: watch.elapsed(),
            files,
        })
    }

    /// From the start on an existing database to the first answer that it is ready.
    pub(super) fn cold_start(&self) -> Duration {
        self.cold_start
    }

    /// What it has in memory now, in KiB.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn resident_kib(&self) -> Result<u64> {
        processor::resident_kib(self.process.id())
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
}

const GOODBYE: Goodbye = Goodbye::TerminateAll;

/// The program, told where everything is.
fn command(mut program: Command, files: &Path, address: SocketAddr, database: &str) -> Command {
    program
        .current_dir(files)
        .env("PORTCULLIS_CONFIG", files.join("settings.toml"))
        .env("PORTCULLIS_SERVER__LISTEN", address.to_string())
        .env("PORTCULLIS_DATABASE__URL", database)
        // The logins that are measured must not end the sessions that refresh.
        .env("PORTCULLIS_SESSIONS__MAX_PER_USER", "10000")
        .env("PORTCULLIS_KEYS__MASTER_KEY_FILE", files.join("master.key"));
    program
}

/// The log is written, as it would be, but to a file: nobody's time goes into reading it.
fn serving(mut command: Command, files: &Path) -> Result<Command> {
    let output = File::create(files.join("log")).context("the log")?;
    command
        .arg("serve")
        .stdout(output.try_clone().context("the log")?)
        .stderr(output);
    Ok(command)
}

fn wait_until_ready(
    process: &mut Group,
    address: SocketAddr,
    files: &Path,
    stop: &Stop,
) -> Result<()> {
    let waited = Stopwatch::start();
    let request = http::get("/health/ready", None);
    let is_ready = || Connection::open(address)?.call(&request)?.ok().map(drop);
    while is_ready().is_err() {
        let ended = process.ended()?;
        if ended.is_some() || waited.elapsed() > START_LIMIT {
            let said = fs::read_to_string(files.join("log")).unwrap_or_default();
            bail!("the origin did not come up. It said:\n{said}");
        }
        stop.pause(Duration::from_millis(1))?;
    }
    Ok(())
}

fn add_users(command: impl Fn() -> Command, stop: &Stop) -> Result<()> {
    for number in 0..super::CONNECTIONS {
        stop.check()?;
        let mut command = command();
        command
            .args(["user", "add", &name_of(number), "--password-stdin"])
            .args(["--scope", "api:read", "--scope", "api:write"])
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

/// The settings besides the variables: the client that asks about tokens.
fn settings() -> String {
    let (id, secret) = CLIENT;
    let digest = Sha256::digest(secret.as_bytes());
    let digest = digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!(
        "[[client]]\nid = \"{id}\"\nkind = \"confidential\"\nsecret_sha256 = \"{digest}\"\n\
         audiences = [\"api\"]\n"
    )
}

/// Taken from the system and given back: a race with another program is possible and loud.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    listener.local_addr().context("no free port")
}
