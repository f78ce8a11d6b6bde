//! Reading the head of a request, in as few calls across the border as it takes.

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::Request;
use worker::worker_sys::ext::RequestExt;

use crate::{gate::Head, headers};

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
