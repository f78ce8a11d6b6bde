//! Turns: whoever measures says on standard input what is to be done and for how long, and gets the
//! latencies on standard output; between two turns the connections and the chains are kept.
//!
//! One line is one turn: a [`Turn`] in, a [`Report`] out, both JSON.

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::load::{self, Limit, Load, User};
use crate::users::{Introspection, Login, Me, Place, Plain, Refresh};

/// What the virtual users do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// `GET /health/live`.
    Live,
    /// `GET /health/ready`.
    Ready,
    /// `POST /auth/login`.
    Login,
    /// `POST /auth/token`.
    Refresh,
    /// `POST /auth/introspect`.
    Introspection,
    /// `GET /auth/me`.
    Me,
}

/// What to do, and for how long.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Turn {
    /// What.
    pub activity: Activity,
    /// For how many milliseconds.
    pub millis: u64,
    /// How many milliseconds there are from the beginning of an operation to that of the same
    /// user's next one at least; with 0 the next one begins when the last one was answered.
    pub every_millis: u64,
}

impl Turn {
    fn limit(self) -> Limit {
        let time = Duration::from_millis(self.millis);
        match self.every_millis {
            0 => Limit::Time(time),
            millis => Limit::Paced {
                time,
                every: Duration::from_millis(millis),
            },
        }
    }
}

/// What it was like.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// How long the turn took.
    pub elapsed_micros: u64,
    /// Of each operation.
    pub latencies_micros: Vec<u64>,
}

/// All virtual users, each kind made when it is first asked for.
struct Crowd {
    place: Place,
    live: Vec<Plain>,
    ready: Vec<Plain>,
    login: Vec<Login>,
    refresh: Vec<Refresh>,
    introspection: Vec<Introspection>,
    me: Vec<Me>,
}

/// Does turn after turn until standard input ends.
///
/// # Errors
/// When an answer of the server is wrong, or a line is not a turn.
pub fn take(address: SocketAddr, connections: usize) -> Result<()> {
    let mut crowd = Crowd {
        place: Place {
            address,
            connections,
        },
        live: Vec::new(),
        ready: Vec::new(),
        login: Vec::new(),
        refresh: Vec::new(),
        introspection: Vec::new(),
        me: Vec::new(),
    };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let turn: Turn = serde_json::from_str(&line.context("standard input")?)?;
        let report = Report::from(&crowd.turn(turn)?);
        writeln!(out, "{}", serde_json::to_string(&report)?).context("standard output")?;
        out.flush().context("standard output")?;
    }
    Ok(())
}

impl Crowd {
    fn turn(&mut self, turn: Turn) -> Result<Load> {
        let (place, limit) = (self.place, turn.limit());
        match turn.activity {
            Activity::Live => act(&mut self.live, || Plain::some(place, "/health/live"), limit),
            Activity::Ready => act(
                &mut self.ready,
                || Plain::some(place, "/health/ready"),
                limit,
            ),
            Activity::Login => act(&mut self.login, || Login::some(place), limit),
            Activity::Refresh => act(&mut self.refresh, || Refresh::some(place), limit),
            Activity::Introspection => act(
                &mut self.introspection,
                || Introspection::some(place),
                limit,
            ),
            Activity::Me => act(&mut self.me, || Me::some(place), limit),
        }
    }
}

fn act<U: User>(
    users: &mut Vec<U>,
    make: impl FnOnce() -> Result<Vec<U>>,
    limit: Limit,
) -> Result<Load> {
    if users.is_empty() {
        *users = make()?;
    }
    load::run(users, limit, &AtomicBool::new(false))
}

impl From<&Load> for Report {
    fn from(load: &Load) -> Self {
        let micros = |time: &Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            elapsed_micros: micros(&load.elapsed()),
            latencies_micros: load.latencies().iter().map(micros).collect(),
        }
    }
}

impl From<Report> for Load {
    fn from(report: Report) -> Self {
        let latencies = report.latencies_micros.into_iter();
        Self::new(
            Duration::from_micros(report.elapsed_micros),
            latencies.map(Duration::from_micros).collect(),
        )
    }
}
