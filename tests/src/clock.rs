//! The machine's clock: the one place where the demo servers ask for the time.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_shared::time::UnixSeconds;

/// The time now.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the adapter that the rule asks for"
)]
pub fn now() -> UnixSeconds {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixSeconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
