//! `GET /health/live`: the process answers. Nothing else is looked at, so that an outage of the
//! database restarts nobody.

use poem_openapi::{Object, OpenApi};

use crate::http::{answer::Ok, refused::Refused};

/// How it is.
#[derive(Object)]
#[oai(rename = "Health")]
pub(crate) struct Health {
    /// `ok`.
    status: String,
}

impl Health {
    /// All is well.
    pub(crate) fn ok() -> Self {
        Self {
            status: "ok".to_owned(),
        }
    }
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
#[expect(clippy::unused_async, reason = "the macro takes no other")]
impl Api {
    /// Alive
    #[oai(path = "/health/live", method = "get", operation_id = "live")]
    async fn live(&self) -> Result<Ok<Health>, Refused> {
        Result::Ok(Ok(Health::ok()))
    }
}
