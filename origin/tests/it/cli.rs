//! The binary: commands, exit codes, and a server that starts and stops.

mod api_keys;
mod audit;
mod connections;
mod explain;
mod keys;
mod program;
mod raw_log;
mod serve;
mod sessions;
mod transfer;
mod usage;
mod users;

use program::{Place, Server, answer, login};

const PASSWORD: &str = "correct horse battery";
