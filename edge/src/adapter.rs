//! The runtime's side: reads what the gate needs of a request, does what it says, and keeps the
//! snapshot up to date.
//!
//! Invariants: what belongs to a request (streams, promises, timers) stays in its future; what
//! outlives it is plain data in [`isolate`], never borrowed across an `await`; and a body never
//! enters Wasm memory, but for the origin's two documents.

mod document;
mod head;
mod isolate;
mod log;
mod refresh;
mod respond;

use std::rc::Rc;

use portcullis_shared::problem::Code;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::{Request, Response};
use worker::{Context, worker_sys};

use crate::{
    answer::Answer,
    gate::{self, Config, Decision, Head, Plan, Ruling, Verdict},
};

/// Takes the route table in; called once, when the isolate starts. A table that is wrong is
/// remembered, and refuses every request.
#[wasm_bindgen]
pub fn start(routes: &str) {
    isolate::start(routes);
}

/// Answers a request.
///
/// # Errors
///
/// When not even an answer can be made; the entry module answers 500.
#[wasm_bindgen]
pub async fn fetch(
    request: Request,
    env: js_sys::Object,
    context: worker_sys::Context,
) -> Result<Response, JsValue> {
    let head = match head::read(&request) {
        Ok(head) => head,
        Err(error) => {
            log::error("a request could not be read", &log::text(&error));
            return respond::answer(&Head::default(), &Answer::problem(Code::InvalidRequest));
        }
    };
    let config = match isolate::config(&env) {
        Ok(config) => config,
        Err(reason) => {
            log::error("not configured", &reason);
            return respond::answer(&head, &Answer::unavailable());
        }
    };
    let ruling = rule(&head, &config, &Context::new(context)).await;
    if let Some(reason) = &ruling.reason {
        log::ruling(&head, &ruling.decision, reason);
    }
    match ruling.decision {
        Decision::Answer(answer) => respond::answer(&head, &answer),
        Decision::Forward(forward) => respond::forward(&request, &head, &forward).await,
    }
}

async fn rule(head: &Head, config: &Rc<Config>, context: &Context) -> Ruling {
    let case = match gate::plan(head, config) {
        Plan::Ruled(ruling) => return ruling,
        Plan::Judge(case) => case,
    };
    if !isolate::is_fresh(case.demand().revocations) {
        if let Some(ruling) = case.screen() {
            return ruling;
        }
        refresh::freshen(config, context, case.demand().revocations).await;
    }
    let key = match isolate::judge(&case) {
        Verdict::Ruled(ruling) => return ruling,
        Verdict::UnknownKey(key) => key,
    };
    refresh::look_for_key(config, context, &key).await;
    match isolate::judge(&case) {
        Verdict::Ruled(ruling) => ruling,
        Verdict::UnknownKey(key) => gate::refuse_unknown_key(&case, &key),
    }
}
