//! `portcullis user change`: the e-mail address, the roles and the scopes of a user.

use clap::Args;
use portcullis_shared::scope::Scope;

use super::{OPERATOR, find, print};
use crate::{
    cli::Error,
    domain::{
        admin::{self, Changes, EmailChange},
        app::App,
        user::{Email, Role, Username},
    },
};

pub(super) const EXAMPLES: &str = "\
Examples:
  portcullis user change bob --email bob@example.org
  portcullis user change bob --role admin --role support
  portcullis user change bob --no-roles --scope api:read";

/// A user to change.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The user's name
    name: Username,
    #[command(flatten)]
    what: What,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What to change; what is not named stays.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct What {
    /// Where the user can be written to from now on
    #[arg(long, value_name = "ADDRESS")]
    email: Option<Email>,
    /// No e-mail address from now on
    #[arg(long, conflicts_with = "email")]
    no_email: bool,
    /// A role, of all roles from now on; may be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<Role>,
    /// No role from now on
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
    /// A scope, of all scopes from now on; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// No scope from now on
    #[arg(long, conflicts_with = "scopes")]
    no_scopes: bool,
}

impl From<What> for Changes {
    fn from(what: What) -> Self {
        let email = match (what.email, what.no_email) {
            (Some(email), _) => EmailChange::Set(email),
            (None, true) => EmailChange::Remove,
            (None, false) => EmailChange::Keep,
        };
        let (roles, scopes) = (what.roles, what.scopes);
        Self {
            roles: (what.no_roles || !roles.is_empty()).then(|| roles.into_iter().collect()),
            scopes: (what.no_scopes || !scopes.is_empty()).then(|| scopes.into_iter().collect()),
            email,
        }
    }
}

pub(super) async fn run(app: &App, arguments: Arguments) -> Result<(), Error> {
    let user = find(app, arguments.name).await?;
    let changed = admin::change_user(app, OPERATOR, user.id, arguments.what.into()).await?;
    print::changed(arguments.json, "is changed", changed, user)
}
