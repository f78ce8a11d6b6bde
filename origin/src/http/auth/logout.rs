//! `POST /auth/logout`: this session ends.

use poem::{Request, RequestBody};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions, OpenApi, registry::Registry,
};
use portcullis_shared::{ids::SessionId, problem::Code};

use super::signed_out::SignedOut;
use crate::{
    domain::{
        audit::Actor, context::Context, refresh::RefreshToken, revoke, session::EndReason, sessions,
    },
    http::{
        bearer::{self, Bearer, Means},
        cookie::Cookies,
        failure::Failure,
        origin::From,
        refused::{self, Declared, Refused},
        same_site::Proof,
        service::{Service, Shared},
    },
};

/// Who leaves.
enum Leaving {
    /// Somebody with an access token.
    Caller(Box<Bearer>),
    /// A browser whose access token has expired or is over: the session of its refresh token, if
    /// that is one of ours.
    Browser(Option<SessionId>),
}

impl Leaving {
    async fn of(request: &Request) -> Result<Self, Failure> {
        let failure = match bearer::identify(request).await {
            Ok(bearer) => return Ok(Self::Caller(Box::new(bearer))),
            Err(failure) => failure,
        };
        let nobody = failure.status().as_u16() == Code::InvalidToken.status();
        let headers = request.headers();
        let cookies = Cookies::of(headers)?;
        if !nobody || headers.contains_key("authorization") || !cookies.any() {
            return Err(failure);
        }
        let service = bearer::service(request)?;
        Proof::of(headers, &service.origins).require()?;
        let token = cookies
            .refresh
            .and_then(|token| RefreshToken::parse(&token, &service.app.master).ok());
        Ok(Self::Browser(token.map(|token| token.session)))
    }
}

impl<'a> ApiExtractor<'a> for Leaving {
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
    ) -> poem::Result<Self> {
        Ok(Self::of(request).await?)
    }
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[refused::BEARER, refused::COOKIE];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Log out
    ///
    /// The session of the access token ends. A browser forgets its cookies; where its access token
    /// has expired, the session of its refresh token ends.
    #[oai(path = "/auth/logout", method = "post", operation_id = "logout")]
    async fn logout(
        &self,
        service: Shared<'_>,
        leaving: Leaving,
        from: From,
    ) -> Result<SignedOut, Refused<Failures>> {
        match leaving {
            Leaving::Caller(caller) => Ok(SignedOut {
                seq: sessions::logout(&service.app, &caller.0, &from.0).await?,
                means: caller.1,
            }),
            Leaving::Browser(session) => Ok(end(&service, session, &from.0).await?),
        }
    }
}

async fn end(
    service: &Service,
    session: Option<SessionId>,
    from: &Context,
) -> Result<SignedOut, Failure> {
    let (app, reason) = (&service.app, EndReason::Logout);
    let seq = match session {
        Some(id) => revoke::end_session(app, id, None, reason, Actor::Bearer, from).await?,
        None => None,
    };
    Ok(SignedOut {
        seq,
        means: Means::Cookie,
    })
}
