//! `cargo xtask bundle`: a folder with the Worker that `npx workerd serve config.capnp` runs on any
//! Linux machine.
//!
//! Invariants: the folder needs nothing of the repository, and no tool but Node and npm; it holds no
//! setting that belongs to one place, so that the same folder serves in each.

mod config;
mod package;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::build_edge::{self, replace};
use crate::routes;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// What can be said to `cargo xtask bundle`.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder; what an earlier run put there is replaced. Default: dist/portcullis-edge
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// The Worker's modules within the folder.
const WORKER: &str = "worker";

const CONFIG: &str = "config.capnp";

/// Written by hand: what goes into the folder as it is.
const AS_IT_IS: [(&str, &str); 5] = [
    ("edge/bundle/README.md", "README.md"),
    ("edge/bundle/edge.env", "edge.env"),
    ("edge/bundle/tls.capnp", "tls.capnp"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
];

/// Builds the Worker and makes the folder.
///
/// # Errors
/// When a step fails, or something else is in the folder.
pub(crate) fn run(workspace: &Workspace, stop: &Stop, options: &Options) -> Result<()> {
    build_edge::run(workspace, stop)?;
    let usual = || workspace.path("dist/portcullis-edge");
    let folder = options.output.clone().unwrap_or_else(usual);
    assemble(workspace, &folder)?;
    println!(
        "{} is complete: README.md in it says how it is started",
        folder.display()
    );
    Ok(())
}

/// Makes the folder of a Worker that has been built.
///
/// # Errors
/// When a file cannot be read or written, or something else is in the folder.
pub(crate) fn assemble(workspace: &Workspace, folder: &Path) -> Result<()> {
    refuse_foreign(folder)?;
    let worker = folder.join(WORKER);
    // Modules of an earlier Worker are none of this one's.
    let _ = fs::remove_dir_all(&worker);
    copy_modules(&workspace.edge_output(), &worker)?;
    for (from, to) in AS_IT_IS {
        let content = fs::read(workspace.path(from)).with_context(|| from.to_owned())?;
        replace(&folder.join(to), &content)?;
    }
    let table = routes::checked(workspace)?;
    replace(&folder.join(routes::IN_WORKER), table.as_bytes())?;
    package::write(workspace, folder)?;
    let text = config::text(workspace, &worker)?;
    // Last: it is what tells a bundle from other folders.
    replace(&folder.join(CONFIG), text.as_bytes())
}

/// A folder of somebody's with other things in it stays as it is.
fn refuse_foreign(folder: &Path) -> Result<()> {
    let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty && !folder.join(CONFIG).is_file() {
        bail!("{} has other things in it than a bundle", folder.display());
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Everything that is a module, but for the route table, which has its place beside the settings.
fn copy_modules(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let kind = path.extension().unwrap_or_default();
        if path.is_dir() && !name.starts_with(b".") {
            copy_modules(&path, &target)?;
        } else if kind == "js" || kind == "wasm" {
            fs::copy(&path, &target).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_other_things_in_it_is_left_alone() {
        let place = crate::scratch::directory("portcullis-bundle-").unwrap();
        let folder = place.path().join("new/folder");
        refuse_foreign(&folder).unwrap();
        assert!(folder.is_dir());
        fs::write(folder.join("letter.txt"), "dear").unwrap();
        assert!(refuse_foreign(&folder).is_err());
        fs::write(folder.join(CONFIG), "").unwrap();
        refuse_foreign(&folder).unwrap();
    }
}
