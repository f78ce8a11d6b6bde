//! Argon2id (RFC 9106) in a bounded pool: so many threads, each with its own memory that it keeps,
//! and a queue of limited length. When the queue is full the answer is [`HashingError::Busy`] at
//! once; a flood of logins takes neither more memory nor anybody else's processor.
//!
//! Hashes that other services made are verified here too. One that takes more memory than today's
//! parameters is checked while no other such one is: beside the threads' own there is at most one.

pub mod foreign;
pub mod imported;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::phc::{Ident, Output, ParamsString, Salt},
};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;

use self::foreign::ForeignHash;
use crate::domain::{
    entropy::{self, Entropy, EntropyError},
    password::Password,
};

/// Bytes of salt and of hash that new hashes have (RFC 9106 §3.1).
const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;

/// How hard hashing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// Everybody is busy and the queue is full.
    #[error("too many passwords are being checked")]
    Busy,
    /// Parameters that argon2 refuses, or a stored hash that is none.
    #[error("the stored hash or the parameters are not argon2's")]
    Malformed,
    /// See [`EntropyError`].
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// What checking a password tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is another password, or there is none.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, and was hashed with other parameters than today's.
    RightButOld,
}

type Reply<T> = oneshot::Sender<Result<T, HashingError>>;

enum Job {
    Verify {
        password: Password,
        hash: Arc<str>,
        reply: Reply<bool>,
    },
    Hash {
        password: Password,
        salt: [u8; SALT_LEN],
        reply: Reply<String>,
    },
}

/// The pool.
#[derive(Debug)]
pub struct Hasher {
    queue: mpsc::SyncSender<Job>,
    parameters: Parameters,
    /// What a password is checked against where no user or no password is, so that this takes as
    /// long.
    nobody: Arc<str>,
}

impl Hasher {
    /// Starts `threads` threads and a queue for `queue` jobs beside those in work.
    ///
    /// # Errors
    ///
    /// [`HashingError::Malformed`] for parameters outside of what argon2 takes.
    pub fn start(
        parameters: Parameters,
        threads: usize,
        queue: usize,
        entropy: &dyn Entropy,
    ) -> Result<Self, HashingError> {
        let argon2 = algorithm(parameters)?;
        let (sender, receiver) = mpsc::sync_channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let large = Arc::new(Mutex::new(()));
        for _ in 0..threads.max(1) {
            let (receiver, argon2) = (Arc::clone(&receiver), argon2.clone());
            let large = Arc::clone(&large);
            thread::Builder::new()
                .name("hashing".to_owned())
                .spawn(move || work(&receiver, &argon2, parameters, &large))
                .map_err(|_| HashingError::Busy)?;
        }
        // No password has this hash: its output is random.
        let salt = entropy::random::<SALT_LEN>(entropy)?;
        let output = entropy::random::<HASH_LEN>(entropy)?;
        let nobody = phc(parameters, &salt, &output)
            .ok_or(HashingError::Malformed)?
            .into();
        Ok(Self {
            queue: sender,
            parameters,
            nobody,
        })
    }

    /// Checks a password against a stored hash, or against nobody's, in the same time.
    ///
    /// # Errors
    ///
    /// See [`HashingError`].
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<&str>,
    ) -> Result<Verdict, HashingError> {
        let hash = stored.map_or_else(|| Arc::clone(&self.nobody), Arc::from);
        let old = !self.is_current(&hash);
        let right = self.matches(password.clone(), hash).await? && stored.is_some();
        Ok(match (right, old) {
            (false, false) => Verdict::Wrong,
            (false, true) => {
                // An old hash is quick: without this, whose is old would be told by the time.
                self.matches(password, Arc::clone(&self.nobody)).await?;
                Verdict::Wrong
            }
            (true, false) => Verdict::Right,
            (true, true) => Verdict::RightButOld,
        })
    }

    async fn matches(&self, password: Password, hash: Arc<str>) -> Result<bool, HashingError> {
        self.run(|reply| Job::Verify {
            password,
            hash,
            reply,
        })
        .await
    }

    /// Hashes a new password with today's parameters; gives a PHC string.
    ///
    /// # Errors
    ///
    /// See [`HashingError`].
    pub async fn hash(
        &self,
        password: Password,
        entropy: &dyn Entropy,
    ) -> Result<String, HashingError> {
        let salt = entropy::random(entropy)?;
        self.run(|reply| Job::Hash {
            password,
            salt,
            reply,
        })
        .await
    }

    async fn run<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, HashingError> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(job(reply))
            .map_err(|_| HashingError::Busy)?;
        answer.await.map_err(|_| HashingError::Busy)?
    }

    fn is_current(&self, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else {
            return false;
        };
        let Ok(params) = Params::try_from(&hash) else {
            return false;
        };
        let own = &self.parameters;
        hash.algorithm.as_str() == "argon2id"
            && hash.version == Some(Version::V0x13.into())
            && params.m_cost() == own.memory_kib
            && params.t_cost() == own.iterations
            && params.p_cost() == own.parallelism
    }
}

