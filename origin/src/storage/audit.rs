//! The audit trail as rows, which are only ever added; a trigger refuses to change one. They are
//! deleted when their time is over, and not before.

use portcullis_shared::{ids::UserId, time::UnixSeconds};

use super::{
    driver::Connection,
    engine::Engine,
    fault::Fault,
    listed::{over_listed, packed},
    statement::{Columns, Statement},
};
use crate::domain::{
    audit::{
        Action, Actor, Event,
        query::{By, Entry, EventId, Filter, Order, Query},
        tail::Horizon,
    },
    network::Network,
};

/// Adds events, in their order; those that differ in nothing but to whom it happened, together.
pub(super) async fn append<Db: Engine>(
    connection: &mut Connection<Db>,
    events: &[Event],
) -> Result<(), Fault> {
    for alike in events.chunk_by(alike) {
        match alike {
            [] => {}
            [event] => {
                let statement = Statement::<Db>::new(
                    "INSERT INTO audit_events (user_id, at, action, actor, actor_id, session_id, \
                     ip, country, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                )
                .bind(event.user_id.as_ref().map(|id| id.as_bytes().as_slice()));
                bind(statement, event).run(connection).await?;
            }
            [event, ..] => {
                let users = alike.iter().filter_map(|event| event.user_id.as_ref());
                let (ids, length) = packed(users.map(UserId::as_bytes));
                let statement = Statement::<Db>::new(over_listed!(
                    "INSERT INTO audit_events (user_id, at, action, actor, actor_id, session_id, \
                     ip, country, detail) SELECT substr($1, place, 16), $3, $4, $5, $6, $7, $8, \
                     $9, $10 FROM listed"
                ))
                .bind(ids.as_slice())
                .bind(length);
                bind(statement, event).run(connection).await?;
            }
        }
    }
    Ok(())
}

fn alike(one: &Event, next: &Event) -> bool {
    let other = Event {
        user_id: one.user_id,
        ..next.clone()
    };
    one.user_id.is_some() && next.user_id.is_some() && *one == other
}

/// Gives the arguments but the user.
fn bind<Db: Engine>(statement: Statement<Db>, event: &Event) -> Statement<Db> {
    let actor_id = match &event.actor {
        Actor::User(id) => Some(id),
        Actor::Operator | Actor::Bearer | Actor::Service => None,
    };
    statement
        .bind(event.at.0)
        .bind(event.action.as_str())
        .bind(event.actor.kind())
        .bind(actor_id.map(|id| id.as_bytes().as_slice()))
        .bind(event.session_id.as_ref().map(|id| id.as_bytes().as_slice()))
        .bind_address(event.ip)
        .bind_text(event.country.as_deref())
        .bind_text(event.detail.as_deref())
}

/// A statement that finds events, led by one condition, which an index serves, in an order, which
/// it serves too. Every condition that is not asked for is void. `LIKE` sees the names of actions
/// alone, in which nothing but `_` is special, and which stay apart by their commas.
macro_rules! finding {
    ($leading:literal, $order:literal) => {
        concat!(
            "SELECT id, at, action, actor, actor_id, user_id, session_id, ip, country, detail \
             FROM audit_events WHERE ",
            $leading,
            " AND ($1 IS NULL OR user_id = $1) AND ($2 IS NULL OR session_id = $2) \
             AND ($3 IS NULL OR actor = $3) AND ($4 IS NULL OR actor_id = $4) \
             AND ($5 IS NULL OR $5 LIKE '%,' || action || ',%') \
             AND ($6 IS NULL OR ip >= $6) AND ($7 IS NULL OR ip <= $7) \
             AND at >= $8 AND at < $9 AND ",
            $order,
            " LIMIT $12"
        )
    };
}

/// The order of pages.
macro_rules! newest {
    ($leading:literal) => {
        finding!($leading, "(at, id) < ($10, $11) ORDER BY at DESC, id DESC")
    };
}

/// The statement for a query. Without a leading condition that is always the same, SQLite would
/// plan for all of them being void.
fn statement(query: &Query) -> &'static str {
    let filter = &query.filter;
    match query.order {
        Order::Oldest { .. } => finding!("id > $11", "$10 IS NOT NULL ORDER BY id"),
        Order::Newest { .. } if filter.session.is_some() => newest!("session_id = $2"),
        Order::Newest { .. } if filter.user.is_some() => newest!("user_id = $1"),
        Order::Newest { .. } if filter.actions.len() == 1 => newest!("action = trim($5, ',')"),
        Order::Newest { .. } => newest!("at >= $8"),
    }
}

