//! `/auth/*`: what users and their clients do.

pub(crate) mod end_other_sessions;
pub(crate) mod end_session;
pub(crate) mod exchange;
pub(crate) mod introspect;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod logout_all;
pub(crate) mod me;
pub(crate) mod password;
pub(crate) mod register;
pub(crate) mod revoke;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod signed_out;
pub(crate) mod signed_urls;
pub(crate) mod token;
pub(crate) mod token_answer;
