//! `portcullis cleanup`: what is over is removed, once.

use serde_json::json;

use super::{Error, assembly, output};
use crate::{
    domain::cleanup::{self, Removed, When},
    settings::Settings,
};

pub(super) async fn run(json: bool, settings: &Settings) -> Result<(), Error> {
    let app = assembly::assemble(settings, 1).await?;
    let done = cleanup::clean_up(&app, When::Now).await;
    app.store.close().await;
    let removed = done?.ok_or(Error::CleanupElsewhere)?;
    let Removed {
        sessions,
        revocations,
        plans,
        api_keys,
        throttle,
        audit,
    } = removed;
    let text = format!(
        "Removed {sessions} sessions, {revocations} entries of the feed, {plans} rows of plans, \
         {api_keys} API keys, {throttle} counts of attempts to log in, {audit} events of the audit trail."
    );
    let value = json!({
        "sessions": sessions,
        "revocations": revocations,
        "plans": plans,
        "api_keys": api_keys,
        "throttle": throttle,
        "audit": audit,
    });
    output::either(json, &value, &text)
}
