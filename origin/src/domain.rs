//! What the auth service does, in terms of users, sessions, tokens and keys.
//!
//! Use cases are plain async functions over an [`app::App`]. Nothing here names the web framework
//! or the database library: requests come in as values, and storage is the trait
//! [`store::Store`]. Time and randomness are the traits [`clock::Clock`] and [`entropy::Entropy`].
//!
//! Decisions that must be atomic are pure functions that the store runs inside its transaction
//! (see [`store`]).

pub mod admin;
pub mod api_key;
pub mod app;
pub mod audit;
pub mod authentic;
pub mod caller;
pub mod change_password;
pub mod cleanup;
pub mod client;
pub mod clock;
pub mod context;
pub mod criteria;
pub mod ending;
pub mod entropy;
pub mod failed_login;
pub mod feed;
pub mod hashing;
pub mod introspect;
pub mod links;
pub mod login;
pub mod look_alikes;
pub mod master_key;
pub mod mint;
pub mod network;
mod new_password;
pub mod pacing;
pub mod password;
pub mod plan;
pub mod refresh;
pub mod registration;
pub mod restored;
pub mod revoke;
pub mod session;
pub mod sessions;
pub mod settings_record;
pub mod setup;
pub mod shares;
pub mod signing_keys;
pub mod stand_in;
pub mod store;
pub mod throttle;
pub mod transaction;
pub mod transfer;
pub mod user;
pub mod user_agent;
pub mod web_origin;