fn algorithm(parameters: Parameters) -> Result<Argon2<'static>, HashingError> {
    let Parameters {
        memory_kib,
        iterations,
        parallelism,
    } = parameters;
    let params = Params::new(memory_kib, iterations, parallelism, Some(HASH_LEN))
        .map_err(|_| HashingError::Malformed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// A thread's life: it ends when the pool is dropped.
fn work(
    receiver: &Mutex<mpsc::Receiver<Job>>,
    current: &Argon2<'_>,
    parameters: Parameters,
    large: &Mutex<()>,
) {
    let mut memory = Vec::new();
    loop {
        let job = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        // A reply that nobody waits for any more is not worth the work.
        match job {
            Err(mpsc::RecvError) => return,
            Ok(Job::Verify {
                password,
                hash,
                reply,
            }) if !reply.is_closed() => {
                let _ = reply.send(verify(&password, &hash, current, large, &mut memory));
            }
            Ok(Job::Hash {
                password,
                salt,
                reply,
            }) if !reply.is_closed() => {
                let mut output = [0; HASH_LEN];
                let hashed = fill(current, &password, &salt, &mut output, &mut memory)
                    .and_then(|()| phc(parameters, &salt, &output).ok_or(HashingError::Malformed));
                let _ = reply.send(hashed);
            }
            Ok(_) => {}
        }
    }
}

fn verify(
    password: &Password,
    hash: &str,
    current: &Argon2<'_>,
    large: &Mutex<()>,
    memory: &mut Vec<Block>,
) -> Result<bool, HashingError> {
    if !hash.starts_with("$argon2") {
        let foreign: ForeignHash = hash.parse().map_err(|_| HashingError::Malformed)?;
        let _turn = turn(foreign.memory_kib(), current, large);
        return Ok(foreign.matches(password));
    }
    let malformed = |_| HashingError::Malformed;
    let hash = PasswordHash::new(hash).map_err(malformed)?;
    let params = Params::try_from(&hash).map_err(|_| HashingError::Malformed)?;
    let kind = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| HashingError::Malformed)?;
    // Before it had a version, argon2 was at 1.0.
    let version = hash.version.map_or(Ok(Version::V0x10), Version::try_from);
    let version = version.map_err(|_| HashingError::Malformed)?;
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
        return Err(HashingError::Malformed);
    };
    let mut output = vec![0; expected.len()];
    let turn = turn(params.m_cost(), current, large);
    let argon2 = Argon2::new(kind, version, params);
    let filled = fill(&argon2, password, salt.as_ref(), &mut output, memory);
    if turn.is_some() {
        memory.truncate(current.params().block_count());
        memory.shrink_to_fit();
    }
    filled?;
    Ok(output.ct_eq(expected.as_bytes()).into())
}

/// Waits until no other thread has more than the memory of its own; nothing to wait for where that
/// suffices.
fn turn<'a>(
    memory_kib: u32,
    current: &Argon2<'_>,
    large: &'a Mutex<()>,
) -> Option<MutexGuard<'a, ()>> {
    (memory_kib > current.params().m_cost())
        .then(|| large.lock().unwrap_or_else(PoisonError::into_inner))
}

fn fill(
    argon2: &Argon2<'_>,
    password: &Password,
    salt: &[u8],
    output: &mut [u8],
    memory: &mut Vec<Block>,
) -> Result<(), HashingError> {
    memory.resize(argon2.params().block_count(), Block::default());
    argon2
        .hash_password_into_with_memory(password.expose(), salt, output, memory.as_mut_slice())
        .map_err(|_| HashingError::Malformed)
}

/// The PHC string of an argon2id hash.
fn phc(parameters: Parameters, salt: &[u8], output: &[u8]) -> Option<String> {
    let mut params = ParamsString::new();
    params.add_decimal("m", parameters.memory_kib).ok()?;
    params.add_decimal("t", parameters.iterations).ok()?;
    params.add_decimal("p", parameters.parallelism).ok()?;
    let hash = PasswordHash {
        algorithm: Ident::new("argon2id").ok()?,
        version: Some(Version::V0x13.into()),
        params,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(output).ok()?),
    };
    Some(hash.to_string())
}
