//! `portcullis user export`: all users, password hashes included, for `portcullis user import` or
//! for another service.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    cli::Error as CliError,
    domain::{
        app::App,
        audit::Actor,
        store::StoreError,
        transfer::export::{self, Export},
    },
};

/// Where to.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// A file that does not exist yet, made readable by its owner alone; `-` for standard output
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
}

/// Why an export is not whole. A file of it is removed.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Error {
    /// It cannot be made; existing files are not overwritten.
    #[error("{} cannot be made", path.display())]
    Unmade {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written to.
    #[error("the users cannot be written")]
    Unwritable(#[from] io::Error),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// See [`export::Error`].
    #[error(transparent)]
    Export(#[from] export::Error),
}

pub(super) async fn run(app: &App, arguments: Arguments) -> Result<(), CliError> {
    let path = arguments.file;
    if path == Path::new("-") {
        return Ok(write(app, BufWriter::new(io::stdout())).await.map(drop)?);
    }
    let file = make(&path).map_err(|source| Error::Unmade {
        path: path.clone(),
        source,
    })?;
    let written = match write(app, BufWriter::new(file)).await {
        Ok(file) => file.sync_all().map_err(Error::from),
        Err(error) => Err(error),
    };
    if written.is_err() {
        // Half of the users would pass for all of them.
        let _ = fs::remove_file(&path);
    }
    Ok(written?)
}

fn make(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).open(path)
}

/// Writes all users, a line each.
async fn write<W: Write>(app: &App, mut to: BufWriter<W>) -> Result<W, Error> {
    let mut export = Export::begin(app, Actor::Operator).await?;
    while let Some(lines) = export.page().await? {
        for line in lines {
            writeln!(to, "{line}")?;
        }
    }
    to.into_inner()
        .map_err(|error| Error::Unwritable(error.into_error()))
}
