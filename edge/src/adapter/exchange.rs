//! The exchange of API keys at the origin.
//!
//! Invariant: as with the snapshot, an attempt runs under `waitUntil`, requests wait on timers of
//! their own, and no promise is shared between them.

use std::time::Duration;

use crate::{
    exchange::{self, Attempt, Next, Outcome},
    gate::{Case, ExchangeRequest, Ruling},
};

use super::{
    context::Context,
    document::{self, Fault, Kind},
    isolate, log, timer,
};

/// How often a request that waits looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How long, in seconds, a key waits of which the origin wants to see less but does not say how
/// long.
const USUAL_PAUSE: u32 = 10;

/// The longest, in seconds, that it waits whatever the origin says.
const LONGEST_PAUSE: u32 = 60;

const ANSWER: Kind = Kind {
    types: &["application/json"],
    limit: 16 * 1024,
};

/// Sees to it that something is known of the API key of a request, if it has one; gives the answer
/// where there is no time for that. A token that is about to end is replaced behind.
pub(super) async fn settle(case: &Case<'_>, context: &Context) -> Option<Ruling> {
    let asker = case.asker()?;
    let since = isolate::now();
    loop {
        let (attempt, next) =
            isolate::with_exchanges(|exchanges, now| exchanges.advance(&asker, since, now));
        if let Some((attempt, request)) = attempt.zip(case.exchange_request()) {
            context.spawn(carry_out(attempt, request));
        }
        match next {
            Next::Judge => return None,
            Next::Wait => timer::sleep(LOOK_AGAIN).await,
            Next::Unavailable | Next::TooMany(_) => return Some(case.not_exchanged(next)),
        }
    }
}

async fn carry_out(attempt: Attempt, request: ExchangeRequest) {
    let ExchangeRequest { url, headers, form } = request;
    let answer = document::post(&url, &headers, &form, &ANSWER).await;
    let outcome = match &answer {
        Ok((200, json)) => exchange::granted(json),
        Ok((_, json)) => exchange::refused(json),
        Err(Fault::Status {
            status: 429,
            retry_after,
        }) => Outcome::TooMany(retry_after.unwrap_or(USUAL_PAUSE).min(LONGEST_PAUSE)),
        Err(_) => Outcome::Unavailable,
    };
    if outcome == Outcome::Unavailable {
        let reason = match answer {
            Ok((status, _)) => format!("an answer with the status {status} that is not understood"),
            Err(fault) => fault.to_string(),
        };
        log::warning("an API key could not be exchanged", &reason);
    }
    isolate::with_exchanges(|exchanges, now| exchanges.end(attempt, outcome, now));
}
