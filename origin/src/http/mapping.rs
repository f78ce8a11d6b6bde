//! From the domain's errors to answers: here, and nowhere else, each by name. What the database
//! cannot do at the moment is an outage, never the client's fault; what it cannot do at all is a
//! fault of ours.

use portcullis_shared::problem::Code;

use super::{failure::Failure, oauth};
use crate::domain::{
    admin,
    api_key::{InvalidKeyName, exchange},
    caller, change_password, client,
    criteria::InvalidCriterion,
    entropy::EntropyError,
    feed,
    hashing::HashingError,
    links, login,
    mint::MintError,
    password::PasswordRule,
    plan::{count, run},
    refresh, registration, revoke, setup,
    signing_keys::KeyError,
    store::StoreError,
    throttle::Throttled,
    user::{InvalidEmail, InvalidRole, InvalidUsername, TooManyGrants},
};
use portcullis_shared::scope::InvalidScope;

/// The form that an endpoint's errors have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Problem,
    OAuth,
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Style {
    /// It may work later.
    fn outage(self, cause: impl Into<Cause>) -> Failure {
        match self {
            Self::Problem => Failure::new(Code::Unavailable).source(cause),
            Self::OAuth => Failure::oauth(oauth::Error::TemporarilyUnavailable).source(cause),
        }
    }

    /// It is our fault.
    fn fault(self, cause: impl Into<Cause>) -> Failure {
        match self {
            Self::Problem => Failure::fault(cause),
            Self::OAuth => Failure::oauth(oauth::Error::Fault).source(cause),
        }
    }

    fn store(self, error: StoreError) -> Failure {
        match error {
            StoreError::Unavailable(_) => self.outage(error),
            StoreError::Broken(_) => self.fault(error),
        }
    }

    fn key(self, error: KeyError) -> Failure {
        match error {
            KeyError::NoActiveKey => self.outage(error),
            KeyError::Sealed(..) | KeyError::Entropy(_) => self.fault(error),
            KeyError::Store(error) => self.store(error),
        }
    }

    fn mint(self, error: MintError) -> Failure {
        match error {
            MintError::Key(error) => self.key(error),
            MintError::Entropy(error) => self.fault(error),
            MintError::Malformed(_) => self.fault(error),
        }
    }

    fn hashing(self, error: HashingError) -> Failure {
        match error {
            HashingError::Busy => self.outage(error),
            HashingError::Malformed | HashingError::Entropy(_) => self.fault(error),
        }
    }
}

/// A member of the body that is not acceptable.
pub(crate) fn unacceptable(member: &str, why: impl std::fmt::Display) -> Failure {
    Failure::new(Code::ValidationFailed).detail(format!("{member}: {why}"))
}

/// Attempts are too many; `Retry-After` says until when.
pub(crate) fn throttled(error: Throttled) -> Failure {
    Failure::new(Code::TooManyRequests).after(u32::try_from(error.wait).unwrap_or(u32::MAX))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Style::Problem.store(error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Style::Problem.key(error)
    }
}

impl From<EntropyError> for Failure {
    fn from(error: EntropyError) -> Self {
        Style::Problem.fault(error)
    }
}

impl From<PasswordRule> for Failure {
    fn from(rule: PasswordRule) -> Self {
        unacceptable("password", rule)
    }
}

impl From<InvalidUsername> for Failure {
    fn from(error: InvalidUsername) -> Self {
        unacceptable("username", error)
    }
}

impl From<InvalidEmail> for Failure {
    fn from(error: InvalidEmail) -> Self {
        unacceptable("email", error)
    }
}

impl From<InvalidRole> for Failure {
    fn from(error: InvalidRole) -> Self {
        unacceptable("roles", error)
    }
}

impl From<InvalidScope> for Failure {
    fn from(error: InvalidScope) -> Self {
        unacceptable("scopes", error)
    }
}

impl From<login::Error> for Failure {
    fn from(error: login::Error) -> Self {
        match error {
            login::Error::InvalidCredentials => Self::new(Code::InvalidCredentials),
            login::Error::Banned | login::Error::Disabled => {
                Self::new(Code::Forbidden).detail(error.to_string())
            }
            login::Error::Full(full) => Self::new(Code::TooManySessions).detail(full.to_string()),
            login::Error::InvalidClient => unacceptable("client_id", error),
            login::Error::InvalidDevice => unacceptable("device", error),
            login::Error::Throttled(error) => throttled(error),
            login::Error::Hashing(error) => Style::Problem.hashing(error),
            login::Error::Entropy(error) => error.into(),
            login::Error::Mint(error) => Style::Problem.mint(error),
            login::Error::Store(error) => error.into(),
        }
    }
}

impl From<caller::Error> for Failure {
    fn from(error: caller::Error) -> Self {
        match error {
            caller::Error::InvalidToken => Self::new(Code::InvalidToken),
            caller::Error::NoSession => Self::new(Code::Forbidden).detail(error.to_string()),
            caller::Error::Key(error) => error.into(),
            caller::Error::Store(error) => error.into(),
        }
    }
}

