//! The rules that both halves of Portcullis obey.
//!
//! The origin mints access tokens and signs two documents (its key set and its revocations); the
//! edge, and any server behind it, decides with nothing but those. What they must agree on stands
//! here, once: identifiers, scopes, claims, tokens, links, keys, the revocation document, the route
//! table and the codes of problem answers.
//!
//! The crate is pure: no I/O, no clock, no randomness. The time and random bytes come in as
//! arguments. It builds natively and for `wasm32-unknown-unknown`. The feature `sign` adds what
//! only the origin may do, the feature `inspect` what explanations tell of tokens that nobody has
//! verified, the feature `corpus` good and bad tokens for tests.
#![deny(clippy::indexing_slicing)]

pub mod api_key;
pub mod claims;
#[cfg(feature = "corpus")]
pub mod corpus;
pub mod ed25519;
pub mod foreign;
pub mod forwarded_for;
pub mod ids;
#[cfg(feature = "inspect")]
pub mod inspect;
mod jws;
pub mod keys;
pub mod link;
pub mod path;
pub mod problem;
pub mod revocation;
pub mod routes;
pub mod scope;
mod strict_json;
pub mod time;
pub mod token;
