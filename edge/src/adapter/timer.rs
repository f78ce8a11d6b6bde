//! Waiting.

use std::time::Duration;

use js_sys::Promise;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(module = "/src/adapter/timer.js")]
extern "C" {
    fn pause(milliseconds: f64) -> Promise;
}

/// Waits on a timer of the request's own.
pub(super) async fn sleep(duration: Duration) {
    let timer = pause(duration.as_secs_f64() * 1000.0);
    // It is never rejected.
    let _ = JsFuture::from(timer).await;
}
