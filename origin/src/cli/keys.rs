//! `portcullis keys …`: the keys that sign tokens and documents.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Error, assembly, output};
use crate::{
    domain::{
        app::App,
        audit::Actor,
        signing_keys::{self, KeyState, Rotation, StoredKey},
    },
    settings::Settings,
};

/// What to do with signing keys.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the signing keys
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Make a new signing key
    ///
    /// It is published at once and signs after `keys.publish_before` seconds, when every edge
    /// knows it; nobody notices.
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate {
        /// The keys in use are stolen: the new one signs at once, and whatever the old ones
        /// signed is refused everywhere within seconds. Sessions go on by refresh.
        #[arg(long)]
        withdraw: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

const ROTATE_EXAMPLES: &str = "\
Examples:
  portcullis keys rotate
  portcullis keys rotate --withdraw";

pub(super) async fn run(command: Command, settings: &Settings) -> Result<(), Error> {
    let app = assembly::assemble(settings, 1).await?;
    let done = match command {
        Command::List { json } => list(&app, json).await,
        Command::Rotate { withdraw, json } => rotate(&app, withdraw, json).await,
    };
    app.store.close().await;
    done
}

async fn list(app: &App, json: bool) -> Result<(), Error> {
    let keys = app.store.signing_keys().await?;
    let states = signing_keys::states(&keys, app.clock.now(), app.config.longest_signature());
    for (key, state) in keys.iter().zip(states) {
        output::either(json, &value(key, state), &line(key, state))?;
    }
    Ok(())
}

fn value(key: &StoredKey, state: KeyState) -> Value {
    json!({
        "kid": key.id.as_str(),
        "state": state.as_str(),
        "created_at": key.created_at.0,
        "activates_at": key.activates_at.0,
        "withdrawn_at": key.withdrawn_at.map(|at| at.0),
    })
}

fn line(key: &StoredKey, state: KeyState) -> String {
    format!(
        "{}  {:<9}  signs from {}",
        key.id,
        state.as_str(),
        key.activates_at.0
    )
}

async fn rotate(app: &App, withdraw: bool, json: bool) -> Result<(), Error> {
    let rotation = if withdraw {
        Rotation::Withdraw
    } else {
        Rotation::Scheduled
    };
    let (kid, seq) = signing_keys::rotate(app, rotation, Actor::Operator).await?;
    let text = if withdraw {
        format!(
            "The key {kid} signs from now on; the ones before are refused at seq {}.",
            seq.0
        )
    } else {
        let seconds = app.config.key_publish_before;
        format!("The key {kid} is published, and signs in {seconds} seconds.")
    };
    output::either(json, &json!({ "kid": kid.as_str(), "seq": seq.0 }), &text)
}
