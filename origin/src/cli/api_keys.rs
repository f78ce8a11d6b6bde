//! `portcullis api-key …`: keys for scripts and servers.

mod print;

use clap::{Args, Subcommand};
use portcullis_shared::{api_key::ApiKeyId, scope::Scope};

use super::{Error, assembly, when::When};
use crate::{
    domain::{
        admin::{self, Authority, NewKey, Overlap},
        api_key::{KeyFilter, KeyName},
        app::App,
        user::{User, Username},
    },
    settings::Settings,
};

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an API key for a user, and print it this once
    ///
    /// What it gives is cut to what its owner may do, each time that it is used; it has no roles.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Create),
    /// List API keys in the order of their identifiers
    List(List),
    /// Make a key with the rights of another, which goes on for a while
    ///
    /// The new key is printed this once. It lives as long as the old one was meant to.
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate(Rotate),
    /// Revoke an API key, and whatever it gave
    Revoke {
        /// The key, by its first part: what stands between pak_ and the next _
        id: ApiKeyId,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// A key to make.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The name of its owner
    owner: Username,
    /// What it is called, for people
    #[arg(long, value_name = "TEXT")]
    name: KeyName,
    /// A scope, such as api:read; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// The client whose audiences its access tokens get; portcullis where none is named
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// When it is over: a time from now (90d), a date, or Unix seconds; never where nothing is said
    #[arg(long, value_name = "WHEN")]
    expires: Option<When>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const CREATE_EXAMPLES: &str = "\
Examples:
  portcullis api-key create ann --name deploy --scope api:read --expires 90d
  portcullis api-key create reports --name nightly --scope api:read --json | jq -r .key";

/// Which keys to list.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of the user of this name
    #[arg(long, value_name = "NAME")]
    owner: Option<Username>,
    /// Only keys that have expired or were revoked
    #[arg(long, conflicts_with = "any")]
    over: bool,
    /// Those that can be used and those that are over
    #[arg(long)]
    any: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// A key to rotate.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// The key, by its first part: what stands between pak_ and the next _
    id: ApiKeyId,
    /// For how long the old key goes on: a number and s, m, h or d; with 0s it is revoked
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = overlap)]
    overlap: Overlap,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const ROTATE_EXAMPLES: &str = "\
Examples:
  portcullis api-key rotate a4dqobyha4dqobyha4dqobyha4 --overlap 7d
  portcullis api-key rotate a4dqobyha4dqobyha4dqobyha4 --overlap 0s";

fn overlap(text: &str) -> Result<Overlap, String> {
    match text.parse() {
        Ok(When::Ago(seconds)) => Overlap::new(seconds).map_err(|error| error.to_string()),
        Ok(When::At(_)) | Err(_) => Err("must be a number and s, m, h or d".to_owned()),
    }
}

const OPERATOR: Authority = Authority::OPERATOR;

/// How many keys are read at a time.
const PAGE: u32 = 200;

pub(super) async fn run(command: Command, settings: &Settings) -> Result<(), Error> {
    let app = assembly::assemble(settings, 1).await?;
    let done = match command {
        Command::Create(new) => create(&app, new).await,
        Command::List(which) => list(&app, which).await,
        Command::Rotate(which) => rotate(&app, which).await,
        Command::Revoke { id, json } => revoke(&app, id, json).await,
    };
    app.store.close().await;
    done
}

async fn owner(app: &App, name: Username) -> Result<User, Error> {
    let found = app.store.user_by_name(&name).await?;
    found.ok_or(Error::NoSuchUser(name))
}

async fn create(app: &App, new: Create) -> Result<(), Error> {
    let now = app.clock.now();
    let owner = owner(app, new.owner).await?;
    let key = NewKey {
        owner: owner.id,
        name: new.name,
        client_id: new.client,
        scopes: new.scopes.into_iter().collect(),
        expires_at: new.expires.map(|when| when.ahead_of(now)),
    };
    let created = admin::create_api_key(app, OPERATOR, key).await?;
    let created = created.ok_or(Error::NoSuchUser(owner.username))?;
    print::created(new.json, &created, now)
}

async fn list(app: &App, which: List) -> Result<(), Error> {
    let now = app.clock.now();
    let owner = match which.owner {
        Some(name) => Some(owner(app, name).await?.id),
        None => None,
    };
    let mut filter = KeyFilter {
        owner,
        usable: (!which.any).then_some(!which.over),
        now,
        after: None,
        limit: PAGE,
    };
    loop {
        let page = admin::list_api_keys(app, &filter).await?;
        for (key, owner) in &page {
            print::listed(which.json, key, owner, now)?;
        }
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        filter.after = Some(last.id);
    }
}

async fn rotate(app: &App, which: Rotate) -> Result<(), Error> {
    let rotated = admin::rotate_api_key(app, OPERATOR, which.id, which.overlap).await?;
    let rotated = rotated.ok_or(Error::NoSuchKey(which.id))?;
    print::rotated(which.json, &rotated, app.clock.now())
}

async fn revoke(app: &App, id: ApiKeyId, json: bool) -> Result<(), Error> {
    let revoked = admin::revoke_api_key(app, OPERATOR, id).await?;
    let revoked = revoked.ok_or(Error::NoSuchKey(id))?;
    print::revoked(json, &revoked, app.clock.now())
}
