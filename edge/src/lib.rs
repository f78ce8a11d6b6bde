//! The verifier at the edge: decides every request in memory and forwards what passes.
//!
//! Everything that decides is pure and is given the time: [`gate`] takes the head of a request,
//! the [`snapshot`] of the origin's two documents and the clock, and says what to do. Only
//! `adapter`, compiled for Wasm alone, knows the runtime: it fetches, waits, forwards and answers
//! as it is told.
//!
//! Invariant: whatever is missing, broken or too old leads to a refusal, never to a request that
//! passes.
#![deny(clippy::indexing_slicing)]

pub mod answer;
pub mod cache;
pub mod cors;
pub mod counters;
pub mod credential;
pub mod decision_line;
pub mod exchange;
#[cfg(feature = "explain")]
pub mod explain;
pub mod gate;
pub mod generations;
pub mod handback;
pub mod headers;
pub mod platform;
pub mod sampling;
pub mod settings;
pub mod snapshot;
pub mod target;
pub mod time;
pub mod timing;
pub mod wire;

#[cfg(target_arch = "wasm32")]
pub mod adapter;
