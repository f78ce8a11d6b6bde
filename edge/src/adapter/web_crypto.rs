//! Signatures whose arithmetic the runtime has in native code (Web Cryptography API).

use js_sys::{Promise, Uint8Array};
use portcullis_shared::foreign::SignatureCheck;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

use super::log;

#[wasm_bindgen(module = "/src/adapter/web_crypto.js")]
extern "C" {
    #[wasm_bindgen(js_name = verify)]
    fn verify(algorithm: &str, jwk: &str, signature: Uint8Array, signed: Uint8Array) -> Promise;
}

/// Whether the signature holds. A key that the runtime cannot take signs nothing.
pub(super) async fn holds(check: &SignatureCheck) -> bool {
    let (signature, signed) = (check.signature().into(), check.signed().into());
    let promise = verify(check.algorithm().name(), check.jwk(), signature, signed);
    match JsFuture::from(promise).await {
        Ok(verdict) => verdict.is_truthy(),
        Err(error) => {
            log::warning("a signature could not be checked", &log::text(&error));
            false
        }
    }
}
