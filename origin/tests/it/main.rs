//! Tests of the origin through its public interface, on the real databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod cli;
mod domain;
mod http;
mod storage;
mod support;
