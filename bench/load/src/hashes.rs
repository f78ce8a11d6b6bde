//! Raw argon2id: as many hashes as the machine can do, compiled as the origin is.

use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::clock::Stopwatch;

/// The origin's default parameters: memory in KiB, passes, lanes.
const ARGON2: (u32, u32, u32) = (19456, 2, 1);

/// How many hashes so many threads, each of which keeps its memory, make in `time`, and the time
/// that it really took.
///
/// # Errors
/// When argon2 refuses its parameters.
pub fn hashes(threads: usize, time: Duration) -> Result<(usize, Duration)> {
    let (memory, passes, lanes) = ARGON2;
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(|error| anyhow!(error))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let watch = Stopwatch::start();
    let counts: Vec<Result<usize>> = thread::scope(|scope| {
        let work = || hash_until(&argon2, watch, time);
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().map_err(|_| anyhow!("hashing broke off"))?
        };
        all.into_iter().map(join).collect()
    });
    let elapsed = watch.elapsed();
    let operations: Result<usize> = counts.into_iter().sum();
    Ok((operations?, elapsed))
}

fn hash_until(argon2: &Argon2<'_>, watch: Stopwatch, time: Duration) -> Result<usize> {
    let mut memory = vec![Block::default(); argon2.params().block_count()];
    let mut output = [0; 32];
    let mut count = 0;
    while watch.elapsed() < time {
        argon2
            .hash_password_into_with_memory(
                b"a password",
                b"sixteen bytes...",
                &mut output,
                &mut memory,
            )
            .map_err(|error| anyhow!(error))?;
        count += 1;
    }
    Ok(count)
}
