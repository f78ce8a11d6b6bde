//! The virtual users: `portcullis-load`, told turn by turn what to do.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use portcullis_load::turns::{Activity, Report, Turn};

use super::programs::Programs;
use crate::bench::load::Load;
use crate::process::{Goodbye, Group};
use crate::stop::Stop;
use std::process::Command;

/// Users with connections to one server.
pub(super) struct Crowd {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _process: Group,
}

impl Crowd {
    /// Starts the program, on the cores that this one is on.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(
        programs: &Programs,
        server: SocketAddr,
        connections: usize,
    ) -> Result<Self> {
        let mut command = Command::new(&programs.load);
        command.args(["turns", &server.to_string()]);
        command.args(["--connections", &connections.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let name = "portcullis-load turns";
        let mut process = Group::spawn_reading(name, &mut command, Goodbye::TerminateAll)?;
        let input = process.child().stdin.take().context("standard input")?;
        let output = process.child().stdout.take().context("standard output")?;
        Ok(Self {
            input,
            output: BufReader::new(output),
            _process: process,
        })
    }

    /// Has all users do one thing for some time, as fast as they can.
    ///
    /// # Errors
    /// When an answer was wrong, or a signal came.
    pub(super) fn turn(&mut self, activity: Activity, time: Duration, stop: &Stop) -> Result<Load> {
        self.paced_turn(activity, time, Duration::ZERO, stop)
    }

    /// The same at a pace: each user begins one operation in each `every` at most.
    ///
    /// # Errors
    /// As [`Self::turn`].
    pub(super) fn paced_turn(
        &mut self,
        activity: Activity,
        time: Duration,
        every: Duration,
        stop: &Stop,
    ) -> Result<Load> {
        let turn = serde_json::to_string(&Turn {
            activity,
            millis: u64::try_from(time.as_millis())?,
            every_millis: u64::try_from(every.as_millis())?,
        })?;
        writeln!(self.input, "{turn}").context("portcullis-load takes no turn")?;
        let mut line = String::new();
        let read = self
            .output
            .read_line(&mut line)
            .context("portcullis-load")?;
        stop.check()?;
        if read == 0 {
            bail!("portcullis-load ended in a turn; what it said stands above");
        }
        let report: Report = serde_json::from_str(&line).context("portcullis-load")?;
        Ok(report.into())
    }
}
