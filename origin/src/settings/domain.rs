//! The settings as the domain and its parts take them.

use portcullis_shared::claims::Audience;

use super::{
    Settings,
    client::{Client, Kind},
    error::{SettingsError, invalid},
    users,
};
use crate::domain::{
    app::{Config, Registration},
    cleanup,
    client::{self, ClientKind},
    hashing::Parameters,
    refresh::Rules,
};

impl Settings {
    /// The settings that the domain obeys.
    ///
    /// # Errors
    ///
    /// None for settings that were loaded: they have been checked.
    pub fn for_domain(&self) -> Result<Config, SettingsError> {
        let links = self.signed_urls.iter();
        let links: Result<_, _> = links.map(|urls| urls.for_domain(&self.issuer)).collect();
        let clients: Result<_, _> = self.client.iter().map(Client::for_domain).collect();
        Ok(Config {
            issuer: self.issuer.as_str().to_owned(),
            token_lifetime: self.tokens.lifetime,
            refresh: Rules {
                window: self.refresh.window,
                max_replays: self.refresh.max_replays,
                max_late_retries: self.refresh.max_late_retries,
                idle_lifetime: self.refresh.idle_lifetime,
                moves: self.refresh.on_change.rules(),
            },
            absolute_lifetime: self.refresh.absolute_lifetime,
            throttle: self.throttle.rules(),
            session_cap: self.sessions.cap(),
            setup_lifetime: self.users.setup_lifetime,
            registration: match self.users.registration {
                users::Registration::Closed => Registration::Closed,
                users::Registration::Open => Registration::Open {
                    scopes: self.users.scopes()?,
                    reserved: self.users.reserved()?,
                },
            },
            links: links?,
            key_publish_before: self.keys.publish_before,
            key_rotate_every: self.keys.rotate_every,
            audit_retention: self.audit.retention,
            cleanup: cleanup::Rules {
                interval: self.cleanup.interval,
                retention: self.cleanup.retention,
                batch: self.cleanup.batch,
            },
            clients: clients?,
        })
    }
}

impl super::password::Password {
    /// How hard hashing is.
    pub const fn parameters(&self) -> Parameters {
        Parameters {
            memory_kib: self.memory_kib,
            iterations: self.iterations,
            parallelism: self.parallelism,
        }
    }
}

impl Client {
    fn for_domain(&self) -> Result<client::Client, SettingsError> {
        let off = |key: &str| invalid(&format!("client `{}`: {key}", self.id), "is not valid");
        let kind = match (self.kind, &self.secret_sha256) {
            (Kind::Public, _) => ClientKind::Public,
            (Kind::Confidential, digest) => ClientKind::Confidential {
                secret_sha256: digest
                    .as_ref()
                    .and_then(super::client::SecretDigest::bytes)
                    .ok_or_else(|| off("secret_sha256"))?,
            },
        };
        let scopes = self.scopes.as_deref().map(str::parse).transpose();
        Ok(client::Client {
            id: self.id.clone(),
            kind,
            audience: Audience::new(self.audiences.clone()).ok_or_else(|| off("audiences"))?,
            scopes: scopes.map_err(|_| off("scopes"))?,
        })
    }
}
