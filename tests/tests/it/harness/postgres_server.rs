//! A Postgres server of a test's own, for tests that stop it. All others share one (`postgres`).

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{
    place, ports,
    process::{Group, Scratch},
    server::RUNTIME,
    wait,
};

const START_LIMIT: Duration = Duration::from_secs(30);

/// How a server is stopped.
#[derive(Debug, Clone, Copy)]
pub enum Stop {
    /// Transactions are rolled back, and everything is written.
    Fast,
    /// As by a crash: the next start recovers.
    Immediate,
}

/// The server.
#[derive(Debug)]
pub struct PostgresServer {
    files: Scratch,
    data: PathBuf,
    port: u16,
    group: Option<Group>,
}

impl PostgresServer {
    pub async fn start() -> Self {
        let mut server = Self::prepare();
        let mut make = server.program("initdb");
        make.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
        make.args(["--no-locale", "--no-sync"]);
        run(make.arg("--pgdata").arg(&server.data));
        server.go_on().await;
        server
    }

    /// A place for its files.
    fn prepare() -> Self {
        let files = Scratch::new("postgres");
        if let Some((uid, gid)) = unprivileged() {
            chown(files.path(), Some(uid), Some(gid)).unwrap();
        }
        let data = files.path().join("data");
        Self {
            files,
            data,
            port: ports::free(),
            group: None,
        }
    }

    /// One of this server's programs, to be run as the user that the server runs as.
    pub fn program(&self, name: &str) -> Command {
        program(name, self.files.path())
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// A place for files that this server's programs write.
    pub fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Runs a statement in the database `postgres`.
    pub async fn execute(&self, statement: &str) {
        let (url, statement) = (self.url("postgres"), statement.to_owned());
        let work = RUNTIME.spawn(async move {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            connection.execute(AssertSqlSafe(statement)).await.unwrap();
            connection.close().await.unwrap();
        });
        work.await.unwrap();
    }

    /// A copy of it that follows it, on a port of its own.
    pub async fn standby(&self) -> Self {
        let mut standby = Self::prepare();
        let mut copy = standby.program("pg_basebackup");
        copy.args(["--host=127.0.0.1", "--username=postgres", "--no-sync"]);
        copy.args(["--checkpoint=fast", "--write-recovery-conf"]);
        copy.arg(format!("--port={}", self.port));
        run(copy.arg("--pgdata").arg(&standby.data));
        standby.go_on().await;
        standby
    }

    /// Answers at the address of another from its next start on, as after a change of DNS.
    pub fn take_the_address_of(&mut self, other: &Self) {
        self.port = other.port;
    }

    /// Stops it.
    pub async fn stop(&mut self, how: Stop) {
        let Some(mut group) = self.group.take() else {
            return;
        };
        group.signal(match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        });
        wait::until("the end of Postgres", START_LIMIT, || {
            let ended = group.ended();
            async move { ended }
        })
        .await;
    }

    /// Starts it again, after [`Self::stop`].
    pub async fn go_on(&mut self) {
        let mut command = self.program("postgres");
        command.arg("-D").arg(&self.data);
        for setting in [
            "listen_addresses=127.0.0.1",
            &format!("port={}", self.port),
            "unix_socket_directories=",
            "max_connections=300",
            // The machine stays up, whatever becomes of the server.
            "fsync=off",
        ] {
            command.args(["-c", setting]);
        }
        let mut group = Group::spawn(command, self.files.path().join("log"));
        let url = self.url("postgres");
        wait::until("Postgres", START_LIMIT, || {
            assert!(group.ended().is_none(), "it ended: {}", group.output());
            let url = url.clone();
            let connecting = RUNTIME.spawn(async move { PgConnection::connect(&url).await });
            async move { connecting.await.unwrap().ok() }
        })
        .await;
        self.group = Some(group);
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Killed, it would leave shared memory behind.
        if let Some(mut group) = self.group.take() {
            group.signal(Signal::QUIT);
            group.wait();
        }
    }
}

/// A program of Postgres, run in `folder` by somebody who is not root.
pub fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(place::postgres_programs().join(name));
    for (variable, _) in std::env::vars_os() {
        if variable.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(variable);
        }
    }
    command.current_dir(folder).env("HOME", folder);
    command.env("LC_ALL", "C").env("TZ", "UTC");
    if let Some((uid, gid)) = unprivileged() {
        command.uid(uid).gid(gid);
    }
    command
}

/// Runs a program to its end.
pub fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// Whom to be when we are root, as which Postgres refuses to run: user and group.
fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let found = ["postgres", "nobody"].iter().find_map(|name| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(*name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    Some(found.expect("root needs a user postgres or nobody"))
}
