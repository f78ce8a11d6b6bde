//! Randomness, as an argument.

use portcullis_shared::ids::{SessionId, TokenId, UserId};

/// The source of random bytes gave none. The operating system's does that when something is very
/// wrong; nothing may be minted then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes could be had")]
pub struct EntropyError;

/// Where random bytes come from: the operating system in the service, a seed in tests.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    ///
    /// [`EntropyError`]; the bytes must then not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// `N` random bytes.
///
/// # Errors
///
/// See [`Entropy::fill`].
pub fn random<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], EntropyError> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

/// A new user's identifier.
///
/// # Errors
///
/// See [`Entropy::fill`].
pub fn user_id(entropy: &dyn Entropy) -> Result<UserId, EntropyError> {
    random(entropy).map(UserId::from_bytes)
}

/// A new session's identifier.
///
/// # Errors
///
/// See [`Entropy::fill`].
pub fn session_id(entropy: &dyn Entropy) -> Result<SessionId, EntropyError> {
    random(entropy).map(SessionId::from_bytes)
}

/// A new access token's identifier.
///
/// # Errors
///
/// See [`Entropy::fill`].
pub fn token_id(entropy: &dyn Entropy) -> Result<TokenId, EntropyError> {
    random(entropy).map(TokenId::from_bytes)
}
