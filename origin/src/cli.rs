//! The command line: the service itself, and what an operator does beside it.
//!
//! The commands work on the database through the same use cases as the endpoints do, whether a
//! server runs or not; what they revoke is in the feed as soon as they answer. Passwords are asked
//! for or read from standard input, never taken as arguments, which every process could read.

mod api_keys;
mod assembly;
mod audit;
mod cleanup;
mod descriptors;
mod explain;
mod keys;
mod master_key_file;
mod output;
mod password_input;
mod progress;
mod restored;
mod serve;
mod sessions;
mod users;
mod when;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use portcullis_shared::{api_key::ApiKeyId, ids::PlanId};

use crate::{
    domain::{
        admin,
        hashing::HashingError,
        look_alikes,
        plan::{count, run},
        setup,
        signing_keys::KeyError,
        store::StoreError,
    },
    http::serve::ServeError,
    logging::{self, LoggingError},
    settings::{Settings, error::SettingsError, log::Log},
    storage::{self, ConnectError},
};

/// Portcullis, the auth service: logs users in, rotates refresh tokens, revokes and bans, and
/// publishes the signed documents that the edge decides with.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, after_help = EXAMPLES)]
pub struct Cli {
    /// The settings file (TOML). Without one, defaults and variables count.
    #[arg(long, global = true, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  portcullis serve
      Serve on http://127.0.0.1:8080 with a SQLite database in ./data, made if it is missing.

  portcullis config
      Print the settings in force. Any of them can be set by a variable:
      PORTCULLIS_SERVER__LISTEN=0.0.0.0:80 sets `listen` in section [server].

  portcullis user add ann --role admin
      Create an administrator; the password is asked for.

  printf %s \"$PASSWORD\" | portcullis user add bob --scope api:read --password-stdin
      Create a user from a script.

  portcullis user ban bob --reason 'stolen account'
      End bob's sessions and refuse his tokens at every edge, within seconds.";

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    OfService(OfService),
    /// Say what the edge would do with a request, and why
    ///
    /// Asks nobody: the route table, the Worker's variables, keys and revocations come from files. Each
    /// check has a line: ok, NO, ? (not checked) or - (as well to know).
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::Command),
}

