//! Signing links: URLs that work without a credential, for one thing and a while
//! ([`portcullis_shared::link`]).
//!
//! Who may have what signed is declared in the settings ([`Permission`]); where nothing is, nobody
//! may. Whoever may read a thing for ever must not be able to hand that on for ever: a link lives as
//! long as its permission allows, and ends with its user's revocation or its key's, not with a
//! logout.
//!
//! Invariant: before a link is signed, the user's row says `iat` and `exp` at least as late as the
//! link's. They are written in a transaction that makes sure that the user may still sign. So a
//! revocation either comes before that, and refuses it, or covers the link: its `not_before` is not
//! before the `iat`, and its entry stands until after the `exp`. Since the times are rounded, most
//! links find the row as they need it.

mod target;

pub use target::{InvalidTarget, Target};

use portcullis_shared::{
    link::{
        self, LinkClaims, LinkMethods, LinkPath, PARAMETER, QueryDigest, ResponseHeaders,
        SignError, Times,
    },
    scope::ScopeSet,
    time::UnixSeconds,
};

use crate::domain::{
    app::App,
    caller::Caller,
    session::Session,
    signing_keys::KeyError,
    store::{StoreError, UserChange},
    transaction,
    user::{SignedLinks, User},
};

/// The shortest lifetime of a link, in seconds; below, rounding would leave nothing of it.
pub const MIN_LIFETIME: i64 = 10;

/// What users may have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Scheme, host and port of the URLs.
    pub base_url: String,
    /// The host alone, as [`LinkClaims::host`] has it.
    pub host: String,
    /// The paths.
    pub path: LinkPath,
    /// The scopes that user and access token must have, all of them.
    pub scopes: ScopeSet,
    /// The longest lifetime, in seconds.
    pub max_lifetime: i64,
}

/// What is to be signed.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The things, one link each.
    pub targets: Vec<Target>,
    /// On which host; that of the issuer where none is named.
    pub host: Option<String>,
    /// For which methods.
    pub methods: LinkMethods,
    /// For how many seconds at most.
    pub lifetime: i64,
    /// What the answers' headers shall say.
    pub headers: Option<ResponseHeaders>,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it was asked for.
    pub target: Target,
    /// What stands before the path in its URLs.
    pub base_url: String,
    /// The parameter with its name, which goes behind whatever query there is.
    pub parameter: String,
}

impl Link {
    /// The URL; none for a link to many.
    pub fn url(&self) -> Option<String> {
        if self.target.path.is_prefix() {
            return None;
        }
        let (base, path, parameter) = (&self.base_url, &self.target.path, &self.parameter);
        Some(match &self.target.query {
            Some(query) => format!("{base}{path}?{query}&{parameter}"),
            None => format!("{base}{path}?{parameter}"),
        })
    }
}

/// Why no link was signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No permission is for this, or the caller lacks the scopes: both look alike.
    #[error("links to {0} are not yours to sign")]
    NotPermitted(String),
    /// Shorter than [`MIN_LIFETIME`], or longer than is permitted.
    #[error("must be between {MIN_LIFETIME} and {0}")]
    Lifetime(i64),
    /// It has no room for such paths and headers.
    #[error("the link would be longer than verifiers take")]
    TooLong,
    /// The caller's session is over, or the user is out.
    #[error("the session is over")]
    SessionOver,
    /// The claims could not be written.
    #[error("the link could not be written")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// See [`KeyError`].
    #[error(transparent)]
    Key(#[from] KeyError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignError> for Error {
    fn from(error: SignError) -> Self {
        match error {
            SignError::TooLong => Self::TooLong,
            SignError::Claims | SignError::Json(_) => Self::Malformed(error.into()),
        }
    }
}

/// The longest lifetime of what a key signs: it is published so long after its last use.
pub fn longest_signature(token_lifetime: i64, permissions: &[Permission]) -> i64 {
    let links = permissions.iter().map(|permission| permission.max_lifetime);
    links.fold(token_lifetime, i64::max)
}

/// Signs a link for each target. All have the same times; so have those of the same wish a little
/// later, and are the same links.
///
/// # Errors
///
/// See [`Error`].
pub async fn sign(app: &App, caller: &Caller, wish: Wish) -> Result<(Vec<Link>, Times), Error> {
    let permissions = permissions(app, caller, &wish)?;
    let key = app.signing.active(app).await?;
    let times = authorise(app, caller, &wish, &permissions).await?;
    let issuer = &app.config.issuer;
    let links = wish
        .targets
        .iter()
        .zip(permissions)
        .map(|(target, permitted)| {
            let permission = permitted.governing;
            let claims = LinkClaims {
                iss: issuer.clone(),
                sub: caller.user.id.to_string(),
                iat: times.iat,
                exp: times.exp,
                host: permission.host.clone(),
                path: target.path.clone(),
                methods: wish.methods.clone(),
                query: QueryDigest::of(target.query.as_deref()),
                headers: wish.headers.clone(),
            };
            Ok(Link {
                target: target.clone(),
                base_url: permission.base_url.clone(),
                parameter: format!("{PARAMETER}={}", link::sign(&key, &claims)?),
            })
        });
    let links: Result<_, Error> = links.collect();
    Ok((links?, times))
}

