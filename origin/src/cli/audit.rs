//! `portcullis audit`: the audit trail, as it was and as it grows.

use std::time::Duration;

use clap::Args;
use portcullis_shared::ids::{SessionId, UserId};
use serde_json::{Value, json};

use super::{Error, assembly, output, when};
use crate::{
    domain::{
        app::App,
        audit::{
            Action, Actor, Event,
            query::{By, Entry, EventId, Filter, Order, Query},
            tail::Tail,
        },
        network::Network,
        store::StoreError,
        user::Username,
    },
    settings::Settings,
};

/// Which events, and how they are printed.
#[derive(Debug, Args)]
pub(super) struct Command {
    /// Only what was done to this user: a name, or the identifier of one who may be gone
    #[arg(long, value_name = "NAME|ID")]
    user: Option<String>,
    /// Only what was done by a user's identifier, any `user`, an `operator`, a `bearer` or the
    /// `service`
    #[arg(long, value_name = "WHO")]
    actor: Option<By>,
    /// Only this action, such as `login_failed`; may be given several times
    #[arg(long = "action", value_name = "ACTION", value_parser = action)]
    actions: Vec<Action>,
    /// Only what was done to this session
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
    /// Only from this address or network, such as 192.0.2.0/24
    #[arg(long, value_name = "NETWORK")]
    network: Option<Network>,
    /// Only since then: an age (15m, 12h, 7d), a date or a time in UTC, or Unix seconds
    #[arg(long, value_name = "TIME")]
    since: Option<when::When>,
    /// Only before then
    #[arg(long, value_name = "TIME")]
    until: Option<when::When>,
    /// At most so many of those that are there, the newest; without it 50, or all with --since
    #[arg(long, short = 'n', value_name = "COUNT")]
    limit: Option<usize>,
    /// Go on: print events as they happen, until interrupted
    #[arg(long, short, conflicts_with = "until")]
    follow: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) const EXAMPLES: &str = "\
Examples:
  portcullis audit --follow
  portcullis audit --action login_failed --since 24h
  portcullis audit --user ann --since 2026-01-01 --json";

/// How many are shown where nothing is said.
const SHOWN: usize = 50;

/// How many are read at a time.
const PAGE: u32 = 500;

/// How often the trail is looked at when it is followed.
const PAUSE: Duration = Duration::from_millis(500);

fn action(name: &str) -> Result<Action, String> {
    Action::from_name(name).ok_or_else(|| {
        let all = Action::ALL.map(Action::as_str);
        format!("must be one of {}", all.join(", "))
    })
}

pub(super) async fn run(command: Command, settings: &Settings) -> Result<(), Error> {
    let app = assembly::assemble(settings, 1).await?;
    let done = show(&app, command).await;
    app.store.close().await;
    done
}

