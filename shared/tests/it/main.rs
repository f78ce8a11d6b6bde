//! The rules that both halves obey, put to the test natively and, with the same source, in Wasm:
//! `cargo test -p portcullis-shared --target wasm32-unknown-unknown --test it`.
//!
//! Property tests run natively only, because proptest takes its seeds from the operating system.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod corpus;
mod documents;
mod fixture;
mod inspections;
mod key_sets;
mod links;
mod revocations;
mod rfc_vectors;
mod strict_points;
mod tokens;
mod wycheproof_vectors;

#[cfg(not(target_arch = "wasm32"))]
mod merge_properties;
#[cfg(not(target_arch = "wasm32"))]
mod signature_properties;
#[cfg(not(target_arch = "wasm32"))]
mod token_properties;
