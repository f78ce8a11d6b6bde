//! The use cases, on both databases.

mod accounts;
mod api_keys;
mod audit;
mod authority;
mod bulk;
mod cap;
mod cleanup;
mod feed;
mod grants;
mod heavy;
mod keys;
mod links;
mod moves;
mod passwords;
mod provoked;
mod racing;
mod refresh_model;
mod refresh_property;
mod refresh_table;
mod restored;
mod revoking;
mod throttling;
mod transfer;
