//! What the machine does at the very best, by the same means and without a service around it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::ops::AddAssign;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::programs::Programs;
use crate::bench::cores::Cores;
use crate::bench::load::per_second;
use crate::bench::processor;
use crate::clock::Stopwatch;
use crate::process::{Goodbye, Group};
use crate::tools::output_of;

/// How often something was done, and in what time.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) operations: usize,
    pub(super) elapsed: Duration,
}

impl Count {
    pub(super) fn per_second(self) -> f64 {
        per_second(self.operations, self.elapsed)
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.elapsed += other.elapsed;
    }
}

/// Hashes of argon2id by a program of its own, on so many threads.
///
/// # Errors
/// When it fails.
pub(super) fn hashes(programs: &Programs, cores: &Cores, time: Duration) -> Result<Count> {
    let mut command = cores.measured(&programs.load);
    command.args(["hashes", "--threads", &cores.of_measured().to_string()]);
    command.args(["--millis", &time.as_millis().to_string()]);
    let said = output_of(&mut command)?;
    let mut figures = said.split_whitespace().map(str::parse::<u32>);
    let (Some(Ok(count)), Some(Ok(micros))) = (figures.next(), figures.next()) else {
        bail!("no figures from portcullis-load: {said}");
    };
    Ok(Count {
        operations: usize::try_from(count)?,
        elapsed: Duration::from_micros(micros.into()),
    })
}

/// A server whose handler does nothing, where what is measured runs.
pub(super) struct Empty {
    process: Group,
    address: SocketAddr,
}

impl Empty {
    /// # Errors
    /// When it does not come up.
    pub(super) fn start(programs: &Programs, cores: &Cores) -> Result<Self> {
        let mut command = cores.measured(&programs.load);
        command
            .arg("empty")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let name = "portcullis-load empty";
        let mut process = Group::spawn_reading(name, &mut command, Goodbye::TerminateAll)?;
        let out = process.child().stdout.take().context("standard output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).context(name)?;
        let address = line.trim().parse().context(name)?;
        Ok(Self { process, address })
    }

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
}

/// Writes of a page, each on the disk before the next begins: no more commits come from one writer
/// that does not gather them.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn durable_writes(directory: &Path, time: Duration) -> Result<Count> {
    let mut file = File::create(directory.join("durable-writes")).context("durable writes")?;
    let page = [0x5a; 4096];
    let watch = Stopwatch::start();
    let mut operations = 0;
    while watch.elapsed() < time {
        file.write_all(&page)
            .and_then(|()| file.sync_data())
            .context("durable writes")?;
        operations += 1;
    }
    Ok(Count {
        operations,
        elapsed: watch.elapsed(),
    })
}
