//! Where SQLite and Postgres differ.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use sqlx::{Database, Pool};

use super::{
    changes::{ChangeSession, Outcome},
    engine::Engine,
    fault::Fault,
};

/// A connection of a driver's database.
pub(super) type Connection<Db> = <Db as Database>::Connection;

/// A change: what runs in one transaction, is kept when it answers `Ok` and undone when not.
pub(super) trait Work<Db: Engine>: Send + 'static {
    /// What it answers.
    type Output: Send + 'static;

    /// Runs it. Must hold a row before it reads what depends on that row.
    fn run(
        self,
        connection: &mut Connection<Db>,
    ) -> impl Future<Output = Result<Self::Output, Fault>> + Send;
}

/// One of the two databases.
pub(super) trait Driver: Send + Sync + 'static {
    /// Its engine.
    type Db: Engine;

    /// How many groups of changes may be in work at once. More than one pays where a commit leaves
    /// time for the next group's statements; the fewer, the more changes share a commit.
    const LANES: usize;

    /// Connections to read with; each statement sees what was committed before it began.
    fn readers(&self) -> &Pool<Self::Db>;

    /// Runs a change in a transaction and answers after the commit. A change that was begun is
    /// finished even when whoever asked for it goes away.
    fn write<W: Work<Self::Db>>(
        &self,
        work: W,
    ) -> impl Future<Output = Result<W::Output, Fault>> + Send;

    /// Makes changes of sessions together, in whatever way costs each the least; the outcomes are in
    /// the order of the changes.
    fn change_sessions(
        &self,
        changes: Vec<ChangeSession>,
    ) -> impl Future<Output = Result<Vec<Outcome>, Fault>> + Send;

    /// Waits for what is being written, and lets go of the database.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// Runs a change; a panic in it is a fault like others, so that its transaction is rolled back and
/// whoever runs it goes on.
pub(super) async fn attempt<Db: Engine, W: Work<Db>>(
    work: W,
    connection: &mut Connection<Db>,
) -> Result<W::Output, Fault> {
    let mut running = pin!(work.run(connection));
    poll_fn(|context| {
        let poll = || running.as_mut().poll(context);
        catch_unwind(AssertUnwindSafe(poll)).unwrap_or(Poll::Ready(Err(Fault::Panicked)))
    })
    .await
}
