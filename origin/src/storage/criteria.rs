//! Sessions that meet criteria, found page by page in the order of their ids.
//!
//! One statement serves all criteria; one that is not asked for is void. What a list or a word is
//! found in, it is found in by `replace`, which knows no wildcards and both engines have.

use super::{
    driver::Connection,
    engine::Engine,
    fault::Fault,
    sessions::{self, session_columns},
    statement::{Columns, Statement},
    users::{self, user_columns},
    values::pattern,
};
use crate::domain::{
    criteria::{Country, Criteria, Fragment, SessionFilter, State},
    network::Network,
    plan::Planned,
    session::Session,
    user::{Role, User, Username},
};

/// A statement that finds sessions; users are looked for apart, so that the index of the ids serves
/// the order of the pages. `$fold` makes `lower` fold letters of ASCII alone, as the
/// domain has it.
macro_rules! finding {
    ($fold:literal, $($piece:tt)+) => {
        concat!(
            "SELECT ",
            $($piece)+,
            " WHERE sessions.id > $1 AND ($2 IS NULL OR sessions.user_id = $2) \
             AND ($3 IS NULL OR sessions.user_id IN \
             (SELECT named.id FROM users AS named WHERE named.username = $3)) \
             AND ($4 IS NULL OR sessions.user_id IN (SELECT granted.id FROM users AS granted \
             WHERE replace(' ' || granted.roles || ' ', $4, '') <> ' ' || granted.roles || ' ')) \
             AND ($5 IS NULL OR sessions.client_id = $5) \
             AND ($6 IS NULL OR replace($6, ' ' || sessions.last_country || ' ', '') <> $6) \
             AND ($7 IS NULL OR sessions.last_ip >= $7) \
             AND ($8 IS NULL OR sessions.last_ip <= $8) \
             AND ($9 IS NULL OR lower(sessions.last_user_agent",
            $fold,
            ") LIKE $9 ESCAPE '\\') AND ($10 IS NULL OR lower(sessions.device",
            $fold,
            ") LIKE $10 ESCAPE '\\') \
             AND sessions.created_at >= $11 AND sessions.created_at < $12 \
             AND sessions.last_used_at >= $13 AND sessions.last_used_at < $14 \
             AND ($15 IS NULL OR (sessions.ended IS NULL AND (sessions.last_exp > $16 \
             OR (sessions.idle_expires_at > $16 AND sessions.absolute_expires_at > $16))) = $15) \
             AND ($17 IS NULL OR NOT EXISTS (SELECT 1 FROM revocation_plan_sessions AS planned \
             WHERE planned.plan_id = $17 AND planned.user_id = sessions.user_id \
             AND planned.session_id = sessions.id)) \
             ORDER BY sessions.id LIMIT $18"
        )
    };
}

/// The statement of an engine.
macro_rules! of_engine {
    ($db:ty, $($piece:tt)+) => {
        if <$db as Engine>::FOLDS_BY_LOCALE {
            finding!(" COLLATE \"C\"", $($piece)+)
        } else {
            finding!("", $($piece)+)
        }
    };
}

/// Sessions with their users.
pub(super) async fn sessions<Db: Engine>(
    connection: &mut Connection<Db>,
    filter: &SessionFilter,
) -> Result<Vec<(Session, User)>, Fault> {
    let sql = of_engine!(
        Db,
        session_columns!(),
        ", ",
        user_columns!(),
        " FROM sessions JOIN users ON users.id = sessions.user_id"
    );
    let rows = bind(Statement::<Db>::new(sql), filter).rows(connection);
    let read = |row| {
        let mut columns = Columns::<Db>::of(row);
        Ok((sessions::read(&mut columns)?, users::read(&mut columns)?))
    };
    rows.await?.iter().map(read).collect()
}

/// Which sessions, and whose they are.
pub(super) async fn matching<Db: Engine>(
    connection: &mut Connection<Db>,
    filter: &SessionFilter,
) -> Result<Vec<Planned>, Fault> {
    let sql = of_engine!(Db, "sessions.user_id, sessions.id FROM sessions");
    let rows = bind(Statement::<Db>::new(sql), filter).rows(connection);
    rows.await?
        .iter()
        .map(|row| planned(&mut Columns::<Db>::of(row)))
        .collect()
}

/// The next two columns: a user and a session.
pub(super) fn planned<Db: Engine>(columns: &mut Columns<'_, Db>) -> Result<Planned, Fault> {
    Ok(Planned {
        user_id: columns.bytes()?,
        session_id: columns.bytes()?,
    })
}

fn bind<Db: Engine>(statement: Statement<Db>, filter: &SessionFilter) -> Statement<Db> {
    let after = filter.after.as_ref();
    let active = match filter.state {
        State::Active => Some(true),
        State::Over => Some(false),
        State::Any => None,
    };
    bind_criteria(
        statement.bind(after.map_or(&[] as &[u8], |id| id.as_bytes())),
        &filter.criteria,
    )
    .bind(active)
    .bind(filter.now.0)
    .bind(filter.outside.as_ref().map(|id| id.as_bytes().as_slice()))
    .bind(i64::from(filter.limit))
}

fn bind_criteria<Db: Engine>(statement: Statement<Db>, criteria: &Criteria) -> Statement<Db> {
    let part = |text: &Option<Fragment>| text.as_ref().map(|text| pattern(text.as_str()));
    let codes = criteria.countries.iter().map(Country::as_str);
    let countries: String = codes.flat_map(|code| [" ", code, " "]).collect();
    let (agent, device) = (part(&criteria.user_agent), part(&criteria.device));
    statement
        .bind(criteria.user_id.as_ref().map(|id| id.as_bytes().as_slice()))
        .bind(criteria.username.as_ref().map(Username::as_str))
        .bind(criteria.role.as_ref().map(word).as_deref())
        .bind(criteria.client_id.as_deref())
        .bind((!countries.is_empty()).then_some(countries.as_str()))
        .bind_address(criteria.network.map(Network::first))
        .bind_address(criteria.network.map(Network::last))
        .bind(agent.as_deref())
        .bind(device.as_deref())
        .bind(criteria.created_after.map_or(i64::MIN, |time| time.0))
        .bind(criteria.created_before.map_or(i64::MAX, |time| time.0))
        .bind(criteria.last_used_after.map_or(i64::MIN, |time| time.0))
        .bind(criteria.last_used_before.map_or(i64::MAX, |time| time.0))
}

/// A role as it stands in the list of a user's roles.
fn word(role: &Role) -> String {
    format!(" {} ", role.as_str())
}
