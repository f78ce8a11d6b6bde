//! Why a request is refused, or would be: a closed set, for logs and counters.
//!
//! Invariant: a name never changes its meaning, since dashboards and alarms are built on it; and a
//! reason holds nothing of a request. No client is told one.

use portcullis_shared::{
    link::{self, NotGenuine},
    revocation::Kind,
    token::Refusal,
};

use crate::{credential::CredentialFault, target::TargetFault};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $text:literal;)*) => {
        /// Why a request is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// A sentence for people; may change.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

reasons! {
    /// The URL is not one that can be judged.
    Url = "url", "the URL cannot be read";
    /// The path can be read in more than one way.
    AmbiguousPath = "ambiguous_path", "the path can be read in more than one way";
    /// A method that is never forwarded.
    ForbiddenMethod = "forbidden_method", "a method that is never forwarded";
    /// No rule names the path.
    NoRoute = "no_route", "no rule names the path";
    /// The path is known, but not for this method.
    MethodNotAllowed = "method_not_allowed", "no rule of the path names the method";
    /// A preflight of a page that may not call.
    PreflightOrigin = "preflight_origin", "a preflight from an origin that is not listed";
    /// A credential is needed, and none came.
    NoCredential = "no_credential", "no credential";
    /// More than one credential.
    SeveralCredentials = "several_credentials", "more than one credential";
    /// A credential of a kind that the route does not take.
    CredentialKind = "credential_kind", "a credential of a kind that is not taken here";
    /// The right kind, but what follows cannot be one.
    MalformedCredential = "malformed_credential", "a malformed credential";
    /// A cookie, and nothing shows that a page of this site sent it.
    CrossSite = "cross_site", "a cookie without a proof that a page of this site sent it";
    /// Cookie and token are not of one session, or cookie and API key not of one owner.
    Contradiction = "contradiction", "the cookie beside the credential is somebody else's";
    /// Keys or revocations are missing or too old.
    Unavailable = "unavailable", "keys or revocations are missing or too old";
    /// See [`Refusal::TooLong`].
    TokenTooLong = "token_too_long", "the token is too long";
    /// See [`Refusal::Malformed`].
    TokenMalformed = "token_malformed", "the token is malformed";
    /// See [`Refusal::Header`].
    TokenHeader = "token_header", "the token's header is not acceptable";
    /// See [`Refusal::Algorithm`].
    TokenAlgorithm = "token_algorithm", "the token's algorithm is not acceptable";
    /// See [`Refusal::Type`].
    TokenType = "token_type", "not an access token";
    /// See [`Refusal::UnknownKey`].
    UnknownKey = "unknown_key", "the token's signing key is not known";
    /// See [`Refusal::Signature`].
    Signature = "signature", "the signature does not match";
    /// See [`Refusal::Claims`].
    Claims = "claims", "the claims are malformed";
    /// See [`Refusal::Issuer`].
    Issuer = "issuer", "another issuer";
    /// See [`Refusal::Lifetime`].
    Lifetime = "lifetime", "a longer lifetime than the issuer grants";
    /// See [`Refusal::Expired`].
    Expired = "expired", "expired";
    /// See [`Refusal::NotYetValid`].
    NotYetValid = "not_yet_valid", "not valid yet";
    /// See [`Refusal::Audience`].
    Audience = "audience", "another audience";
    /// A link to another host.
    LinkHost = "link_host", "a link to another host";
    /// A link to another path.
    LinkPath = "link_path", "a link to another path";
    /// A link with another query.
    LinkQuery = "link_query", "a link with another query";
    /// A link for other methods, or with a protocol that goes on after the answer.
    LinkMethod = "link_method", "a link for other methods";
    /// The session was revoked.
    RevokedSession = "revoked_session", "the session is revoked";
    /// The API key was revoked.
    RevokedApiKey = "revoked_api_key", "the API key is revoked";
    /// The signing key was withdrawn.
    RevokedSigningKey = "revoked_signing_key", "the signing key is withdrawn";
    /// The user's tokens were revoked.
    RevokedUser = "revoked_user", "the user's tokens are revoked";
    /// An API key whose checksum is wrong.
    NotAnApiKey = "not_an_api_key", "not an API key";
    /// The origin says that the API key is no good, or has said so a moment ago.
    ApiKeyRefused = "api_key_refused", "the API key is not known, or no good";
    /// The origin gave a token that is not the API key's.
    OtherApiKey = "other_api_key", "a token that is not the API key's";
    /// Too many API keys that are no good.
    TooManyApiKeys = "too_many_api_keys", "too many API keys that are no good";
    /// The API key could not be exchanged.
    NotExchanged = "not_exchanged", "the API key could not be exchanged for a token";
    /// A scope is lacking.
    Scope = "scope", "a scope is lacking";
    /// None of the roles that are asked for.
    Role = "role", "no role that is asked for";
}

impl Reason {
    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.text())
    }
}

