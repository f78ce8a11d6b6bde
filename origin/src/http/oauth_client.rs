//! Which client calls an OAuth endpoint (RFC 6749 §2.3).

use super::{failure::Failure, oauth, parameters::Parameters};
use crate::domain::{
    app::{App, DEFAULT_CLIENT},
    client::{self, Client, ClientKind, Credentials},
};

/// The client of a request, authenticated as its kind demands; the default one where the request
/// names none.
///
/// # Errors
///
/// `invalid_client`, and `invalid_request` where a client names itself in two ways.
pub(crate) fn of<'a, T>(app: &'a App, parameters: &Parameters<T>) -> Result<&'a Client, Failure> {
    let named = parameters.client()?;
    let id = named.id.as_deref().unwrap_or(DEFAULT_CLIENT);
    let secret = named.secret.as_ref().map(|secret| secret.as_str());
    Ok(client::authenticate(app, Credentials { id, secret })?)
}

/// The client of a request, which must be one that has a secret.
///
/// # Errors
///
/// As [`of`]; a public client is `invalid_client` too.
pub(crate) fn confidential<'a, T>(
    app: &'a App,
    parameters: &Parameters<T>,
) -> Result<&'a Client, Failure> {
    let client = of(app, parameters)?;
    match client.kind {
        ClientKind::Confidential { .. } => Ok(client),
        ClientKind::Public => Err(Failure::oauth(oauth::Error::InvalidClient)),
    }
}
