//! `/admin/*`: administration, for tokens of the client `portcullis-admin` alone.

pub(crate) mod audit;
pub(crate) mod ban;
pub(crate) mod change_user;
pub(crate) mod create_user;
pub(crate) mod delete_user;
pub(crate) mod disable;
pub(crate) mod enable;
pub(crate) mod issue_setup;
pub(crate) mod list_sessions;
pub(crate) mod list_users;
pub(crate) mod revoke_sessions;
pub(crate) mod session_answer;
pub(crate) mod unban;
pub(crate) mod user;
pub(crate) mod user_answer;

use portcullis_shared::{ids::UserId, problem::Code, scope::ScopeSet};

use super::{bearer::Administrator, failure::Failure, origin::From};
use crate::domain::{admin::Authority, audit::Actor, user::Roles};

/// In whose name, and from where, something is done.
fn authority(admin: &Administrator, from: &From) -> Authority {
    Authority {
        actor: Actor::User(admin.admin.caller().user.id),
        ip: from.0.ip,
    }
}

fn not_found() -> Failure {
    Failure::new(Code::NotFound)
}

fn user_id(text: &str) -> Result<UserId, Failure> {
    text.parse().map_err(|_| not_found())
}

fn roles(names: &[String]) -> Result<Roles, Failure> {
    names
        .iter()
        .map(|name| name.parse().map_err(Failure::from))
        .collect()
}

fn scopes(names: &[String]) -> Result<ScopeSet, Failure> {
    names
        .iter()
        .map(|name| name.parse().map_err(Failure::from))
        .collect()
}