impl From<caller::NotAdmin> for Failure {
    fn from(error: caller::NotAdmin) -> Self {
        Self::new(Code::Forbidden).detail(error.to_string())
    }
}

impl From<setup::Error> for Failure {
    fn from(error: setup::Error) -> Self {
        match error {
            setup::Error::InvalidToken => Self::new(Code::Forbidden).detail(error.to_string()),
            setup::Error::Password(rule) => rule.into(),
            setup::Error::Hashing(error) => Style::Problem.hashing(error),
            setup::Error::Store(error) => error.into(),
        }
    }
}

impl From<change_password::Error> for Failure {
    fn from(error: change_password::Error) -> Self {
        match error {
            change_password::Error::WrongPassword => Self::new(Code::WrongPassword),
            change_password::Error::SessionOver => Self::new(Code::InvalidToken),
            change_password::Error::Password(rule) => unacceptable("new_password", rule),
            change_password::Error::Throttled(error) => throttled(error),
            change_password::Error::Hashing(error) => Style::Problem.hashing(error),
            change_password::Error::Store(error) => error.into(),
        }
    }
}

impl From<links::Error> for Failure {
    fn from(error: links::Error) -> Self {
        match error {
            links::Error::NotPermitted(_) => Self::new(Code::Forbidden).detail(error.to_string()),
            links::Error::Lifetime(_) => unacceptable("expires_in", error),
            links::Error::TooLong => unacceptable("paths", error),
            links::Error::SessionOver => Self::new(Code::InvalidToken),
            links::Error::Malformed(_) => Style::Problem.fault(error),
            links::Error::Key(error) => error.into(),
            links::Error::Store(error) => error.into(),
        }
    }
}

impl From<registration::Error> for Failure {
    fn from(error: registration::Error) -> Self {
        match error {
            registration::Error::Closed => Self::new(Code::RegistrationClosed),
            registration::Error::NameTaken => Self::new(Code::Conflict).detail(error.to_string()),
            registration::Error::Password(rule) => rule.into(),
            registration::Error::Throttled(error) => throttled(error),
            registration::Error::Hashing(error) => Style::Problem.hashing(error),
            registration::Error::Entropy(error) => error.into(),
            registration::Error::Store(error) => error.into(),
        }
    }
}

impl From<admin::NotAdmin> for Failure {
    fn from(error: admin::NotAdmin) -> Self {
        Self::new(Code::Forbidden).detail(error.to_string())
    }
}

impl From<admin::LastAdmin> for Failure {
    fn from(error: admin::LastAdmin) -> Self {
        Self::new(Code::Conflict).detail(error.to_string())
    }
}

impl From<admin::StandingError> for Failure {
    fn from(error: admin::StandingError) -> Self {
        match error {
            admin::StandingError::Banned | admin::StandingError::Disabled => {
                Self::new(Code::Conflict).detail(error.to_string())
            }
            admin::StandingError::Own => Self::new(Code::Forbidden).detail(error.to_string()),
            admin::StandingError::NotAdmin(error) => error.into(),
            admin::StandingError::LastAdmin(error) => error.into(),
            admin::StandingError::Store(error) => error.into(),
        }
    }
}

impl From<admin::DeleteError> for Failure {
    fn from(error: admin::DeleteError) -> Self {
        match error {
            admin::DeleteError::NotAdmin(error) => error.into(),
            admin::DeleteError::LastAdmin(error) => error.into(),
            admin::DeleteError::Store(error) => error.into(),
        }
    }
}

impl From<admin::IssueError> for Failure {
    fn from(error: admin::IssueError) -> Self {
        match error {
            admin::IssueError::NotAdmin(error) => error.into(),
            admin::IssueError::Entropy(error) => error.into(),
            admin::IssueError::Store(error) => error.into(),
        }
    }
}

impl From<admin::CreateError> for Failure {
    fn from(error: admin::CreateError) -> Self {
        match error {
            admin::CreateError::NotAdmin(error) => error.into(),
            admin::CreateError::NameTaken => Self::new(Code::Conflict).detail(error.to_string()),
            admin::CreateError::TooManyGrants(error) => error.into(),
            admin::CreateError::Password(rule) => rule.into(),
            admin::CreateError::Hashing(error) => Style::Problem.hashing(error),
            admin::CreateError::Entropy(error) => error.into(),
            admin::CreateError::Store(error) => error.into(),
        }
    }
}

impl From<admin::CreateKeyError> for Failure {
    fn from(error: admin::CreateKeyError) -> Self {
        match error {
            admin::CreateKeyError::NotAdmin(error) => error.into(),
            admin::CreateKeyError::NoSuchClient => unacceptable("client_id", error),
            admin::CreateKeyError::InvalidExpiry => unacceptable("expires_at", error),
            admin::CreateKeyError::TooManyGrants(error) => unacceptable("scopes", error),
            admin::CreateKeyError::TooManyKeys(error) => error.into(),
            admin::CreateKeyError::Entropy(error) => error.into(),
            admin::CreateKeyError::Store(error) => error.into(),
        }
    }
}

impl From<admin::TooManyKeys> for Failure {
    fn from(error: admin::TooManyKeys) -> Self {
        Self::new(Code::Conflict).detail(error.to_string())
    }
}

