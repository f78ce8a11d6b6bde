//! `portcullis session revoke`: counted, confirmed, carried out.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use portcullis_shared::ids::PlanId;

use super::{Selection, print};
use crate::{
    cli::{Error, progress},
    domain::{
        admin::Authority,
        app::App,
        audit::Actor,
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

const OPERATOR: Authority = Authority {
    actor: Actor::Operator,
    ip: None,
};

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
    let outcome = run::run(app, OPERATOR, id, None, |plan| {
        bar.set_position(plan.progress.passed);
    })
    .await;
    bar.finish_and_clear();
    print::outcome(json, &outcome?)
}

/// The plan to carry out; none where it was to be counted only, or nobody wants it.
async fn counted(app: &App, what: Revoke) -> Result<Option<PlanId>, Error> {
    let criteria = what.selection.criteria(app.clock.now());
    if criteria.is_empty() && !what.all {
        return Err(Error::NoCriteria);
    }
    let counted = count::count(app, OPERATOR, criteria).await?;
    if what.dry_run {
        print::counted(what.json, &counted)?;
        return Ok(None);
    }
    let id = counted.plan.id;
    if what.yes {
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
    // Whoever interrupts it knows how to go on.
    eprintln!("portcullis session revoke --plan={id} goes on with it if it is interrupted.");
    Ok(Some(id))
}
