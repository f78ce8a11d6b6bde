//! Tests of the origin through its public interface, on the real databases.

mod cli;
mod domain;
mod http;
mod support;
