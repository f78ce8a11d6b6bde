//! `POST /auth/setup`: a password is chosen with a one-time token.

use poem::{IntoResponse, Response, http::StatusCode};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    registry::{MetaResponse, MetaResponses, Registry},
};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use crate::{
    domain::{password::Password, setup},
    http::{
        body::Strict,
        origin::From,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// A new password.
#[derive(Object, Deserialize)]
#[oai(rename = "Setup")]
#[serde(deny_unknown_fields)]
struct Body {
    /// The setup token.
    token: String,
    /// The password: at least 8 characters, and none of the most common ones.
    #[oai(validator(min_length = 8, max_length = 1024))]
    password: String,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::BODY, &[Code::Forbidden]];
}

/// 204.
struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into()
    }
}

impl ApiResponse for Done {
    fn meta() -> MetaResponses {
        let response = MetaResponse {
            description: "The password is set",
            status: Some(204),
            status_range: None,
            content: vec![],
            headers: vec![],
        };
        MetaResponses {
            responses: vec![response],
        }
    }

    fn register(_: &mut Registry) {}
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Choose a password with a setup token
    ///
    /// All of the user's sessions end. The token is spent, unless the password is refused.
    #[oai(path = "/auth/setup", method = "post", operation_id = "setup")]
    async fn setup(
        &self,
        service: Shared<'_>,
        from: From,
        body: Strict<Body>,
    ) -> Result<Done, Refused<Failures>> {
        let Body { token, password } = body.0;
        setup::complete(&service.app, &token, Password::new(password), &from.0).await?;
        Ok(Done)
    }
}
