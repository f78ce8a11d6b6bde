//! A closed loop: each virtual user sends its next request when the last one was answered.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use crate::clock::Stopwatch;

/// Somebody with a connection of their own.
pub trait User: Send {
    /// One operation, from the request to the answer.
    ///
    /// # Errors
    /// When the answer is not the one that was expected: that ends the whole run.
    fn act(&mut self) -> Result<()>;
}

/// When a run is over.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// After this time.
    Time(Duration),
    /// When each user has done so many.
    Each(usize),
    /// After `time`, each user beginning one operation in each `every` at most.
    Paced {
        /// For how long.
        time: Duration,
        /// From the beginning of one operation to that of the next one.
        every: Duration,
    },
}

impl Limit {
    fn allows(self, elapsed: Duration, done: usize) -> bool {
        match self {
            Self::Time(time) | Self::Paced { time, .. } => elapsed < time,
            Self::Each(count) => done < count,
        }
    }

    /// How long to wait after an operation that took so long.
    fn pause(self, took: Duration) -> Duration {
        match self {
            Self::Time(_) | Self::Each(_) => Duration::ZERO,
            Self::Paced { every, .. } => every.saturating_sub(took),
        }
    }
}

/// What a run was like, or several.
#[derive(Debug, Default)]
pub struct Load {
    elapsed: Duration,
    /// In ascending order.
    latencies: Vec<Duration>,
}

impl Load {
    /// Operations that took so long, in whatever order, in a run of this length.
    pub fn new(elapsed: Duration, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self { elapsed, latencies }
    }

    /// How long the run took.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Of each operation, in ascending order.
    pub fn latencies(&self) -> &[Duration] {
        &self.latencies
    }

    /// How many operations came to their end.
    pub fn operations(&self) -> usize {
        self.latencies.len()
    }

    /// How many a second.
    pub fn per_second(&self) -> f64 {
        per_second(self.operations(), self.elapsed)
    }

    /// The latency that this share of all operations did not exceed.
    pub fn quantile(&self, percent: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let found = self.latencies.get(last * percent / 100);
        found.copied().unwrap_or_default()
    }

    /// `8123.4/s   p50 1.93 ms   p95 …   p99 …`
    pub fn line(&self) -> String {
        let millis = |percent| self.quantile(percent).as_secs_f64() * 1000.0;
        format!(
            "{:>9.0} /s   p50 {:>7.2} ms   p95 {:>7.2} ms   p99 {:>7.2} ms",
            self.per_second(),
            millis(50),
            millis(95),
            millis(99)
        )
    }
}

impl AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        self.elapsed += other.elapsed;
        self.latencies.extend(other.latencies);
        self.latencies.sort_unstable();
    }
}

/// How many a second.
pub fn per_second(operations: usize, elapsed: Duration) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of operations, far below 2^52"
    )]
    let operations = operations as f64;
    operations / elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// Microseconds of each of so many operations.
pub fn micros_each(total: Duration, operations: usize) -> f64 {
    1e6 / per_second(operations, total)
}

/// Lets all users act side by side, at most until `stop` is set.
///
/// # Errors
/// The first error of a user.
pub fn run<U: User>(users: &mut [U], limit: Limit, stop: &AtomicBool) -> Result<Load> {
    let watch = Stopwatch::start();
    // Users who keep a pace do so one after the other, not all in the same moment.
    let count = u32::try_from(users.len()).unwrap_or(u32::MAX).max(1);
    let apart = limit.pause(Duration::ZERO) / count;
    let outcomes: Vec<Result<Vec<Duration>>> = thread::scope(|scope| {
        let begin = move |user, wait| {
            thread::sleep(wait);
            act(user, limit, watch, stop)
        };
        let threads: Vec<_> = (0..count)
            .zip(users.iter_mut())
            .map(|(number, user)| scope.spawn(move || begin(user, apart * number)))
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread
                .join()
                .map_err(|_| anyhow!("a virtual user broke off"))?
        };
        threads.into_iter().map(join).collect()
    });
    let elapsed = watch.elapsed();
    let mut latencies = Vec::new();
    for outcome in outcomes {
        latencies.extend(outcome?);
    }
    if latencies.is_empty() {
        bail!("not one operation came to its end");
    }
    Ok(Load::new(elapsed, latencies))
}

fn act(
    user: &mut impl User,
    limit: Limit,
    run: Stopwatch,
    stop: &AtomicBool,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while limit.allows(run.elapsed(), latencies.len()) && !stop.load(Ordering::Relaxed) {
        let operation = Stopwatch::start();
        user.act()?;
        let took = operation.elapsed();
        latencies.push(took);
        thread::sleep(limit.pause(took));
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::{Limit, Load};
    use std::time::Duration;

    #[test]
    fn a_pace_is_from_beginning_to_beginning_and_nobody_catches_up() {
        let millis = Duration::from_millis;
        let paced = Limit::Paced {
            time: millis(100),
            every: millis(10),
        };
        assert_eq!(paced.pause(millis(3)), millis(7));
        assert_eq!(paced.pause(millis(13)), millis(0));
        assert!(paced.allows(millis(99), 1_000) && !paced.allows(millis(100), 0));
        assert_eq!(Limit::Time(millis(100)).pause(millis(3)), millis(0));
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_latencies() {
        let load = Load {
            elapsed: Duration::from_secs(2),
            latencies: (1..=100).map(Duration::from_millis).collect(),
        };
        assert_eq!(load.quantile(50), Duration::from_millis(50));
        assert_eq!(load.quantile(99), Duration::from_millis(99));
        assert!((load.per_second() - 50.0).abs() < 1e-9);
    }
}
