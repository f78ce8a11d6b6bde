//! Promises that are waited for without a Rust future.
//!
//! Invariant: whatever a step holds is freed when the step has run, and, when it never will, with
//! the promise that it hangs on: the collector tells wasm-bindgen.

use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(method, js_name = then)]
    fn settled(this: &Chain, fulfilled: &JsValue, rejected: &JsValue) -> Promise;

    /// A promise, by the one method that is needed here.
    #[wasm_bindgen(extends = Promise)]
    type Chain;
}

/// Runs `step` with what the promise comes to, be it a value or an error.
pub(super) fn then(promise: &Promise, step: impl FnOnce(JsValue) -> Promise + 'static) -> Promise {
    let step = Closure::once(step).into_js_value();
    promise.unchecked_ref::<Chain>().settled(&step, &step)
}
