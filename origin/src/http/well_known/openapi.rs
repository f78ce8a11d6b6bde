//! `GET /openapi.json`: the description of this API, made from its handlers.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::OpenApi;

use crate::http::{
    answer::{Document, Kind},
    refused::Refused,
};

/// The text of the document.
#[derive(Debug, Clone)]
pub(crate) struct Text(pub Arc<str>);

/// The description, kept for a minute.
pub(crate) struct Description;

impl Kind for Description {
    const MEDIA_TYPE: &'static str = "application/json";
    const MAX_AGE: u32 = 60;
    const DESCRIPTION: &'static str = "This document";
    const SCHEMA: &'static str = "object";
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
#[expect(clippy::unused_async, reason = "the macro takes no other")]
impl Api {
    /// This API
    #[oai(path = "/openapi.json", method = "get", operation_id = "openapi")]
    async fn openapi(&self, text: Data<&Text>) -> Result<Document<Description>, Refused> {
        Ok(Document::new(&*text.0.0))
    }
}
