//! What every endpoint has at hand.

use std::sync::Arc;

use crate::{
    domain::{app::App, web_origin::WebOrigin},
    settings::secret::Secret,
};

/// The domain, and the settings that are about HTTP alone.
#[derive(Debug)]
pub struct Service {
    /// The use cases' environment.
    pub app: Arc<App>,
    /// What the edge shows so that its word on the client's address is believed.
    pub edge_secret: Secret,
    /// Whose pages may send our cookies with requests that change something.
    pub origins: Vec<WebOrigin>,
    /// By how many milliseconds the clock may differ from the database's.
    pub clock_skew_max: i64,
}

/// As handlers take it.
pub type Shared<'a> = poem::web::Data<&'a Arc<Service>>;
