//! The context of a request, through which work can outlive its answer.

use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys;

use super::log;

/// `ctx` of a request's handler.
#[derive(Clone)]
pub(super) struct Context(Rc<worker_sys::Context>);

impl From<&worker_sys::Context> for Context {
    fn from(context: &worker_sys::Context) -> Self {
        let context: &JsValue = context.as_ref();
        Self(Rc::new(context.clone().unchecked_into()))
    }
}

impl Context {
    /// Keeps the request's I/O alive until the promise is settled, also when the client goes away.
    pub(super) fn wait_until(&self, promise: &Promise) {
        if let Err(error) = self.0.wait_until(promise) {
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
