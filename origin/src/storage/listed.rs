//! Lists as arguments: identifiers one after the other in one value, which the statement takes
//! apart again. So one statement does for many rows what else were a statement each, and it is the
//! same on both engines.

/// A statement over identifiers of 16 bytes, which are in `$1`, its length in bytes in `$2`. `listed`
/// has one row for each, whose column `place` is where it begins.
macro_rules! over_listed {
    ($($piece:tt)+) => {
        $crate::storage::listed::in_steps!("16", $($piece)+)
    };
}
pub(super) use over_listed;

/// As [`over_listed`], with so many bytes to a row.
macro_rules! in_steps {
    ($bytes:literal, $($piece:tt)+) => {
        concat!(
            "WITH RECURSIVE listed (place) AS (SELECT 1 UNION ALL SELECT place + ",
            $bytes,
            " FROM listed WHERE place + ",
            $bytes,
            " <= $2) ",
            $($piece)+
        )
    };
}
pub(super) use in_steps;

/// The identifiers, for a condition `id IN (…)`.
macro_rules! listed_ids {
    () => {
        "(SELECT substr($1, place, 16) FROM listed)"
    };
}
pub(super) use listed_ids;

/// Identifiers in one value, and its length.
pub(super) fn packed<'a>(ids: impl IntoIterator<Item = &'a [u8; 16]>) -> (Vec<u8>, i64) {
    let bytes = ids.into_iter().flatten().copied().collect::<Vec<u8>>();
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    (bytes, length)
}
