//! `portcullis session revoke`: counted, confirmed, carried out.

use std::{
    io::{BufRead, IsTerminal, Write},
    time::Duration,
};

use clap::Args;
use indicatif::ProgressBar;
use portcullis_shared::ids::PlanId;
use tokio::time::Instant;

use super::{Selection, print};
use crate::{
    cli::{Error, progress},
    domain::{
        admin::Authority,
        app::App,
        plan::{count, run},
    },
};

/// Which sessions to end.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(in crate::cli) struct Revoke {
    #[command(flatten)]
    selection: Selection,
    /// Every session there is
    #[arg(long, conflicts_with = "Selection")]
    all: bool,
    /// Carry out the plan that a dry run made, or go on with it
    #[arg(
        long,
        value_name = "ID",
        allow_hyphen_values = true,
        conflicts_with_all = ["Selection", "all", "dry_run"]
    )]
    plan: Option<PlanId>,
    /// Count, show some, and end none
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) const EXAMPLES: &str = "\
Examples:
  portcullis session revoke --country DE,FR --dry-run
      Count the sessions that were last used from Germany or France, and end none.

  portcullis session revoke --user-agent 'Chrome/119' --last-used-before 30d
      End those that an old browser has not used for a month, after asking.

  portcullis session revoke --network 198.51.100.0/24 --yes
      End those from a network, from a script.";

/// The shortest pause between two batches.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) async fn run(app: &App, what: Revoke) -> Result<(), Error> {
    let json = what.json;
    let id = match what.plan {
        Some(id) => id,
        None => match counted(app, what).await? {
            Some(id) => id,
            None => return Ok(()),
        },
    };
    let total = app.store.plan(id).await?.map_or(0, |plan| plan.count);
    let bar = progress::count(total);
    let outcome = carry_out(app, id, &bar).await;
    bar.finish_and_clear();
    print::outcome(json, &outcome?)
}

/// A batch at a time, with pauses: on SQLite there is one writer at a time, and a server that logs
/// people in wants to be one too.
async fn carry_out(app: &App, id: PlanId, bar: &ProgressBar) -> Result<run::Outcome, run::Error> {
    loop {
        let began = Instant::now();
        let deadline = Some(app.now());
        let outcome = run::run(app, Authority::OPERATOR, id, deadline, |plan| {
            bar.set_position(plan.progress.passed);
        })
        .await?;
        if outcome.plan.is_done() {
            return Ok(outcome);
        }
        tokio::time::sleep(pause(began.elapsed())).await;
    }
}

/// For how long to leave the database to others after a batch.
fn pause(took: Duration) -> Duration {
    took.max(PAUSE)
}

/// The plan to carry out; none where it was to be counted only, or nobody wants it.
async fn counted(app: &App, what: Revoke) -> Result<Option<PlanId>, Error> {
    let criteria = what.selection.criteria(app.clock.now());
    if criteria.is_empty() && !what.all {
        return Err(Error::NoCriteria);
    }
    let counted = count::count(app, Authority::OPERATOR, criteria).await?;
    if what.dry_run {
        print::counted(what.json, &counted)?;
        return Ok(None);
    }
    let id = counted.plan.id;
    if what.yes {
        tell_how_to_go_on(id);
        return Ok(Some(id));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Error::NotConfirmed(id));
    }
    eprintln!("{}", print::found(&counted));
    eprint!("End these {} sessions? [y/N] ", counted.plan.count);
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    let agreed = ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str());
    if read.is_err() || !agreed {
        return Err(Error::NotConfirmed(id));
    }
    tell_how_to_go_on(id);
    Ok(Some(id))
}

/// Whoever interrupts it knows how to go on.
fn tell_how_to_go_on(id: PlanId) {
    eprintln!("portcullis session revoke --plan={id} goes on with it if it is interrupted.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_have_the_database_for_as_long_as_a_batch_had_it() {
        let millis = Duration::from_millis;
        assert_eq!(pause(millis(3)), millis(20));
        assert_eq!(pause(millis(300)), millis(300));
    }
}
