//! `cargo xtask test`: every test there is, and one line that says how many passed.
//!
//! Invariant: a test program that dies, or one that does not compile, counts as a failure; the
//! counts can never look better than what ran.

mod contract;
pub(crate) mod postgres;
mod tally;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::clock::Stopwatch;
use crate::process::{self, Goodbye, Group, Tail};
use crate::stop::Stop;
use crate::tools::{self, Node};
use crate::workspace::Workspace;
use crate::{build_edge, bundle, dev};

use tally::Tally;

/// What can be said to `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Only tests whose name contains this.
    filter: Option<String>,
    /// Only this package's tests; may be repeated.
    #[arg(short, long = "package", value_name = "NAME")]
    packages: Vec<String>,
    /// Arguments for the test programs, after `--`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The tests of this package run in Wasm as well.
const IN_WASM: &str = "portcullis-shared";

/// How long output may still come once cargo has ended: a process that a test left behind could
/// hold the pipe for ever.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs the tests and prints `N passed, N failed` as the last line.
///
/// # Errors
/// When they cannot be run at all; failing tests are an exit code.
pub(crate) fn run(workspace: &Workspace, stop: &Stop, options: &Options) -> Result<ExitCode> {
    // First: without a database nothing needs to be built.
    let database = if options.wants(&["portcullis-origin", "portcullis-e2e"]) {
        Some(postgres::Server::given_or_started(stop)?)
    } else {
        None
    };
    let mut environment = Vec::new();
    if let Some(server) = &database {
        environment.push(("TEST_POSTGRES_URL", OsString::from(server.url())));
    }
    if options.wants(&["portcullis-e2e"]) {
        environment.extend(end_to_end(workspace, stop)?);
    }

    let mut tally = Tally::default();
    tally += cargo_test(&mut native(workspace, options, &environment), stop)?;
    if options.wants(&[IN_WASM]) {
        eprintln!("the same rules in Wasm, under Node");
        tally += cargo_test(&mut wasm(workspace, options, stop)?, stop)?;
    }
    if options.is_whole(&["portcullis-origin"]) {
        dev::build_servers(workspace, stop)?;
        tally += contract::run(workspace, stop)?;
    }
    drop(database);
    println!("{tally}");
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Options {
    /// Whether one of these packages is to be tested.
    fn wants(&self, packages: &[&str]) -> bool {
        self.packages.is_empty()
            || self
                .packages
                .iter()
                .any(|package| packages.contains(&package.as_str()))
    }

    /// Whether all tests of one of these packages are to be run.
    fn is_whole(&self, packages: &[&str]) -> bool {
        self.wants(packages) && self.filter.is_none() && self.arguments.is_empty()
    }

    /// What follows `--` in a call of cargo.
    fn for_programs(&self) -> impl Iterator<Item = &str> {
        self.filter
            .iter()
            .chain(&self.arguments)
            .map(String::as_str)
    }
}

/// Builds what the end-to-end tests start, and says where it is.
fn end_to_end(workspace: &Workspace, stop: &Stop) -> Result<Vec<(&'static str, OsString)>> {
    eprintln!("building the edge, the origin and the demo servers");
    build_edge::run(workspace, stop)?;
    let bundle = workspace.path("build/bundle");
    bundle::assemble(workspace, &bundle)?;
    dev::build_servers(workspace, stop)?;
    let node = Node::ensure(workspace, stop)?;
    let file = |path: PathBuf| path.into_os_string();
    let mut environment = vec![
        ("PORTCULLIS_ROOT", file(workspace.root().to_path_buf())),
        ("PORTCULLIS_BIN", file(workspace.binary("portcullis"))),
        ("PORTCULLIS_DEMO_API", file(workspace.binary("demo-api"))),
        (
            "PORTCULLIS_DEMO_IMAGES",
            file(workspace.binary("demo-images")),
        ),
        ("PORTCULLIS_EDGE_DIR", file(workspace.edge_output())),
        ("PORTCULLIS_BUNDLE_DIR", file(bundle)),
        ("PORTCULLIS_NODE", file(node.program().to_path_buf())),
        (
            "PORTCULLIS_WRANGLER",
            file(workspace.path("node_modules/wrangler/bin/wrangler.js")),
        ),
    ];
    // Tests that stop a server start one of their own. Where there is none they say so themselves.
    if let Ok(programs) = postgres::programs() {
        environment.push(("PORTCULLIS_POSTGRES_BIN", file(programs)));
    }
    Ok(environment)
}

fn native(
    workspace: &Workspace,
    options: &Options,
    environment: &[(&'static str, OsString)],
) -> Command {
    let mut cargo = workspace.cargo();
    cargo
        .args(["test", "--no-fail-fast", "--target-dir"])
        .arg(workspace.target());
    if options.packages.is_empty() {
        cargo.arg("--workspace");
    }
    for package in &options.packages {
        cargo.args(["--package", package]);
    }
    cargo.arg("--").args(options.for_programs());
    cargo.envs(environment.iter().map(|(name, value)| (name, value)));
    cargo.current_dir(workspace.root());
    cargo
}

fn wasm(workspace: &Workspace, options: &Options, stop: &Stop) -> Result<Command> {
    tools::wasm_target(stop)?;
    Node::ensure(workspace, stop)?;
    let runner = tools::wasm_bindgen(workspace, stop)?.join("wasm-bindgen-test-runner");
    let mut cargo = workspace.cargo();
    cargo.args([
        "test",
        "--package",
        IN_WASM,
        "--target",
        "wasm32-unknown-unknown",
    ]);
    cargo
        .args(["--test", "it", "--target-dir"])
        .arg(workspace.target());
    cargo.arg("--").args(options.for_programs());
    // As the Worker is compiled.
    let (name, flags) = build_edge::wasm::RUSTFLAGS;
    cargo.env(name, flags);
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    cargo.env("WASM_BINDGEN_TEST_ONLY_NODE", "1");
    cargo.current_dir(workspace.root());
    Ok(cargo)
}

/// Runs one cargo, its output passed through and counted.
fn cargo_test(cargo: &mut Command, stop: &Stop) -> Result<Tally> {
    let line = process::shown(cargo);
    eprintln!("  $ {line}");
    let (send, lines) = std::sync::mpsc::channel();
    let tail = Tail::attach(cargo, move |line| {
        println!("{line}");
        // The receiver goes away only after the last line it waits for.
        let _ = send.send(line.to_owned());
    })?;
    let mut group = Group::spawn("cargo test", cargo, Goodbye::TerminateAll)?;
    // The command holds the writing end of the pipe.
    *cargo = Command::new("true");
    let status = group.wait(stop)?;

    let waited = Stopwatch::start();
    while !tail.is_finished() && waited.elapsed() < LAST_WORDS {
        stop.pause(Duration::from_millis(20))?;
    }
    drop(group);
    Ok(Tally::of_run(lines.try_iter(), status.success()))
}
