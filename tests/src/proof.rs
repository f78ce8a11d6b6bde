//! Who sends a request: the verified token that the edge hands on as `Portcullis-Proof`.
//!
//! A handler that takes a [`Proof`] runs only for a request with a token that the origin signed for
//! this server and that has not expired. Whether it was revoked has been looked at by the edge, and
//! only there: that is why requests should come through it.

use std::{collections::BTreeSet, sync::Arc};

use poem::{FromRequest, Request, RequestBody, Response, error::ResponseError, http::StatusCode};
use portcullis_shared::{
    claims::AccessClaims,
    problem::{Code, MEDIA_TYPE, Problem},
    scope::ScopeSet,
    token::{Policy, Unverified},
};

use crate::{clock, keys::RemoteKeys};

/// The longest `exp - iat`, in seconds, of tokens that are taken.
const MAX_LIFETIME: i64 = 3600;

/// Verifies proofs; a server has one.
#[derive(Debug)]
pub struct Verifier {
    /// Whose tokens are taken: the `iss`, to the letter.
    pub issuer: String,
    /// What this server is called in the tokens' `aud`.
    pub audience: String,
    /// The issuer's keys.
    pub keys: RemoteKeys,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no proof, or not exactly one that is valid: all look alike.
    #[error("no valid proof")]
    NoProof,
    /// The bearer may not do this.
    #[error("a scope or role is lacking")]
    NotPermitted,
    /// The issuer's keys could not be had yet.
    #[error("no keys to verify with")]
    NoKeys,
}

impl ResponseError for Refused {
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        let answer = Response::builder()
            .status(self.status())
            .content_type(MEDIA_TYPE);
        answer
            .header("cache-control", "no-store")
            .body(Problem::new(self.code(), None).to_json())
    }
}

impl Refused {
    fn code(self) -> Code {
        match self {
            Self::NoProof => Code::InvalidToken,
            Self::NotPermitted => Code::Forbidden,
            Self::NoKeys => Code::Unavailable,
        }
    }
}

impl Verifier {
    /// Verifies a proof.
    ///
    /// # Errors
    ///
    /// [`Refused::NoProof`] or [`Refused::NoKeys`].
    pub async fn verify(&self, token: &str) -> Result<AccessClaims, Refused> {
        let unverified = Unverified::parse(token).map_err(|_| Refused::NoProof)?;
        let keys = self
            .keys
            .get(unverified.key_id())
            .await
            .ok_or(Refused::NoKeys)?;
        let authentic = unverified
            .authenticate(&keys)
            .map_err(|_| Refused::NoProof)?;
        let policy = Policy {
            issuer: &self.issuer,
            audience: &self.audience,
            max_lifetime: MAX_LIFETIME,
        };
        let verified = authentic
            .verify(&policy, clock::now())
            .map_err(|_| Refused::NoProof)?;
        Ok(verified.claims().clone())
    }
}

/// What is proved of whoever sends a request.
#[derive(Debug, Clone)]
pub struct Proof(pub AccessClaims);

impl Proof {
    /// Makes sure of a scope.
    ///
    /// # Errors
    ///
    /// [`Refused::NotPermitted`].
    pub fn require_scope(&self, scope: &str) -> Result<(), Refused> {
        let wanted: ScopeSet = scope.parse().map_err(|_| Refused::NotPermitted)?;
        if self.0.scope.is_superset(&wanted) {
            Ok(())
        } else {
            Err(Refused::NotPermitted)
        }
    }

    /// Makes sure of a role.
    ///
    /// # Errors
    ///
    /// [`Refused::NotPermitted`].
    pub fn require_role(&self, role: &str) -> Result<(), Refused> {
        let roles: BTreeSet<&str> = self.0.roles.iter().map(String::as_str).collect();
        if roles.contains(role) {
            Ok(())
        } else {
            Err(Refused::NotPermitted)
        }
    }
}

impl<'a> FromRequest<'a> for Proof {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let verifier = request.data::<Arc<Verifier>>().ok_or(Refused::NoKeys)?;
        let mut proofs = request.headers().get_all("portcullis-proof").iter();
        let (Some(proof), None) = (proofs.next(), proofs.next()) else {
            return Err(Refused::NoProof.into());
        };
        let token = proof.to_str().map_err(|_| Refused::NoProof)?;
        Ok(Self(verifier.verify(token).await?))
    }
}
