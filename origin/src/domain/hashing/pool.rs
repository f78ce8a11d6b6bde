//! The threads that hash, and the places for those who wait for them.
//!
//! So many threads, each with its own memory that it keeps, and so many places in all. Whoever
//! finds no place is told so at once, before anything else has been done for him; whoever goes
//! away gives his place back at once, except for a hash that a thread is computing already. The
//! threads are of lower priority than everything else: a flood of logins takes neither more memory
//! nor the processor that refreshes and introspections need.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use argon2::{Argon2, Block};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};

use super::{
    HASH_LEN, HashingError, Parameters, SALT_LEN,
    compute::{algorithm, fill, phc, verify},
};
use crate::domain::password::Password;

/// How much nicer than others the threads are (`setpriority`). The nicer, the seldomer somebody who
/// wakes up waits for one of them, for a tick of the scheduler; the less is left for logins where
/// something else takes the whole processor.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 15;

/// How many hashes are handed to the threads for each of them: one in work, and one so that it
/// need not wait for the next.
const HANDED: usize = 2;

type Reply<T> = oneshot::Sender<Result<T, HashingError>>;

/// What is to be computed.
pub(super) enum Task {
    /// Whether a password has a hash.
    Verify {
        password: Password,
        hash: Arc<str>,
        reply: Reply<bool>,
    },
    /// The hash of a password.
    Hash {
        password: Password,
        salt: [u8; SALT_LEN],
        reply: Reply<String>,
    },
}

/// The turn of a task, which ends when it has been computed, whether anybody waits for it or not.
struct Turn {
    _general: OwnedSemaphorePermit,
    /// The one turn of heavy tasks, see `heavy`.
    _heavy: Option<OwnedSemaphorePermit>,
}

/// A task, and the turn that it has taken.
type Job = (Task, Turn);

/// The threads and the places.
#[derive(Debug)]
pub(super) struct Pool {
    places: Semaphore,
    turns: Arc<Semaphore>,
    jobs: mpsc::Sender<Job>,
    computed: Arc<AtomicU64>,
}

/// What the threads share.
struct Shared {
    jobs: Mutex<mpsc::Receiver<Job>>,
    argon2: Argon2<'static>,
    parameters: Parameters,
    computed: Arc<AtomicU64>,
}

impl Pool {
    /// Starts `threads` threads, with `waiting` places beside theirs.
    pub(super) fn start(
        parameters: Parameters,
        threads: usize,
        waiting: usize,
    ) -> Result<Self, HashingError> {
        let threads = threads.max(1);
        let (jobs, receiver) = mpsc::channel();
        let computed = Arc::new(AtomicU64::new(0));
        let shared = Arc::new(Shared {
            jobs: Mutex::new(receiver),
            argon2: algorithm(parameters)?,
            parameters,
            computed: Arc::clone(&computed),
        });
        for _ in 0..threads {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name("hashing".to_owned())
                .spawn(move || shared.work())
                .map_err(|_| HashingError::Busy)?;
        }
        let places = threads.saturating_add(waiting).min(Semaphore::MAX_PERMITS);
        Ok(Self {
            places: Semaphore::new(places),
            turns: Arc::new(Semaphore::new(threads * HANDED)),
            jobs,
            computed,
        })
    }

