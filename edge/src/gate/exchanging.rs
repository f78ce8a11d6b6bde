//! A request with an API key: what the origin is asked for its sake, and what it is answered when
//! there is no token for it.

use portcullis_shared::{revocation::Kind, routes::built_in, token::Verified};

use crate::{
    answer::Answer,
    cache::Fingerprint,
    credential::{Credential, PresentedKey},
    exchange::{self, Asker, Exchanges, Network, Next},
    time::Millis,
};

use super::{Case, Reason, Ruling, forward};

/// What is sent to the origin, `POST` and as a form. It holds the key: not to be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ExchangeRequest {
    /// Where to.
    pub url: String,
    /// The headers beside the content's type.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub form: String,
}

impl Case<'_> {
    /// What the API key of the request is known by, if it has one.
    pub fn key(&self) -> Option<Fingerprint> {
        self.presented_key().map(|key| key.fingerprint())
    }

    /// Who asks for an exchange; nobody where the request has no API key, or none that was ever
    /// issued.
    pub fn asker(&self) -> Option<Asker> {
        let key = self.presented_key()?;
        let address = self.head.client_ip.as_deref().unwrap_or_default();
        Some(Asker {
            fingerprint: key.fingerprint(),
            key: key.parsed()?.id(),
            network: Network::of(address),
        })
    }

    /// The exchange of the request's API key, over the channel that the origin believes.
    pub fn exchange_request(&self) -> Option<ExchangeRequest> {
        let key = self.presented_key()?;
        let settings = &self.config.settings;
        let mut headers = vec![("portcullis-request-id", self.head.request_id.clone())];
        headers.extend(forward::edge_channel(self.head, settings));
        Some(ExchangeRequest {
            url: settings.origin.join(built_in::TOKEN),
            headers,
            form: exchange::form(key.reveal()),
        })
    }

    /// The answer to a request whose API key there is no token for, and no time to wait for one.
    pub fn not_exchanged(&self, next: Next) -> Ruling {
        let (answer, reason) = match next {
            Next::TooMany(millis) => (Answer::too_many_requests(millis), Reason::TooManyApiKeys),
            Next::Judge | Next::Wait | Next::Unavailable => {
                (Answer::unavailable(), Reason::NotExchanged)
            }
        };
        self.refused_with(answer, reason)
    }

    /// Whether a token that came for an API key is that key's.
    pub(super) fn is_of_its_key(&self, token: Verified<'_>) -> bool {
        let Some(key) = self.presented_key() else {
            return true;
        };
        let claims = token.claims();
        claims.sid.is_none() && key.id_text() == Some(&claims.client_id)
    }

    /// Whether another token is to be asked for in place of one that is revoked. That of an API key
    /// may only have been overtaken, by a change of what the owner may do or of the signing key.
    pub(super) fn is_worth_another_exchange(
        &self,
        revoked: Kind,
        exchanges: &mut Exchanges,
        now: Millis,
    ) -> bool {
        let Some(key) = self.key() else {
            return false;
        };
        match revoked {
            Kind::ApiKey | Kind::Session => {
                exchanges.refuse(&key, now);
                false
            }
            Kind::User | Kind::SigningKey => exchanges.token_is_spent(&key, now),
        }
    }

    /// Whether another token is to be asked for in place of one whose signing key is not known. The
    /// key was, when the token came, and has been withdrawn since.
    pub(super) fn gets_another_token(&self, exchanges: &mut Exchanges, now: Millis) -> bool {
        self.key()
            .is_some_and(|key| exchanges.drop_token(&key, now))
    }

    fn presented_key(&self) -> Option<PresentedKey<'_>> {
        match self.presented.credential {
            Credential::ApiKey(key) => Some(key),
            Credential::Bearer(_) | Credential::Cookie(_) | Credential::Link(_) => None,
        }
    }
}
