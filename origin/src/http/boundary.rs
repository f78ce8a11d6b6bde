//! The outermost layer: each request gets an identifier, a span and a line in the log; each error
//! becomes an answer, and is logged, here; each answer gets the headers that all have.

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use poem::{
    Endpoint, Request, Response, Result,
    error::{MethodNotAllowedError, NotFoundError},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};
use poem_openapi::{
    OperationId,
    error::{ParseParamError, ParsePathError},
};
use portcullis_shared::problem::Code;
use tracing::Instrument;

use super::{failure::Failure, form, measure::Measures, openapi::Methods};
use crate::{
    domain::entropy::{self, Entropy},
    system::Stopwatch,
};

/// The header that carries a request's identifier, in and out.
pub(crate) const REQUEST_ID: &str = "portcullis-request-id";

/// The longest identifier that is taken from outside, in characters.
const REQUEST_ID_LIMIT: usize = 64;

/// The layer around all routes.
pub(crate) struct Boundary<E> {
    /// What it stands around.
    pub inner: E,
    /// For the `Allow` header.
    pub methods: Methods,
    /// For identifiers.
    pub entropy: Arc<dyn Entropy>,
    /// Counts each answer.
    pub measures: Arc<Measures>,
}

impl<E: Endpoint<Output = Response>> Endpoint for Boundary<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = self.request_id(request.headers());
        let span = tracing::info_span!("request", id = %id, user = tracing::field::Empty);
        let mut response = self.serve(request).instrument(span).await;
        finish(response.headers_mut());
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        Ok(response)
    }
}

impl<E: Endpoint<Output = Response>> Boundary<E> {
    async fn serve(&self, request: Request) -> Response {
        let stopwatch = Stopwatch::start();
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let outcome = match query_is_plain(&request) {
            Ok(()) => self.inner.call(request).await,
            Err(failure) => Err(failure.into()),
        };
        let operation = match &outcome {
            Ok(response) => response.data::<OperationId>(),
            Err(error) => error.data::<OperationId>(),
        }
        .copied();
        let mut response = outcome.unwrap_or_else(|error| self.answer(error, &path));
        if method == Method::HEAD {
            response.set_body(());
        }
        let status = response.status().as_u16();
        let ms = stopwatch.millis();
        self.measures.answered(operation, status, ms / 1e3);
        // Escaped as `Debug` does it, without the quotes.
        let path = path.escape_debug();
        tracing::info!(%method, %path, status, ms, "answered");
        response
    }

    fn answer(&self, error: poem::Error, path: &str) -> Response {
        let failure = match error.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(error) => self.translate(&error, path),
        };
        failure.log();
        failure.to_response()
    }

    /// What the framework refuses, as a failure of ours.
    fn translate(&self, error: &poem::Error, path: &str) -> Failure {
        if error.is::<NotFoundError>() || error.is::<ParsePathError>() {
            return Failure::new(Code::NotFound);
        }
        if error.is::<MethodNotAllowedError>() {
            let failure = Failure::new(Code::MethodNotAllowed);
            return match self.methods.allow(path) {
                Some(methods) => failure.header(header::ALLOW, methods),
                None => failure,
            };
        }
        if let Some(error) = error.downcast_ref::<ParseParamError>() {
            let detail = format!("{}: the parameter is malformed", error.name);
            return Failure::new(Code::InvalidRequest).detail(detail);
        }
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Failure::new(Code::PayloadTooLarge),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Failure::new(Code::UnsupportedMediaType),
            status if status.is_client_error() => Failure::new(Code::InvalidRequest),
            _ => Failure::new(Code::Internal).source(error.to_string()),
        }
    }

    /// The identifier that came with the request, if it is one that may stand in a log, or a new
    /// one.
    fn request_id(&self, headers: &HeaderMap) -> String {
        let given = headers
            .get(REQUEST_ID)
            .and_then(|value| value.to_str().ok());
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let fits = |id: &&str| (1..=REQUEST_ID_LIMIT).contains(&id.len()) && id.bytes().all(safe);
        given
            .filter(fits)
            .map_or_else(|| self.new_id(), str::to_owned)
    }

    fn new_id(&self) -> String {
        // Without randomness no token is minted, but a request may still be answered.
        let bytes = entropy::random::<16>(self.entropy.as_ref()).unwrap_or_default();
        Base64UrlUnpadded::encode_string(&bytes)
    }
}

/// A parameter that comes twice is read in one way here and in another elsewhere.
fn query_is_plain(request: &Request) -> Result<(), Failure> {
    let query = request.uri().query().unwrap_or_default();
    let refuse =
        |error: form::FormError| Failure::new(Code::InvalidRequest).detail(error.to_string());
    form::parse(query.as_bytes()).map(drop).map_err(refuse)
}

/// Nothing is kept by a cache unless it says that it may be, and nothing is taken for what it does
/// not say that it is.
fn finish(headers: &mut HeaderMap) {
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }
}

/// What a panic becomes; the panic hook has logged it.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Failure::new(Code::Internal).to_response()
}

#[cfg(test)]
mod tests {
    use poem::{EndpointExt, endpoint::make, middleware::CatchPanic};

    use super::*;
    use crate::system::OsEntropy;

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing() {
        async fn panics(_: Request) -> Result<Response> {
            panic!("hunter2")
        }
        let inner = make(panics).with(CatchPanic::new().with_handler(panicked));
        let boundary = Boundary {
            inner,
            methods: Methods::default(),
            entropy: Arc::new(OsEntropy),
            measures: Arc::new(Measures::new()),
        };
        let response = boundary.get_response(Request::default()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers().contains_key(REQUEST_ID));
        let body = response.into_body().into_string().await.unwrap();
        assert!(body.contains("internal_error") && !body.contains("hunter2"));
    }
}
