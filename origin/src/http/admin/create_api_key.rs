//! `POST /admin/api-keys`: a key is made for a user, and shown once.

use poem_openapi::{Object, OpenApi};
use portcullis_shared::{problem::Code, time::UnixSeconds};
use serde::Deserialize;

use super::{acting::Acting, api_key_answer::ApiKey, scopes};
use crate::{
    domain::admin::{self, NewKey},
    http::{
        answer::Created,
        body::{Strict, present},
        failure::Failure,
        mapping::unacceptable,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// An API key to be.
#[derive(Object, Deserialize)]
#[oai(rename = "NewApiKey")]
#[serde(deny_unknown_fields)]
struct Body {
    /// Whose it is to be.
    user_id: String,
    /// What it is to be called, for people.
    #[oai(validator(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"
    ))]
    name: String,
    /// The most that its access tokens may do; what the owner may not do, they may not do either.
    #[oai(default, validator(pattern = r"^[!#-\[\]-~]{1,64}$"))]
    #[serde(default)]
    scopes: Vec<String>,
    /// The client whose audiences its access tokens get; `portcullis` where none is named.
    #[serde(default, deserialize_with = "present")]
    client_id: Option<String>,
    /// From when on it is over, in Unix seconds; absent for a key without an end.
    #[serde(default, deserialize_with = "present")]
    expires_at: Option<i64>,
}

/// An API key that was made.
#[derive(Object)]
struct CreatedApiKey {
    /// What can be read of it again.
    api_key: ApiKey,
    /// The key, for its owner. It is not shown again.
    key: String,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] =
        &[refused::ADMIN, refused::BODY, &[Code::Conflict]];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Make an API key
    ///
    /// For scripts and servers, which exchange it at `POST /auth/token`, or show it to the edge in the
    /// place of an access token. It never gives more than its owner may do, and no roles.
    #[oai(
        path = "/admin/api-keys",
        method = "post",
        operation_id = "createApiKey"
    )]
    async fn create(
        &self,
        service: Shared<'_>,
        acting: Acting,
        body: Strict<Body>,
    ) -> Result<Created<CreatedApiKey>, Refused<Failures>> {
        let app = &service.app;
        let authority = acting.still(app).await?;
        let Strict(body) = body;
        let nobody = || unacceptable("user_id", "there is no such user");
        let new = NewKey {
            owner: body.user_id.parse().map_err(|_| nobody())?,
            name: body.name.parse().map_err(Failure::from)?,
            client_id: body.client_id,
            scopes: scopes(&body.scopes)?,
            expires_at: body.expires_at.map(UnixSeconds),
        };
        let created = admin::create_api_key(app, authority, new).await?;
        let created = created.ok_or_else(nobody)?;
        Ok(Created(CreatedApiKey {
            key: created.key.expose().as_str().to_owned(),
            api_key: ApiKey::of(created.stored, &created.owner, app.clock.now()),
        }))
    }
}
