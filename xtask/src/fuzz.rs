//! `cargo xtask fuzz`: libFuzzer, for a bounded time, on the parsers of whatever comes from outside.
//!
//! It works with the pinned compiler: the coverage that guides the fuzzer is a pass of LLVM that
//! stable `-C` options switch on. What `cargo fuzz` would add is a nightly compiler's address
//! sanitizer, of little use where `unsafe` is forbidden.
//!
//! Invariant: what was found stays, in `target/fuzz/found/`; so does the corpus, so that the next run
//! begins where this one ended.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use portcullis_fuzz::{TARGET_VARIABLE, Target};

use crate::fingerprint::Fingerprint;
use crate::process;
use crate::stop::Stop;
use crate::tools::output_of;
use crate::workspace::Workspace;

/// What can be said to `cargo xtask fuzz`.
#[derive(Args)]
pub(crate) struct Options {
    /// How long each target is fuzzed.
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u32,
    /// Only this target: access-token, route-table, key-set, revocations, link or api-key.
    target: Option<String>,
}

/// Counters for each edge of the control flow, and what is compared with what: that is what
/// libFuzzer is guided by.
const COVERAGE: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Arithmetic that overflows is a finding too.
const CHECKS: [&str; 2] = ["-Cdebug-assertions=yes", "-Coverflow-checks=yes"];

/// Longer than the longest token; documents are larger, but not in another way.
const MAX_LENGTH: u32 = 8192;

/// Fuzzes one target after the other.
///
/// # Errors
/// When the program cannot be built, a name is no target's, or an input breaks something.
pub(crate) fn run(workspace: &Workspace, stop: &Stop, options: &Options) -> Result<()> {
    let wanted = options.target.as_deref();
    let targets: Vec<Target> = Target::ALL
        .into_iter()
        .filter(|target| wanted.is_none_or(|name| name == target.name()))
        .collect();
    if targets.is_empty() {
        let names = Target::ALL.map(Target::name).join(", ");
        bail!("there is no such target; there are {names}");
    }
    let place = workspace.target().join("fuzz");
    let machine = machine()?;
    build(workspace, &place, &machine, stop)?;
    let program = place.join(&machine).join("release/portcullis-fuzz");
    let mut broken = Vec::new();
    for target in targets {
        eprintln!("fuzzing {} for {} s", target.name(), options.seconds);
        let mut fuzzer = fuzzer(&program, &place, target, options.seconds)?;
        match process::run(&mut fuzzer, stop) {
            Err(error) if error.is::<crate::stop::Requested>() => return Err(error),
            Err(_) => broken.push(target.name()),
            Ok(()) => {}
        }
    }
    if broken.is_empty() {
        eprintln!("fuzz: nothing was found");
        return Ok(());
    }
    let found = place.join("found");
    bail!(
        "inputs that break {}: {}",
        broken.join(", "),
        found.display()
    )
}

/// The machine that is compiled for, which has to be named: without it build scripts and macros
/// would be compiled with coverage too, and not link.
fn machine() -> Result<String> {
    let said = output_of(Command::new("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}

fn build(workspace: &Workspace, place: &Path, machine: &str, stop: &Stop) -> Result<()> {
    let flags: Vec<&str> = COVERAGE.into_iter().chain(CHECKS).collect();
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--release", "--package", "portcullis-fuzz"])
        .args(["--features", "libfuzzer", "--target", machine])
        // Coverage of a whole program that is linked at once takes minutes.
        .args(["--config", "profile.release.lto=false"])
        .args(["--config", "profile.release.codegen-units=16"])
        .arg("--target-dir")
        .arg(place)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env_remove("RUSTFLAGS");
    process::run(&mut cargo, stop)
}

fn fuzzer(program: &Path, place: &Path, target: Target, seconds: u32) -> Result<Command> {
    let corpus = place.join("corpus").join(target.name());
    let found = place.join("found");
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    for seed in target.seeds() {
        let name = Fingerprint::default().add(&seed).text();
        fs::write(corpus.join(name), seed).context("a seed")?;
    }
    let mut command = Command::new(program);
    command
        .env(TARGET_VARIABLE, target.name())
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MAX_LENGTH}"))
        // An input that takes ten seconds is a finding.
        .args(["-timeout=10", "-print_final_stats=1", "-verbosity=0"])
        .arg(format!(
            "-artifact_prefix={}/{}-",
            found.display(),
            target.name()
        ))
        .arg(corpus);
    Ok(command)
}
