//! The origin of Portcullis: logs users in, rotates refresh tokens, revokes, bans, and publishes
//! the two signed documents that the edge decides with.
//!
//! `http → domain ← storage`: the domain names neither the web framework nor the database library.

pub mod cli;
pub mod countries;
pub mod domain;
pub mod http;
pub mod logging;
pub mod settings;
pub mod storage;
pub mod system;
