//! `PATCH /admin/users/{id}`: roles, scopes and e-mail address change.

use poem_openapi::{Object, OpenApi, param::Path, types::MaybeUndefined};
use portcullis_shared::problem::Code;
use serde::{Deserialize, Deserializer};

use super::{acting::Acting, not_found, roles, scopes, user_answer::ChangedUser, user_id};
use crate::{
    domain::admin::{self, Changes, EmailChange},
    http::{
        answer::InFeed,
        body::{Strict, present},
        failure::Failure,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// Where the OpenAPI document has the member that null means something for, which the library
/// cannot say.
pub(crate) const NULLABLE: &str = "/components/schemas/UserChanges/properties/email";

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
    /// The e-mail address from now on; null for none.
    #[oai(validator(min_length = 3, max_length = 254))]
    #[serde(default, deserialize_with = "nullable")]
    email: MaybeUndefined<String>,
}

/// A member that may be absent, null or a value.
fn nullable<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<MaybeUndefined<String>, D::Error> {
    Option::deserialize(deserializer).map(MaybeUndefined::from_opt_null)
}

fn email(change: &MaybeUndefined<String>) -> Result<EmailChange, Failure> {
    match change {
        MaybeUndefined::Undefined => Ok(EmailChange::Keep),
        MaybeUndefined::Null => Ok(EmailChange::Remove),
        MaybeUndefined::Value(text) => Ok(EmailChange::Set(text.parse()?)),
    }
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[
        refused::ADMIN,
        refused::BODY,
        &[Code::NotFound, Code::Conflict],
    ];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Change a user
    ///
    /// Where something is taken away, the user's access tokens are revoked; clients refresh and
    /// get what is left. The last administrator cannot be made less.
    #[oai(
        path = "/admin/users/:id",
        method = "patch",
        operation_id = "changeUser"
    )]
    async fn change(
        &self,
        service: Shared<'_>,
        acting: Acting,
        /// The user.
        id: Path<String>,
        body: Strict<Body>,
    ) -> Result<InFeed<ChangedUser>, Refused<Failures>> {
        let authority = acting.still(&service.app).await?;
        let changes = Changes {
            roles: body.0.roles.as_deref().map(roles).transpose()?,
            scopes: body.0.scopes.as_deref().map(scopes).transpose()?,
            email: email(&body.0.email)?,
        };
        let id = user_id(&id.0)?;
        let done = admin::change_user(&service.app, authority, id, changes).await?;
        Ok(done.ok_or_else(not_found)?.into())
    }
}
