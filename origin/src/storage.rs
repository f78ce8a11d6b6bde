//! Storage on SQLite or Postgres: the trait [`Store`] of the domain.
//!
//! Every statement stands here once, written for both engines and generic over [`engine::Engine`].
//! What differs beyond words is a [`driver::Driver`]: on SQLite one writer takes all changes, many
//! in one commit; on Postgres each change has its own transaction and holds rows. Either way a
//! decision is written over the rows that it was shown, and its answer is given after the commit.
//! What waits for the same is done together ([`gathering`]): changes of sessions in as few
//! statements as either engine can, looks at sessions in one.

mod api_keys;
mod aside;
mod audit;
mod changes;
mod cleanup;
mod connect;
mod criteria;
mod driver;
mod engine;
mod fault;
mod feed;

mod gathering;
mod jobs;
mod listed;
mod many;
mod migrations;
mod plans;
mod postgres;
mod restored;
mod sessions;
mod settings_record;
mod signing_keys;
mod sqlite;
mod statement;
mod store;
mod throttle;
mod users;
mod values;

#[cfg(doc)]
use crate::domain::store::Store;

pub use connect::{ConnectError, connect, migrate};
pub use migrations::TooNew;