/// What needs the service's settings.
#[derive(Debug, Subcommand)]
enum OfService {
    /// Run the service
    ///
    /// Brings the database's tables up to date, makes master key and signing key where they are
    /// missing, and serves until SIGTERM or SIGINT; requests in flight are finished.
    Serve,
    /// Bring the database's tables up to date, and stop
    ///
    /// `serve` does this too; of several that start at once, one does it and the others wait.
    Migrate,
    /// Print the settings in force, as TOML, with secrets redacted
    Config,
    /// Users: create, list, ban, disable, delete, set a password, import, export
    #[command(subcommand)]
    User(users::Command),
    /// API keys for scripts and servers: create, list, rotate, revoke
    #[command(subcommand)]
    ApiKey(api_keys::Command),
    /// Sessions of all users: list, revoke by criterion
    #[command(subcommand)]
    Session(sessions::Command),
    /// Remove what is over, once: sessions, API keys, entries of the feed, old events
    ///
    /// The service does this by itself; see `interval` in the section [cleanup] of the settings.
    Cleanup {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Signing keys: list, rotate
    #[command(subcommand)]
    Keys(keys::Command),
    /// Say that a backup of the database was put back, before the service starts on it
    ///
    /// Clients whose refresh tokens are newer than the database go on, for a stated time; access
    /// tokens from before are refused, and clients refresh. It may be said again.
    Restored(restored::Arguments),
    /// The audit trail: look through it, follow it
    #[command(after_help = audit::EXAMPLES)]
    Audit(audit::Command),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Logging(#[from] LoggingError),
    #[error(transparent)]
    Database(#[from] ConnectError),
    #[error(transparent)]
    MasterKey(#[from] master_key_file::Error),
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Countries(#[from] crate::countries::OpenError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Create(#[from] admin::CreateError),
    #[error(transparent)]
    SetPassword(#[from] setup::Error),
    #[error(transparent)]
    Change(#[from] admin::ChangeError),
    #[error(transparent)]
    Standing(#[from] admin::StandingError),
    #[error(transparent)]
    Delete(#[from] admin::DeleteError),
    #[error(transparent)]
    IssueSetup(#[from] admin::IssueError),
    #[error(transparent)]
    CreateKey(#[from] admin::CreateKeyError),
    #[error(transparent)]
    RotateKey(#[from] admin::RotateKeyError),
    #[error(transparent)]
    RevokeKey(#[from] admin::RevokeKeyError),
    #[error("there is no API key {0}")]
    NoSuchKey(ApiKeyId),
    #[error(transparent)]
    Password(#[from] password_input::Error),
    #[error(transparent)]
    Import(#[from] users::import::Error),
    #[error(transparent)]
    Export(#[from] users::export::Error),
    #[error("there is no user {0}")]
    NoSuchUser(crate::domain::user::Username),
    #[error("there is no such user, and it is no identifier either")]
    NoSuchUserOrId,
    #[error(transparent)]
    Count(#[from] count::Error),
    #[error(transparent)]
    Revoke(#[from] run::Error),
    #[error("name a criterion, or --all, or the --plan of a dry run")]
    NoCriteria,
    #[error(
        "nothing was ended; confirm with --yes, or within fifteen minutes with: portcullis session revoke --plan={0}"
    )]
    NotConfirmed(PlanId),
    #[error(transparent)]
    Cleanup(#[from] crate::domain::cleanup::Error),
    #[error("a server is cleaning up at the moment")]
    CleanupElsewhere,
    #[error(transparent)]
    Explain(#[from] explain::Error),
    #[error("the request would be refused")]
    WouldBeRefused,
    #[error("signals cannot be listened to")]
    Signals(#[source] std::io::Error),
    #[error("cannot be printed")]
    Output(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The exit code of a mistake in the command or the settings, as clap has it.
const USAGE: u8 = 2;
/// The exit code of a command that did its work but for parts that it refused.
const PARTIAL: u8 = 3;

impl Error {
    const fn code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::NoCriteria | Self::Explain(_) => USAGE,
            Self::Import(users::import::Error::Refused(_)) => PARTIAL,
            _ => 1,
        }
    }
}

/// Runs the command of this process's arguments.
pub async fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are no errors and go to standard output; clap knows.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    match cli.execute().await {
        Ok(()) => ExitCode::SUCCESS,
        // It has been said, with the reason, where explanations go.
        Err(error @ Error::WouldBeRefused) => ExitCode::from(error.code()),
        Err(error) => {
            // What an error says may come from outside: `Debug` lets no escape sequence through.
            let text = logging::chain(&error);
            let plain: String = text.chars().flat_map(output::visible).collect();
            eprintln!("portcullis: {plain}");
            ExitCode::from(error.code())
        }
    }
}

impl Cli {
    async fn execute(self) -> Result<(), Error> {
        let command = match self.command {
            Command::OfService(command) => command,
            Command::Explain(command) => return explain::run(command),
        };
        let settings = Settings::load(self.config.as_deref(), std::env::vars_os())?;
        match command {
            OfService::Serve => {
                logging::start(&settings.log)?;
                serve::run(&settings).await
            }
            OfService::Config => {
                let text = settings
                    .to_toml()
                    .map_err(|error| Error::Output(error.into()))?;
                output::print(text.trim_end())
            }
            OfService::Migrate => {
                quiet(&settings.log)?;
                let store = storage::connect(settings.database.url.expose(), 1).await?;
                let protected = look_alikes::protect_old_names(store.as_ref()).await;
                store.close().await;
                protected?;
                output::print("The database's tables are up to date.")
            }
            OfService::User(command) => {
                quiet(&settings.log)?;
                users::run(command, &settings).await
            }
            OfService::ApiKey(command) => {
                quiet(&settings.log)?;
                api_keys::run(command, &settings).await
            }
            OfService::Audit(command) => {
                quiet(&settings.log)?;
                audit::run(command, &settings).await
            }
            OfService::Session(command) => {
                quiet(&settings.log)?;
                sessions::run(command, &settings).await
            }
            OfService::Cleanup { json } => {
                quiet(&settings.log)?;
                cleanup::run(json, &settings).await
            }
            OfService::Keys(command) => {
                quiet(&settings.log)?;
                keys::run(command, &settings).await
            }
            OfService::Restored(arguments) => {
                quiet(&settings.log)?;
                restored::run(arguments, &settings).await
            }
        }
    }
}

/// Commands print what they did; of the log only warnings are of interest.
fn quiet(settings: &Log) -> Result<(), LoggingError> {
    logging::start(&Log {
        filter: "warn".to_owned(),
        ..settings.clone()
    })
}
