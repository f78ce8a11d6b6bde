//! Who calls: the `Authorization` header (RFC 6750 §2.1), and the extractors for a caller and an
//! administrator. The database decides, not the token (see [`crate::domain::caller`]).

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

use super::{failure::Failure, service::Service};
use crate::domain::{
    app::App,
    caller::{self, Caller},
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

/// Somebody with an access token and an active session.
#[derive(Debug)]
pub(crate) struct Bearer(pub Caller);

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

async fn caller(request: &Request) -> Result<(Caller, Zeroizing<String>)> {
    let token = match authorization(request.headers()) {
        Ok(Authorization::Bearer(token)) => token,
        Ok(Authorization::Absent | Authorization::Basic(_)) | Err(Malformed::Scheme) => {
            return Err(Failure::new(Code::AuthenticationRequired).into());
        }
        Err(Malformed::Repeated) => {
            let failure = Failure::new(Code::InvalidRequest);
            return Err(failure.detail("there are two Authorization headers").into());
        }
    };
    let app = &service(request)?.app;
    let caller = caller::authenticate(app, &token)
        .await
        .map_err(Failure::from)?;
    tracing::Span::current().record("user", tracing::field::display(caller.user.id));
    Ok((caller, token))
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
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let (caller, _) = caller(request).await?;
        Ok(Self(caller))
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
        let (caller, token) = caller(request).await?;
        let app = &service(request)?.app;
        let admin = caller::require_admin(app, caller).map_err(Failure::from)?;
        Ok(Self { admin, token })
    }
}
