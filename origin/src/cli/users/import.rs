//! `portcullis user import`: users from a file of one JSON object a line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;

use super::lines::Lines;
use crate::{
    cli::{Error as CliError, output, progress},
    domain::{
        app::App,
        audit::Actor,
        transfer::import::{self, Counts, Import, Mode, RefusedLine},
    },
};

/// What to import, and how.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// What to read.
    #[arg(value_name = "FILE", help = MEMBERS)]
    file: PathBuf,
    /// Check every line, also against the users that exist, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the refused lines to this new file, as JSON, instead of to standard error
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const MEMBERS: &str = "\
One JSON object a line: username, and as far as they are known id, email, password_hash, roles, \
scopes, status (active, banned, disabled), status_reason, status_since, created_at; `-` for \
standard input";

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  portcullis user import users.ndjson --dry-run
  portcullis user import users.ndjson --report refused.ndjson

A line:
  {\"username\":\"ann\",\"password_hash\":\"pbkdf2_sha256$600000$…\",\"scopes\":[\"api:read\"]}

Exit code: 0 all lines are in, 3 some were refused, 1 the import stopped (run it again).";

/// Why an import stopped, or did not take everything.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Error {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The report cannot be written.
    #[error("the report {} cannot be written", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It stopped on the way.
    #[error("stopped at line {line}; run it again, it goes on where it was")]
    Stopped {
        /// The last line that was read.
        line: u64,
        /// Why.
        source: import::Error,
    },
    /// Not everything was taken.
    #[error("lines refused: {0}")]
    Refused(u64),
}

pub(super) async fn run(app: &App, arguments: Arguments) -> Result<(), CliError> {
    let Arguments {
        file,
        dry_run,
        report,
        json,
    } = arguments;
    let (reader, size) = open(&file).map_err(|source| unreadable(&file, source))?;
    let bar = progress::bytes(size);
    let mut report = Report::new(report, bar.clone())?;
    let mode = if dry_run { Mode::DryRun } else { Mode::Write };
    let mut import = Import::new(app, mode, Actor::Operator);
    let done = feed(&mut import, Lines::new(reader), &file, &bar, &mut report).await;
    report.finish()?;
    bar.finish_and_clear();
    let counts = import.counts();
    tell(counts, dry_run, json)?;
    done?;
    if counts.refused > 0 {
        return Err(Error::Refused(counts.refused).into());
    }
    Ok(())
}

/// The file and, where it is one, its size.
fn open(file: &Path) -> io::Result<(Box<dyn BufRead>, Option<u64>)> {
    if file == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let opened = File::open(file)?;
    let metadata = opened.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let size = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(BufReader::with_capacity(64 * 1024, opened)), size))
}

fn unreadable(file: &Path, source: io::Error) -> Error {
    let path = file.to_owned();
    Error::Unreadable { path, source }
}

/// Gives all lines to the import.
async fn feed(
    import: &mut Import<'_>,
    mut lines: Lines<Box<dyn BufRead>>,
    file: &Path,
    bar: &ProgressBar,
    report: &mut Report,
) -> Result<(), Error> {
    let mut last = 0;
    let stopped = |line| move |source| Error::Stopped { line, source };
    loop {
        let line = lines.next();
        bar.set_position(lines.bytes_read());
        let Some(line) = line.map_err(|source| unreadable(file, source))? else {
            break;
        };
        last = line.number;
        let text = line.text.as_deref().map_err(Clone::clone);
        let taken = import.take(line.number, text).await;
        report.write(&import.take_refused())?;
        taken.map_err(stopped(last))?;
    }
    let finished = import.finish().await;
    report.write(&import.take_refused())?;
    finished.map_err(stopped(last))?;
    Ok(())
}

fn tell(counts: Counts, dry_run: bool, json: bool) -> Result<(), CliError> {
    let Counts {
        added,
        with_roles,
        present,
        refused,
    } = counts;
    let verb = if dry_run { "would be added" } else { "added" };
    let roles = if with_roles == 0 {
        String::new()
    } else {
        format!(" ({with_roles} with a role)")
    };
    let text = format!("{added} {verb}{roles}, {present} were already there, {refused} refused.");
    let value = json!({
        "dry_run": dry_run,
        "added": added,
        "with_roles": with_roles,
        "already_there": present,
        "refused": refused,
    });
    output::either(json, &value, &text)
}

/// Where refused lines go.
enum Report {
    /// To whoever looks on, above the bar.
    Screen(ProgressBar),
    /// To a file of their own.
    File(PathBuf, BufWriter<File>),
}

impl Report {
    fn new(path: Option<PathBuf>, bar: ProgressBar) -> Result<Self, Error> {
        let Some(path) = path else {
            return Ok(Self::Screen(bar));
        };
        let mut options = File::options();
        match options.write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => Ok(Self::File(path, BufWriter::new(file))),
            Err(source) => Err(Error::Report { path, source }),
        }
    }

    fn write(&mut self, refused: &[RefusedLine]) -> Result<(), Error> {
        for refused in refused {
            let RefusedLine {
                line,
                username,
                refusal,
            } = refused;
            match self {
                Self::Screen(bar) => {
                    let name = username.as_ref().map(|name| format!(" ({name})"));
                    let text = format!("line {line}{}: {refusal}", name.unwrap_or_default());
                    let text: String = text.chars().flat_map(output::visible).collect();
                    bar.suspend(|| eprintln!("{text}"));
                }
                Self::File(path, file) => {
                    let reason = refusal.to_string();
                    let value = json!({ "line": line, "username": username, "reason": reason });
                    writeln!(file, "{}", output::json_line(&value)).map_err(|source| {
                        Error::Report {
                            path: path.clone(),
                            source,
                        }
                    })?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        match self {
            Self::Screen(_) => Ok(()),
            Self::File(path, mut file) => file
                .flush()
                .map_err(|source| Error::Report { path, source }),
        }
    }
}
