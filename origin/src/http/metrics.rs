//! `GET /metrics`: counts of requests since the start of this process, for Prometheus.
//!
//! Nobody is asked who they are, and the edge does not pass it on: it is for the network that the
//! service is operated in.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::OpenApi;

use super::{
    answer::{Document, Kind},
    failure::Failure,
    measure::Measures,
    refused::Refused,
};

/// The counts; a second old at most.
pub(crate) struct OpenMetrics;

impl Kind for OpenMetrics {
    const MEDIA_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const MAX_AGE: u32 = 1;
    const DESCRIPTION: &'static str = "Counts, in the OpenMetrics text format";
    const SCHEMA: &'static str = "string";
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
#[expect(clippy::unused_async, reason = "the macro takes no other")]
impl Api {
    /// Counts of requests
    #[oai(path = "/metrics", method = "get", operation_id = "metrics")]
    async fn metrics(
        &self,
        measures: Data<&Arc<Measures>>,
    ) -> Result<Document<OpenMetrics>, Refused> {
        let text = measures.text().map_err(Failure::fault)?;
        Ok(Document::new(text.as_str()))
    }
}
