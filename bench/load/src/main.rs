//! The program `portcullis-load`: see [`portcullis_load`].

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use portcullis_load::{empty, flood, hashes, seed, turns};

/// The load of the benchmarks, and the floors beside it
#[derive(Parser)]
enum Command {
    /// Does what each line of standard input says, against an origin
    Turns {
        /// Where the origin listens
        address: SocketAddr,
        /// How many virtual users there are, each with a connection
        #[arg(long, default_value_t = 16)]
        connections: usize,
    },
    /// Hashes with argon2id, and prints how many hashes came in how many microseconds
    Hashes {
        /// How many threads hash
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// For how long, in milliseconds
        #[arg(long, default_value_t = 2000)]
        millis: u64,
    },
    /// Floods an origin with logins until standard input ends, and prints what was answered
    Flood {
        /// Where the origin listens
        address: SocketAddr,
        /// How many logins there are at a time, each from a network of its own
        #[arg(long, default_value_t = 500)]
        connections: usize,
    },
    /// Writes users with one or three sessions each into an origin's database
    Seed {
        /// The database's URL
        database: String,
        /// How many users
        #[arg(long, default_value_t = 50_000)]
        users: u32,
    },
    /// Serves a handler that does nothing, until standard input ends
    Empty,
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Turns {
            address,
            connections,
        } => turns::take(address, connections),
        Command::Hashes { threads, millis } => {
            let (count, time) = hashes::hashes(threads, Duration::from_millis(millis))?;
            println!("{count} {}", time.as_micros());
            Ok(())
        }
        Command::Flood {
            address,
            connections,
        } => flood::flood(address, connections),
        Command::Seed { database, users } => seed::seed(&database, users),
        Command::Empty => empty::serve(),
    }
}
