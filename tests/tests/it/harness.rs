//! Starting parts of Portcullis for a test, and talking to them.
//!
//! Invariants: every part listens on a port of its own, so that tests run side by side; whatever a
//! test starts ends with it, and at the latest with the test program, however that ends; and
//! no test sleeps but in [`wait::until`].

pub mod api_keys;
pub mod bundle;
pub mod chain;
pub mod client;
pub mod dice;
pub mod echo;
pub mod edge;
pub mod forged;
pub mod hostile;
pub mod load;
pub mod origin;
pub mod other_issuer;
pub mod place;
pub mod ports;
pub mod postgres;
pub mod postgres_server;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod recorder;
pub mod server;
pub mod skewed;
pub mod stack;
pub mod traffic;
pub mod wait;
