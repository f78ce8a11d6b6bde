//! The verification alone: many tokens in one request, less what the same request costs when
//! nothing is verified.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::assembly::Worker;
use super::issuer::{ISSUER, Issuer};
use super::runtime::Runtime;
use super::{ROUNDS, WARM_UP};
use crate::bench::load::micros_each;
use crate::stop::Stop;
use portcullis_load::http::{self, Connection};

/// Tokens of one request that have not been seen before.
const FRESH: usize = 2_000;

/// One of the three, and how often it verifies a repeated token in one request: so often that it
/// takes about as long.
#[derive(Clone, Copy)]
struct Contender {
    worker: Worker,
    mode: &'static str,
    repeats: usize,
}

const JOSE: Contender = Contender {
    worker: Worker::VerifyJose,
    mode: "",
    repeats: 2_000,
};
/// As long as a key has not earned its tables.
const GENERIC: Contender = Contender {
    worker: Worker::VerifyOurs,
    mode: "generic",
    repeats: 20_000,
};
const OURS: Contender = Contender {
    worker: Worker::VerifyOurs,
    mode: "tables",
    repeats: 20_000,
};

/// Processor time of one verification, in microseconds.
struct Figures {
    first_seen: f64,
    repeated: f64,
}

/// Prints all, and the ratios.
pub(super) fn measure(runtime: &Runtime, issuer: &Issuer, stop: &Stop) -> Result<()> {
    println!("\nverification alone, processor time of workerd per token");
    let mut tallies = [
        Tally::of(JOSE, runtime, issuer)?,
        Tally::of(GENERIC, runtime, issuer)?,
        Tally::of(OURS, runtime, issuer)?,
    ];
    for round in 0..WARM_UP + ROUNDS {
        let tokens = issuer.tokens(FRESH)?;
        for tally in &mut tallies {
            stop.check()?;
            if round == WARM_UP {
                tally.taken = Taken::default();
            }
            tally.turn(runtime, &tokens)?;
        }
    }
    let [jose, generic, ours] = tallies.map(|tally| tally.figures());
    println!("  {:<26} {:>16} {:>16}", "", "first seen", "repeated");
    for (name, figures) in [
        ("jose", &jose),
        ("Portcullis, without tables", &generic),
        ("Portcullis", &ours),
    ] {
        println!(
            "  {name:<26} {:>13.1} µs {:>13.2} µs",
            figures.first_seen, figures.repeated
        );
    }
    println!(
        "  {:<26} {:>16.2} {:>16.2}",
        "jose / ours",
        jose.first_seen / ours.first_seen,
        jose.repeated / ours.repeated
    );
    Ok(())
}

struct Tally {
    contender: Contender,
    address: SocketAddr,
    repeated: String,
    taken: Taken,
}

/// Processor time of all turns so far.
#[derive(Default)]
struct Taken {
    empty: Duration,
    first_seen: Duration,
    repeated: Duration,
    turns: usize,
}

impl Tally {
    fn of(contender: Contender, runtime: &Runtime, issuer: &Issuer) -> Result<Self> {
        let address: SocketAddr = runtime.address(contender.worker, contender.mode)?;
        let tally = Self {
            contender,
            address,
            repeated: issuer.token()?,
            taken: Taken::default(),
        };
        let given = json!({
            "issuer": ISSUER,
            "audience": "api",
            "scope": "api:read",
            "url": "http://127.0.0.1/api/notes",
            "keys": issuer.keys()?,
            "revocations": issuer.revocations()?,
            "tables": contender.mode == OURS.mode,
        });
        let request = http::post("/prepare", "application/json", &given.to_string());
        let prepared = tally.call(&request);
        prepared.with_context(|| format!("preparing; workerd said:\n{}", runtime.last_words()))?;
        ensure!(
            tally.accepted(&issuer.forged()?, 1)? == 0,
            "a forged token was accepted"
        );
        Ok(tally)
    }

    /// One batch of each kind.
    fn turn(&mut self, runtime: &Runtime, tokens: &[String]) -> Result<()> {
        let (fresh, repeats) = (tokens.join("\n"), self.contender.repeats);
        let repeated = self.repeated.clone();
        let empty = self.timed(runtime, &fresh, 0, 0)?;
        let first_seen = self.timed(runtime, &fresh, 1, tokens.len())?;
        let repeated = self.timed(runtime, &repeated, repeats, repeats)?;
        self.taken.empty += empty;
        self.taken.first_seen += first_seen;
        self.taken.repeated += repeated;
        self.taken.turns += 1;
        Ok(())
    }

    fn timed(
        &self,
        runtime: &Runtime,
        tokens: &str,
        times: usize,
        expected: usize,
    ) -> Result<Duration> {
        let before = runtime.processor_time()?;
        let accepted = self.accepted(tokens, times)?;
        let taken = runtime.processor_time()?.saturating_sub(before);
        ensure!(
            accepted == expected,
            "{accepted} of {expected} good tokens were accepted"
        );
        Ok(taken)
    }

    fn accepted(&self, tokens: &str, times: usize) -> Result<usize> {
        let request = http::post(&format!("/?times={times}"), "text/plain", tokens);
        let body = self.call(&request)?;
        String::from_utf8_lossy(&body)
            .parse()
            .context("a number expected")
    }

    /// On a connection of its own: workerd closes one that waits for five seconds, and the others
    /// have their turn between.
    fn call(&self, request: &[u8]) -> Result<Vec<u8>> {
        Connection::open(self.address)?.call(request)?.ok()
    }

    fn figures(&self) -> Figures {
        let Taken {
            empty,
            first_seen,
            repeated,
            turns,
        } = &self.taken;
        // A body of one token is nothing to subtract.
        Figures {
            first_seen: micros_each(first_seen.saturating_sub(*empty), FRESH * turns),
            repeated: micros_each(*repeated, self.contender.repeats * turns),
        }
    }
}
