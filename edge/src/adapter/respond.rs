//! Forwarding by reference, and answers.
//!
//! Invariant: bodies, streams and upgrades are handed from the runtime to the runtime. Nothing here
//! reads them, and nothing clones a request, which would split its body in two.

use js_sys::Promise;
use portcullis_shared::problem::Code;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::{
    Headers, Request, RequestCache, RequestInit, RequestRedirect, Response, ResponseInit,
};

use crate::{
    answer::Answer,
    gate::{CacheUse, Decision, Forward, Head, Ruling},
    headers,
};

use super::{chain, head, isolate, log};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch)]
    fn fetch_request(request: &Request, init: &RequestInit) -> js_sys::Promise;

    #[wasm_bindgen(method, js_name = getSetCookie)]
    fn set_cookies(this: &AnswerHeaders) -> js_sys::Array;

    /// `Headers` with the method that web-sys does not know yet.
    #[wasm_bindgen(extends = Headers)]
    type AnswerHeaders;
}

/// Further names by which a shared cache is told to keep an answer.
const SHARED_CACHE_HEADERS: [&str; 3] = [
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "surrogate-control",
];

/// Does what was decided.
pub(super) fn carry_out(request: &Request, head: Head, ruling: Ruling) -> Promise {
    if let Some(line) = isolate::observe(&head, &ruling) {
        log::decision(&line);
    }
    match ruling.decision {
        Decision::Answer(ours) => answer(&head, &ours),
        Decision::Metrics => answer(&head, &isolate::metrics()),
        Decision::Forward(on) => forward(request, head, on),
    }
}

/// An answer of the edge's own.
pub(super) fn answer(head: &Head, answer: &Answer) -> Promise {
    match write(head, answer) {
        Ok(response) => Promise::resolve(response.unchecked_ref::<JsValue>()),
        Err(error) => Promise::reject(&error),
    }
}

fn write(head: &Head, answer: &Answer) -> Result<Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(answer.status);
    let body = answer.body.as_deref().filter(|_| head.method != "HEAD");
    let response = Response::new_with_opt_str_and_init(body, &init)?;
    let headers = response.headers();
    for (name, value) in &answer.headers {
        headers.set(name, value)?;
    }
    sign(&headers, head)?;
    Ok(response)
}

/// Sends the request on and hands its answer back.
fn forward(request: &Request, head: Head, forward: Forward) -> Promise {
    match send(request, &forward) {
        Ok(sent) => chain::then(&sent, move |came| {
            let response = came
                .dyn_into()
                .and_then(|response| finish(&response, &head, &forward));
            match response {
                Ok(response) => Promise::resolve(response.unchecked_ref::<JsValue>()),
                Err(error) => bad_gateway(&head, &forward, &error),
            }
        }),
        Err(error) => bad_gateway(&head, &forward, &error),
    }
}

fn bad_gateway(head: &Head, forward: &Forward, error: &JsValue) -> Promise {
    log::warning("an upstream did not answer", &log::text(error));
    let mut problem = Answer::problem(Code::BadGateway);
    problem
        .headers
        .extend(forward.cors.iter().flatten().cloned());
    answer(head, &problem)
}

fn send(request: &Request, forward: &Forward) -> Result<Promise, JsValue> {
    // The original is what the new request takes method, body, headers and signal from.
    let outgoing =
        Request::new_with_str_and_init(&forward.url, request.unchecked_ref::<RequestInit>())?;
    let headers = outgoing.headers();
    for name in &forward.remove {
        headers.delete(name)?;
    }
    for (name, value) in &forward.set {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_redirect(RequestRedirect::Manual);
    if forward.cache == CacheUse::Private {
        init.set_cache(RequestCache::NoStore);
    }
    Ok(fetch_request(&outgoing, &init))
}

/// The upstream's answer with the headers that it has to have.
fn finish(response: &Response, head: &Head, forward: &Forward) -> Result<Response, JsValue> {
    let body = response.body();
    let init: &ResponseInit = response.unchecked_ref();
    let response = Response::new_with_opt_readable_stream_and_init(body.as_ref(), init)?;
    let headers = response.headers();
    let names = head::names(&headers);
    let cors = |name: &str| forward.cors.is_some() && name.starts_with("access-control-");
    for name in names
        .iter()
        .filter(|name| headers::is_removed_from_answers(name) || cors(name))
    {
        headers.delete(name)?;
    }
    if names.iter().any(|name| name == "set-cookie") {
        restrict_cookies(&headers, forward)?;
    }
    if forward.cache == CacheUse::Private {
        let said = headers.get("cache-control")?;
        let private = match &forward.link {
            Some(link) => {
                headers.delete("expires")?;
                let is_success = response.ok() || response.status() == 304;
                headers::private_for(said.as_deref(), link.max_age, is_success)
            }
            None => headers::private(said.as_deref()),
        };
        headers.set("cache-control", &private)?;
        for name in SHARED_CACHE_HEADERS {
            headers.delete(name)?;
        }
        // A browser that several people use keeps one's answer from the other.
        if !forward.vary.is_empty() {
            headers.append("vary", forward.vary)?;
        }
    }
    for (name, value) in forward.link.iter().flat_map(|link| &link.headers) {
        headers.set(name, value)?;
    }
    for (name, value) in forward.cors.iter().flatten() {
        if *name == "vary" {
            headers.append(name, value)?;
        } else {
            headers.set(name, value)?;
        }
    }
    sign(&headers, head)?;
    Ok(response)
}

/// Lets through the cookies that the upstream may set.
fn restrict_cookies(headers: &Headers, forward: &Forward) -> Result<(), JsValue> {
    if forward.may_set_own_cookies {
        return Ok(());
    }
    let cookies: Vec<String> = headers
        .unchecked_ref::<AnswerHeaders>()
        .set_cookies()
        .iter()
        .filter_map(|cookie| cookie.as_string())
        .collect();
    headers.delete("set-cookie")?;
    // An answer that is anybody's must not carry one bearer's cookie.
    if forward.cache == CacheUse::Shared {
        return Ok(());
    }
    for cookie in cookies
        .iter()
        .filter(|cookie| !headers::sets_own_cookie(cookie))
    {
        headers.append("set-cookie", cookie)?;
    }
    Ok(())
}

/// What every answer of the edge says.
fn sign(headers: &Headers, head: &Head) -> Result<(), JsValue> {
    headers.set("portcullis-request-id", &head.request_id)?;
    if let Some(seq) = isolate::seq() {
        headers.set("portcullis-feed-seq", &seq.to_string())?;
    }
    Ok(())
}
