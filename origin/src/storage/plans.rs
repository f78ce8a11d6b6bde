//! Plans of revocation as rows.

use portcullis_shared::ids::PlanId;

use super::{
    criteria,
    driver::Connection,
    engine::{Engine, holding},
    fault::Fault,
    listed::{in_steps, packed},
    statement::{Columns, Statement},
};
use crate::domain::{
    audit::Actor,
    criteria::Written,
    plan::{Plan, Planned, Progress},
};

/// The columns that [`read`] reads, in its order.
macro_rules! plan_columns {
    () => {
        "id, criteria, actor, actor_id, created_at, expires_at, completed_at, session_count, \
         started_at, reached_user, reached_session, passed_count, ended_count"
    };
}

fn read<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<Plan, Fault> {
    let off = || Fault::Unreadable("criteria");
    Ok(Plan {
        id: columns.bytes()?,
        criteria: Written::from_json(&columns.next::<String>()?)
            .ok_or_else(off)?
            .parse()
            .map_err(|_| off())?,
        made_by: match (
            columns.next::<String>()?.as_str(),
            columns.optional_bytes()?,
        ) {
            ("user", Some(id)) => Actor::User(id),
            ("operator", None) => Actor::Operator,
            _ => return Err(Fault::Unreadable("who made a plan")),
        },
        created_at: columns.time()?,
        expires_at: columns.time()?,
        completed_at: columns.optional_time()?,
        count: columns.integer()?,
        progress: Progress {
            started_at: columns.optional_time()?,
            reached: match (columns.optional_bytes()?, columns.optional_bytes()?) {
                (Some(user_id), Some(session_id)) => Some(Planned {
                    user_id,
                    session_id,
                }),
                _ => None,
            },
            passed: columns.integer()?,
            ended: columns.integer()?,
        },
    })
}

/// The plan of this id.
pub(super) async fn by_id<Db: Engine>(
    connection: &mut Connection<Db>,
    id: PlanId,
) -> Result<Option<Plan>, Fault> {
    let sql = concat!(
        "SELECT ",
        plan_columns!(),
        " FROM revocation_plans WHERE id = $1"
    );
    one(Statement::<Db>::new(sql), connection, id).await
}

/// The plan of this id, held.
pub(super) async fn hold<Db: Engine>(
    connection: &mut Connection<Db>,
    id: PlanId,
) -> Result<Option<Plan>, Fault> {
    let sql = holding!(
        Db,
        "SELECT ",
        plan_columns!(),
        " FROM revocation_plans WHERE id = $1"
    );
    one(Statement::<Db>::new(sql), connection, id).await
}

async fn one<Db: Engine>(
    statement: Statement<Db>,
    connection: &mut Connection<Db>,
    id: PlanId,
) -> Result<Option<Plan>, Fault> {
    let row = statement.bind(id.as_bytes().as_slice()).row(connection);
    row.await?
        .map(|row| read(&mut Columns::<Db>::of(&row)))
        .transpose()
}

/// Adds a plan, or writes everything of it that may change.
pub(super) async fn put<Db: Engine>(
    connection: &mut Connection<Db>,
    plan: &Plan,
) -> Result<(), Fault> {
    let (actor, actor_id) = match &plan.made_by {
        Actor::User(id) => ("user", Some(id)),
        Actor::Operator => ("operator", None),
        Actor::Bearer | Actor::Service => return Err(Fault::Unreadable("who makes a plan")),
    };
    let reached = plan.progress.reached.as_ref();
    Statement::<Db>::new(concat!(
        "INSERT INTO revocation_plans (",
        plan_columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (id) DO UPDATE SET completed_at = excluded.completed_at, \
         session_count = excluded.session_count, started_at = excluded.started_at, \
         reached_user = excluded.reached_user, reached_session = excluded.reached_session, \
         passed_count = excluded.passed_count, ended_count = excluded.ended_count"
    ))
    .bind(plan.id.as_bytes().as_slice())
    .bind(plan.criteria.to_string().as_str())
    .bind(actor)
    .bind(actor_id.map(|id| id.as_bytes().as_slice()))
    .bind(plan.created_at.0)
    .bind(plan.expires_at.0)
    .bind(plan.completed_at.map(|time| time.0))
    .bind(number(plan.count))
    .bind(plan.progress.started_at.map(|time| time.0))
    .bind(reached.map(|planned| planned.user_id.as_bytes().as_slice()))
    .bind(reached.map(|planned| planned.session_id.as_bytes().as_slice()))
    .bind(number(plan.progress.passed))
    .bind(number(plan.progress.ended))
    .run(connection)
    .await
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Adds sessions to a plan; none of them is in it.
pub(super) async fn add<Db: Engine>(
    connection: &mut Connection<Db>,
    id: PlanId,
    sessions: &[Planned],
) -> Result<(), Fault> {
    if sessions.is_empty() {
        return Ok(());
    }
    let pairs = sessions
        .iter()
        .flat_map(|planned| [planned.user_id.as_bytes(), planned.session_id.as_bytes()]);
    let (bytes, length) = packed(pairs);
    Statement::<Db>::new(in_steps!(
        "32",
        "INSERT INTO revocation_plan_sessions (plan_id, user_id, session_id) \
         SELECT $3, substr($1, place, 16), substr($1, place + 16, 16) FROM listed"
    ))
    .bind(bytes.as_slice())
    .bind(length)
    .bind(id.as_bytes().as_slice())
    .run(connection)
    .await
}

/// The sessions of a plan after one of them.
pub(super) async fn next<Db: Engine>(
    connection: &mut Connection<Db>,
    id: PlanId,
    after: Option<Planned>,
    limit: u32,
) -> Result<Vec<Planned>, Fault> {
    let none: &[u8] = &[];
    let after = after.as_ref();
    let rows = Statement::<Db>::new(
        "SELECT user_id, session_id FROM revocation_plan_sessions WHERE plan_id = $1 \
         AND (user_id, session_id) > ($2, $3) ORDER BY user_id, session_id LIMIT $4",
    )
    .bind(id.as_bytes().as_slice())
    .bind(after.map_or(none, |planned| planned.user_id.as_bytes()))
    .bind(after.map_or(none, |planned| planned.session_id.as_bytes()))
    .bind(i64::from(limit))
    .rows(connection)
    .await?;
    rows.iter()
        .map(|row| criteria::planned(&mut Columns::<Db>::of(row)))
        .collect()
}
