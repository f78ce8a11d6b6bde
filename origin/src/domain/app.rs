//! What every use case works with: storage, time, randomness, keys, and the settings in force.

use std::sync::Arc;

use portcullis_shared::scope::ScopeSet;

use crate::domain::{
    authentic::AuthenticTokens,
    cleanup,
    client::Client,
    clock::{Clock, UnixMillis},
    ending::Tokens,
    entropy::Entropy,
    feed::Documents,
    hashing::Hasher,
    links::{self, Permission},
    master_key::MasterKeys,
    pacing::Pacing,
    refresh::Rules,
    registration::reserved::ReservedNames,
    session::cap::Cap,
    signing_keys::SigningKeys,
    store::Store,
    throttle::{self, known::Known, refusals::Refusals},
};

/// The client of the administration. Its tokens are for the issuer alone.
pub const ADMIN_CLIENT: &str = "portcullis-admin";

/// The client of a login that names none.
pub const DEFAULT_CLIENT: &str = "portcullis";

/// Whether people may sign up by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// Administrators create users.
    Closed,
    /// Whoever wants to; without roles.
    Open {
        /// What a new user may be granted.
        scopes: ScopeSet,
        /// What nobody signs up as.
        reserved: ReservedNames,
    },
}

/// The settings that the domain obeys; times in seconds.
#[derive(Debug, Clone)]
pub struct Config {
    /// `iss` of everything that is signed: the edge's public URL.
    pub issuer: String,
    /// For how long an access token lives.
    pub token_lifetime: i64,
    /// The rules of refresh.
    pub refresh: Rules,
    /// For how long a session may live, however much it is used.
    pub absolute_lifetime: i64,
    /// How attempts to log in are limited.
    pub throttle: throttle::Rules,
    /// How many sessions a user may have.
    pub session_cap: Cap,
    /// For how long a setup token is taken.
    pub setup_lifetime: i64,
    /// Whether people may sign up.
    pub registration: Registration,
    /// What users may have signed.
    pub links: Vec<Permission>,
    /// How long a new signing key is published before it signs.
    pub key_publish_before: i64,
    /// How long a signing key signs before it is replaced; 0 for ever.
    pub key_rotate_every: i64,
    /// For how long events of the audit trail are kept; 0 for ever.
    pub audit_retention: i64,
    /// What is removed when it is over.
    pub cleanup: cleanup::Rules,
    /// The clients.
    pub clients: Vec<Client>,
}

impl Config {
    /// The longest lifetime of what is signed: a key is published so long after its last use.
    pub fn longest_signature(&self) -> i64 {
        links::longest_signature(self.token_lifetime, &self.links)
    }

    /// The client of this id.
    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }
}

/// The service, as the use cases see it.
pub struct App {
    /// Users, sessions, keys, the feed.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Password hashing.
    pub hasher: Hasher,
    /// The keys that nothing in the database can be used without.
    pub master: MasterKeys,
    /// Attempts to log in that were refused a moment ago.
    pub refusals: Refusals,
    /// Holds refusals up where there are too many.
    pub pacing: Pacing,
    /// Who is at home where.
    pub known: Known,
    /// The signing keys, re-read each second.
    pub signing: SigningKeys,
    /// Access tokens whose signature was right.
    pub authentic: AuthenticTokens,
    /// The feed's documents of this moment.
    pub feed: Documents,
    /// The settings.
    pub config: Config,
}

impl App {
    /// Puts the parts together.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        hasher: Hasher,
        master: MasterKeys,
        config: Config,
    ) -> Self {
        let signing = SigningKeys::default();
        Self {
            store,
            clock,
            entropy,
            hasher,
            master,
            refusals: Refusals::default(),
            pacing: Pacing::default(),
            known: Known::default(),
            signing,
            authentic: AuthenticTokens::default(),
            feed: Documents::default(),
            config,
        }
    }

    /// Whose tokens are minted, and how long they live.
    pub fn tokens(&self) -> Tokens {
        Tokens {
            issuer: self.config.issuer.clone(),
            lifetime: self.config.token_lifetime,
        }
    }

    /// The time, in milliseconds.
    pub fn now(&self) -> UnixMillis {
        self.clock.now_millis()
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("App")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
