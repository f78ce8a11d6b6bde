//! Argon2id (RFC 9106) in a bounded pool (`pool`). When it is full the answer is
//! [`HashingError::Busy`] at once; a flood of logins takes neither more memory nor anybody else's
//! processor. Networks, accounts and strangers have a part of the places at most ([`Part`](crate::domain::shares::Part)), whether
//! what comes from them is right, wrong or refused.
//!
//! Hashes that other services made are verified here too. One that takes more memory than today's
//! parameters, or much more work, goes one after the other (`heavy`), and is never computed for a
//! name that nobody has.

mod compute;
mod effort;
pub mod foreign;
mod heavy;
pub mod imported;
mod pool;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use argon2::{Params, PasswordHash, Version};
use tokio::sync::SemaphorePermit;

use self::{
    compute::phc,
    effort::Effort,
    heavy::{Admitted, Heavy},
    pool::{Pool, Task},
};
use crate::domain::{
    entropy::{self, Entropy, EntropyError},
    password::Password,
    shares::{Claim, Share, Shares},
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
    /// Everybody is busy and the queue is full, or whoever asks has his share of it.
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

/// Password hashing.
#[derive(Debug)]
pub struct Hasher {
    pool: Pool,
    shares: Shares,
    heavy: Heavy,
    parameters: Parameters,
    /// What a password is checked against where no user or no password is, so that this takes as
    /// long.
    nobody: Arc<str>,
}

impl Hasher {
    /// Starts `threads` threads, and lets `queue` more wait than are in work.
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
        let pool = Pool::start(parameters, threads, queue)?;
        // No password has this hash: its output is random.
        let salt = entropy::random::<SALT_LEN>(entropy)?;
        let output = entropy::random::<HASH_LEN>(entropy)?;
        let nobody = phc(parameters, &salt, &output)
            .ok_or(HashingError::Malformed)?
            .into();
        let places = threads.max(1).saturating_add(queue);
        Ok(Self {
            pool,
            shares: Shares::of(places),
            heavy: Heavy::of(places),
            parameters,
            nobody,
        })
    }

    /// Takes a place, counted for each of `claims`: of whoever asks for it; none for an operator. Whoever has one may have passwords checked and hashed, one after the other;
    /// it is free again when it is dropped.
    ///
    /// # Errors
    ///
    /// [`HashingError::Busy`].
    pub fn enter(&self, claims: &[Claim]) -> Result<Place<'_>, HashingError> {
        Ok(Place {
            hasher: self,
            share: self.shares.take(claims).ok_or(HashingError::Busy)?,
            _permit: self.pool.enter()?,
        })
    }

    /// Whether [`Self::enter`] would be refused at this moment because one of `claims` has its part.
    pub fn is_beyond_share(&self, claims: &[Claim]) -> bool {
        !self.shares.would_give(claims)
    }

    /// As [`Place::hash`], with a place for this alone.
    ///
    /// # Errors
    ///
    /// See [`HashingError`].
    pub async fn hash(
        &self,
        claims: &[Claim],
        password: Password,
        entropy: &dyn Entropy,
    ) -> Result<String, HashingError> {
        self.enter(claims)?.hash(password, entropy).await
    }

    /// How many hashes have been computed since the start.
    pub fn computed(&self) -> u64 {
        self.pool.computed()
    }

    /// What cannot be checked takes nothing.
    fn is_heavy(&self, hash: &str) -> bool {
        Effort::of(hash).is_some_and(|effort| effort.is_heavy(&self.parameters))
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

/// A place in the pool.
#[derive(Debug)]
pub struct Place<'a> {
    hasher: &'a Hasher,
    share: Share<'a>,
    _permit: SemaphorePermit<'a>,
}

impl Place<'_> {
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
        let hash = stored.map_or_else(|| Arc::clone(&self.hasher.nobody), Arc::from);
        let old = !self.hasher.is_current(&hash);
        let right = self.matches(password.clone(), hash).await? && stored.is_some();
        Ok(match (right, old) {
            (false, false) => Verdict::Wrong,
            (false, true) => {
                // An old hash is quick: without this, whose is old would be told by the time.
                self.matches(password, Arc::clone(&self.hasher.nobody))
                    .await?;
                Verdict::Wrong
            }
            (true, false) => Verdict::Right,
            (true, true) => Verdict::RightButOld,
        })
    }

    /// Works as long as for a wrong password of a user who has the hash `stand_in`, whatever the
    /// password is. A right one is not told by the time either, or strangers could try passwords
    /// of whoever stands in. Nobody stands in with a heavy hash: it would be there for everybody to
    /// have computed, under any name.
    ///
    /// # Errors
    ///
    /// See [`HashingError`].
    pub async fn refuse(
        &self,
        password: Password,
        stand_in: Option<&str>,
    ) -> Result<(), HashingError> {
        if let Some(hash) = stand_in
            && !self.hasher.is_current(hash)
            && !self.hasher.is_heavy(hash)
        {
            match self.matches(password.clone(), hash.into()).await {
                // A hash that is none is its own user's trouble.
                Ok(_) | Err(HashingError::Malformed) => {}
                Err(error @ (HashingError::Busy | HashingError::Entropy(_))) => return Err(error),
            }
        }
        self.matches(password, Arc::clone(&self.hasher.nobody))
            .await
            .map(drop)
    }

    async fn matches(&self, password: Password, hash: Arc<str>) -> Result<bool, HashingError> {
        let heavy = if self.hasher.is_heavy(&hash) {
            Some(self.hasher.heavy.enter(self.share.claims()).await?)
        } else {
            None
        };
        let (_waits, turn) = heavy.map(Admitted::into_parts).unzip();
        let task = |reply| Task::Verify {
            password,
            hash,
            reply,
        };
        self.hasher.pool.run(turn, task).await
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
        let task = |reply| Task::Hash {
            password,
            salt,
            reply,
        };
        self.hasher.pool.run(None, task).await
    }
}
