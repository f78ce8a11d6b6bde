//! The context of a request, through which work can outlive its answer.

use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::log;

#[wasm_bindgen]
extern "C" {
    /// `ctx` of a request's handler.
    #[derive(Clone)]
    pub type Context;

    #[wasm_bindgen(method, catch, js_name = waitUntil)]
    fn keep_alive_until(this: &Context, promise: &Promise) -> Result<(), JsValue>;
}

impl Context {
    /// Keeps the request's I/O alive until the promise is settled, also when the client goes away.
    pub(super) fn wait_until(&self, promise: &Promise) {
        if let Err(error) = self.keep_alive_until(promise) {
            log::error("waitUntil failed", &log::text(&error));
        }
    }
    /// Runs a task that outlives its request.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.wait_until(&wasm_bindgen_futures::future_to_promise(async move {
            task.await;
            Ok(JsValue::UNDEFINED)
        }));
    }
}
