//! What lets a request have a picture: an access token, or a link to just this.
//!
//! A link is a proof of another kind (see `portcullis_shared::link`): it says nothing about what its
//! user may do, but that this request may be answered. So it is held against the request itself,
//! host and query included, and counts nowhere but in a handler that takes a [`Permit`].

use std::sync::Arc;

use poem::{FromRequest, Request, RequestBody};
use portcullis_shared::{
    link::{self, LinkClaims},
    token::{self, Refusal},
};

use crate::{
    clock,
    proof::{Proof, Refused, Verifier},
};

/// Why a request may be answered.
#[derive(Debug, Clone)]
pub enum Permit {
    /// Somebody sends it with an access token.
    Bearer(Proof),
    /// It came by a link, which somebody has signed.
    Link(LinkClaims),
}

impl<'a> FromRequest<'a> for Permit {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let proof = request.header("portcullis-proof").unwrap_or_default();
        // The two kinds differ in their type.
        if !matches!(token::Unverified::parse(proof), Err(Refusal::Type)) {
            return Ok(Self::Bearer(Proof::from_request(request, body).await?));
        }
        let verifier = request.data::<Arc<Verifier>>().ok_or(Refused::NoKeys)?;
        Ok(Self::Link(verify(verifier, request).await?))
    }
}

/// Verifies the link of a request, of which there is exactly one.
async fn verify(verifier: &Verifier, request: &Request) -> Result<LinkClaims, Refused> {
    let mut proofs = request.headers().get_all("portcullis-proof").iter();
    let (Some(proof), None) = (proofs.next(), proofs.next()) else {
        return Err(Refused::NoProof);
    };
    let proof = proof.to_str().map_err(|_| Refused::NoProof)?;
    let unverified = link::Unverified::parse(proof).map_err(|_| Refused::NoProof)?;
    let keys = verifier.keys.get(unverified.key_id()).await;
    let keys = keys.ok_or(Refused::NoKeys)?;
    let authentic = unverified.authenticate(&keys);
    let authentic = authentic.map_err(|_| Refused::NoProof)?;
    // The edge says what the client asked for; it has taken the link out of the query.
    let authority = request.header("x-forwarded-host").unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    };
    let uri = request.original_uri();
    let asked = link::Request {
        method: request.method().as_str(),
        host,
        path: uri.path(),
        query: uri.query(),
    };
    let link = authentic.verify(&verifier.issuer, &asked, clock::now());
    let link = link.map_err(|_| Refused::NoProof)?;
    Ok(link.claims().clone())
}
