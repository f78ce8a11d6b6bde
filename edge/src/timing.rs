//! `Server-Timing` (W3C), where the settings ask for it: what the edge decided, and how long it waited
//! before.
//!
//! The runtime's clock stands still while code runs, so the time is that of waiting: for keys and
//! revocations, for the exchange of an API key, for the runtime's cryptography. Mostly it is 0.
//!
//! Invariant: it says how a decision came out and never why.

use crate::gate::Outcome;

/// The header's name.
pub const NAME: &str = "server-timing";

/// The entry for a decision before which the edge waited for so many milliseconds.
///
/// ```
/// use portcullis_edge::{gate::Outcome, timing};
/// assert_eq!(timing::decided(Outcome::Passed, 3), "edge;dur=3;desc=\"passed\"");
/// ```
pub fn decided(outcome: Outcome, waited: i64) -> String {
    entry(outcome.name(), waited)
}

/// The entry for a request that was forwarded before it was decided, as routes that only report do
/// where the decision takes waiting.
pub fn ahead() -> String {
    entry("undecided", 0)
}

fn entry(description: &str, waited: i64) -> String {
    // A clock that was put back meanwhile tells nothing.
    let waited = waited.max(0);
    format!("edge;dur={waited};desc=\"{description}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_a_quoted_string_and_no_time_is_negative() {
        for outcome in Outcome::ALL {
            let entry = decided(outcome, -7);
            let name = outcome.name();
            assert_eq!(entry, format!("edge;dur=0;desc=\"{name}\""));
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(name.bytes().all(plain), "{name}");
        }
    }
}