/// What the settings say about a target.
struct Permitted<'a> {
    /// That of the longest path.
    governing: &'a Permission,
    /// Those for a part of what a link to many would open, which must be satisfied as well.
    below: Vec<&'a Permission>,
}

impl<'a> Permitted<'a> {
    fn all(&self) -> impl Iterator<Item = &'a Permission> {
        std::iter::once(self.governing).chain(self.below.iter().copied())
    }

    fn scopes(&self) -> ScopeSet {
        let scopes = self.all().flat_map(|permission| permission.scopes.iter());
        scopes.cloned().collect()
    }

    fn max_lifetime(&self) -> i64 {
        let lifetimes = self.all().map(|permission| permission.max_lifetime);
        lifetimes.fold(self.governing.max_lifetime, i64::min)
    }
}

/// What is permitted for each target; the caller has the scopes of all.
fn permissions<'a>(
    app: &'a App,
    caller: &Caller,
    wish: &Wish,
) -> Result<Vec<Permitted<'a>>, Error> {
    let host = wish.host.as_deref().or_else(|| host_of(&app.config.issuer));
    let granted = caller.claims().scope.intersection(&caller.user.scopes);
    let permission = |target: &Target| {
        let of_host = || {
            let all = app.config.links.iter();
            all.filter(|permission| Some(permission.host.as_str()) == host)
        };
        let all = of_host().filter(|permission| permission.path.covers(&target.path));
        let governing = all.max_by_key(|permission| {
            (
                permission.path.literal().len(),
                !permission.path.is_prefix(),
            )
        });
        let below = of_host().filter(|permission| target.path.covers(&permission.path));
        let permitted = governing
            .map(|governing| Permitted {
                governing,
                below: below.collect(),
            })
            .filter(|permitted| granted.is_superset(&permitted.scopes()))
            .ok_or_else(|| Error::NotPermitted(target.path.to_string()))?;
        let longest = permitted.max_lifetime();
        if (MIN_LIFETIME..=longest).contains(&wish.lifetime) {
            Ok(permitted)
        } else {
            Err(Error::Lifetime(longest))
        }
    };
    wish.targets.iter().map(permission).collect()
}

/// The host of a URL without a user in it.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some(host),
        _ => Some(authority),
    }
}

/// Fixes the times of links, and makes sure that a revocation of the user covers them.
async fn authorise(
    app: &App,
    caller: &Caller,
    wish: &Wish,
    permissions: &[Permitted<'_>],
) -> Result<Times, Error> {
    let (now, lifetime) = (app.clock.now(), wish.lifetime);
    let times = Times::rounded(now, lifetime, caller.user.not_before);
    if covers(caller.user.links, times) {
        return Ok(times);
    }
    let signing = Signing {
        caller: caller.clone(),
        scopes: permissions
            .iter()
            .flat_map(|permitted| permitted.all().flat_map(|one| one.scopes.iter().cloned()))
            .collect(),
        lifetime,
        now,
    };
    let decide = move |user: &User, sessions: &[Session]| signing.decide(user, sessions);
    let done =
        transaction::with_user(app.store.as_ref(), caller.user.id, app.now(), decide).await?;
    let (times, _) = done.ok_or(Error::SessionOver)?;
    times
}

/// Whether a revocation of a user with such links covers one with these times.
fn covers(links: SignedLinks, times: Times) -> bool {
    links.last_iat >= times.iat && links.last_exp >= times.exp
}

/// What a link depends on beside the user's row and sessions.
struct Signing {
    caller: Caller,
    scopes: ScopeSet,
    lifetime: i64,
    now: UnixSeconds,
}

impl Signing {
    fn decide(&self, user: &User, sessions: &[Session]) -> (UserChange, Result<Times, Error>) {
        let goes_on = user.is_active()
            && user.scopes.is_superset(&self.scopes)
            && self.caller.claims().iat > user.not_before
            && sessions
                .iter()
                .any(|session| session.id == self.caller.session.id && session.is_active(self.now));
        if !goes_on {
            return (UserChange::default(), Err(Error::SessionOver));
        }
        let times = Times::rounded(self.now, self.lifetime, user.not_before);
        let links = SignedLinks {
            last_iat: user.links.last_iat.max(times.iat),
            last_exp: user.links.last_exp.max(times.exp),
        };
        let change = UserChange {
            user: (links != user.links).then(|| User {
                links,
                ..user.clone()
            }),
            ..UserChange::default()
        };
        (change, Ok(times))
    }
}
