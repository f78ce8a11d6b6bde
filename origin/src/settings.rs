//! The settings: defaults that run, a TOML file over them, variables over both.
//!
//! Each section is one struct in a file of its own. A key that nobody knows, a value of the wrong
//! kind and a value out of range are errors that name the key, all found before anything starts.
//! `portcullis config` prints what is in force; [`secret::Secret`] and [`database::Url`] keep
//! their secrets out of that and of every log.

pub mod audit;
pub mod cleanup;
pub mod client;
pub mod cookies;
pub mod database;
mod domain;
pub mod edge;
pub mod error;
pub mod geo;
mod in_force;
pub mod issuer;
pub mod keys;
pub mod load;
pub mod log;
pub mod password;
pub mod refresh;
pub mod secret;
pub mod server;
pub mod sessions;
pub mod signed_urls;
pub mod throttle;
pub mod tokens;
pub mod users;

use serde::{Deserialize, Serialize};

use error::{Checked, SettingsError};

/// All settings of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The edge's public URL, without a slash at its end: the `iss` of every token.
    pub issuer: issuer::Issuer,
    /// Where and how the service listens.
    pub server: server::Server,
    /// Where everything is kept.
    pub database: database::Database,
    /// The keys that sign, and the key that seals them.
    pub keys: keys::Keys,
    /// Access tokens.
    pub tokens: tokens::Tokens,
    /// Refresh tokens and sessions.
    pub refresh: refresh::Refresh,
    /// How many sessions a user may have.
    pub sessions: sessions::Sessions,
    /// How passwords are hashed.
    pub password: password::Password,
    /// How often passwords may be guessed.
    pub throttle: throttle::Throttle,
    /// Accounts.
    pub users: users::Users,
    /// The audit trail.
    pub audit: audit::Audit,
    /// Browsers that hold their tokens in cookies.
    pub cookies: cookies::Cookies,
    /// Removing what is over.
    pub cleanup: cleanup::Cleanup,
    /// The channel from the edge.
    pub edge: edge::Edge,
    /// Which country an address is in.
    pub geo: geo::Geo,
    /// Logs.
    pub log: log::Log,
    /// Who may ask for tokens; what the file names comes over the two that are built in.
    // Empty when absent, not the container's default: the built-in clients follow the issuer that
    // was set, see `finish`.
    #[serde(default)]
    pub client: Vec<client::Client>,
    /// Which URLs users may have signed.
    pub signed_urls: Vec<signed_urls::SignedUrls>,
}

impl Default for Settings {
    fn default() -> Self {
        let issuer = issuer::Issuer::default();
        Self {
            client: client::built_in(&issuer),
            issuer,
            server: server::Server::default(),
            database: database::Database::default(),
            keys: keys::Keys::default(),
            tokens: tokens::Tokens::default(),
            refresh: refresh::Refresh::default(),
            sessions: sessions::Sessions::default(),
            password: password::Password::default(),
            throttle: throttle::Throttle::default(),
            users: users::Users::default(),
            audit: audit::Audit::default(),
            cookies: cookies::Cookies::default(),
            cleanup: cleanup::Cleanup::default(),
            edge: edge::Edge::default(),
            geo: geo::Geo::default(),
            log: log::Log::default(),
            signed_urls: Vec::new(),
        }
    }
}

impl Settings {
    /// Checks every value, and values against each other; adds the built-in clients.
    fn finish(mut self) -> Result<Self, SettingsError> {
        client::add_built_in(&mut self.client, &self.issuer);
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Checked {
        self.issuer.check()?;
        self.server.check()?;
        self.database.check()?;
        self.keys.check()?;
        self.tokens.check()?;
        self.refresh.check(&self.tokens)?;
        self.sessions.check()?;
        self.password.check()?;
        self.throttle.check()?;
        self.users.check()?;
        self.audit.check()?;
        self.cookies.check()?;
        self.cleanup.check()?;
        self.edge.check()?;
        self.log.check()?;
        for urls in &self.signed_urls {
            urls.check(&self.issuer)?;
        }
        client::check(&self.client, &self.issuer)
    }

    /// Whether a proxy stands before the service, as TLS needs, and nobody's word on where clients
    /// are is believed: then throttling takes all of them for one network.
    pub fn takes_all_clients_for_one(&self) -> bool {
        self.issuer.is_https()
            && self.edge.secret.expose().is_none()
            && self.server.trusted_proxies.is_empty()
    }

    /// The settings as a TOML file that gives the same ones, but for the secrets.
    ///
    /// # Errors
    ///
    /// When a value does not fit TOML, which none of ours does.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}
