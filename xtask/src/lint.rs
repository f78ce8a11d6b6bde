//! `cargo xtask lint`: everything that is checked without running the code.

mod links;

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::{self, shown};
use crate::stop::Stop;
use crate::tools;
use crate::workspace::Workspace;

/// What can be said to `cargo xtask lint`.
#[derive(Args)]
pub(crate) struct Options {
    /// Fail when the database of security advisories cannot be fetched; otherwise that check is
    /// skipped with a line that says so.
    #[arg(long)]
    advisories: bool,
}

const WARNINGS_ARE_ERRORS: [&str; 3] = ["--", "-D", "warnings"];

/// Runs every check in turn and stops at the first that fails.
///
/// # Errors
/// When one does.
pub(crate) fn run(workspace: &Workspace, stop: &Stop, options: &Options) -> Result<()> {
    let cargo = |args: &[&str]| {
        let mut command = workspace.cargo();
        command.args(args).current_dir(workspace.root());
        command.env("CARGO_TARGET_DIR", workspace.target());
        command
    };
    eprintln!("formatting");
    process::run(&mut cargo(&["fmt", "--all", "--check"]), stop)?;

    eprintln!("links between documents");
    links::check(workspace)?;

    eprintln!("lints, natively and for the Worker");
    let everything = ["clippy", "--workspace", "--all-targets"];
    process::run(cargo(&everything).args(WARNINGS_ARE_ERRORS), stop)?;
    tools::wasm_target(stop)?;
    let worker = [
        "clippy",
        "--package",
        "portcullis-edge",
        "--package",
        "portcullis-shared",
        "--package",
        "portcullis-bench-edge",
    ];
    let mut worker = cargo(&worker);
    worker
        .args(["--target", "wasm32-unknown-unknown"])
        .args(WARNINGS_ARE_ERRORS);
    process::run(&mut worker, stop)?;

    eprintln!("documentation");
    let mut doc = cargo(&[
        "doc",
        "--no-deps",
        "--workspace",
        "--document-private-items",
    ]);
    process::run(doc.env("RUSTDOCFLAGS", "-D warnings"), stop)?;

    eprintln!("dependencies");
    let deny = tools::cargo_deny(workspace, stop)?.join("cargo-deny");
    let deny = |check: &[&str]| {
        let mut command = Command::new(&deny);
        command
            .args(["--all-features", "check"])
            .args(check)
            .current_dir(workspace.root());
        command
    };
    process::run(&mut deny(&["bans", "licenses", "sources"]), stop)?;
    advisories(&mut deny(&["advisories"]), options.advisories)?;
    eprintln!("lint: all is well");
    Ok(())
}

/// The database of advisories is a git repository: many a machine cannot reach it, and the checks
/// that need no network are to run there all the same.
fn advisories(command: &mut Command, required: bool) -> Result<()> {
    let line = shown(command);
    eprintln!("  $ {line}");
    // Git must fail rather than ask for a name and a password.
    let output = command
        .env("GIT_TERMINAL_PROMPT", OsStr::new("0"))
        .stdin(std::process::Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let unreachable = said.contains("failed to fetch advisory database")
        || said.contains("failed to load advisory database");
    if unreachable && !required {
        eprintln!("skipped: security advisories (their database cannot be fetched from here)");
        return Ok(());
    }
    eprint!("{said}");
    bail!("`{line}` ended with {}", output.status);
}
