//! That a backup was put back, as part of the feed's row: all replicas read it there.

use portcullis_shared::time::UnixSeconds;

use super::{
    audit,
    driver::{Connection, Work},
    engine::Engine,
    fault::Fault,
    feed,
    statement::{Columns, Statement},
};
use crate::domain::{audit::Event, clock::UnixMillis, store::Restored};

/// [`Store::mark_restored`](crate::domain::store::Store::mark_restored).
pub(super) struct MarkRestored {
    pub(super) ahead: UnixMillis,
    pub(super) until: UnixSeconds,
    pub(super) event: Event,
}

impl<Db: Engine> Work<Db> for MarkRestored {
    type Output = Restored;

    async fn run(self, connection: &mut Connection<Db>) -> Result<Restored, Fault> {
        let newest_event = newest_event::<Db>(connection).await?;
        audit::append::<Db>(connection, &[self.event]).await?;
        let seq = feed::advance::<Db>(connection, self.ahead).await?;
        Statement::<Db>::new("UPDATE feed SET fast_forward_until = $1")
            .bind(self.until.0)
            .run(connection)
            .await?;
        Ok(Restored { seq, newest_event })
    }
}

async fn newest_event<Db: Engine>(
    connection: &mut Connection<Db>,
) -> Result<Option<UnixSeconds>, Fault> {
    let sql = "SELECT at FROM audit_events ORDER BY id DESC LIMIT 1";
    let row = Statement::<Db>::new(sql).row(connection).await?;
    row.map(|row| Columns::<Db>::of(&row).time()).transpose()
}

/// Until when sessions follow newer tokens.
pub(super) async fn until<Db: Engine>(
    connection: &mut Connection<Db>,
) -> Result<UnixSeconds, Fault> {
    let row = Statement::<Db>::new("SELECT fast_forward_until FROM feed")
        .one(connection)
        .await?;
    Columns::<Db>::of(&row).time()
}
