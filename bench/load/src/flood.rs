//! A flood of logins: hundreds at a time, each connection with a name and a network of its own, so
//! that what holds is the service's own bound and not the throttle; every other one with the right
//! password. Whoever was refused is back at once, whatever he was told.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Stopwatch;
use crate::http::{self, Connection};
use crate::users::PASSWORD;

/// The name of one of those who log in, who must exist with the [`PASSWORD`] of all.
pub fn name_of(number: usize) -> String {
    format!("flood-{number}")
}

/// What was answered.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Answers {
    /// For how long it went.
    pub elapsed_micros: u64,
    /// How often each status came.
    pub statuses: BTreeMap<u16, usize>,
}

/// Logs in over so many connections until standard input ends. The first line that it prints says
/// that it goes on, the second one has the [`Answers`] as JSON.
///
/// # Errors
/// When the origin is not there, or answers what it should not: the throttle among others.
pub fn flood(address: SocketAddr, connections: usize) -> Result<()> {
    let flooders: Result<Vec<Flooder>> = (0..connections)
        .map(|number| Flooder::connect(address, number))
        .collect();
    let (mut flooders, over) = (flooders?, AtomicBool::new(false));
    let watch = Stopwatch::start();
    println!("flooding");
    std::io::stdout().flush().context("standard output")?;
    let outcomes: Vec<Result<()>> = thread::scope(|scope| {
        let over = &over;
        let all: Vec<_> = flooders
            .iter_mut()
            .map(|flooder| scope.spawn(move || flooder.go_on_until(over)))
            .collect();
        let _ended = std::io::stdin().read_line(&mut String::new());
        over.store(true, Ordering::Relaxed);
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().map_err(|_| anyhow!("a flooder broke off"))?
        };
        all.into_iter().map(join).collect()
    });
    outcomes.into_iter().collect::<Result<()>>()?;
    let mut answers = Answers {
        elapsed_micros: u64::try_from(watch.elapsed().as_micros())?,
        ..Answers::default()
    };
    for (status, count) in flooders.into_iter().flat_map(|flooder| flooder.statuses) {
        *answers.statuses.entry(status).or_default() += count;
    }
    println!("{}", serde_json::to_string(&answers)?);
    Ok(())
}

struct Flooder {
    connection: Connection,
    request: Vec<u8>,
    /// What a login of this one comes to that finds a place.
    expected: u16,
    statuses: BTreeMap<u16, usize>,
}

impl Flooder {
    fn connect(address: SocketAddr, number: usize) -> Result<Self> {
        let (password, expected) = if number.is_multiple_of(2) {
            (PASSWORD, 200)
        } else {
            ("not the password", 401)
        };
        let body = json!({ "username": name_of(number), "password": password });
        let body = body.to_string();
        Ok(Self {
            connection: Connection::open(address)?,
            request: http::post_for(network(number)?, "/auth/login", "application/json", &body),
            expected,
            statuses: BTreeMap::new(),
        })
    }

    fn go_on_until(&mut self, over: &AtomicBool) -> Result<()> {
        while !over.load(Ordering::Relaxed) {
            let answer = self.connection.call(&self.request)?;
            if answer.status != 503 && answer.status != self.expected {
                let body = String::from_utf8_lossy(&answer.body);
                bail!("a login in the flood: {} {}", answer.status, body.trim());
            }
            *self.statuses.entry(answer.status).or_default() += 1;
        }
        Ok(())
    }
}

/// Of the range for benchmarks (RFC 2544).
fn network(number: usize) -> Result<IpAddr> {
    let first = u32::from(Ipv4Addr::new(198, 18, 0, 0));
    Ok(Ipv4Addr::from(first + u32::try_from(number)?).into())
}
