//! Measurements. Each is a ratio to a peer or to a floor of the same run, never a timed test.
//!
//! A benchmark is a module of this one that adds itself to [`ALL`].

mod cores;
mod edge;
mod http;
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
    /// Which to run; all of them with `all`.
    name: Option<String>,
}

/// One thing to measure.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    run: fn(&Workspace, &Stop) -> Result<()>,
}

/// In the order in which `all` runs them.
const ALL: &[Benchmark] = &[
    Benchmark {
        name: "edge",
        about: "verifying tokens in Wasm beside jose, whole requests, in one workerd",
        run: edge::run,
    },
    Benchmark {
        name: "origin",
        about: "refreshes and logins a second, on SQLite and on Postgres, beside their floors",
        run: origin::run,
    },
];

/// Runs the benchmarks that were asked for.
///
/// # Errors
/// When there is none of that name, or one fails.
pub(crate) fn run(workspace: &Workspace, stop: &Stop, options: &Options) -> Result<()> {
    let Some(wanted) = &options.name else {
        for Benchmark { name, about, .. } in ALL {
            println!("{name:<16} {about}");
        }
        return Ok(());
    };
    let mut found = false;
    for benchmark in ALL
        .iter()
        .filter(|one| wanted == "all" || wanted == one.name)
    {
        found = true;
        eprintln!("{}: {}", benchmark.name, benchmark.about);
        (benchmark.run)(workspace, stop)?;
    }
    if !found {
        bail!("there is no benchmark {wanted:?}; `cargo xtask bench` lists them");
    }
    Ok(())
}
