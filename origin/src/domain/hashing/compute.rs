//! The computing itself: a password, a stored hash, and memory to work in.

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::phc::{Ident, Output, ParamsString, Salt},
};
use subtle::ConstantTimeEq;

use super::{HASH_LEN, HashingError, Parameters, foreign::ForeignHash};
use crate::domain::password::Password;

/// Argon2id with these parameters.
pub(super) fn algorithm(parameters: Parameters) -> Result<Argon2<'static>, HashingError> {
    let Parameters {
        memory_kib,
        iterations,
        parallelism,
    } = parameters;
    let params = Params::new(memory_kib, iterations, parallelism, Some(HASH_LEN))
        .map_err(|_| HashingError::Malformed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Whether a password is the one of a stored hash, whatever made that.
pub(super) fn verify(
    password: &Password,
    hash: &str,
    current: &Argon2<'_>,
    memory: &mut Vec<Block>,
) -> Result<bool, HashingError> {
    if !hash.starts_with("$argon2") {
        let foreign: ForeignHash = hash.parse().map_err(|_| HashingError::Malformed)?;
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
    let argon2 = Argon2::new(kind, version, params);
    let filled = fill(&argon2, password, salt.as_ref(), &mut output, memory);
    // Only the thread's own is kept.
    if memory.len() > current.params().block_count() {
        memory.truncate(current.params().block_count());
        memory.shrink_to_fit();
    }
    filled?;
    Ok(output.ct_eq(expected.as_bytes()).into())
}

/// Computes an argon2 hash in memory that is kept for the next one.
pub(super) fn fill(
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
pub(super) fn phc(parameters: Parameters, salt: &[u8], output: &[u8]) -> Option<String> {
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
