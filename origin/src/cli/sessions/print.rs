//! How sessions, and what became of them, are printed.

use serde_json::{Value, json};

use crate::{
    cli::{Error, output, when},
    domain::{
        context::Context,
        plan::{Plan, count::Counted, run::Outcome},
        session::{Flag, Session},
        user::User,
    },
};

fn place(context: &Context) -> Value {
    json!({
        "ip": context.ip.map(|ip| ip.to_string()),
        "country": context.country,
        "user_agent": context.user_agent,
    })
}

/// A session for programs.
fn value((session, user): &(Session, User)) -> Value {
    let flags: Vec<&str> = session.flags.iter().map(Flag::as_str).collect();
    json!({
        "id": session.id.to_string(),
        "user_id": user.id.to_string(),
        "username": user.username.as_str(),
        "client_id": session.client_id,
        "device": session.device,
        "created_at": session.created_at.0,
        "last_used_at": session.last_used_at.0,
        "expires_at": session.idle_expires_at.min(session.absolute_expires_at).0,
        "ended": session.ended.map(|ended| json!({
            "reason": ended.reason.as_str(),
            "at": ended.at.0,
        })),
        "flags": flags,
        "opened_from": place(&session.opened_from),
        "last_from": place(&session.last_from),
    })
}

/// A session for people.
fn line((session, user): &(Session, User)) -> String {
    let from = &session.last_from;
    let ip = from.ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
    let country = from.country.as_deref().unwrap_or("--");
    let last_use = when::written(session.last_used_at);
    let device = session.device.as_deref().or(from.user_agent.as_deref());
    let ended = session.ended.map(|ended| {
        let (reason, at) = (ended.reason.as_str(), when::written(ended.at));
        format!("  ended {at}: {reason}")
    });
    let line = format!(
        "{}  {}  {}  {ip}  {country}  used {last_use}  {}{}",
        session.id,
        user.username,
        session.client_id,
        device.unwrap_or("-"),
        ended.unwrap_or_default(),
    );
    // What a client calls a device may hold a line feed, and what is not for a terminal.
    line.chars()
        .filter(|character| *character != '\n')
        .flat_map(output::visible)
        .collect()
}

/// A session.
pub(super) fn session(json: bool, found: &(Session, User)) -> Result<(), Error> {
    output::either(json, &value(found), &line(found))
}

/// What was counted, for people, with some of it.
pub(super) fn found(counted: &Counted) -> String {
    let Counted { plan, sample } = counted;
    let mut text = format!("{} sessions meet {}", plan.count, plan.criteria);
    for session in sample {
        text = format!("{text}\n  {}", line(session));
    }
    if plan.count > sample.len() as u64 {
        text = format!("{text}\n  …");
    }
    text.chars().flat_map(output::visible).collect()
}

fn planned(plan: &Plan) -> Value {
    json!({ "plan": plan.id.to_string(), "expires_at": plan.expires_at.0, "count": plan.count })
}

/// What a dry run found.
pub(super) fn counted(json: bool, counted: &Counted) -> Result<(), Error> {
    let mut all = planned(&counted.plan);
    let sample: Vec<Value> = counted.sample.iter().map(value).collect();
    if let Some(all) = all.as_object_mut() {
        all.insert("sample".to_owned(), sample.into());
    }
    let text = format!(
        "{}\nNothing has been ended. Until {}: portcullis session revoke --plan={}",
        found(counted),
        when::written(counted.plan.expires_at),
        counted.plan.id
    );
    output::either(json, &all, &text)
}

/// What a run came to.
pub(super) fn outcome(json: bool, outcome: &Outcome) -> Result<(), Error> {
    let (progress, mut all) = (outcome.plan.progress, planned(&outcome.plan));
    let over = progress.passed.saturating_sub(progress.ended);
    let newcomers = outcome.newcomers.as_ref();
    let count = newcomers.map(|newcomers| newcomers.count);
    let sample: Vec<Value> = newcomers
        .iter()
        .flat_map(|newcomers| newcomers.sample.iter().map(value))
        .collect();
    if let Some(all) = all.as_object_mut() {
        all.insert("ended".to_owned(), progress.ended.into());
        all.insert("already_over".to_owned(), over.into());
        all.insert("newcomers".to_owned(), count.into());
        all.insert("newcomers_sample".to_owned(), sample.into());
        all.insert("seq".to_owned(), outcome.seq.0.into());
    }
    let mut text = format!(
        "{} sessions have ended, {over} were over already; in force where the feed's seq is {} or \
         more.",
        progress.ended, outcome.seq.0
    );
    match count {
        Some(0) => {}
        Some(count) => {
            text = format!(
                "{text}\n{count} sessions meet the criteria that were not counted, and go on."
            );
        }
        None => text += "\nWhether others meet the criteria by now could not be found out.",
    }
    output::either(json, &all, &text)
}
