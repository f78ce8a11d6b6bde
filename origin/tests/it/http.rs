//! The endpoints, through the whole stack of routes, extractors and the boundary, on both
//! databases, with a clock that stands still. Every answer is compared with the OpenAPI document.

mod accounts;
mod admin;
mod administration;
mod api;
mod api_keys;
mod audit;
mod bodies;
mod boundary;
mod cookies;
mod documents;
mod health;
mod introspect;
mod login;
mod metrics;
mod outage;
mod places;
mod revocation;
mod schema;
mod sessions;
mod setup;
mod signed_urls;
mod token;
