//! Building the tables with which a key verifies fast.
//!
//! Invariant: no request waits for it. It runs under `waitUntil` in two turns of two milliseconds or
//! so, each from a timer of its own, so that requests have their turn before and between.

use std::time::Duration;

use super::{context::Context, isolate, timer};

/// Until the request that earned the tables has been sent on.
const PAUSE: Duration = Duration::from_millis(5);

/// Begins to build, if a key has earned tables and has none. To be asked when a request has been
/// judged.
pub(super) fn build_where_due(context: &Context) {
    let order = isolate::with_snapshot(|snapshot| {
        // Most requests end here, without a look at the clock.
        snapshot
            .awaits_tables()
            .then(|| snapshot.begin_tables(isolate::now()))
            .flatten()
    });
    let Some(order) = order else {
        return;
    };
    context.spawn(async move {
        timer::sleep(PAUSE).await;
        let order = order.prepare();
        timer::sleep(PAUSE).await;
        let tables = order.build();
        isolate::with_snapshot(|snapshot| snapshot.put_tables(tables));
    });
}
