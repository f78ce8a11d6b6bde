//! The origin as it would be deployed: the release binary with its default settings, but for those
//! that a part of the benchmark names, on a database of its own.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use portcullis_load::http::{self, Connection};
use portcullis_load::users::{CLIENT, PASSWORD, name_of};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::ground::Ground;
use crate::bench::processor;
use crate::clock::Stopwatch;
use crate::process::{Goodbye, Group};
use crate::scratch;
use crate::stop::Stop;
use crate::tools::output_of;

const START_LIMIT: Duration = Duration::from_secs(30);

/// A running origin.
pub(super) struct Service {
    // The order matters: the process ends before its files go.
    process: Group,
    place: Place,
    program: PathBuf,
    on_sqlite: bool,
    /// From its start to its first answer.
    cold_start: Duration,
}

/// Where everything of a service is.
struct Place {
    address: SocketAddr,
    /// Of the database.
    url: String,
    files: TempDir,
}

impl Service {
    /// Starts it for the second time: the first start makes the tables, and so many of the users
    /// of the benchmark. `settings` are variables, without what all their names begin with.
    ///
    /// # Errors
    /// When it does not come up in time.
    pub(super) fn start(
        ground: &Ground<'_>,
        users: usize,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let files = scratch::directory("portcullis-bench-origin-")?;
        fs::write(files.path().join("settings.toml"), settings_file()).context("settings")?;
        let sqlite = format!("sqlite:{}", files.path().join("portcullis.db").display());
        let place = Place {
            address: free_address()?,
            url: ground.postgres.unwrap_or(&sqlite).to_owned(),
            files,
        };
        let program = &ground.programs.origin;
        let command = || place.command(ground.cores.measured(program), settings);
        let first = place.serve(command(), ground.stop)?;
        for number in 0..users {
            ground.stop.check()?;
            let scopes = ["--scope", "api:read", "--scope", "api:write"];
            add_user(command(), &name_of(number), &scopes)?;
        }
        drop(first);
        let watch = Stopwatch::start();
        Ok(Self {
            process: place.serve(command(), ground.stop)?,
            cold_start: watch.elapsed(),
            on_sqlite: ground.postgres.is_none(),
            program: program.clone(),
            place,
        })
    }

    /// The program on the same database: what an operator does beside the service, on any core.
    pub(super) fn beside(&self) -> Command {
        self.place.command(Command::new(&self.program), &[])
    }

    /// Adds an administrator with the password of all.
    ///
    /// # Errors
    /// When the program refuses.
    pub(super) fn add_admin(&self, name: &str) -> Result<()> {
        add_user(self.beside(), name, &["--role", "admin"])
    }

    /// Imports users: each line is one, in JSON.
    ///
    /// # Errors
    /// When the program refuses one.
    pub(super) fn import(&self, lines: &[Value]) -> Result<()> {
        let file = self.data().join("users.ndjson");
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        fs::write(&file, lines.join("\n")).context("users")?;
        let mut command = self.beside();
        output_of(command.args(["user", "import"]).arg(file)).map(drop)
    }

    /// The stored hash of the password of all, as it is made today.
    ///
    /// # Errors
    /// When there is no user.
    pub(super) fn hash_of_password(&self) -> Result<String> {
        let users = output_of(self.beside().args(["user", "export"]))?;
        let mut users = users.lines().map(serde_json::from_str::<Value>);
        let user = users.next().context("no user")?.context("a user in JSON")?;
        let hash = user.get("password_hash").and_then(Value::as_str);
        hash.map(str::to_owned).context("no password")
    }

    /// The URL of its database.
    pub(super) fn database(&self) -> &str {
        &self.place.url
    }

    /// The most that it ever had in memory, in KiB.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn peak_kib(&self) -> Result<u64> {
        processor::peak_kib(self.process.id())
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
        self.place.address
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
        self.place.files.path()
    }
}

const GOODBYE: Goodbye = Goodbye::TerminateAll;

impl Place {
    /// The program, told where everything is.
    fn command(&self, mut program: Command, settings: &[(&str, &str)]) -> Command {
        let files = self.files.path();
        program
            .current_dir(files)
            .env("PORTCULLIS_CONFIG", files.join("settings.toml"))
            .env("PORTCULLIS_SERVER__LISTEN", self.address.to_string())
            .env("PORTCULLIS_DATABASE__URL", &self.url)
            .env("PORTCULLIS_KEYS__MASTER_KEY_FILE", files.join("master.key"));
        for (name, value) in settings {
            program.env(format!("PORTCULLIS_{name}"), value);
        }
        program
    }

    /// Starts it, and waits until it answers. The log is written, as it would be, but to a file:
    /// nobody's time goes into reading it.
    fn serve(&self, mut command: Command, stop: &Stop) -> Result<Group> {
        let files = self.files.path();
        let output = File::create(files.join("log")).context("the log")?;
        command
            .arg("serve")
            .stdout(output.try_clone().context("the log")?)
            .stderr(output);
        let mut process = Group::spawn("portcullis", &mut command, GOODBYE)?;
        wait_until_ready(&mut process, self.address, files, stop)?;
        Ok(process)
    }
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

fn add_user(mut command: Command, name: &str, rights: &[&str]) -> Result<()> {
    command
        .args(["user", "add", name, "--password-stdin"])
        .args(rights)
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
    Ok(())
}

/// What variables cannot say: the proxy in whose place the load is, and the client that asks about
/// tokens.
fn settings_file() -> String {
    let (id, secret) = CLIENT;
    let digest = Sha256::digest(secret.as_bytes());
    let digest = digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!(
        "[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n\
         [[client]]\nid = \"{id}\"\nkind = \"confidential\"\nsecret_sha256 = \"{digest}\"\n\
         audiences = [\"api\"]\n"
    )
}

/// Taken from the system and given back: a race with another program is possible and loud.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    listener.local_addr().context("no free port")
}