/// The events that a query asks for.
pub(super) async fn find<Db: Engine>(
    connection: &mut Connection<Db>,
    query: &Query,
) -> Result<Vec<Entry>, Fault> {
    let Filter {
        user,
        session,
        by,
        actions,
        network,
        since,
        until,
    } = &query.filter;
    let (actor, actor_id) = match by {
        None => (None, None),
        Some(By::User(id)) => (Some("user"), Some(id)),
        Some(By::AnyUser) => (Some("user"), None),
        Some(By::Operator) => (Some("operator"), None),
        Some(By::Bearer) => (Some("bearer"), None),
        Some(By::Service) => (Some("service"), None),
    };
    let names: Vec<&str> = actions.iter().map(|action| action.as_str()).collect();
    let names = (!names.is_empty()).then(|| format!(",{},", names.join(",")));
    let (at, id) = match query.order {
        Order::Newest { before } => before.map_or((i64::MAX, i64::MAX), |(at, id)| (at.0, id.0)),
        Order::Oldest { after } => (0, after.0),
    };
    let rows = Statement::<Db>::new(statement(query))
        .bind(user.as_ref().map(|id| id.as_bytes().as_slice()))
        .bind(session.as_ref().map(|id| id.as_bytes().as_slice()))
        .bind(actor)
        .bind(actor_id.map(|id| id.as_bytes().as_slice()))
        .bind(names.as_deref())
        .bind_address(network.map(Network::first))
        .bind_address(network.map(Network::last))
        .bind(since.map_or(i64::MIN, |time| time.0))
        .bind(until.map_or(i64::MAX, |time| time.0))
        .bind(at)
        .bind(id)
        .bind(i64::from(query.limit))
        .rows(connection)
        .await?;
    rows.iter()
        .map(|row| read(&mut Columns::<Db>::of(row)))
        .collect()
}

fn read<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<Entry, Fault> {
    let (id, at) = (EventId(columns.next()?), columns.time()?);
    let name: String = columns.next()?;
    let action = Action::from_name(&name);
    Ok(Entry {
        id,
        event: Event {
            at,
            // During an upgrade a newer program may write what this one does not know.
            action: action.unwrap_or(Action::Unknown),
            actor: match (
                columns.next::<String>()?.as_str(),
                columns.optional_bytes()?,
            ) {
                ("user", Some(id)) => Actor::User(id),
                ("operator", None) => Actor::Operator,
                ("bearer", None) => Actor::Bearer,
                ("service", None) => Actor::Service,
                _ => return Err(Fault::Unreadable("an actor")),
            },
            user_id: columns.optional_bytes()?,
            session_id: columns.optional_bytes()?,
            ip: columns.address()?,
            country: columns.next()?,
            detail: match (action, columns.next::<Option<String>>()?) {
                (Some(_), detail) => detail,
                (None, None) => Some(name),
                (None, Some(detail)) => Some(format!("{name}: {detail}")),
            },
        },
    })
}

/// How the trail stands.
pub(super) async fn horizon<Db: Engine>(connection: &mut Connection<Db>) -> Result<Horizon, Fault> {
    let row = Statement::<Db>::new(Db::AUDIT_HORIZON)
        .one(connection)
        .await?;
    let mut columns = Columns::<Db>::of(&row);
    let newest = EventId(columns.next()?);
    let writers: String = columns.next()?;
    let writers = writers.split_whitespace().map(str::to_owned).collect();
    Ok(Horizon { newest, writers })
}

/// Deletes events from before `before`, the oldest first, but never the one with the greatest
/// number; answers how many.
pub(super) async fn delete_before<Db: Engine>(
    connection: &mut Connection<Db>,
    before: UnixSeconds,
    limit: u32,
) -> Result<u64, Fault> {
    let deleted = Statement::<Db>::new(
        "DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events WHERE at < $1 \
         AND id < (SELECT max(id) FROM audit_events) ORDER BY at, id LIMIT $2) RETURNING id",
    )
    .bind(before.0)
    .bind(i64::from(limit))
    .rows(connection)
    .await?;
    Ok(u64::try_from(deleted.len()).unwrap_or(u64::MAX))
}
