//! The failures of an endpoint, and their place in the OpenAPI document.
//!
//! Each endpoint names what it may answer; whatever it fails with converts into [`Refused`], whose
//! type carries that list into the document. A test compares every answer that the tests get with
//! the document.

use std::{collections::BTreeMap, marker::PhantomData};

use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};
use portcullis_shared::problem::{self, Code};

use super::{answer, failure::Failure, oauth};

/// What any endpoint may answer: repeated query parameters, a fault, an outage.
const ANY: &[Code] = &[Code::InvalidRequest, Code::Internal, Code::Unavailable];
/// What an endpoint with a JSON body may answer.
pub(crate) const BODY: &[Code] = &[
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::ValidationFailed,
];
/// What an endpoint may answer that needs an access token; forbidden where that is an API key's, and a
/// login's is needed.
pub(crate) const BEARER: &[Code] = &[
    Code::AuthenticationRequired,
    Code::InvalidToken,
    Code::Forbidden,
];
/// What an endpoint may answer that changes something on the strength of a cookie.
pub(crate) const COOKIE: &[Code] = &[Code::CrossSite];
/// What an endpoint may answer that needs an administrator's token.
pub(crate) const ADMIN: &[Code] = &[
    Code::AuthenticationRequired,
    Code::InvalidToken,
    Code::Forbidden,
];

/// The failures that an endpoint declares.
pub trait Declared: Send + Sync + 'static {
    /// Lists of problem codes, beside those that any endpoint may answer with.
    const PROBLEMS: &'static [&'static [Code]] = &[];
    /// The errors of an OAuth endpoint.
    const OAUTH: &'static [oauth::Error] = &[];
}

/// What an endpoint declares that fails as any other may, and not otherwise.
#[derive(Debug)]
pub struct AsAny;

impl Declared for AsAny {}

/// A failure of the endpoint `E`.
#[derive(Debug)]
pub struct Refused<E = AsAny>(Failure, PhantomData<fn() -> E>);

impl<E, F: Into<Failure>> From<F> for Refused<E> {
    fn from(failure: F) -> Self {
        Self(failure.into(), PhantomData)
    }
}

impl<E> From<Refused<E>> for poem::Error {
    fn from(refused: Refused<E>) -> Self {
        refused.0.into()
    }
}

impl<E> IntoResponse for Refused<E> {
    fn into_response(self) -> Response {
        self.0.to_response()
    }
}

impl<E: Declared> ApiResponse for Refused<E> {
    fn meta() -> MetaResponses {
        let problems = [ANY].iter().chain(E::PROBLEMS).flat_map(|list| list.iter());
        let problems = problems.map(|code| (code.status(), code.title(), problem::MEDIA_TYPE));
        let oauth = E::OAUTH
            .iter()
            .map(|error| (error.status(), error.description(), answer::JSON));
        // One response for each status; a status may come with either kind of body.
        let mut by_status = BTreeMap::<u16, MetaResponse>::new();
        for (status, description, media_type) in oauth.chain(problems) {
            let response = by_status.entry(status).or_insert_with(|| MetaResponse {
                description,
                status: Some(status),
                status_range: None,
                content: vec![],
                headers: headers(status),
            });
            if !response
                .content
                .iter()
                .any(|content| content.content_type == media_type)
            {
                response.content.push(content(media_type));
            }
        }
        MetaResponses {
            responses: by_status.into_values().collect(),
        }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
        OAuthBody::register(registry);
    }
}

/// A problem (RFC 9457). `code` is stable; `title` and `detail` are for people.
#[derive(Debug, Object)]
#[oai(rename = "Problem")]
struct ProblemBody {
    /// `urn:portcullis:problem:` and the code.
    #[oai(rename = "type")]
    kind: String,
    /// A short sentence.
    title: String,
    /// The HTTP status again.
    status: u16,
    /// The stable name of the problem.
    code: String,
    /// What exactly, where that helps.
    detail: Option<String>,
}

/// An error of an OAuth endpoint (RFC 6749 §5.2).
#[derive(Debug, Object)]
#[oai(rename = "OAuthError")]
struct OAuthBody {
    /// The stable name of the error.
    error: String,
    /// A sentence for developers.
    error_description: String,
}

fn content(media_type: &'static str) -> MetaMediaType {
    let is_problem = media_type == problem::MEDIA_TYPE;
    let schema = if is_problem {
        ProblemBody::schema_ref()
    } else {
        OAuthBody::schema_ref()
    };
    MetaMediaType {
        content_type: media_type,
        schema,
    }
}

fn headers(status: u16) -> Vec<MetaHeader> {
    let (name, description) = match status {
        401 => ("WWW-Authenticate", "How to authenticate."),
        429 | 503 => ("Retry-After", "After how many seconds to try again."),
        _ => return vec![],
    };
    vec![MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema: String::schema_ref(),
    }]
}