    /// Takes a place, if there is one.
    pub(super) fn enter(&self) -> Result<SemaphorePermit<'_>, HashingError> {
        self.places.try_acquire().map_err(|_| HashingError::Busy)
    }

    /// Waits for a turn, in the order of arrival, and for what comes of the task. To be called by
    /// whoever has a place, and, where the task is a heavy one, the turn of those.
    pub(super) async fn run<T>(
        &self,
        heavy: Option<OwnedSemaphorePermit>,
        task: impl FnOnce(Reply<T>) -> Task,
    ) -> Result<T, HashingError> {
        let general = Arc::clone(&self.turns).acquire_owned().await;
        let turn = Turn {
            _general: general.map_err(|_| HashingError::Busy)?,
            _heavy: heavy,
        };
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send((task(reply), turn));
        sent.map_err(|_| HashingError::Busy)?;
        answer.await.map_err(|_| HashingError::Busy)?
    }

    /// How many hashes have been computed.
    pub(super) fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// A thread's life: it ends when the pool is dropped.
    fn work(&self) {
        step_back();
        let mut memory = Vec::new();
        loop {
            let next = self
                .jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            let Ok((task, turn)) = next else { return };
            self.compute(task, turn, &mut memory);
        }
    }

    /// A reply that nobody waits for any more is not worth the work.
    fn compute(&self, task: Task, turn: Turn, memory: &mut Vec<Block>) {
        match task {
            Task::Verify {
                password,
                hash,
                reply,
            } if !reply.is_closed() => {
                let verified = verify(&password, &hash, &self.argon2, memory);
                self.done(turn);
                let _unheard = reply.send(verified);
            }
            Task::Hash {
                password,
                salt,
                reply,
            } if !reply.is_closed() => {
                let mut output = [0; HASH_LEN];
                let hashed = fill(&self.argon2, &password, &salt, &mut output, memory);
                let hashed = hashed.and_then(|()| {
                    phc(self.parameters, &salt, &output).ok_or(HashingError::Malformed)
                });
                self.done(turn);
                let _unheard = reply.send(hashed);
            }
            Task::Verify { .. } | Task::Hash { .. } => drop(turn),
        }
    }

    /// The next one's turn comes before the answer, so that the thread has work meanwhile.
    fn done(&self, turn: Turn) {
        self.computed.fetch_add(1, Ordering::Relaxed);
        drop(turn);
    }
}

/// Makes this thread nicer. On Linux a priority is a thread's own; where the system does not let
/// us, hashing goes on as it is.
fn step_back() {
    #[cfg(target_os = "linux")]
    let _refused = rustix::process::setpriority_process(None, NICENESS);
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Parameters = Parameters {
        memory_kib: 8,
        iterations: 1,
        parallelism: 1,
    };

    /// About as much work as a whole test may take, for a thread to be busy with.
    const HARD: Parameters = Parameters {
        memory_kib: 8 * 1024,
        iterations: 20,
        parallelism: 1,
    };

    fn hash(reply: Reply<String>) -> Task {
        Task::Hash {
            password: Password::new("correct horse battery".to_owned()),
            salt: [7; SALT_LEN],
            reply,
        }
    }

    #[tokio::test]
    async fn whoever_finds_no_place_is_told_at_once_and_whoever_leaves_makes_room() {
        let pool = Pool::start(CHEAP, 1, 2).unwrap();
        let mut places: Vec<_> = (0..3).map(|_| pool.enter().unwrap()).collect();
        assert!(matches!(pool.enter(), Err(HashingError::Busy)));
        places.pop();
        let again = pool.enter().unwrap();
        assert!(matches!(pool.enter(), Err(HashingError::Busy)));
        drop(again);
        assert!(
            pool.run(None, hash)
                .await
                .unwrap()
                .starts_with("$argon2id$")
        );
        assert_eq!(pool.computed(), 1);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_computed() {
        let pool = Arc::new(Pool::start(HARD, 1, 100).unwrap());
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move { pool.run(None, hash).await.is_ok() })
            })
            .collect();
        tokio::task::yield_now().await;
        for one in &waiting {
            one.abort();
        }
        // Computed after whatever was still worth it.
        assert!(pool.run(None, hash).await.is_ok());
        assert!(pool.computed() <= 3, "{} were computed", pool.computed());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_hashing_thread_is_nicer_than_the_others() {
        let before = rustix::process::getpriority_process(None).unwrap();
        let nicer = thread::spawn(|| {
            step_back();
            rustix::process::getpriority_process(None).unwrap()
        });
        assert!(nicer.join().unwrap() >= NICENESS);
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), before);
    }
}