async fn show(app: &App, command: Command) -> Result<(), Error> {
    let now = app.clock.now();
    let user = match &command.user {
        Some(text) => Some(user(app, text).await?),
        None => None,
    };
    let filter = Filter {
        user,
        session: command.session,
        by: command.actor,
        actions: command.actions,
        network: command.network,
        since: command.since.map(|when| when.from(now)),
        until: command.until.map(|when| when.from(now)),
    };
    let all = command.since.is_some();
    let limit = command
        .limit
        .unwrap_or(if all { usize::MAX } else { SHOWN });
    let mut tail = if command.follow {
        Some(begin(app, &filter).await?)
    } else {
        None
    };
    let end = tail.as_ref().map(Tail::settled);
    for entry in past(app, filter, limit, end).await?.iter().rev() {
        print(command.json, entry)?;
    }
    while let Some(tail) = &mut tail {
        for entry in news(app, tail).await? {
            print(command.json, &entry)?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// What has become visible. A database that is away for a while does not end it: what it misses
/// comes when the database is back.
async fn news(app: &App, tail: &mut Tail) -> Result<Vec<Entry>, StoreError> {
    match tail.news(app.store.as_ref()).await {
        Err(StoreError::Unavailable(cause)) => {
            tracing::warn!(?cause, "the audit trail could not be read; trying again");
            Ok(Vec::new())
        }
        other => other,
    }
}

/// A name may look like an identifier; whoever has it counts.
async fn user(app: &App, text: &str) -> Result<UserId, Error> {
    if let Ok(name) = text.parse::<Username>()
        && let Some(user) = app.store.user_by_name(&name).await?
    {
        return Ok(user.id);
    }
    text.parse().map_err(|_| Error::NoSuchUserOrId)
}

/// Waits for those that are writing at this moment.
async fn begin(app: &App, filter: &Filter) -> Result<Tail, Error> {
    let store = app.store.as_ref();
    let horizon = store.audit_horizon().await?;
    loop {
        if let Some(tail) = Tail::begin(store, &horizon, filter.clone()).await? {
            return Ok(tail);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The newest `limit` events up to `end`, the newest first.
async fn past(
    app: &App,
    filter: Filter,
    limit: usize,
    end: Option<EventId>,
) -> Result<Vec<Entry>, Error> {
    let (mut entries, mut before) = (Vec::new(), None);
    while entries.len() < limit {
        let query = Query {
            filter: filter.clone(),
            order: Order::Newest { before },
            limit: PAGE,
        };
        let page = app.store.audit(&query).await?;
        let Some(last) = page.last() else { break };
        before = Some((last.event.at, last.id));
        entries.extend(
            page.into_iter()
                .filter(|entry| end.is_none_or(|end| entry.id <= end)),
        );
    }
    entries.truncate(limit);
    Ok(entries)
}

fn print(json: bool, entry: &Entry) -> Result<(), Error> {
    output::either(json, &value(entry), &line(&entry.event))
}

fn value(Entry { id, event }: &Entry) -> Value {
    let actor_id = match event.actor {
        Actor::User(id) => Some(id.to_string()),
        Actor::Operator | Actor::Bearer | Actor::Service => None,
    };
    json!({
        "id": id.0,
        "at": event.at.0,
        "action": event.action.as_str(),
        "actor": event.actor.kind(),
        "actor_id": actor_id,
        "user_id": event.user_id.map(|id| id.to_string()),
        "session_id": event.session_id.map(|id| id.to_string()),
        "ip": event.ip.map(|ip| ip.to_string()),
        "country": event.country,
        "detail": event.detail,
    })
}

/// One line, whatever stands in the texts.
fn line(event: &Event) -> String {
    let mut line = format!("{}  {:<17}", when::written(event.at), event.action.as_str());
    match event.actor {
        Actor::User(id) => line = format!("{line}  by {id}"),
        Actor::Operator | Actor::Bearer | Actor::Service => {
            line = format!("{line}  by {}", event.actor.kind());
        }
    }
    let of = |name: &str, text: Option<String>| {
        text.map(|text| format!("  {name} {}", output::one_line(&text)))
            .unwrap_or_default()
    };
    line + &of("user", event.user_id.map(|id| id.to_string()))
        + &of("session", event.session_id.map(|id| id.to_string()))
        + &of("from", event.ip.map(|ip| ip.to_string()))
        + &of("in", event.country.clone())
        + &of("-", event.detail.clone())
}

#[cfg(test)]
mod tests {
    use portcullis_shared::time::UnixSeconds;

    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let event = Event {
            user_id: Some(UserId::from_bytes([0; 16])),
            ip: Some([192, 0, 2, 1].into()),
            country: Some("N\u{1b}Z".to_owned()),
            detail: Some("\u{1b}[2Jgone\r\nlogin\u{9b}1m".to_owned()),
            ..Event::new(UnixSeconds(0), Action::UserBanned, Actor::Operator)
        };
        insta::assert_snapshot!(line(&event), @r"1970-01-01T00:00:00Z  user_banned        by operator  user AAAAAAAAAAAAAAAAAAAAAA  from 192.0.2.1  in N\u{1b}Z  - \u{1b}[2Jgone\r\nlogin\u{9b}1m");
        let entry = Entry {
            id: EventId(1),
            event,
        };
        let json = value(&entry).to_string();
        assert!(
            !json.contains(|character: char| character.is_ascii_control()),
            "{json}"
        );
    }
}
