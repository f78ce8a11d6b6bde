//! `/admin/*`: administration, for tokens of the client `portcullis-admin` alone.

mod acting;
pub(crate) mod api_key_answer;
pub(crate) mod audit;
pub(crate) mod ban;
pub(crate) mod change_user;
pub(crate) mod create_api_key;
pub(crate) mod create_user;
pub(crate) mod delete_user;
pub(crate) mod disable;
pub(crate) mod enable;
pub(crate) mod issue_setup;
pub(crate) mod list_api_keys;
pub(crate) mod list_sessions;
pub(crate) mod list_users;
pub(crate) mod revoke_api_key;
pub(crate) mod revoke_sessions;
pub(crate) mod rotate_api_key;
pub(crate) mod session_answer;
pub(crate) mod unban;
pub(crate) mod user;
pub(crate) mod user_answer;

use portcullis_shared::{api_key::ApiKeyId, ids::UserId, problem::Code, scope::ScopeSet};

use super::{
    failure::Failure,
    refused::{self, Declared},
};
use crate::domain::user::Roles;

/// The failures of an endpoint that changes one user and takes no body.
pub(crate) struct OneUser;

impl Declared for OneUser {
    const PROBLEMS: &'static [&'static [Code]] =
        &[refused::ADMIN, &[Code::NotFound, Code::Conflict]];
}

fn not_found() -> Failure {
    Failure::new(Code::NotFound)
}

fn api_key_id(text: &str) -> Result<ApiKeyId, Failure> {
    text.parse().map_err(|_| not_found())
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
