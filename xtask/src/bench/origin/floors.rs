//! What the machine does at the very best, by the same means and without a service around it.

use std::fs::File;
use std::io::Write;
use std::ops::AddAssign;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::bench::load::per_second;
use crate::bench::processor;
use crate::clock::Stopwatch;
use crate::stop::Stop;

/// The origin's default parameters: memory in KiB, passes, lanes.
const ARGON2: (u32, u32, u32) = (19456, 2, 1);

/// How often something was done, and in what time.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) operations: usize,
    pub(super) elapsed: Duration,
    /// What it took of the processor, where that was looked at.
    pub(super) processor: Duration,
}

impl Count {
    pub(super) fn per_second(self) -> f64 {
        per_second(self.operations, self.elapsed)
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.elapsed += other.elapsed;
        self.processor += other.processor;
    }
}

/// Hashes of argon2id on so many threads, each of which keeps its memory.
///
/// # Errors
/// When argon2 refuses its parameters, or a signal came.
pub(super) fn hashes(threads: usize, time: Duration, stop: &Stop) -> Result<Count> {
    let (memory, passes, lanes) = ARGON2;
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(|error| anyhow!(error))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let before = processor::time_of(std::process::id())?;
    let watch = Stopwatch::start();
    let counts: Vec<Result<usize>> = thread::scope(|scope| {
        let work = || hash_until(&argon2, watch, time, stop);
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().map_err(|_| anyhow!("hashing broke off"))?
        };
        all.into_iter().map(join).collect()
    });
    let elapsed = watch.elapsed();
    // Nobody else in this program works meanwhile.
    let processor = processor::time_of(std::process::id())?.saturating_sub(before);
    stop.check()?;
    let operations: Result<usize> = counts.into_iter().sum();
    Ok(Count {
        operations: operations?,
        elapsed,
        processor,
    })
}

fn hash_until(argon2: &Argon2<'_>, watch: Stopwatch, time: Duration, stop: &Stop) -> Result<usize> {
    let mut memory = vec![Block::default(); argon2.params().block_count()];
    let mut output = [0; 32];
    let mut count = 0;
    while watch.elapsed() < time && !stop.is_requested() {
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

/// Writes of a page, each on the disk before the next begins: no more commits come from one writer
/// that does not gather them.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn durable_writes(directory: &Path, time: Duration) -> Result<Count> {
    let mut file = File::create(directory.join("durable-writes")).context("durable writes")?;
    let page = [0x5a; 4096];
    let watch = Stopwatch::start();
    let mut operations = 0;
    while watch.elapsed() < time {
        file.write_all(&page)
            .and_then(|()| file.sync_data())
            .context("durable writes")?;
        operations += 1;
    }
    Ok(Count {
        operations,
        elapsed: watch.elapsed(),
        processor: Duration::ZERO,
    })
}
