//! `PATCH /admin/users/{id}`: roles and scopes change.

use poem_openapi::{Object, OpenApi, param::Path};
use portcullis_shared::problem::Code;
use serde::Deserialize;

use super::{authority, not_found, roles, scopes, user_answer::ChangedUser, user_id};
use crate::{
    domain::admin::{self, Changes},
    http::{
        answer::InFeed,
        bearer::Administrator,
        body::{Strict, present},
        origin::From,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// What to change; what is absent stays.
#[derive(Object, Deserialize)]
#[oai(rename = "UserChanges")]
#[serde(deny_unknown_fields)]
struct Body {
    /// All roles from now on.
    #[oai(validator(pattern = "^[A-Za-z0-9._:-]{1,64}$"))]
    #[serde(default, deserialize_with = "present")]
    roles: Option<Vec<String>>,
    /// All scopes from now on.
    #[oai(validator(pattern = r"^[!#-\[\]-~]{1,64}$"))]
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Vec<String>>,
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] =
        &[refused::ADMIN, refused::BODY, &[Code::NotFound]];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Change a user
    ///
    /// Where something is taken away, the user's access tokens are revoked; clients refresh and
    /// get what is left.
    #[oai(
        path = "/admin/users/:id",
        method = "patch",
        operation_id = "changeUser"
    )]
    async fn change(
        &self,
        service: Shared<'_>,
        admin: Administrator,
        from: From,
        /// The user.
        id: Path<String>,
        body: Strict<Body>,
    ) -> Result<InFeed<ChangedUser>, Refused<Failures>> {
        let admin = admin.still(&service.app).await?;
        let changes = Changes {
            roles: body.0.roles.as_deref().map(roles).transpose()?,
            scopes: body.0.scopes.as_deref().map(scopes).transpose()?,
        };
        let (id, authority) = (user_id(&id.0)?, authority(&admin, &from));
        let done = admin::change_user(&service.app, authority, id, changes).await?;
        Ok(done.ok_or_else(not_found)?.into())
    }
}
