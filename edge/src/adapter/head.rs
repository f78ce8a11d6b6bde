//! Reading the head of a request, in as few calls across the border as it takes.

use portcullis_shared::forwarded_for::FORWARDED_FOR;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::Request;
use worker::worker_sys::ext::RequestExt;

use crate::{
    gate::Head,
    headers,
    platform::{self, Platform},
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    fn random_uuid() -> String;
}

/// The names of all headers, in lower case as the runtime has them.
pub(super) fn names(headers: &web_sys::Headers) -> Vec<String> {
    // One text instead of a call for each name; a name holds no line feed.
    let joined = js_sys::Array::from(headers.keys().unchecked_ref::<JsValue>()).join("\n");
    String::from(joined)
        .split('\n')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What the gate wants to know.
pub(super) fn read(request: &Request) -> Result<Head, JsValue> {
    let headers = request.headers();
    let names = names(&headers);
    let get = |name: &str| {
        if names.iter().any(|own| own == name) {
            headers.get(name)
        } else {
            Ok(None)
        }
    };
    let ray = get("cf-ray")?.filter(|ray| ray.len() <= 64 && headers::value(ray).is_some());
    Ok(Head {
        method: request.method(),
        url: request.url(),
        authorization: get("authorization")?,
        cookie: get("cookie")?,
        api_key: get("x-api-key")?,
        origin: get("origin")?,
        fetch_site: get("sec-fetch-site")?,
        asked_method: get("access-control-request-method")?,
        asked_headers: get("access-control-request-headers")?,
        client_ip: get("cf-connecting-ip")?,
        country: request.cf().and_then(|cf| cf.country().ok().flatten()),
        request_id: ray.unwrap_or_else(random_uuid),
        names,
    })
}

/// Replaces what only Cloudflare could have said of the client by what the connection itself tells.
pub(super) fn correct(head: &mut Head, request: &Request, platform: &Platform) {
    let Platform::SelfHosted { proxies } = platform else {
        return;
    };
    let forwarded_for = head
        .names
        .iter()
        .any(|name| name == FORWARDED_FOR)
        .then(|| request.headers().get(FORWARDED_FOR).ok().flatten())
        .flatten();
    let peer = request
        .cf()
        .and_then(|cf| js_sys::Reflect::get(cf.as_ref(), &JsValue::from_str("clientIp")).ok())
        .and_then(|peer| peer.as_string());
    head.client_ip =
        peer.and_then(|peer| platform::client(&peer, forwarded_for.as_deref(), proxies));
    head.country = None;
    head.request_id = random_uuid();
}
