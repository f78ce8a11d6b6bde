//! Where things are: the repository, what cargo builds, what we build.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The paths of one checkout.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Finds the checkout that this program was compiled from, and the target directory that it
    /// was compiled into.
    ///
    /// # Errors
    /// When the program was moved out of a target directory.
    pub(crate) fn locate() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask is not in a workspace")?
            .to_path_buf();
        // <target>/debug/xtask
        let program = env::current_exe().context("this program's own path")?;
        let target = program
            .ancestors()
            .nth(2)
            .context("this program is not in a target directory")?
            .to_path_buf();
        Ok(Self { root, target })
    }

    /// Some other directory in the role of a checkout.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            target: root.join("target"),
        }
    }

    /// A path below the root of the checkout.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// The root of the checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target directory.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// A binary of the workspace in the `dev` profile.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// The Worker as `wrangler` takes it: complete, and free to be copied elsewhere.
    pub(crate) fn edge_output(&self) -> PathBuf {
        self.path("build/edge")
    }

    /// The cargo that started us, so that one toolchain builds everything, at the root.
    ///
    /// What `cargo run` told us about our own package is taken out of its environment: build
    /// scripts that look at it (ring's does) would run, and their crates compile, each time that
    /// one changes between `cargo xtask` and plain `cargo`.
    pub(crate) fn cargo(&self) -> Command {
        let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let bytes = name.as_encoded_bytes();
            if OF_CARGO_RUN.iter().any(|prefix| bytes.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Beginnings of the variables that `cargo run` sets for the program it runs.
const OF_CARGO_RUN: [&[u8]; 5] = [
    b"CARGO_MANIFEST_",
    b"CARGO_PKG_",
    b"CARGO_BIN_",
    b"CARGO_CRATE_",
    b"CARGO_PRIMARY_",
];