impl From<admin::RotateKeyError> for Failure {
    fn from(error: admin::RotateKeyError) -> Self {
        match error {
            admin::RotateKeyError::Over | admin::RotateKeyError::Replaced => {
                Self::new(Code::Conflict).detail(error.to_string())
            }
            admin::RotateKeyError::NotAdmin(error) => error.into(),
            admin::RotateKeyError::TooManyKeys(error) => error.into(),
            admin::RotateKeyError::Entropy(error) => error.into(),
            admin::RotateKeyError::Store(error) => error.into(),
        }
    }
}

impl From<admin::RevokeKeyError> for Failure {
    fn from(error: admin::RevokeKeyError) -> Self {
        match error {
            admin::RevokeKeyError::NotAdmin(error) => error.into(),
            admin::RevokeKeyError::Store(error) => error.into(),
        }
    }
}

impl From<InvalidKeyName> for Failure {
    fn from(error: InvalidKeyName) -> Self {
        unacceptable("name", error)
    }
}

impl From<admin::InvalidOverlap> for Failure {
    fn from(error: admin::InvalidOverlap) -> Self {
        unacceptable("overlap_seconds", error)
    }
}

impl From<TooManyGrants> for Failure {
    fn from(error: TooManyGrants) -> Self {
        unacceptable("roles, scopes", error)
    }
}

impl From<admin::ChangeError> for Failure {
    fn from(error: admin::ChangeError) -> Self {
        match error {
            admin::ChangeError::TooManyGrants(error) => error.into(),
            admin::ChangeError::NotAdmin(error) => error.into(),
            admin::ChangeError::LastAdmin(error) => error.into(),
            admin::ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<InvalidCriterion> for Failure {
    fn from(error: InvalidCriterion) -> Self {
        unacceptable(error.member, error.reason)
    }
}

impl From<count::Error> for Failure {
    fn from(error: count::Error) -> Self {
        match error {
            count::Error::Entropy(error) => error.into(),
            count::Error::Store(error) => error.into(),
        }
    }
}

impl From<run::Error> for Failure {
    fn from(error: run::Error) -> Self {
        match error {
            run::Error::NoSuchPlan => Self::new(Code::NotFound).detail(error.to_string()),
            run::Error::Expired => Self::new(Code::Conflict).detail(error.to_string()),
            run::Error::NotAdmin(error) => error.into(),
            run::Error::Store(error) => error.into(),
        }
    }
}

impl From<feed::Error> for Failure {
    fn from(error: feed::Error) -> Self {
        match error {
            feed::Error::Busy => Style::Problem.outage(error),
            feed::Error::Key(error) => error.into(),
            feed::Error::Malformed(_) => Style::Problem.fault(error),
            feed::Error::Store(error) => error.into(),
        }
    }
}

impl From<client::InvalidClient> for Failure {
    fn from(_: client::InvalidClient) -> Self {
        Self::oauth(oauth::Error::InvalidClient)
    }
}

impl From<exchange::Error> for Failure {
    fn from(error: exchange::Error) -> Self {
        match error {
            exchange::Error::InvalidGrant(_) => {
                Self::oauth(oauth::Error::InvalidGrant).detail(error.to_string())
            }
            exchange::Error::InvalidScope => Self::oauth(oauth::Error::InvalidScope),
            exchange::Error::Mint(error) => Style::OAuth.mint(error),
            exchange::Error::Store(error) => Style::OAuth.store(error),
        }
    }
}

impl From<refresh::Error> for Failure {
    fn from(error: refresh::Error) -> Self {
        match error {
            refresh::Error::InvalidGrant => Self::oauth(oauth::Error::InvalidGrant),
            refresh::Error::InvalidScope => Self::oauth(oauth::Error::InvalidScope),
            refresh::Error::TooManyReplays => {
                Self::oauth(oauth::Error::SlowDown).detail(error.to_string())
            }
            refresh::Error::Mint(error) => Style::OAuth.mint(error),
            refresh::Error::Store(error) => Style::OAuth.store(error),
        }
    }
}

impl From<revoke::Error> for Failure {
    fn from(error: revoke::Error) -> Self {
        match error {
            revoke::Error::Key(error) => Style::OAuth.key(error),
            revoke::Error::Store(error) => Style::OAuth.store(error),
        }
    }
}

/// Who calls an OAuth endpoint by bearer token is not known.
pub(crate) fn oauth_caller(error: caller::Error) -> Failure {
    match error {
        caller::Error::InvalidToken => Failure::oauth(oauth::Error::InvalidToken),
        caller::Error::NoSession => {
            Failure::oauth(oauth::Error::AccessDenied).detail(error.to_string())
        }
        caller::Error::Key(error) => Style::OAuth.key(error),
        caller::Error::Store(error) => Style::OAuth.store(error),
    }
}

/// Who calls an OAuth endpoint by bearer token is no administrator.
pub(crate) fn oauth_not_admin(error: caller::NotAdmin) -> Failure {
    Failure::oauth(oauth::Error::AccessDenied).detail(error.to_string())
}
