//! A flood of logins, by `portcullis-load`, for as long as it is wanted. It runs at the lowest
//! priority, so that it takes no time from whoever measures on the same core.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use portcullis_load::flood::Answers;

use super::programs::Programs;
use crate::process::{Goodbye, Group};
use crate::tools::find_in_path;

/// A flood that goes on.
pub(super) struct Flooding {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _process: Group,
}

impl Flooding {
    /// Begins, with so many logins at a time.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn begin(programs: &Programs, server: SocketAddr, logins: usize) -> Result<Self> {
        let mut command = match find_in_path("nice") {
            Some(nice) => {
                let mut command = Command::new(nice);
                command.args(["-n", "19"]).arg(&programs.load);
                command
            }
            None => Command::new(&programs.load),
        };
        command.args(["flood", &server.to_string()]);
        command.args(["--connections", &logins.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let name = "portcullis-load flood";
        let mut process = Group::spawn_reading(name, &mut command, Goodbye::TerminateAll)?;
        let input = process.child().stdin.take().context("standard input")?;
        let output = process.child().stdout.take().context("standard output")?;
        let mut flooding = Self {
            input,
            output: BufReader::new(output),
            _process: process,
        };
        flooding.line()?;
        Ok(flooding)
    }

    /// Ends it; what was answered.
    ///
    /// # Errors
    /// When an answer was one that should not have come.
    pub(super) fn end(self) -> Result<Answers> {
        let Self {
            input,
            output,
            _process,
        } = self;
        drop(input);
        let mut ending = output;
        serde_json::from_str(&read(&mut ending)?).context("portcullis-load")
    }

    fn line(&mut self) -> Result<String> {
        read(&mut self.output)
    }
}

fn read(output: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    let read = output.read_line(&mut line).context("portcullis-load")?;
    if read == 0 {
        bail!("portcullis-load ended in the flood; what it said stands above");
    }
    Ok(line)
}
