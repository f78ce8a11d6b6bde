//! The compiler's `wasm32-unknown-unknown` target.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::{find_in_path, output_of};
use crate::process;
use crate::stop::Stop;

const TARGET: &str = "wasm32-unknown-unknown";

/// Adds the target to the pinned toolchain unless it has it.
pub(super) fn ensure(stop: &Stop) -> Result<()> {
    if is_there()? {
        return Ok(());
    }
    let Some(rustup) = find_in_path("rustup") else {
        bail!(
            "the Rust compiler has no {TARGET} target, and rustup is not there to add it: install \
             Rust by https://rustup.rs, or your distribution's package for that target \
             (Debian: libstd-rust-dev-wasm32)"
        );
    };
    process::run(Command::new(rustup).args(["target", "add", TARGET]), stop)
}

fn is_there() -> Result<bool> {
    let mut command = Command::new("rustc");
    let library = output_of(command.args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(Path::new(library.trim()).is_dir())
}
