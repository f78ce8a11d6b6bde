//! `POST /auth/signed-urls`: URLs that work without a credential, for a while.

use std::str::FromStr;

use poem_openapi::{Enum, Object, OpenApi};
use portcullis_shared::{
    link::{Attachment, LinkMethod, LinkMethods, ResponseHeaders, is_host},
    problem::Code,
};
use serde::Deserialize;

use crate::{
    domain::links::{self, Link, Target, Wish},
    http::{
        answer::Ok,
        bearer::Bearer,
        body::{Strict, present},
        failure::Failure,
        mapping::unacceptable,
        refused::{self, Declared, Refused},
        service::Shared,
    },
};

/// How many links one request may ask for.
const MANY: usize = 100;

/// What is to be signed.
#[derive(Object, Deserialize)]
#[oai(rename = "SignedUrlsRequest")]
#[serde(deny_unknown_fields)]
struct Body {
    /// What the links lead to: paths such as `/images/cat.png?w=100`, each perhaps with a query, or
    /// `/images/7/*` for all below one. What has to be percent-encoded in a URL is so here.
    #[oai(validator(min_items = 1, max_items = 100))]
    paths: Vec<String>,
    /// The host of the URLs, in lower case and without a port; absent: that of the issuer.
    #[serde(default, deserialize_with = "present")]
    host: Option<String>,
    /// What the links can be used with; absent: GET, which lets HEAD pass too.
    #[serde(default, deserialize_with = "present")]
    #[oai(validator(min_items = 1, max_items = 2))]
    methods: Option<Vec<Method>>,
    /// For how many seconds the links work at most. They work at least three quarters of that: the
    /// times are rounded, so that the same request gives the same links for a while.
    #[oai(validator(minimum(value = "10"), maximum(value = "604800")))]
    expires_in: i64,
    /// What the answers' headers shall say in place of the upstream's.
    #[serde(default, deserialize_with = "present")]
    headers: Option<Headers>,
}

/// A method that a link can be used with.
#[derive(Enum, Deserialize, Clone, Copy)]
#[oai(rename = "SignedUrlMethod", rename_all = "UPPERCASE")]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    /// GET, and HEAD with it.
    Get,
    /// HEAD alone.
    Head,
}

/// The headers that a link can set.
#[derive(Object, Deserialize)]
#[oai(rename = "SignedUrlHeaders")]
#[serde(deny_unknown_fields)]
struct Headers {
    /// `attachment`, perhaps with a name for the file: `attachment; filename="cat.png"`.
    #[serde(rename = "content-disposition")]
    #[oai(rename = "content-disposition")]
    content_disposition: String,
}

/// The links, in the order of the paths.
#[derive(Object)]
#[oai(rename = "SignedUrls")]
struct Answer {
    links: Vec<Signed>,
    /// When they stop working, in Unix seconds.
    expires_at: i64,
    /// Seconds until then.
    expires_in: i64,
}

/// A link.
#[derive(Object)]
#[oai(rename = "SignedUrl", skip_serializing_if_is_none)]
struct Signed {
    /// What was asked for.
    path: String,
    /// The whole URL; absent where the path ends in `/*`.
    url: Option<String>,
    /// The query parameter with its name, to be put behind whatever query a URL has.
    parameter: String,
}

impl From<Link> for Signed {
    fn from(link: Link) -> Self {
        Self {
            path: link.target.to_string(),
            url: link.url(),
            parameter: link.parameter,
        }
    }
}

impl TryFrom<Body> for Wish {
    type Error = Failure;

    fn try_from(body: Body) -> Result<Self, Failure> {
        if !(1..=MANY).contains(&body.paths.len()) {
            return Err(unacceptable("paths", format!("must be 1 to {MANY}")));
        }
        let host = body.host.as_deref();
        if host.is_some_and(|host| !is_host(host)) {
            return Err(unacceptable(
                "host",
                "must be a host in lower case, without a port",
            ));
        }
        let methods = body.methods.unwrap_or_else(|| vec![Method::Get]);
        let methods: Vec<_> = methods.into_iter().map(LinkMethod::from).collect();
        let targets = body.paths.iter().map(|path| Target::from_str(path));
        let targets: Result<_, _> = targets.collect();
        let headers = body.headers.map(|headers| {
            let value: Result<Attachment, _> = headers.content_disposition.parse();
            value.map(|content_disposition| ResponseHeaders {
                content_disposition,
            })
        });
        let headers = headers.transpose();
        Result::Ok(Self {
            targets: targets.map_err(|error| unacceptable("paths", error))?,
            methods: LinkMethods::new(&methods)
                .ok_or_else(|| unacceptable("methods", "must not be empty"))?,
            headers: headers.map_err(|error| unacceptable("headers.content-disposition", error))?,
            lifetime: body.expires_in,
            host: body.host,
        })
    }
}

impl From<Method> for LinkMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Head => Self::Head,
        }
    }
}

struct Failures;

impl Declared for Failures {
    const PROBLEMS: &'static [&'static [Code]] = &[
        refused::BEARER,
        refused::COOKIE,
        refused::BODY,
        &[Code::Forbidden],
    ];
}

/// The endpoint.
pub(crate) struct Api;

#[OpenApi]
impl Api {
    /// Sign URLs
    ///
    /// For an image in an e-mail, a CDN or another site. Which URLs may be signed, and by whom, is
    /// declared in the settings; where nothing is, none are. A link ends when its user is banned,
    /// disabled, deleted or loses a role or scope, not with a logout.
    #[oai(path = "/auth/signed-urls", method = "post", operation_id = "signUrls")]
    async fn sign(
        &self,
        service: Shared<'_>,
        caller: Bearer,
        body: Strict<Body>,
    ) -> Result<Ok<Answer>, Refused<Failures>> {
        let app = &service.app;
        let (links, times) = links::sign(app, &caller.0, body.0.try_into()?).await?;
        Result::Ok(Ok(Answer {
            links: links.into_iter().map(Signed::from).collect(),
            expires_at: times.exp.0,
            expires_in: times.exp.since(app.clock.now()).max(0),
        }))
    }
}
