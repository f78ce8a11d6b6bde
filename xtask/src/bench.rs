//! Measurements. Each is a ratio to a peer or to a floor of the same run, never a timed test.
//!
//! A benchmark is a module of this one that adds itself to [`ALL`].

mod cores;
mod edge;
mod load;
mod origin;
mod processor;

use anyhow::{Result, bail};
use clap::Args;

use crate::stop::Stop;
use crate::workspace::Workspace;

/// What can be said to `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Options {
    /// Which to run: edge or origin, or one part of the latter such as origin/flood; without a
    /// name all of them
    name: Option<String>,
}

/// One thing to measure.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    run: fn(&Workspace, &Stop) -> Result<()>,
}

/// In the order in which they run.
const ALL: &[Benchmark] = &[
    Benchmark {
        name: "edge",
        about: "verifying tokens in Wasm beside jose, whole requests, in one workerd",
        run: edge::run,
    },
    Benchmark {
        name: "origin/rates",
        about: "refresh, introspection, login: on SQLite and on Postgres, beside their floors",
        run: origin::rates::run,
    },
    Benchmark {
        name: "origin/flood",
        about: "what 500 logins at a time do to everybody else",
        run: origin::flood::run,
    },
    Benchmark {
        name: "origin/bulk",
        about: "ending 100,000 sessions while others refresh and log in",
        run: origin::bulk::run,
    },
    Benchmark {
        name: "origin/timing",
        about: "whether the time of a refused login tells whose it was",
        run: origin::timing::run,
    },
];

/// Runs the benchmarks that were asked for.
///
/// # Errors
/// When there is none of that name, or one fails.
pub(crate) fn run(workspace: &Workspace, stop: &Stop, options: &Options) -> Result<()> {
    let is_part = |one: &Benchmark, name: &str| {
        let rest = one.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let wanted = |one: &&Benchmark| {
        options
            .name
            .as_deref()
            .is_none_or(|name| is_part(one, name))
    };
    let mut found = false;
    for benchmark in ALL.iter().filter(wanted) {
        found = true;
        eprintln!("{}: {}", benchmark.name, benchmark.about);
        (benchmark.run)(workspace, stop)?;
    }
    if !found {
        let names: Vec<&str> = ALL.iter().map(|one| one.name).collect();
        bail!(
            "the benchmarks are {}; all of them run without a name",
            names.join(" and ")
        );
    }
    Ok(())
}
