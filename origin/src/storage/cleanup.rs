//! Rows whose time is over, removed a few at a time.

use portcullis_shared::{ids::SessionId, time::UnixSeconds};

use super::{
    driver::{Connection, Work},
    engine::Engine,
    fault::Fault,
    feed,
    listed::{listed_ids, over_listed, packed},
    statement::{Columns, Statement},
};

/// What makes a session removable at `$3`: it was ended or has expired by then, and so has the last
/// of its access tokens. Of those that a version ended which did not say when, it is the expiry.
macro_rules! over {
    () => {
        "last_exp <= $3 AND (ended_at <= $3 OR idle_expires_at <= $3 OR absolute_expires_at <= $3)"
    };
}

/// Sessions that were over at `cutoff`, after one of them, in the order of their ids.
pub(super) async fn sessions_over<Db: Engine>(
    connection: &mut Connection<Db>,
    cutoff: UnixSeconds,
    after: Option<SessionId>,
    limit: u32,
) -> Result<Vec<SessionId>, Fault> {
    let rows = Statement::<Db>::new(concat!(
        "SELECT id FROM sessions WHERE id > $1 AND ",
        over!(),
        " ORDER BY id LIMIT $2"
    ))
    .bind(after.as_ref().map_or(&[] as &[u8], |id| id.as_bytes()))
    .bind(i64::from(limit))
    .bind(cutoff.0)
    .rows(connection)
    .await?;
    rows.iter()
        .map(|row| Columns::<Db>::of(row).bytes())
        .collect()
}

/// Removes those of `ids` that were over at `cutoff`; answers how many. One that somebody holds is
/// left for the next time.
pub(super) struct RemoveSessions {
    pub(super) ids: Vec<SessionId>,
    pub(super) cutoff: UnixSeconds,
}

impl<Db: Engine> Work<Db> for RemoveSessions {
    type Output = u64;

    async fn run(self, connection: &mut Connection<Db>) -> Result<u64, Fault> {
        let (bytes, length) = packed(self.ids.iter().map(SessionId::as_bytes));
        // Asked again: a session of the first look may be in use by now.
        macro_rules! remove {
            ($skipping:literal) => {
                over_listed!(
                    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id IN ",
                    listed_ids!(),
                    " AND ",
                    over!(),
                    " ORDER BY id",
                    $skipping,
                    ") RETURNING last_exp"
                )
            };
        }
        let sql = if Db::HOLDS_ROWS {
            remove!(" FOR UPDATE SKIP LOCKED")
        } else {
            remove!("")
        };
        let rows = Statement::<Db>::new(sql)
            .bind(bytes.as_slice())
            .bind(length)
            .bind(self.cutoff.0)
            .rows(connection)
            .await?;
        Ok(rows.len() as u64)
    }
}

/// Removes entries of the feed that were to be dropped before `cutoff`; answers how many.
pub(super) struct RemoveRevocations {
    pub(super) cutoff: UnixSeconds,
    pub(super) limit: u32,
}

impl<Db: Engine> Work<Db> for RemoveRevocations {
    type Output = u64;

    async fn run(self, connection: &mut Connection<Db>) -> Result<u64, Fault> {
        // Whoever publishes removes some too, holding the feed: not both at the same time.
        feed::hold::<Db>(connection).await?;
        feed::remove_dropped::<Db>(connection, self.cutoff, self.limit).await
    }
}

/// Removes sessions of plans that expired before `cutoff`, and the plans that have none left;
/// answers how many rows.
pub(super) struct RemovePlans {
    pub(super) cutoff: UnixSeconds,
    pub(super) limit: u32,
}

impl<Db: Engine> Work<Db> for RemovePlans {
    type Output = u64;

    async fn run(self, connection: &mut Connection<Db>) -> Result<u64, Fault> {
        let sessions = Statement::<Db>::new(
            "DELETE FROM revocation_plan_sessions WHERE (plan_id, user_id, session_id) IN \
             (SELECT plan_id, user_id, session_id FROM revocation_plan_sessions WHERE plan_id IN \
             (SELECT id FROM revocation_plans WHERE expires_at <= $1) LIMIT $2) RETURNING plan_id",
        )
        .bind(self.cutoff.0)
        .bind(i64::from(self.limit))
        .rows(connection)
        .await?;
        let plans = Statement::<Db>::new(
            "DELETE FROM revocation_plans WHERE expires_at <= $1 AND NOT EXISTS \
             (SELECT 1 FROM revocation_plan_sessions WHERE plan_id = revocation_plans.id) \
             RETURNING id",
        )
        .bind(self.cutoff.0)
        .rows(connection)
        .await?;
        Ok((sessions.len() + plans.len()) as u64)
    }
}
