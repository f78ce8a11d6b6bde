//! The load of the benchmarks: virtual users in a closed loop over connections that are kept, and
//! the floors beside what is measured. `cargo xtask bench` starts the program of this crate on
//! cores of its own, so that what measures takes no time from what is measured.

pub mod clock;
pub mod empty;
pub mod flood;
pub mod hashes;
pub mod http;
pub mod load;
pub mod seed;
pub mod turns;
pub mod users;
