//! Programs that cargo builds, one directory per version in the cache.
//!
//! Built beside its place and renamed into it, so that what has the final name is complete.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::output_of;
use crate::process;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// A package and the programs that are wanted from it.
pub(super) struct Tool<'a> {
    pub(super) package: &'a str,
    pub(super) version: &'a str,
    pub(super) programs: &'a [&'a str],
    /// Whether to build with the package's own lockfile.
    pub(super) locked: bool,
}

impl Tool<'_> {
    /// The directory of the programs; builds them when they are not there yet.
    pub(super) fn ensure(
        &self,
        workspace: &Workspace,
        cache: &Path,
        stop: &Stop,
    ) -> Result<PathBuf> {
        let place = cache.join(format!("{}-{}", self.package, self.version));
        if !self.is_complete(&place) {
            self.install(workspace, cache, &place, stop)?;
        }
        Ok(place.join("bin"))
    }

    /// Asks each program for its version: proof that it is there, whole, and fit for this machine.
    fn is_complete(&self, place: &Path) -> bool {
        self.programs.iter().all(|program| {
            let mut command = Command::new(place.join("bin").join(program));
            output_of(command.arg("--version")).is_ok_and(|said| said.contains(self.version))
        })
    }

    fn install(
        &self,
        workspace: &Workspace,
        cache: &Path,
        place: &Path,
        stop: &Stop,
    ) -> Result<()> {
        eprintln!(
            "installing {} {} (once; some minutes)",
            self.package, self.version
        );
        fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
        let aside = tempfile::Builder::new()
            .prefix(&format!(".{}-{}-", self.package, self.version))
            .tempdir_in(cache)
            .context("a place to install aside")?;

        let mut command = workspace.cargo();
        command.args(["install", self.package, "--version", self.version, "--root"]);
        command.arg(aside.path());
        // Kept between attempts, so that an interrupted build goes on where it stopped.
        command.arg("--target-dir").arg(cache.join("build"));
        if self.locked {
            command.arg("--locked");
        }
        // Out of the checkout: its .cargo/config.toml and profiles are none of the tool's business.
        command.current_dir(cache);
        process::run(&mut command, stop)?;

        if place.exists() && !self.is_complete(place) {
            fs::remove_dir_all(place)
                .with_context(|| format!("cannot clear {}", place.display()))?;
        }
        // Failing because another run was faster is as good.
        let moved = fs::rename(aside.path(), place);
        if !self.is_complete(place) {
            moved.with_context(|| format!("cannot move it to {}", place.display()))?;
            bail!(
                "{} was installed, but does not answer as {}",
                self.package,
                self.version
            );
        }
        Ok(())
    }
}
