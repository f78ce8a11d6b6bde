//! Child processes, each the leader of a process group of its own.
//!
//! Invariant: when a [`Group`] is dropped, no process of its group is left: not the leader, and
//! not a grandchild such as the `workerd` behind `wrangler`.

mod output;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::clock::Stopwatch;
use crate::stop::Stop;

pub(crate) use output::{Tail, print_prefixed};

const TURN: Duration = Duration::from_millis(20);

/// A program of ours without the settings that stand in this shell's environment for another one.
pub(crate) fn without_settings(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PORTCULLIS_") {
            command.env_remove(name);
        }
    }
    command
}

/// A running child and everything that it starts.
pub(crate) struct Group {
    name: String,
    child: Child,
    id: Pid,
    goodbye: Goodbye,
}

/// How a group is asked to end before it is killed.
#[derive(Clone, Copy)]
pub(crate) enum Goodbye {
    /// SIGTERM to every process of the group.
    TerminateAll,
    /// SIGINT to the leader, which sees to the others: what Postgres calls a fast shutdown.
    InterruptLeader,
}

/// Longer than the origin's own grace for requests in flight.
const PATIENCE: Duration = Duration::from_secs(25);

impl Group {
    /// Starts `command` with nothing to read from its standard input.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn spawn(name: &str, command: &mut Command, goodbye: Goodbye) -> Result<Self> {
        Self::spawn_reading(name, command.stdin(Stdio::null()), goodbye)
    }

    /// Starts `command` with the standard input that was set on it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn spawn_reading(
        name: &str,
        command: &mut Command,
        goodbye: Goodbye,
    ) -> Result<Self> {
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", shown(command)))?;
        let id = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("process id")?;
        Ok(Self {
            name: name.to_owned(),
            child,
            id,
            goodbye,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The leader's process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("waiting for {}", self.name))
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`crate::stop::Requested`] when a signal came first; the group is still to be dropped.
    pub(crate) fn wait(&mut self, stop: &Stop) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            stop.pause(TURN)?;
        }
    }

    /// Asks the processes to end without waiting, so that several groups end side by side.
    pub(crate) fn ask_to_end(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let asked = match self.goodbye {
            Goodbye::TerminateAll => kill_process_group(self.id, Signal::TERM),
            Goodbye::InterruptLeader => kill_process(self.id, Signal::INT),
        };
        if let Err(error) = asked {
            warn_unless_gone(&self.name, error);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.ask_to_end();
        let waited = Stopwatch::start();
        while matches!(self.child.try_wait(), Ok(None)) && waited.elapsed() < PATIENCE {
            std::thread::sleep(TURN);
        }
        // Also after a leader that ended in time: it may have left others of its group behind.
        if let Err(error) = kill_process_group(self.id, Signal::KILL) {
            warn_unless_gone(&self.name, error);
        }
        if let Err(error) = self.child.wait() {
            eprintln!("warning: waiting for {}: {error}", self.name);
        }
    }
}

fn warn_unless_gone(name: &str, error: Errno) {
    if error != Errno::SRCH {
        eprintln!("warning: stopping {name}: {error}");
    }
}

/// Runs a command to its end, its output passed through.
///
/// # Errors
/// When it cannot be started, ends badly, or a signal came first.
pub(crate) fn run(command: &mut Command, stop: &Stop) -> Result<()> {
    let line = shown(command);
    eprintln!("  $ {line}");
    let status = Group::spawn(&line, command, Goodbye::TerminateAll)?.wait(stop)?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// A command as one would type it, file names only: whole paths make lines nobody reads.
pub(crate) fn shown(command: &Command) -> String {
    let program = command.get_program();
    let name = std::path::Path::new(program).file_name().unwrap_or(program);
    let mut line = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
