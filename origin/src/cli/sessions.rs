//! `portcullis session …`: sessions of all users, listed and ended by criterion.

mod print;
mod revoke;
mod selection;

use clap::{Args, Subcommand};

use super::{Error, assembly};
use crate::{
    domain::{
        app::App,
        criteria::{SessionFilter, State},
        plan::count,
    },
    settings::Settings,
};
use selection::Selection;

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List sessions in the order of their identifiers
    List(List),
    /// End the sessions that meet all criteria named, after they were counted
    ///
    /// On a terminal it shows what it found, and asks. What it ends is in the feed as soon as it
    /// answers. It may be interrupted, and goes on with --plan.
    #[command(after_help = revoke::EXAMPLES)]
    Revoke(revoke::Revoke),
}

/// Which sessions to list.
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    selection: Selection,
    /// Only sessions that have ended or expired
    #[arg(long, conflicts_with = "any")]
    over: bool,
    /// Those that are active and those that are over
    #[arg(long)]
    any: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// How many sessions are read at a time.
const PAGE: u32 = 200;

pub(super) async fn run(command: Command, settings: &Settings) -> Result<(), Error> {
    let app = assembly::assemble(settings, 1).await?;
    let done = match command {
        Command::List(which) => list(&app, which).await,
        Command::Revoke(what) => revoke::run(&app, what).await,
    };
    app.store.close().await;
    done
}

async fn list(app: &App, which: List) -> Result<(), Error> {
    let now = app.clock.now();
    let mut filter = SessionFilter {
        state: match (which.over, which.any) {
            (true, _) => State::Over,
            (false, true) => State::Any,
            (false, false) => State::Active,
        },
        ..SessionFilter::active(which.selection.criteria(now), now, PAGE)
    };
    loop {
        let page = count::list(app, &filter).await?;
        for found in &page {
            print::session(which.json, found)?;
        }
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        filter.after = Some(last.id);
    }
}
