//! Bodies: read up to a limit that counts what arrives, whatever `Content-Length` says, and JSON
//! taken strictly: a member that is unknown, there twice, or of a wrong kind is refused.

use std::time::Duration;

use poem::{Request, RequestBody, Result, error::ReadBodyError, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};
use portcullis_shared::problem::Code;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::{answer::JSON, failure::Failure};

/// The largest body that is read, in bytes.
pub(crate) const LIMIT: usize = 64 * 1024;

/// For how long a body may take to arrive; comes with the request. Whoever drips one would hold a
/// connection for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(pub Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(20))
    }
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It has more than [`LIMIT`] bytes.
    TooLarge,
    /// The connection broke, or it took too long.
    Broken,
}

/// Reads the body of `request`.
///
/// # Errors
///
/// See [`Unreadable`].
pub(crate) async fn read(
    request: &Request,
    body: &mut RequestBody,
) -> std::result::Result<Vec<u8>, Unreadable> {
    let body = body.take().map_err(|_| Unreadable::Broken)?;
    let Patience(patience) = request.data().copied().unwrap_or_default();
    match tokio::time::timeout(patience, body.into_bytes_limit(LIMIT)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(ReadBodyError::PayloadTooLarge)) => Err(Unreadable::TooLarge),
        Ok(Err(
            ReadBodyError::BodyHasBeenTaken | ReadBodyError::Utf8(_) | ReadBodyError::Io(_),
        ))
        | Err(_) => Err(Unreadable::Broken),
    }
}

/// The media type of a request's body, in lower case and without parameters.
pub(crate) fn media_type(request: &Request) -> Option<String> {
    let mut values = request.headers().get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let essence = value.to_str().ok()?.split(';').next()?;
    Some(essence.trim().to_ascii_lowercase())
}

/// A JSON body, taken strictly. `T` derives `Deserialize` with `deny_unknown_fields`; serde's
/// derive refuses repeated members by itself.
#[derive(Debug)]
pub(crate) struct Strict<T>(pub T);

impl<'a, T: DeserializeOwned + Type> ApiExtractor<'a> for Strict<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType {
            content_type: JSON,
            schema: T::schema_ref(),
        }];
        Some(MetaRequest {
            description: None,
            content,
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        if media_type(request).as_deref() != Some(JSON) {
            let detail = format!("the body must be {JSON}");
            return Err(Failure::new(Code::UnsupportedMediaType)
                .detail(detail)
                .into());
        }
        let bytes = read(request, body).await.map_err(Failure::from)?;
        Ok(Self(parse(&bytes)?))
    }
}

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::TooLarge => Self::new(Code::PayloadTooLarge)
                .detail(format!("the body must have at most {LIMIT} bytes")),
            Unreadable::Broken => Self::new(Code::InvalidRequest).detail("the body did not arrive"),
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> std::result::Result<T, Failure> {
    // serde would take an array for an object, member by member.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Failure::new(Code::ValidationFailed).detail("the body must be an object"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            Failure::new(Code::ValidationFailed).detail(error.to_string())
        } else {
            Failure::new(Code::InvalidRequest).detail("the body is not valid JSON")
        }
    })
}

/// For members that may be absent but not `null`; with `#[serde(default, deserialize_with)]`.
///
/// # Errors
///
/// Whatever `T` refuses, `null` among it.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[expect(dead_code, reason = "only whether it parses matters")]
        name: String,
        #[serde(default, deserialize_with = "present")]
        #[expect(dead_code, reason = "only whether it parses matters")]
        note: Option<String>,
    }

    #[test]
    fn what_is_unknown_repeated_null_or_missing_is_refused() {
        let code = |text: &str| {
            parse::<Example>(text.as_bytes())
                .map_err(|failure| failure.to_string())
                .err()
        };
        assert_eq!(code(r#"{"name":"a","note":"b"}"#), None);
        for text in [
            r#"{"name":"a","nmae":"b"}"#,
            r#"{"name":"a","name":"a"}"#,
            r#"{"name":"a","n\u0061me":"a"}"#,
            r#"{"name":"a","note":null}"#,
            r#"{"note":"b"}"#,
            r#"{"name":1}"#,
            r#" ["a","b"]"#,
        ] {
            assert_eq!(code(text).as_deref(), Some("validation_failed"), "{text}");
        }
        for text in [
            "",
            "{",
            "\u{feff}{\"name\":\"a\"}",
            "{\"name\":\"a\"} x",
            "{\"name\":\"\u{1}\"}",
        ] {
            assert_eq!(code(text).as_deref(), Some("invalid_request"), "{text}");
        }
        assert!(parse::<Example>(b"{\"name\":\"\xff\"}").is_err());
        assert!(parse::<Example>("[".repeat(60_000).as_bytes()).is_err());
    }
}