impl From<&TargetFault> for Reason {
    fn from(fault: &TargetFault) -> Self {
        match fault {
            TargetFault::Url => Self::Url,
            TargetFault::Ambiguous => Self::AmbiguousPath,
        }
    }
}

impl From<CredentialFault> for Reason {
    fn from(fault: CredentialFault) -> Self {
        match fault {
            CredentialFault::Several => Self::SeveralCredentials,
            CredentialFault::Kind => Self::CredentialKind,
            CredentialFault::Malformed => Self::MalformedCredential,
        }
    }
}

impl From<&Refusal> for Reason {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::TooLong => Self::TokenTooLong,
            Refusal::Malformed => Self::TokenMalformed,
            Refusal::Header => Self::TokenHeader,
            Refusal::Algorithm => Self::TokenAlgorithm,
            Refusal::Type => Self::TokenType,
            Refusal::UnknownKey(_) => Self::UnknownKey,
            Refusal::Signature => Self::Signature,
            Refusal::Claims => Self::Claims,
            Refusal::Issuer => Self::Issuer,
            Refusal::Audience => Self::Audience,
            Refusal::Expired => Self::Expired,
            Refusal::NotYetValid => Self::NotYetValid,
            Refusal::Lifetime => Self::Lifetime,
        }
    }
}

impl From<&link::Refusal> for Reason {
    fn from(refusal: &link::Refusal) -> Self {
        match refusal {
            link::Refusal::NotGenuine(NotGenuine::TooLong) => Self::TokenTooLong,
            link::Refusal::NotGenuine(NotGenuine::Malformed) => Self::TokenMalformed,
            link::Refusal::NotGenuine(NotGenuine::Header) => Self::TokenHeader,
            link::Refusal::NotGenuine(NotGenuine::Algorithm) => Self::TokenAlgorithm,
            link::Refusal::NotGenuine(NotGenuine::Type) => Self::TokenType,
            link::Refusal::NotGenuine(NotGenuine::Signature) => Self::Signature,
            link::Refusal::UnknownKey(_) => Self::UnknownKey,
            link::Refusal::Claims => Self::Claims,
            link::Refusal::Issuer => Self::Issuer,
            link::Refusal::Lifetime => Self::Lifetime,
            link::Refusal::Expired => Self::Expired,
            link::Refusal::NotYetValid => Self::NotYetValid,
            link::Refusal::Host => Self::LinkHost,
            link::Refusal::Path => Self::LinkPath,
            link::Refusal::Query => Self::LinkQuery,
            link::Refusal::Method => Self::LinkMethod,
        }
    }
}

impl From<Kind> for Reason {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Session => Self::RevokedSession,
            Kind::ApiKey => Self::RevokedApiKey,
            Kind::SigningKey => Self::RevokedSigningKey,
            Kind::User => Self::RevokedUser,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_stands_at_its_index() {
        let names: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), index);
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(reason.name().bytes().all(plain), "{reason:?}");
        }
    }
}
