//! Who calls: the `Authorization` header (RFC 6750 §2.1) or a browser's cookie, and the extractors
//! for a caller and an administrator. The database decides, not the token (see
//! [`crate::domain::caller`]).
//!
//! A cookie says who calls only where the request is shown to come from this site, or changes
//! nothing. Administration is by the header alone.

use std::sync::Arc;

use poem::{
    Request, RequestBody, Result,
    http::{HeaderMap, header},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use portcullis_shared::problem::Code;
use zeroize::Zeroizing;

use super::{
    cookie::{self, Cookies},
    failure::Failure,
    same_site::{self, Proof},
    service::Service,
};
use crate::domain::{
    app::{ADMIN_CLIENT, App},
    caller::{self, Caller},
    introspect,
};

/// What an `Authorization` header holds.
#[derive(Debug)]
pub(crate) enum Authorization {
    /// There is none.
    Absent,
    /// A bearer token.
    Bearer(Zeroizing<String>),
    /// The credentials of HTTP Basic, still encoded.
    Basic(Zeroizing<String>),
}

/// Why an `Authorization` header is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// There are two.
    Repeated,
    /// It is of another scheme, or no text.
    Scheme,
}

/// Reads the `Authorization` header; the scheme's case does not matter.
///
/// # Errors
///
/// See [`Malformed`].
pub(crate) fn authorization(headers: &HeaderMap) -> std::result::Result<Authorization, Malformed> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(Authorization::Absent);
    };
    if values.next().is_some() {
        return Err(Malformed::Repeated);
    }
    let text = value.to_str().map_err(|_| Malformed::Scheme)?;
    let (scheme, credentials) = text.split_once(' ').ok_or(Malformed::Scheme)?;
    let credentials = Zeroizing::new(credentials.trim_matches(' ').to_owned());
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Authorization::Bearer(credentials))
    } else if scheme.eq_ignore_ascii_case("basic") {
        Ok(Authorization::Basic(credentials))
    } else {
        Err(Malformed::Scheme)
    }
}

/// How a caller showed the access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// In the `Authorization` header.
    Header,
    /// In a cookie.
    Cookie,
}

/// Somebody with an access token and an active session.
#[derive(Debug)]
pub(crate) struct Bearer(pub Caller, pub Means);

/// Whoever has an access token that is good: somebody who logged in, or an API key.
#[derive(Debug)]
pub(crate) struct Anybody(pub caller::Bearer);

/// An administrator with a token of the administration.
#[derive(Debug)]
pub(crate) struct Administrator {
    /// Who it is.
    pub admin: caller::Admin,
    token: Zeroizing<String>,
}

impl Administrator {
    /// Who administrates now. A body may take its time to arrive; whoever was banned or demoted
    /// meanwhile has nothing done by it.
    ///
    /// # Errors
    ///
    /// As for a request that begins now.
    pub(crate) async fn still(self, app: &App) -> std::result::Result<Self, Failure> {
        let caller = caller::authenticate(app, &self.token).await?;
        let admin = caller::require_admin(app, caller)?;
        Ok(Self { admin, ..self })
    }
}

/// Who calls, by header or by cookie.
///
/// # Errors
///
/// 401 where nobody is known to call, 403 for a cookie that may come from another site, 400 for
/// credentials that contradict each other.
pub(crate) async fn identify(request: &Request) -> std::result::Result<Bearer, Failure> {
    let cookie = Cookies::of(request.headers())?.access;
    match (token_of_header(request.headers())?, cookie) {
        (Some(token), None) => Ok(Bearer(caller(request, &token).await?, Means::Header)),
        (Some(token), Some(cookie)) => {
            let caller = caller(request, &token).await?;
            let app = &service(request)?.app;
            if introspect::session_of(app, &cookie).await? == Some(caller.session.id) {
                return Ok(Bearer(caller, Means::Header));
            }
            Err(contradiction())
        }
        (None, Some(cookie)) => {
            if !same_site::is_safe(request.method()) {
                Proof::of(request.headers(), &service(request)?.origins).require()?;
            }
            let caller = caller(request, &cookie).await?;
            // No login puts one there.
            if caller.session.client_id == ADMIN_CLIENT {
                return Err(Failure::new(Code::InvalidToken));
            }
            Ok(Bearer(caller, Means::Cookie))
        }
        (None, None) => Err(Failure::new(Code::AuthenticationRequired)),
    }
}

