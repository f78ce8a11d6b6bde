//! `cargo xtask dev`: the whole of Portcullis on one machine, and `--check`: a walk through it.
//!
//! Invariant: nothing is announced as ready before it has answered, and nothing that was started
//! here outlives the command.

mod accounts;
mod check;
mod ports;
mod route_watch;
mod services;
mod walk;

use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::stop::{self, Stop};
use crate::workspace::Workspace;
use crate::{build_edge, process, scratch, tools};

use accounts::Accounts;
use ports::{Addresses, PortOptions};
use route_watch::RouteWatch;
use services::{Plan, Services};

/// What can be said to `cargo xtask dev`.
#[derive(Args)]
pub(crate) struct Options {
    /// The database; by default `SQLite` in the data directory.
    #[arg(
        long,
        value_name = "URL",
        help = "postgres://user@host/name [default: SQLite]"
    )]
    database_url: Option<String>,
    /// Where database, master key and passwords are kept. Default: data, or for --check a
    /// temporary place.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    ports: PortOptions,
    /// Go the walk, print each step with its time, and stop; on free ports unless they are given.
    #[arg(long)]
    check: bool,
}

/// Starts everything; returns when it was stopped by a signal, or with `--check` after the walk.
///
/// # Errors
/// When a port is taken, a build fails, or a part does not come up or dies.
pub(crate) fn run(workspace: &Workspace, stop: &Stop, options: &Options) -> Result<ExitCode> {
    let addresses = if options.check {
        Addresses::choose_free(&options.ports)?
    } else {
        Addresses::claim(&options.ports)?
    };
    build(workspace, stop)?;

    let scratch = scratch::directory("portcullis-dev-")?;
    let data = match (&options.data_dir, options.check) {
        (Some(chosen), _) => chosen.clone(),
        (None, true) => scratch.path().join("data"),
        (None, false) => workspace.path("data"),
    };
    let data = prepare_data_directory(&data)?;
    let plan = Plan {
        workspace,
        addresses,
        database_url: options.database_url.clone(),
        data: data.clone(),
        scratch: scratch.path().to_path_buf(),
        chatty: !options.check,
    };
    let accounts = Accounts::prepare(&plan, stop)?;
    let mut services = Services::start(&plan, stop)?;
    let outcome = if options.check {
        let gone = check::walk(&plan.addresses, &accounts, stop);
        if gone.is_err() && !stop.is_requested() {
            eprintln!("what the parts said last:\n{}", services.last_words());
        }
        gone
    } else {
        announce(&plan.addresses, &accounts)?;
        attend(workspace, &mut services, stop)
    };
    eprintln!("stopping");
    drop(services);
    match outcome {
        Err(error) if error.is::<stop::Requested>() && !options.check => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

fn build(workspace: &Workspace, stop: &Stop) -> Result<()> {
    eprintln!("building the edge");
    build_edge::run(workspace, stop)?;
    eprintln!("building the origin and the demo servers");
    build_servers(workspace, stop)
}

/// Builds the programs that stand behind the edge.
///
/// # Errors
/// When they do not compile.
pub(crate) fn build_servers(workspace: &Workspace, stop: &Stop) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args([
        "build",
        "--package",
        "portcullis-origin",
        "--package",
        "portcullis-e2e",
    ]);
    cargo
        .args(["--bins", "--target-dir"])
        .arg(workspace.target());
    process::run(cargo.current_dir(workspace.root()), stop)
}

/// Makes the directory, where it is missing, for its owner's eyes only, and every file that is made from here on too:
/// key, database and its journal are written by the origin, which inherits the mask.
fn prepare_data_directory(data: &Path) -> Result<PathBuf> {
    let failed = || format!("cannot make {}", data.display());
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .with_context(failed)?;
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    fs::canonicalize(data).with_context(failed)
}

fn announce(addresses: &Addresses, accounts: &Accounts) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready: {}", accounts.ready(addresses))?;
    writeln!(out, "{}", walk::text(addresses, accounts))?;
    out.flush().context("standard output")
}

/// Watches over the services and the route table until a signal comes.
fn attend(workspace: &Workspace, services: &mut Services, stop: &Stop) -> Result<()> {
    const TURN: Duration = Duration::from_millis(250);
    let mut routes = RouteWatch::new(workspace);
    loop {
        services.check_alive()?;
        routes.look();
        stop.pause(TURN)?;
    }
}

/// The tools of a run under `wrangler`.
fn node(workspace: &Workspace, stop: &Stop) -> Result<tools::Node> {
    tools::Node::ensure(workspace, stop)
}
