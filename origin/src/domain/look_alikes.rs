//! Names that an older version has written, which did not keep what they look like: that is filled
//! in, so that nobody can take a name that looks like one of them.

use crate::domain::store::{Store, StoreError};

/// How many users are looked at in one transaction: few enough that no login waits for it long.
const BATCH: u32 = 200;

/// Fills in what is missing. Of use at each start, and from time to time while replicas of an older
/// version may still run.
///
/// # Errors
///
/// See [`StoreError`]; what was done until then stays. Also when somebody takes a name at that very
/// moment that looks like one in the batch; trying again helps.
pub async fn protect_old_names(store: &dyn Store) -> Result<(), StoreError> {
    let mut last = store.fill_skeletons(None, BATCH).await?;
    while last.is_some() {
        last = store.fill_skeletons(last, BATCH).await?;
    }
    Ok(())
}
