//! `portcullis user …`: accounts.

pub(super) mod change;
pub(super) mod export;
pub(super) mod import;
mod lines;
mod print;

use clap::{Args, Subcommand};
use portcullis_shared::scope::Scope;

use super::{Error, assembly, output, password_input};
use crate::{
    domain::{
        admin::{self, Authority, NewUser, Reason},
        app::App,
        audit::Actor,
        setup,
        store::UserFilter,
        user::{Email, Role, User, Username, part_of_name},
    },
    settings::Settings,
};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a user
    ///
    /// Without --password-stdin and --setup the password is asked for.
    #[command(after_help = ADD_EXAMPLES)]
    Add(Add),
    /// List users in the order of their names
    List(List),
    /// Change the e-mail address, the roles and the scopes of a user
    ///
    /// Whoever loses a role or a scope loses it at once: access tokens are revoked, and clients that
    /// refresh get what is left.
    #[command(after_help = change::EXAMPLES)]
    Change(change::Arguments),
    /// Ban a user: all sessions end, all tokens are refused, no login works
    Ban {
        /// The user's name
        name: Username,
        /// Why, for people
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: Reason,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Lift a ban; the user has to log in again
    Unban {
        /// The user's name
        name: Username,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Disable a user: all sessions end, all tokens are refused, no login works
    Disable(Named),
    /// Let a disabled user log in again
    Enable(Named),
    /// Delete a user and all sessions; the audit trail stays
    Delete(Named),
    /// Print a token with which a user chooses a password (POST /auth/setup)
    ///
    /// It takes the place of any other. Nothing else changes until it is used; then all of the
    /// user's sessions end.
    Setup(Named),
    /// Add users from a file, with password hashes of other services
    ///
    /// Argon2, bcrypt, scrypt and PBKDF2 are taken, as PHC strings and as passlib, Django and
    /// Werkzeug write them; the first login replaces them by Argon2id. Existing users are never
    /// changed, so an import can be run again.
    #[command(after_help = import::EXAMPLES)]
    Import(import::Arguments),
    /// Write all users to a file that `user import` takes back, password hashes included
    Export(export::Arguments),
    /// Set a user's password; all of the user's sessions end
    Password {
        /// The user's name
        name: Username,
        /// Read the password from standard input: one line, whose end is not part of it
        #[arg(long)]
        password_stdin: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// A user who exists.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The user's name
    name: Username,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A user to create.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The user's name: letters and digits of one script, and . _ - @ +
    name: Username,
    /// Where the user can be written to
    #[arg(long, value_name = "ADDRESS")]
    email: Option<Email>,
    /// A role, such as admin; may be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<Role>,
    /// A scope, such as api:read; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Read the password from standard input: one line, whose end is not part of it
    #[arg(long, conflicts_with = "setup")]
    password_stdin: bool,
    /// Set no password, and print a token with which the user chooses one (POST /auth/setup)
    #[arg(long)]
    setup: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const ADD_EXAMPLES: &str = "\
Examples:
  portcullis user add ann --role admin
  portcullis user add bob --scope api:read --scope api:write --setup
  printf %s \"$PASSWORD\" | portcullis user add carol --scope images:read --password-stdin";

/// Which users to list.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only users whose name contains this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    standing: Standing,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Users of one standing.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Standing {
    /// Only users that are banned
    #[arg(long)]
    banned: bool,
    /// Only users that are disabled
    #[arg(long)]
    disabled: bool,
    /// Only users that are neither
    #[arg(long)]
    active: bool,
}

const OPERATOR: Authority = Authority::OPERATOR;

/// How many users are read at a time.
const PAGE: u32 = 200;

pub(super) async fn run(command: Command, settings: &Settings) -> Result<(), Error> {
    // Whoever is asked for a password should not be asked in vain.
    let app = assembly::assemble(settings, 1).await?;
    let done = match command {
        Command::Add(user) => add(&app, user).await,
        Command::List(filter) => list(&app, filter).await,
        Command::Change(arguments) => change::run(&app, arguments).await,
        Command::Ban { name, reason, json } => {
            let user = find(&app, name).await?;
            let changed = admin::ban(&app, OPERATOR, user.id, reason).await?;
            print::changed(json, "is banned", changed, user)
        }
        Command::Unban { name, json } => {
            let user = find(&app, name).await?;
            let changed = admin::unban(&app, OPERATOR, user.id).await?;
            print::changed(json, "may log in", changed, user)
        }
        Command::Disable(Named { name, json }) => {
            let user = find(&app, name).await?;
            let changed = admin::disable(&app, OPERATOR, user.id).await?;
            print::changed(json, "is disabled", changed, user)
        }
        Command::Enable(Named { name, json }) => {
            let user = find(&app, name).await?;
            let changed = admin::enable(&app, OPERATOR, user.id).await?;
            print::changed(json, "may log in", changed, user)
        }
        Command::Delete(Named { name, json }) => {
            let user = find(&app, name).await?;
            let seq = admin::delete_user(&app, OPERATOR, user.id).await?;
            print::deleted(json, seq, &user)
        }
        Command::Setup(Named { name, json }) => {
            let user = find(&app, name).await?;
            let link = admin::issue_setup(&app, OPERATOR, user.id).await?;
            print::setup(json, link, user)
        }
        Command::Import(arguments) => import::run(&app, arguments).await,
        Command::Export(arguments) => export::run(&app, arguments).await,
        Command::Password {
            name,
            password_stdin,
            json,
        } => set_password(&app, name, password_stdin, json).await,
    };
    app.store.close().await;
    done
}

async fn find(app: &App, name: Username) -> Result<User, Error> {
    app.store
        .user_by_name(&name)
        .await?
        .ok_or(Error::NoSuchUser(name))
}

async fn add(app: &App, add: Add) -> Result<(), Error> {
    let password = if add.setup {
        None
    } else {
        Some(password_input::read(add.password_stdin)?)
    };
    let new = NewUser {
        username: add.name,
        email: add.email,
        password,
        roles: add.roles.into_iter().collect(),
        scopes: add.scopes.into_iter().collect(),
    };
    let created = admin::create_user(app, OPERATOR, new).await?;
    print::created(add.json, &created)
}

async fn list(app: &App, which: List) -> Result<(), Error> {
    let only = |wanted: bool| match (wanted, which.standing.active) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    };
    let search = match which.search.as_deref().map(part_of_name) {
        None => None,
        Some(Some(part)) => Some(part),
        // No name contains it.
        Some(None) => return Ok(()),
    };
    let mut filter = UserFilter {
        search,
        banned: only(which.standing.banned),
        disabled: only(which.standing.disabled),
        after: None,
        limit: PAGE,
    };
    loop {
        let users = admin::list_users(app, &filter).await?;
        for user in &users {
            output::either(which.json, &print::value(user), &print::line(user))?;
        }
        let Some(last) = users.last() else {
            return Ok(());
        };
        filter.after = Some(last.username.clone());
    }
}

async fn set_password(
    app: &App,
    name: Username,
    from_stdin: bool,
    json: bool,
) -> Result<(), Error> {
    let found = find(app, name).await?;
    let password = password_input::read(from_stdin)?;
    let seq = setup::set_password(app, &found, password, Actor::Operator).await?;
    let seq = seq.ok_or_else(|| Error::NoSuchUser(found.username.clone()))?;
    print::password(json, &found, seq)
}
