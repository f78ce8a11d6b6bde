//! Tokens of other issuers than Portcullis itself: who these are, their keys, and what of their tokens
//! is taken.
//!
//! An [`Issuer`] is declared in the route table, pinned to its key set, its algorithms, its audiences
//! and the types of its tokens. A token says by itself whose it is, so that the right declaration can be
//! found ([`claimed_issuer`]); everything else is then held against that declaration alone, `iss`
//! included. So no key of one issuer ever stands for another.
//!
//! The algorithms are RS256 and ES256 (RFC 7518 §3.3, §3.4), whose arithmetic is slow in Wasm. Whoever
//! has something faster checks the signature: a token gives a [`SignatureCheck`], and what comes of that
//! is an [`Authentic`](crate::token::Authentic) like any other, to be judged in the same way.
//!
//! Identity is (`iss`, `sub`): two issuers may have a `sub` in common.

mod claims;
mod issuer;
mod keys;
mod token;

pub use issuer::{Algorithm, Issuer, IssuerError};
pub use keys::{PublicKey, PublicKeys};
pub use token::{SignatureCheck, Unverified, claimed_issuer};
