//! workerd with all Workers of the benchmark, each behind a port of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::assembly::{self, Worker};
use super::config;
use super::issuer::Issuer;
use crate::bench::cores::Cores;
use crate::bench::processor;
use crate::clock::Stopwatch;
use crate::process::{Goodbye, Group, Tail};
use crate::stop::Stop;
use crate::tools::{Node, output_of};
use crate::workerd;
use crate::workspace::Workspace;
use portcullis_load::http::{self, Connection};

const START_LIMIT: Duration = Duration::from_secs(30);

/// A Worker as it runs: what it is, how it is set up, and where.
pub(super) struct Deployed {
    pub(super) worker: Worker,
    /// `MODE`, which only one Worker reads; it tells apart what runs twice.
    pub(super) mode: &'static str,
    pub(super) address: SocketAddr,
}

/// The running process.
pub(super) struct Runtime {
    version: String,
    workers: Vec<Deployed>,
    process: Group,
    tail: Tail,
}

impl Runtime {
    /// # Errors
    /// When workerd is not there, or does not come up in time.
    pub(super) fn start(
        workspace: &Workspace,
        issuer: &Issuer,
        documents: SocketAddr,
        cores: &Cores,
        stop: &Stop,
    ) -> Result<Self> {
        let node = Node::ensure(workspace, stop)?;
        // The program itself, not the script before it: its processor time is what is read.
        let mut find = Command::new(node.program());
        find.args(["-p", "require('workerd').default"])
            .current_dir(workspace.root());
        let program = output_of(&mut find)?;
        let program = Path::new(program.trim());
        let version = output_of(Command::new(program).arg("--version"))?;

        let workers = [
            (Worker::VerifyJose, ""),
            (Worker::VerifyOurs, "generic"),
            (Worker::VerifyOurs, "tables"),
            (Worker::RequestHello, ""),
            (Worker::RequestJose, "answer"),
            (Worker::RequestJose, "forward"),
            (Worker::RequestOurs, ""),
            (Worker::RequestOursAnswers, ""),
            (Worker::Upstream, ""),
        ];
        let workers = deploy(&workers)?;
        let place = assembly::place(workspace);
        let date = workerd::compatibility_date(workspace)?;
        let config = config::text(&place, &workers, issuer, documents, &date)?;
        fs::write(place.join("config.capnp"), config).context("config.capnp")?;

        let mut command = cores.measured(program);
        command.args(["serve", "config.capnp"]).current_dir(&place);
        let tail = Tail::attach(&mut command, |_| ())?;
        let process = Group::spawn("workerd", &mut command, Goodbye::TerminateAll)?;
        drop(command);
        let version = version.trim().trim_start_matches("workerd ").to_owned();
        let mut runtime = Self {
            version,
            workers,
            process,
            tail,
        };
        runtime.wait_until_up(stop)?;
        Ok(runtime)
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// What the Workers have logged last, for explaining a failure.
    pub(super) fn last_words(&self) -> String {
        self.tail.text()
    }

    /// Where a Worker answers.
    pub(super) fn address(&self, worker: Worker, mode: &str) -> Result<SocketAddr> {
        let found = self
            .workers
            .iter()
            .find(|one| one.worker == worker && one.mode == mode);
        found
            .map(|one| one.address)
            .context("a Worker that was not deployed")
    }

    /// Processor time that the process has taken so far.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn processor_time(&self) -> Result<Duration> {
        processor::time_of(self.process.id())
    }

    fn wait_until_up(&mut self, stop: &Stop) -> Result<()> {
        let waited = Stopwatch::start();
        let hello = self.address(Worker::RequestHello, "")?;
        loop {
            let answered =
                Connection::open(hello).and_then(|mut one| one.call(&http::get("/", None))?.ok());
            if answered.is_ok() {
                return Ok(());
            }
            if self.process.ended()?.is_some() || waited.elapsed() > START_LIMIT {
                bail!("workerd did not come up. It said:\n{}", self.tail.text());
            }
            stop.pause(Duration::from_millis(50))?;
        }
    }
}

/// A free port for each; all are held until all are known.
fn deploy(workers: &[(Worker, &'static str)]) -> Result<Vec<Deployed>> {
    let mut held = Vec::new();
    let mut deployed = Vec::new();
    for &(worker, mode) in workers {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let address = listener.local_addr().context("no free port")?;
        deployed.push(Deployed {
            worker,
            mode,
            address,
        });
        held.push(listener);
    }
    Ok(deployed)
}
