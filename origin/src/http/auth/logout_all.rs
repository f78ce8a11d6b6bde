//! `POST /auth/logout-all`: all of the user's sessions end.

use poem_openapi::OpenApi;
use portcullis_shared::problem::Code;

use super::signed_out::SignedOut;
use crate::{
    domain::sessions,
    http::{
        bearer::Bearer,
        origin::From,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::BEARER, refused::COOKIE];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Log out everywhere
    #[oai(path = "/auth/logout-all", method = "post", operation_id = "logoutAll")]
    async fn logout_all(
        &self,
        service: Shared<'_>,
        caller: Bearer,
        from: From,
    ) -> Result<SignedOut, Refused<Failures>> {
        Ok(SignedOut {
            seq: sessions::logout_all(&service.app, &caller.0, &from.0).await?,
            means: caller.1,
        })
    }
}
