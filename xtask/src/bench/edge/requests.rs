//! Whole requests: from the socket to the answer, without a server behind, and with one that costs
//! next to nothing.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::assembly::Worker;
use super::issuer::Issuer;
use super::runtime::Runtime;
use super::{ROUNDS, WARM_UP};
use crate::bench::load::{self, Limit, User, micros_each};
use crate::stop::Stop;
use portcullis_load::http::{self, Connection};

const CONNECTIONS: usize = 4;

/// Requests of each connection in one turn.
const EACH: usize = 500;

/// A Worker and what it is asked.
struct Case {
    name: &'static str,
    worker: Worker,
    mode: &'static str,
    fresh: bool,
}

const fn case(name: &'static str, worker: Worker, mode: &'static str, fresh: bool) -> Case {
    Case {
        name,
        worker,
        mode,
        fresh,
    }
}

const CASES: [Case; 9] = [
    case("hello, no token looked at", Worker::RequestHello, "", false),
    case(
        "jose, answers; repeated",
        Worker::RequestJose,
        "answer",
        false,
    ),
    case(
        "jose, answers; first seen",
        Worker::RequestJose,
        "answer",
        true,
    ),
    case(
        "jose, forwards; repeated",
        Worker::RequestJose,
        "forward",
        false,
    ),
    case(
        "jose, forwards; first seen",
        Worker::RequestJose,
        "forward",
        true,
    ),
    case(
        "Portcullis, answers; repeated",
        Worker::RequestOursAnswers,
        "",
        false,
    ),
    case(
        "Portcullis, answers; first seen",
        Worker::RequestOursAnswers,
        "",
        true,
    ),
    case(
        "Portcullis, forwards; repeated",
        Worker::RequestOurs,
        "",
        false,
    ),
    case(
        "Portcullis, forwards; first seen",
        Worker::RequestOurs,
        "",
        true,
    ),
];

/// Prints the processor time of each case, and the ratios.
pub(super) fn measure(runtime: &Runtime, issuer: &Issuer, stop: &Stop) -> Result<()> {
    println!("\nwhole requests, processor time of workerd per request");
    refuses_forged(runtime, issuer)?;
    let mut taken = [Duration::ZERO; CASES.len()];
    for round in 0..WARM_UP + ROUNDS {
        for (case, taken) in CASES.iter().zip(&mut taken) {
            let time = turn(case, runtime, issuer, stop).with_context(|| {
                format!("{}; workerd said:\n{}", case.name, runtime.last_words())
            })?;
            if round >= WARM_UP {
                *taken += time;
            }
        }
    }
    let figures = taken.map(|time| micros_each(time, ROUNDS * CONNECTIONS * EACH));
    for (case, micros) in CASES.iter().zip(figures) {
        println!("  {:<34} {micros:>8.1} µs", case.name);
    }
    let [
        _,
        jose,
        jose_fresh,
        jose_forwards,
        jose_forwards_fresh,
        ours,
        ours_fresh,
        ours_forwards,
        ours_forwards_fresh,
    ] = figures;
    println!(
        "  {:<34} {:>10} {:>11}",
        "jose / ours", "repeated", "first seen"
    );
    for (name, repeated, first_seen) in [
        ("both answer", jose / ours, jose_fresh / ours_fresh),
        (
            "both forward",
            jose_forwards / ours_forwards,
            jose_forwards_fresh / ours_forwards_fresh,
        ),
    ] {
        println!("  {name:<34} {repeated:>10.2} {first_seen:>11.2}");
    }
    Ok(())
}

/// What does not refuse is not to be compared.
fn refuses_forged(runtime: &Runtime, issuer: &Issuer) -> Result<()> {
    for case in CASES
        .iter()
        .filter(|case| case.worker != Worker::RequestHello)
    {
        let mut connection = Connection::open(runtime.address(case.worker, case.mode)?)?;
        let answer = connection.call(&request(&issuer.forged()?))?;
        ensure!(
            answer.status == 401,
            "{}: a forged token got {}",
            case.name,
            answer.status
        );
    }
    Ok(())
}

fn turn(case: &Case, runtime: &Runtime, issuer: &Issuer, stop: &Stop) -> Result<Duration> {
    let address = runtime.address(case.worker, case.mode)?;
    let one = |_| Client::new(address, case.fresh, issuer);
    let mut clients = (0..CONNECTIONS).map(one).collect::<Result<Vec<_>>>()?;
    let before = runtime.processor_time()?;
    load::run(&mut clients, Limit::Each(EACH), stop)?;
    Ok(runtime.processor_time()?.saturating_sub(before))
}

fn request(token: &str) -> Vec<u8> {
    http::get("/api/notes?page=2", Some(token))
}

struct Client {
    connection: Connection,
    /// Each for one use; the last one for all further ones.
    requests: Vec<Vec<u8>>,
}

impl Client {
    fn new(address: SocketAddr, fresh: bool, issuer: &Issuer) -> Result<Self> {
        let tokens = issuer.tokens(if fresh { EACH } else { 1 })?;
        let requests = tokens.iter().map(|token| request(token)).collect();
        Ok(Self {
            connection: Connection::open(address)?,
            requests,
        })
    }
}

impl User for Client {
    fn act(&mut self) -> Result<()> {
        let used = if self.requests.len() > 1 {
            self.requests.pop()
        } else {
            None
        };
        let request = used
            .as_ref()
            .or(self.requests.first())
            .context("no request")?;
        let body = self.connection.call(request)?.ok()?;
        ensure!(body == b"ok", "an answer that is not the upstream's");
        Ok(())
    }
}
