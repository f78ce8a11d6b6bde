//! The tools beyond cargo: found, or installed where later runs and other clones find them.
//!
//! Invariant: a tool is used at exactly the version pinned here, in `Cargo.lock` or in
//! `package-lock.json`; a half finished installation is never taken for a whole one.

mod cargo_tool;
mod node;
mod rust_target;
mod schemathesis;

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::stop::Stop;
use crate::workspace::Workspace;

pub(crate) use node::{Node, wrangler};
pub(crate) use schemathesis::Schemathesis;

/// The version of the licence and dependency checker. Not tied to a version of ours.
const CARGO_DENY: &str = "0.20.2";

/// Installs everything that any command wants.
///
/// # Errors
/// When a tool is neither there nor to be had.
pub(crate) fn install_all(workspace: &Workspace, stop: &Stop) -> Result<()> {
    rust_target::ensure(stop)?;
    Node::ensure(workspace, stop)?;
    wasm_bindgen(workspace, stop)?;
    cargo_deny(workspace, stop)?;
    Schemathesis::ensure(workspace, stop)?;
    eprintln!("all tools are there (cache: {})", cache()?.display());
    Ok(())
}

/// The directory of `wasm-bindgen` and `wasm-bindgen-test-runner`, at the version that
/// `Cargo.lock` has: the two sides of the glue refuse each other otherwise.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn wasm_bindgen(workspace: &Workspace, stop: &Stop) -> Result<PathBuf> {
    let version = locked_version(workspace, "wasm-bindgen")?;
    cargo_tool::Tool {
        package: "wasm-bindgen-cli",
        version: &version,
        programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
        // Its own lockfile pins releases that newer compilers reject.
        locked: false,
    }
    .ensure(workspace, &cache()?, stop)
}

/// The directory of `cargo-deny`.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn cargo_deny(workspace: &Workspace, stop: &Stop) -> Result<PathBuf> {
    cargo_tool::Tool {
        package: "cargo-deny",
        version: CARGO_DENY,
        programs: &["cargo-deny"],
        locked: true,
    }
    .ensure(workspace, &cache()?, stop)
}

/// Makes sure of the compiler's Wasm target.
///
/// # Errors
/// When it is missing and rustup is too.
pub(crate) fn wasm_target(stop: &Stop) -> Result<()> {
    rust_target::ensure(stop)
}

/// `$PORTCULLIS_TOOLS`, or the user's cache directory.
fn cache() -> Result<PathBuf> {
    if let Some(chosen) = env::var_os("PORTCULLIS_TOOLS") {
        return Ok(PathBuf::from(chosen));
    }
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .context("neither PORTCULLIS_TOOLS nor XDG_CACHE_HOME nor HOME is set")?;
    Ok(base.join("portcullis/tools"))
}

fn locked_version(workspace: &Workspace, package: &str) -> Result<String> {
    let text = std::fs::read_to_string(workspace.path("Cargo.lock")).context("Cargo.lock")?;
    let lock: toml::Table = text.parse().context("Cargo.lock")?;
    lock.get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .find(|entry| entry.get("name").and_then(toml::Value::as_str) == Some(package))
        .and_then(|entry| entry.get("version")?.as_str())
        .map(str::to_owned)
        .with_context(|| format!("Cargo.lock has no {package}"))
}

/// A program of the search path.
pub(crate) fn find_in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|place| place.join(program))
        .find(|file| file.is_file())
}

/// What a command prints, for asking tools about themselves.
///
/// # Errors
/// When it cannot be started or ends badly.
pub(crate) fn output_of(command: &mut std::process::Command) -> Result<String> {
    let line = crate::process::shown(command);
    let output = command
        .stdin(std::process::Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
