//! `cargo xtask bench origin`: the real origin over HTTP, on `SQLite` and on Postgres, beside what
//! the same machine can do at the very best, or beside itself at another time, in the same run.
//!
//! Invariant: each refresh token is used once, by the user who got it, and an answer other than
//! the expected one ends the run: what is counted is what worked.

mod administrator;
pub(super) mod bulk;
mod crowd;
mod figures;
pub(super) mod flood;
mod flooding;
mod floors;
mod ground;
mod pgbench;
mod programs;
pub(super) mod rates;
mod service;
mod statistics;
pub(super) mod timing;
