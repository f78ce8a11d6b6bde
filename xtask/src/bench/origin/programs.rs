//! What is built for the benchmark.

use std::path::PathBuf;

use anyhow::Result;

use crate::process;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// Release binaries.
pub(super) struct Programs {
    /// `portcullis`, as it would be deployed.
    pub(super) origin: PathBuf,
    /// `portcullis-load`, compiled alike.
    pub(super) load: PathBuf,
}

impl Programs {
    /// Builds them.
    ///
    /// # Errors
    /// When one does not compile.
    pub(super) fn build(workspace: &Workspace, stop: &Stop) -> Result<Self> {
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--release", "--bins"]);
        cargo.args(["--package", "portcullis-origin"]);
        cargo.args(["--package", "portcullis-load", "--target-dir"]);
        cargo.arg(workspace.target());
        process::run(cargo.current_dir(workspace.root()), stop)?;
        let built = |name: &str| workspace.target().join("release").join(name);
        Ok(Self {
            origin: built("portcullis"),
            load: built("portcullis-load"),
        })
    }
}
