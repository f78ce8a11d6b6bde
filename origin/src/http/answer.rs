//! What endpoints answer when all went well.
//!
//! The boundary forbids caching wherever an answer does not say otherwise, so nothing here has to
//! remember to.

use std::{marker::PhantomData, sync::Arc};

use bytes::Bytes;
use poem::{
    IntoResponse, Response,
    http::{HeaderValue, StatusCode},
};
use poem_openapi::{
    ApiResponse, Object,
    registry::{
        MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
    },
    types::{ToJSON, Type},
};

use crate::domain::store::Seq;

/// The media type of JSON.
pub(crate) const JSON: &str = "application/json";

/// The header with the feed's `seq`.
pub(crate) const FEED_SEQ: &str = "portcullis-feed-seq";

/// 200 with a JSON body.
#[derive(Debug)]
pub(crate) struct Ok<T>(pub T);

/// 201 with a JSON body.
#[derive(Debug)]
pub(crate) struct Created<T>(pub T);

/// 200 with a JSON body, after a change that has a place in the feed: an edge that reports this
/// `seq`, or a greater one, has it in force.
#[derive(Debug)]
pub(crate) struct InFeed<T> {
    /// The body.
    pub body: T,
    /// For the header `Portcullis-Feed-Seq`; none where nothing was changed.
    pub seq: Option<Seq>,
}

/// The body of an answer that has nothing to say but where in the feed the change stands.
#[derive(Debug, Object)]
#[oai(rename = "Revoked", skip_serializing_if_is_none)]
pub(crate) struct Revoked {
    /// The feed's `seq`; absent when there was nothing to revoke.
    seq: Option<u64>,
}

impl InFeed<Revoked> {
    /// The answer of what revokes.
    pub(crate) fn at(seq: Option<Seq>) -> Self {
        Self {
            body: Revoked {
                seq: seq.map(|seq| seq.0),
            },
            seq,
        }
    }
}

/// A response with a JSON body.
pub(crate) fn json<T: ToJSON>(status: StatusCode, body: &T) -> Response {
    Response::builder()
        .status(status)
        .content_type(JSON)
        .body(body.to_json_string())
}

fn described<T: Type>(
    status: u16,
    description: &'static str,
    headers: Vec<MetaHeader>,
) -> MetaResponses {
    let content = vec![MetaMediaType {
        content_type: JSON,
        schema: T::schema_ref(),
    }];
    let response = MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content,
        headers,
    };
    MetaResponses {
        responses: vec![response],
    }
}

impl<T: ToJSON> IntoResponse for Ok<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: ToJSON> ApiResponse for Ok<T> {
    fn meta() -> MetaResponses {
        described::<T>(200, "Done", vec![])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ToJSON> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        json(StatusCode::CREATED, &self.0)
    }
}

impl<T: ToJSON> ApiResponse for Created<T> {
    fn meta() -> MetaResponses {
        described::<T>(201, "Created", vec![])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ToJSON> IntoResponse for InFeed<T> {
    fn into_response(self) -> Response {
        let mut response = json(StatusCode::OK, &self.body);
        if let Some(Seq(seq)) = self.seq {
            response
                .headers_mut()
                .insert(FEED_SEQ, HeaderValue::from(seq));
        }
        response
    }
}

impl<T: ToJSON> ApiResponse for InFeed<T> {
    fn meta() -> MetaResponses {
        let seq = MetaHeader {
            name: "Portcullis-Feed-Seq".to_owned(),
            description: Some("The feed's seq with this change in it.".to_owned()),
            required: false,
            deprecated: false,
            schema: u64::schema_ref(),
        };
        described::<T>(200, "Done, and in the feed", vec![seq])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// A kind of document: its media type, and for how many seconds it may be kept.
pub(crate) trait Kind: Send + Sync + 'static {
    /// The media type.
    const MEDIA_TYPE: &'static str;
    /// Seconds.
    const MAX_AGE: u32;
    /// What it is, in the OpenAPI document.
    const DESCRIPTION: &'static str;
    /// `object` or `string`.
    const SCHEMA: &'static str;
}

/// A text that is sent as it lies in memory.
struct Text(Arc<str>);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A document that anybody may have, and keep for a while.
#[derive(Debug)]
pub(crate) struct Document<K> {
    body: Bytes,
    seq: Option<Seq>,
    kind: PhantomData<fn() -> K>,
}

impl<K> Document<K> {
    /// A document of this text.
    pub(crate) fn new(body: impl Into<String>) -> Self {
        Self::of(body.into().into())
    }

    /// As [`Self::new`]; all answers share the text.
    pub(crate) fn shared(body: Arc<str>) -> Self {
        Self::of(Bytes::from_owner(Text(body)))
    }

    fn of(body: Bytes) -> Self {
        Self {
            body,
            seq: None,
            kind: PhantomData,
        }
    }

    /// Tells the feed's `seq` in a header too.
    #[must_use]
    pub(crate) fn at(self, seq: Seq) -> Self {
        Self {
            seq: Some(seq),
            ..self
        }
    }
}

impl<K: Kind> IntoResponse for Document<K> {
    fn into_response(self) -> Response {
        let mut response = Response::builder()
            .content_type(K::MEDIA_TYPE)
            .header("Cache-Control", format!("public, max-age={}", K::MAX_AGE))
            .body(self.body);
        if let Some(Seq(seq)) = self.seq {
            response
                .headers_mut()
                .insert(FEED_SEQ, HeaderValue::from(seq));
        }
        response
    }
}

impl<K: Kind> ApiResponse for Document<K> {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new(K::SCHEMA)));
        let response = MetaResponse {
            description: K::DESCRIPTION,
            status: Some(200),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: K::MEDIA_TYPE,
                schema,
            }],
            headers: vec![],
        };
        MetaResponses {
            responses: vec![response],
        }
    }

    fn register(_: &mut Registry) {}
}
