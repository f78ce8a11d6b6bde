//! Whether the time of a refused login tells whose it was. One login at a time, each kind's turn
//! decided by chance, all with a wrong password.
//!
//! A hash of former parameters takes a time of its own until its user logs in, and a name that
//! nobody has takes that of some user. So an unknown name is compared with users whose hashes are
//! of today where all are, and with imported ones where all are.

use std::time::Duration;

use anyhow::{Result, ensure};
use portcullis_load::clock::Stopwatch;
use portcullis_load::http::{self, Connection};
use serde_json::{Value, json};

use super::ground::{self, Ground};
use super::service::Service;
use super::statistics::{Comparison, median};
use crate::stop::Stop;
use crate::workspace::Workspace;

/// How many names there are of each kind, and how many logins of each kind are measured.
const NAMES: usize = 16;
const LOGINS: usize = 250;

/// How many logins of each kind come first and do not count.
const WARM_UP: usize = 10;

/// No password has this hash; of today's parameters.
const TODAY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcy4uLg\
                     $bm8gcGFzc3dvcmQgaXMga25vd24gdG8gaGF2ZSBpdC4";

/// Nor this one; of parameters that many services had.
const FORMER: &str = "$argon2id$v=19$m=12288,t=3,p=1$c2l4dGVlbiBieXRlcy4uLg\
                      $bm8gcGFzc3dvcmQgaXMga25vd24gdG8gaGF2ZSBpdC4";

/// Whose login it is.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    /// What the service knows; none where it knows nobody of that name.
    known: Option<Known>,
}

#[derive(Clone, Copy)]
struct Known {
    hash: &'static str,
    status: &'static str,
}

const fn known(name: &'static str, hash: &'static str, status: &'static str) -> Kind {
    let known = Some(Known { hash, status });
    Kind { name, known }
}

const UNKNOWN: Kind = Kind {
    name: "unknown",
    known: None,
};

/// Those that are compared, on a service of their own: each with the first one.
const COMPARED: [&[Kind]; 2] = [
    &[
        known("known", TODAY, "active"),
        UNKNOWN,
        known("banned", TODAY, "banned"),
        known("disabled", TODAY, "disabled"),
    ],
    &[known("imported", FORMER, "active"), UNKNOWN],
];

/// Measures on both databases.
///
/// # Errors
/// When something cannot be built or started, or an answer is not the one for a wrong password.
pub(in crate::bench) fn run(workspace: &Workspace, stop: &Stop) -> Result<()> {
    for kinds in COMPARED {
        ground::on_both(workspace, stop, |ground| measure(ground, kinds))?;
    }
    Ok(())
}

fn measure(ground: &Ground<'_>, kinds: &[Kind]) -> Result<()> {
    // So many wrong passwords would be held up by their number alone.
    let settings = [
        ("THROTTLE__ACCOUNT_ATTEMPTS", "1000000"),
        ("THROTTLE__STRANGER_ATTEMPTS", "1000000"),
        ("THROTTLE__NETWORK_ATTEMPTS", "1000000"),
    ];
    let service = Service::start(ground, 0, &settings)?;
    let users: Vec<Value> = kinds.iter().flat_map(|kind| kind.users()).collect();
    service.import(&users)?;
    let mut connection = Connection::open(service.address())?;
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); kinds.len()];
    for round in 0..WARM_UP + LOGINS {
        ground.stop.check()?;
        let mut turns: Vec<(&Kind, &mut Vec<Duration>)> = kinds.iter().zip(&mut times).collect();
        while !turns.is_empty() {
            let (kind, times) = turns.swap_remove(chance.below(turns.len()));
            let took = kind.log_in(chance.below(NAMES), &mut connection)?;
            if round >= WARM_UP {
                times.push(took);
            }
        }
    }
    print(kinds, &times);
    Ok(())
}

impl Kind {
    fn user(self, number: usize) -> String {
        format!("{}-{number}", self.name)
    }

    /// As they are imported.
    fn users(self) -> Vec<Value> {
        let user = |number, Known { hash, status }: Known| {
            let username = self.user(number);
            match status {
                "banned" => json!({
                    "username": username, "password_hash": hash, "status": status,
                    "status_reason": "for the benchmark",
                }),
                _ => json!({ "username": username, "password_hash": hash, "status": status }),
            }
        };
        let users = (0..NAMES).filter_map(|number| Some(user(number, self.known?)));
        users.collect()
    }

    /// How long it takes to be refused.
    fn log_in(self, number: usize, connection: &mut Connection) -> Result<Duration> {
        let body = json!({ "username": self.user(number), "password": "not the password" });
        let request = http::post("/auth/login", "application/json", &body.to_string());
        let watch = Stopwatch::start();
        let answer = connection.call(&request)?;
        let took = watch.elapsed();
        let status = answer.status;
        ensure!(status == 401, "a wrong password: {status}");
        Ok(took)
    }
}

fn print(kinds: &[Kind], times: &[Vec<Duration>]) {
    let mut compared = kinds.iter().zip(times);
    let Some((first, others)) = compared.next() else {
        return;
    };
    let millis = |times: &[Duration]| median(times).as_secs_f64() * 1000.0;
    println!(
        "  {:<34} median {:>7.3} ms",
        format!("{}, wrong password", first.name),
        millis(others)
    );
    for (kind, times) in compared {
        let of = Comparison::of(times, others);
        let verdict = if of.tells_apart() {
            "CAN be told apart"
        } else {
            "cannot be told apart"
        };
        println!(
            "  {:<34} median {:>7.3} ms, {:>+6.2} %, longer in {:.1} % of pairs, z {:>+5.2}: {verdict}",
            format!("{}, wrong password", kind.name),
            millis(times),
            of.longer * 100.0,
            of.chance * 100.0,
            of.deviations,
        );
    }
}

/// A sequence of numbers in which nobody sees an order (xorshift), the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from((self.0 >> 11) % limit).unwrap_or(0)
    }
}
