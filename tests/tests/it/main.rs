//! End to end: the real origin, a real workerd, real HTTP between them.
//!
//! `cargo xtask test` builds what is started here and gives a Postgres server. A test that misses
//! something fails and says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::missing_docs_in_private_items,
    unreachable_pub,
    missing_docs,
    reason = "all of this program is a test: whatever goes wrong in it is a failure to show"
)]

mod api_keys;
mod architecture;
mod ban;
mod browser_cookies;
mod bundle;
mod credentials;
mod cut_off;
mod deploying;
mod feed_order;
mod forwarding;
mod harness;
mod headers;
mod hostile_documents;
mod hostile_origin;
mod jose_agrees;
mod key_rotation;
mod kill_nine;
mod login_flood;
mod many_replicas;
mod no_room;
mod origin_process;
mod other_issuers;
mod others_clients;
mod outage;
mod races;
mod round_the_edge;
mod runbook;
mod secrets_and_logs;
mod seeing;
mod sessions_end;
mod signed_urls;
mod target;
mod tokens;
mod traps;
mod walk;
mod wire;
