//! `schemathesis`, which makes requests from an OpenAPI document and compares the answers with it.
//!
//! A Python program: installed by digest into a directory of its own in the cache, apart from the
//! system's packages. Installed beside its place and renamed into it, so that what has the final
//! name is complete.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{cache, find_in_path, output_of};
use crate::fingerprint::Fingerprint;
use crate::process;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// The oldest Python that the pinned packages are made for.
const OLDEST: (u32, u32) = (3, 11);

const REQUIREMENTS: &str = "xtask/contract/requirements.txt";

/// A Python with the packages.
pub(crate) struct Schemathesis {
    python: PathBuf,
    packages: PathBuf,
}

impl Schemathesis {
    /// Finds Python and sees to the packages. Python is no condition for the rest of the tests, so
    /// a machine without it is told so: `None`.
    ///
    /// # Errors
    /// When the packages cannot be had.
    pub(crate) fn ensure(workspace: &Workspace, stop: &Stop) -> Result<Option<Self>> {
        let python = match python() {
            Ok(python) => python,
            Err(reason) => {
                eprintln!("without schemathesis: {reason:#}");
                return Ok(None);
            }
        };
        let requirements = workspace.path(REQUIREMENTS);
        let text = fs::read(&requirements).context(REQUIREMENTS)?;
        let version = output_of(Command::new(&python).arg("--version"))?;
        let print = Fingerprint::default()
            .add(&text)
            .add(version.trim().as_bytes())
            .text();
        let cache = cache()?;
        let found = Self {
            packages: cache.join(format!("schemathesis-{print}")),
            python,
        };
        if !found.is_complete() {
            found.install(&requirements, &cache, stop)?;
        }
        Ok(Some(found))
    }

    /// `schemathesis`, without colours.
    pub(crate) fn command(&self) -> Command {
        self.importing(&[&self.packages])
    }

    /// The same, and it can import the modules of a folder.
    pub(crate) fn command_with(&self, modules: &Path) -> Command {
        self.importing(&[&self.packages, modules])
    }

    fn importing(&self, folders: &[&Path]) -> Command {
        let path: Vec<_> = folders.iter().map(|folder| folder.as_os_str()).collect();
        let mut command = Command::new(&self.python);
        command
            .args(["-m", "schemathesis.cli", "--no-color"])
            .env("PYTHONPATH", path.join(OsStr::new(":")))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    fn is_complete(&self) -> bool {
        self.packages.is_dir() && output_of(self.command().arg("--version")).is_ok()
    }

    fn install(&self, requirements: &Path, cache: &Path, stop: &Stop) -> Result<()> {
        eprintln!("installing schemathesis (once; some seconds)");
        fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
        let aside = tempfile::Builder::new()
            .prefix(".schemathesis-")
            .tempdir_in(cache)
            .context("a place to install aside")?;
        let mut pip = Command::new(&self.python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
        ]);
        pip.args([
            "--disable-pip-version-check",
            "--only-binary=:all:",
            "--target",
        ]);
        pip.arg(aside.path()).arg("--requirement").arg(requirements);
        pip.env("PIP_ROOT_USER_ACTION", "ignore");
        process::run(&mut pip, stop)?;
        // Failing because another run was faster is as good.
        let moved = fs::rename(aside.path(), &self.packages);
        if !self.is_complete() {
            moved.with_context(|| format!("cannot move it to {}", self.packages.display()))?;
            bail!("schemathesis was installed, but does not answer");
        }
        Ok(())
    }
}

/// `$PORTCULLIS_PYTHON`, or the search path's, with pip.
fn python() -> Result<PathBuf> {
    let (major, minor) = OLDEST;
    let wanted = format!("Python {major}.{minor} or newer with pip (Debian: python3 python3-pip)");
    let chosen = std::env::var_os("PORTCULLIS_PYTHON").map(PathBuf::from);
    let Some(program) = chosen.or_else(|| find_in_path("python3")) else {
        bail!("{wanted} is needed, and there is no `python3` in PATH");
    };
    let ask = |code: OsString| output_of(Command::new(&program).arg("-c").arg(code));
    let said = ask("import sys; print(*sys.version_info[:2])".into())?;
    if parse_version(&said).is_none_or(|found| found < OLDEST) {
        bail!("{wanted} is needed, and python3 is {}", said.trim());
    }
    ask("import pip".into()).with_context(|| format!("{wanted} is needed"))?;
    Ok(program)
}

/// `3 11` → (3, 11).
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
