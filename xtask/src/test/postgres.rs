//! A Postgres to test against: the one that is given, or a throwaway one. Benchmarks start one that
//! writes as a server in earnest does.
//!
//! Invariant: a server that was started here is stopped, and its files are removed, when the
//! [`Server`] is dropped. It listens on the loopback address alone.

mod find;

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::clock::Stopwatch;
use crate::process::{Goodbye, Group, Tail, shown};
use crate::scratch;
use crate::stop::Stop;
use find::Unprivileged;
pub(super) use find::programs;

const START_LIMIT: Duration = Duration::from_secs(30);

/// A server that tests may make databases on.
pub(crate) struct Server {
    url: String,
    // The order matters: the process ends before its files go.
    _process: Option<Group>,
    _files: Option<TempDir>,
}

impl Server {
    /// Where it is, as `postgres` and with no password.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `TEST_POSTGRES_URL`, or a server of our own.
    ///
    /// # Errors
    /// When there is neither: the message says how to install one.
    pub(super) fn given_or_started(stop: &Stop) -> Result<Self> {
        match env::var("TEST_POSTGRES_URL") {
            Ok(url) if !url.is_empty() => Ok(Self {
                url,
                _process: None,
                _files: None,
            }),
            // The files are thrown away: a power cut may have them.
            _ => Self::start("fsync=off", stop),
        }
    }

    /// A server of our own whose commits are on the disk when they are answered.
    ///
    /// # Errors
    /// When there are no programs: the message says how to install them.
    pub(crate) fn started_durable(stop: &Stop) -> Result<Self> {
        Self::start("fsync=on", stop)
    }

    fn start(durability: &str, stop: &Stop) -> Result<Self> {
        let programs = programs()?;
        let user = find::unprivileged_user()?;
        let files = scratch::directory("portcullis-postgres-")?;
        if let Some(user) = &user {
            chown(files.path(), Some(user.uid), Some(user.gid))
                .context("handing over its files")?;
        }
        let data = files.path().join("data");
        let in_place =
            |program: &str| as_user(&programs.join(program), files.path(), user.as_ref());

        eprintln!("starting a throwaway Postgres ({})", programs.display());
        let mut initdb = in_place("initdb");
        initdb.args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
        ]);
        initdb.args(["--no-sync", "--pgdata"]).arg(&data);
        finish(initdb, stop)?;

        let port = free_port()?;
        let mut command = in_place("postgres");
        command.arg("-D").arg(&data);
        for setting in [
            "listen_addresses=127.0.0.1",
            &format!("port={port}"),
            // Debian's default place for sockets is not ours to write to.
            "unix_socket_directories=",
            "max_connections=400",
            durability,
        ] {
            command.args(["-c", setting]);
        }
        let tail = Tail::attach(&mut command, |_| ())?;
        let mut process = Group::spawn("postgres", &mut command, Goodbye::InterruptLeader)?;
        drop(command);
        wait_until_ready(&mut process, &tail, stop)?;
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        Ok(Self {
            url,
            _process: Some(process),
            _files: Some(files),
        })
    }
}

/// A command that runs in `place`, as `user` when we are root: Postgres refuses to run as root.
fn as_user(program: &Path, place: &Path, user: Option<&Unprivileged>) -> Command {
    let mut command = Command::new(program);
    // The user's own settings could name another server, another locale, another timezone.
    for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
        command.env_remove(name);
    }
    command
        .current_dir(place)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("HOME", place);
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}

fn finish(mut command: Command, stop: &Stop) -> Result<()> {
    let line = shown(&command);
    let tail = Tail::attach(&mut command, |_| ())?;
    let mut group = Group::spawn(&line, command.stdin(Stdio::null()), Goodbye::TerminateAll)?;
    drop(command);
    let status = group.wait(stop)?;
    if !status.success() {
        bail!("`{line}` ended with {status}:\n{}", tail.finished_text());
    }
    Ok(())
}

/// Taken from the system and given back: a race with another program is possible and loud.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr().context("no free port")?.port())
}

fn wait_until_ready(process: &mut Group, tail: &Tail, stop: &Stop) -> Result<()> {
    let waited = Stopwatch::start();
    while !tail
        .text()
        .contains("database system is ready to accept connections")
    {
        if let Some(status) = process.ended()? {
            bail!("Postgres ended with {status}:\n{}", tail.text());
        }
        if waited.elapsed() > START_LIMIT {
            bail!(
                "Postgres is not ready after {} s:\n{}",
                START_LIMIT.as_secs(),
                tail.text()
            );
        }
        stop.pause(Duration::from_millis(50))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::as_user;
    use std::path::Path;

    #[test]
    fn the_callers_postgres_settings_do_not_reach_the_server() {
        let command = as_user(Path::new("postgres"), Path::new("/"), None);
        assert!(command.get_envs().all(|(name, value)| {
            !name.as_encoded_bytes().starts_with(b"PG") || value.is_none()
        }));
    }
}
