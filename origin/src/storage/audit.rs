//! The audit trail as rows, which are only ever added.

use super::{driver::Connection, engine::Engine, fault::Fault, statement::Statement};
use crate::domain::audit::{Actor, Event};

/// Adds events, in their order.
pub(super) async fn append<Db: Engine>(
    connection: &mut Connection<Db>,
    events: &[Event],
) -> Result<(), Fault> {
    for event in events {
        let (actor, actor_id) = match &event.actor {
            Actor::User(id) => ("user", Some(id)),
            Actor::Operator => ("operator", None),
            Actor::Bearer => ("bearer", None),
            Actor::Service => ("service", None),
        };
        Statement::<Db>::new(
            "INSERT INTO audit_events (at, action, actor, actor_id, user_id, session_id, ip, \
             detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(event.at.0)
        .bind(event.action.as_str())
        .bind(actor)
        .bind(actor_id.map(|id| id.as_bytes().as_slice()))
        .bind(event.user_id.as_ref().map(|id| id.as_bytes().as_slice()))
        .bind(event.session_id.as_ref().map(|id| id.as_bytes().as_slice()))
        .bind_address(event.ip)
        .bind_text(event.detail.as_deref())
        .run(connection)
        .await?;
    }
    Ok(())
}
