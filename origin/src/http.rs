//! HTTP: from requests to use cases and back.
//!
//! One endpoint is one file, with its request, its answer, its failures and its handler; here it
//! is one line. The OpenAPI document is made from the same handlers. What all have in common
//! (identifiers, logs, errors, headers) is in [`boundary`]; how the domain's errors look from
//! outside is in [`mapping`].

mod accepting;
mod admin;
mod answer;
mod auth;
mod bearer;
mod body;
mod boundary;
mod connection;
mod cookie;
mod cursor;
mod failure;
mod form;
mod health;
mod mapping;
mod measure;
mod metrics;
mod oauth;
mod oauth_client;
mod openapi;
mod origin;
mod pace;
mod page;
mod parameters;
mod proxies;
mod refused;
mod room;
mod same_site;
pub mod serve;
pub mod service;
mod well_known;

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, IntoEndpoint, Response, middleware::CatchPanic};
use poem_openapi::{OpenApi, OpenApiService};

use service::Service;

/// All endpoints.
fn endpoints() -> impl OpenApi + 'static {
    let auth = (
        auth::login::Api,
        auth::token::Api,
        auth::revoke::Api,
        auth::introspect::Api,
        auth::logout::Api,
        auth::logout_all::Api,
        auth::register::Api,
        auth::setup::Api,
        auth::password::Api,
        auth::me::Api,
        auth::sessions::Api,
        auth::end_session::Api,
        auth::end_other_sessions::Api,
        auth::signed_urls::Api,
    );
    let well_known = (
        well_known::keys::Api,
        well_known::metadata::Api,
        well_known::revocations::Api,
        well_known::openapi::Api,
    );
    let admin = (
        admin::create_user::Api,
        admin::list_users::Api,
        admin::user::Api,
        admin::change_user::Api,
        admin::ban::Api,
        admin::unban::Api,
        admin::disable::Api,
        admin::enable::Api,
        admin::issue_setup::Api,
        admin::delete_user::Api,
        admin::audit::Api,
        admin::list_sessions::Api,
        admin::revoke_sessions::Api,
    );
    let api_keys = (
        admin::create_api_key::Api,
        admin::list_api_keys::Api,
        admin::rotate_api_key::Api,
        admin::revoke_api_key::Api,
    );
    let health = (health::live::Api, health::ready::Api, metrics::Api);
    openapi::Joined((auth, well_known, admin, api_keys, health))
}

/// The service as an endpoint.
pub fn endpoint(service: Arc<Service>) -> impl Endpoint<Output = Response> + 'static {
    let api = OpenApiService::new(endpoints(), "Portcullis", env!("CARGO_PKG_VERSION"));
    let document = openapi::document(&api);
    let methods = openapi::Methods::of(&document);
    let text = well_known::openapi::Text(document.to_string().into());
    let entropy = Arc::clone(&service.app.entropy);
    let measures = Arc::new(measure::Measures::new());
    let inner = api
        .into_endpoint()
        .data(service)
        .data(text)
        .data(Arc::clone(&measures))
        .with(CatchPanic::new().with_handler(boundary::panicked));
    boundary::Boundary {
        inner,
        methods,
        entropy,
        measures,
    }
}