/// The bearer token of the header; none where there is no header.
fn token_of_header(headers: &HeaderMap) -> std::result::Result<Option<Zeroizing<String>>, Failure> {
    match authorization(headers) {
        Ok(Authorization::Bearer(token)) => Ok(Some(token)),
        Ok(Authorization::Absent) => Ok(None),
        Ok(Authorization::Basic(_)) | Err(Malformed::Scheme) => {
            Err(Failure::new(Code::AuthenticationRequired))
        }
        Err(Malformed::Repeated) => {
            let failure = Failure::new(Code::InvalidRequest);
            Err(failure.detail("there are two Authorization headers"))
        }
    }
}

fn contradiction() -> Failure {
    let detail = "the Authorization header and the cookie are not of one session";
    Failure::new(Code::InvalidRequest).detail(detail)
}

/// Who calls, be it an API key; otherwise as [`identify`].
async fn anybody(request: &Request) -> std::result::Result<caller::Bearer, Failure> {
    if let Some(token) = token_of_header(request.headers())? {
        let found = caller::identify(&service(request)?.app, &token).await?;
        if let caller::Bearer::ApiKey(caller) = &found {
            if Cookies::of(request.headers())?.access.is_some() {
                return Err(contradiction());
            }
            tracing::Span::current().record("user", tracing::field::display(caller.owner.id));
            return Ok(found);
        }
    }
    let Bearer(caller, _) = identify(request).await?;
    Ok(caller::Bearer::Session(Box::new(caller)))
}

async fn caller(request: &Request, token: &str) -> std::result::Result<Caller, Failure> {
    let caller = caller::authenticate(&service(request)?.app, token).await?;
    tracing::Span::current().record("user", tracing::field::display(caller.user.id));
    Ok(caller)
}

/// The service that the request came to.
///
/// # Errors
///
/// 500 where the routes were put together without it.
pub(crate) fn service(request: &Request) -> Result<&Arc<Service>, Failure> {
    request
        .data::<Arc<Service>>()
        .ok_or_else(|| Failure::fault("there is no service"))
}

const SCHEME: &str = "bearer";
const COOKIE_SCHEME: &str = "cookie";

fn register_cookie_scheme(registry: &mut Registry) {
    let scheme = MetaSecurityScheme {
        ty: "apiKey",
        description: Some(
            "The access token of a browser that logged in with cookies. What changes something \
             needs `Sec-Fetch-Site: same-origin` too, or the `Origin` of this site.",
        ),
        name: Some(cookie::ACCESS),
        key_in: Some("cookie"),
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(COOKIE_SCHEME, scheme);
}

fn register_scheme(registry: &mut Registry) {
    let scheme = MetaSecurityScheme {
        ty: "http",
        description: Some("An access token of this service."),
        name: None,
        key_in: None,
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(SCHEME, scheme);
}

impl<'a> ApiExtractor<'a> for Bearer {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_scheme(registry);
        register_cookie_scheme(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME, COOKIE_SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        Ok(identify(request).await?)
    }
}

impl<'a> ApiExtractor<'a> for Anybody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Bearer::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Bearer::security_schemes()
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        Ok(Self(anybody(request).await?))
    }
}

impl<'a> ApiExtractor<'a> for Administrator {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_scheme(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let token = token_of_header(request.headers())?
            .ok_or_else(|| Failure::new(Code::AuthenticationRequired))?;
        let caller = caller(request, &token).await?;
        let app = &service(request)?.app;
        let admin = caller::require_admin(app, caller).map_err(Failure::from)?;
        Ok(Self { admin, token })
    }
}
