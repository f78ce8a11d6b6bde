//! Node and the npm packages of `package-lock.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{find_in_path, output_of};
use crate::fingerprint::Fingerprint;
use crate::process;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// What the pinned wrangler asks for. Newer ones ask for Node 22, and 20 is what Debian 13 carries:
/// that is why wrangler stays where it is.
const OLDEST: (u32, u32) = (20, 3);

/// A Node that is new enough, with our packages beside it.
pub(crate) struct Node {
    program: PathBuf,
}

impl Node {
    /// Finds Node and sees to the packages.
    ///
    /// # Errors
    /// When Node or npm is missing or too old, or `npm ci` fails.
    pub(crate) fn ensure(workspace: &Workspace, stop: &Stop) -> Result<Self> {
        let wanted = format!("Node {}.{} or newer", OLDEST.0, OLDEST.1);
        let how = "install it from https://nodejs.org or your distribution (Debian: nodejs npm)";
        let Some(program) = find_in_path("node") else {
            bail!("{wanted} is needed and there is no `node` in PATH: {how}");
        };
        let version = output_of(Command::new(&program).arg("--version"))?;
        if parse_version(&version).is_none_or(|found| found < OLDEST) {
            bail!(
                "{wanted} is needed, and {} is {}: {how}",
                program.display(),
                version.trim()
            );
        }
        install_packages(workspace, stop)?;
        Ok(Self { program })
    }

    /// `node <script of node_modules>`.
    pub(crate) fn script(&self, workspace: &Workspace, script: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(workspace.path("node_modules").join(script));
        command
    }

    /// The program itself.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }
}

/// `v20.20.2` → (20, 20).
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// `wrangler`, silent about itself: no metrics, no error reports, no look for updates, and nothing
/// fetched from the network. What it writes goes below `scratch`.
pub(crate) fn wrangler(node: &Node, workspace: &Workspace, scratch: &Path) -> Command {
    let mut command = node.script(workspace, "wrangler/bin/wrangler.js");
    command
        .env("WRANGLER_SEND_METRICS", "false")
        .env("WRANGLER_SEND_ERROR_REPORTS", "false")
        .env("WRANGLER_HIDE_BANNER", "true")
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("X_LOCAL_EXPLORER", "false")
        .env("NO_COLOR", "1")
        // Where running Workers find each other: ours has nobody to find.
        .env("WRANGLER_REGISTRY_PATH", scratch.join("registry"))
        .env("WRANGLER_LOG_PATH", scratch.join("logs"));
    command
}

/// `npm ci` when the packages are missing or belong to another lockfile. The stamp is written last,
/// so an interrupted installation is done again.
fn install_packages(workspace: &Workspace, stop: &Stop) -> Result<()> {
    let stamp = workspace.path("node_modules/.portcullis-stamp");
    let wanted = lockfile_digest(workspace)?;
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    let Some(npm) = find_in_path("npm") else {
        bail!("there is no `npm` in PATH: install it (Debian: npm; elsewhere it comes with Node)");
    };
    eprintln!("installing npm packages by package-lock.json");
    let mut command = Command::new(npm);
    command.args([
        "ci",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]);
    process::run(command.current_dir(workspace.root()), stop)?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

fn lockfile_digest(workspace: &Workspace) -> Result<String> {
    let mut print = Fingerprint::default();
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        print.add(&fs::read(workspace.path(file)).with_context(|| file.to_owned())?);
    }
    Ok(print.text())
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn nodes_own_version_is_understood() {
        assert_eq!(parse_version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(parse_version("20.20.2"), None);
    }
}
