//! Fetching one of the origin's documents, or asking it something: the answer is whole, soon, small
//! enough and of the right type, or there is none.

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, ReadableStreamDefaultReader, RequestCache, RequestInit, RequestRedirect, Response,
};

use super::isolate;

/// How long it may take until the last byte, in milliseconds.
const TIMEOUT: u32 = 2_000;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch)]
    fn fetch_url(url: &str, init: &RequestInit) -> js_sys::Promise;
}

/// What a document must be.
pub(super) struct Kind {
    /// Its media types.
    pub(super) types: &'static [&'static str],
    /// How many bytes it may have.
    pub(super) limit: usize,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("no answer in time, or none at all")]
    Unreachable,
    #[error("the answer has the status {status}")]
    Status {
        status: u16,
        /// In how many seconds to try again, if it says so.
        retry_after: Option<u32>,
    },
    #[error("the answer is of another media type")]
    MediaType,
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("the answer broke off, or took too long")]
    BrokeOff,
}

/// Fetches a document.
pub(super) async fn fetch(url: &str, kind: &Kind) -> Result<Vec<u8>, Fault> {
    let (_, bytes) = send(url, &[], None, kind, &[200]).await?;
    Ok(bytes)
}

/// Posts a form, whose answer is one with the status 200 or 400; says which.
pub(super) async fn post(
    url: &str,
    headers: &[(&'static str, String)],
    form: &str,
    kind: &Kind,
) -> Result<(u16, Vec<u8>), Fault> {
    send(url, headers, Some(form), kind, &[200, 400]).await
}

/// Sends a request past every cache, without following redirects.
async fn send(
    url: &str,
    headers: &[(&'static str, String)],
    form: Option<&str>,
    kind: &Kind,
    statuses: &[u16],
) -> Result<(u16, Vec<u8>), Fault> {
    let began = isolate::now();
    let init = init(headers, form, kind).map_err(|_| Fault::Unreachable)?;
    let answer = JsFuture::from(fetch_url(url, &init))
        .await
        .map_err(|_| Fault::Unreachable)?;
    let answer: Response = answer.unchecked_into();
    let checked = check(&answer, kind, statuses);
    let Some(body) = answer.body() else {
        return checked.and(Err(Fault::BrokeOff));
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let result = match checked {
        Ok(()) => read(&reader, kind.limit, began).await,
        Err(fault) => Err(fault),
    };
    if result.is_err() {
        // Says that the rest is not wanted; that this may fail too changes nothing.
        let _ = JsFuture::from(reader.cancel()).await;
    }
    Ok((answer.status(), result?))
}

fn init(
    headers: &[(&'static str, String)],
    form: Option<&str>,
    kind: &Kind,
) -> Result<RequestInit, JsValue> {
    let init = RequestInit::new();
    init.set_redirect(RequestRedirect::Manual);
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT)));
    let all = web_sys::Headers::new()?;
    all.set("accept", &kind.types.join(", "))?;
    for (name, value) in headers {
        all.set(name, value)?;
    }
    if let Some(form) = form {
        init.set_method("POST");
        init.set_body(&JsValue::from_str(form));
        all.set("content-type", "application/x-www-form-urlencoded")?;
    }
    init.set_headers(&all);
    Ok(init)
}

fn check(answer: &Response, kind: &Kind, statuses: &[u16]) -> Result<(), Fault> {
    let status = answer.status();
    if !statuses.contains(&status) {
        let header = answer.headers().get("retry-after").ok().flatten();
        return Err(Fault::Status {
            status,
            retry_after: header.and_then(|text| text.trim().parse().ok()),
        });
    }
    let media_type = answer
        .headers()
        .get("content-type")
        .ok()
        .flatten()
        .unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let fits = kind
        .types
        .iter()
        .any(|allowed| allowed.eq_ignore_ascii_case(essence));
    if fits { Ok(()) } else { Err(Fault::MediaType) }
}

async fn read(
    reader: &ReadableStreamDefaultReader,
    limit: usize,
    began: crate::time::Millis,
) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    loop {
        let part = JsFuture::from(reader.read())
            .await
            .map_err(|_| Fault::BrokeOff)?;
        let field = |name: &str| js_sys::Reflect::get(&part, &JsValue::from_str(name));
        let value = field("value").map_err(|_| Fault::BrokeOff)?;
        if value.is_undefined() {
            return Ok(bytes);
        }
        let chunk: js_sys::Uint8Array = value.dyn_into().map_err(|_| Fault::BrokeOff)?;
        let length = usize::try_from(chunk.length()).map_err(|_| Fault::TooLong(limit))?;
        if bytes.len().saturating_add(length) > limit {
            return Err(Fault::TooLong(limit));
        }
        bytes.extend(chunk.to_vec());
        // The signal ends a body that stalls; this ends one that drips.
        if isolate::now().since(began) > i64::from(TIMEOUT) {
            return Err(Fault::BrokeOff);
        }
    }
}
