//! What the platform tells of a request's client, and what the request is called.
//!
//! Some of it stands beside the request, in an object that takes the runtime longer to make than most
//! decisions take. So it is asked for only where it is wanted.

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::{
    gate::{Forward, Head},
    headers,
    platform::{self, Platform},
    wire::head::Told,
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    pub(super) fn random_uuid() -> String;
}

#[wasm_bindgen(module = "/src/adapter/client.js")]
extern "C" {
    /// What the platform says beside the request under this name, if that is text.
    #[wasm_bindgen(js_name = beside)]
    fn beside(request: &JsValue, name: &str) -> Option<String>;
}

/// A request of which nothing else is known.
pub(super) fn unnamed() -> Head {
    Head {
        request_id: random_uuid(),
        ..Head::default()
    }
}

/// The head with the platform's word on the client, if it can be the platform's.
pub(super) fn complete(told: Told<'_>, request: &JsValue, platform: &Platform) -> Head {
    let mut head = told.head;
    match platform {
        Platform::Cloudflare => {
            head.request_id = told.ray.map_or_else(random_uuid, str::to_owned);
        }
        Platform::SelfHosted { proxies } => {
            let peer = beside(request, "clientIp");
            let seen = |peer: String| platform::client(&peer, told.forwarded_for, proxies);
            head.client_ip = peer.and_then(seen);
            head.request_id = random_uuid();
        }
    }
    head
}

/// The client's country, if the platform knows it.
pub(super) fn country(request: &JsValue, platform: &Platform) -> Option<String> {
    match platform {
        Platform::Cloudflare => beside(request, "country"),
        Platform::SelfHosted { .. } => None,
    }
}

/// Adds the client's country where the address is told on the origin's own channel.
pub(super) fn tell_country(forward: &mut Forward, request: &JsValue, platform: &Platform) {
    let is_channel = |(name, _): &(&str, String)| *name == "portcullis-edge-secret";
    if !forward.set.iter().any(is_channel) {
        return;
    }
    let country = country(request, platform);
    if let Some(country) = country.as_deref().and_then(headers::value) {
        let told = ("portcullis-client-country", country.to_owned());
        forward.set.push(told);
    }
}
