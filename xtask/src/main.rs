//! How Portcullis is built, started, tested and measured: `cargo xtask <command>`.
//!
//! The one place that knows which tools are needed, where their output goes and how the parts are
//! started. Invariant: whatever a command started is stopped when it ends, by
//! itself, by an error or by a signal that can be caught.

mod bench;
mod build_edge;
mod bundle;
mod client;
mod clock;
mod dev;
mod fingerprint;
mod fuzz;
mod lint;
mod process;
mod routes;
mod scratch;
mod stop;
mod test;
mod tools;
mod workerd;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::stop::Stop;
use crate::workspace::Workspace;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Build, start, test and measure Portcullis."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing of the tools, and nothing else.
    Setup,
    /// Start the whole of Portcullis on this machine and print a walk to paste.
    Dev(dev::Options),
    /// Run every test, on both databases, natively, in Wasm and end to end.
    Test(test::Options),
    /// Check formatting, lints, dependencies and documentation.
    Lint(lint::Options),
    /// Build the Worker into build/edge/.
    BuildEdge,
    /// Make a folder with the Worker that a workerd of one's own runs on any Linux machine.
    Bundle(bundle::Options),
    /// Look for inputs that break what reads tokens, tables, documents and keys.
    Fuzz(fuzz::Options),
    /// Measure. Without a name: list what can be measured.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(code) => code,
        Err(error) if error.is::<stop::Requested>() => ExitCode::from(130),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    let stop = Stop::install()?;
    match command {
        Command::Setup => tools::install_all(&workspace, &stop)?,
        Command::Dev(options) => return dev::run(&workspace, &stop, &options),
        Command::Test(options) => return test::run(&workspace, &stop, &options),
        Command::Lint(options) => lint::run(&workspace, &stop, &options)?,
        Command::BuildEdge => build_edge::run(&workspace, &stop)?,
        Command::Bundle(options) => bundle::run(&workspace, &stop, &options)?,
        Command::Fuzz(options) => fuzz::run(&workspace, &stop, &options)?,
        Command::Bench(options) => bench::run(&workspace, &stop, &options)?,
    }
    Ok(ExitCode::SUCCESS)
}
