//! Work that one replica does at a time, as rows: who may do it until when, and when it was done.

use portcullis_shared::time::UnixSeconds;

use super::{
    driver::{Connection, Work},
    engine::Engine,
    fault::Fault,
    statement::Statement,
};
use crate::domain::cleanup::Hold;

/// [`Store::hold_job`](crate::domain::store::Store::hold_job); answers whether it is held.
pub(super) struct HoldJob(pub(super) Hold);

impl<Db: Engine> Work<Db> for HoldJob {
    type Output = bool;

    async fn run(self, connection: &mut Connection<Db>) -> Result<bool, Fault> {
        let hold = self.0;
        let taken = Statement::<Db>::new(
            "INSERT INTO jobs (name, holder, held_until, done_at) VALUES ($1, $2, $3, 0) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, \
             held_until = excluded.held_until WHERE jobs.holder = excluded.holder \
             OR (jobs.held_until <= $4 AND jobs.done_at <= $5) RETURNING name",
        )
        .bind(hold.job)
        .bind(hold.holder.as_slice())
        .bind(hold.until.0)
        .bind(hold.now.0)
        .bind(hold.unless_done_after.0)
        .row(connection)
        .await?;
        Ok(taken.is_some())
    }
}

/// [`Store::finish_job`](crate::domain::store::Store::finish_job).
pub(super) struct FinishJob {
    pub(super) job: &'static str,
    pub(super) holder: [u8; 16],
    pub(super) now: UnixSeconds,
}

impl<Db: Engine> Work<Db> for FinishJob {
    type Output = ();

    async fn run(self, connection: &mut Connection<Db>) -> Result<(), Fault> {
        Statement::<Db>::new(
            "UPDATE jobs SET held_until = $1, done_at = $1 WHERE name = $2 AND holder = $3",
        )
        .bind(self.now.0)
        .bind(self.job)
        .bind(self.holder.as_slice())
        .run(connection)
        .await
    }
}
