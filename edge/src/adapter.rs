//! The runtime's side: reads what the gate needs of a request, does what it says, and keeps the
//! snapshot up to date.
//!
//! Invariants: what belongs to a request (streams, promises, timers) stays with it; what outlives
//! it is plain data in [`isolate`], never borrowed across an `await`; and a body never enters Wasm
//! memory, but for the origin's two documents.
//!
//! When a client goes away, the runtime drops its request, and promises that the request waited for
//! are never settled. A Rust future that waits for one would stay in memory for good. So no future
//! of ours waits for an upstream: that is left to a chain of promises, which is collected. What our
//! futures do wait for, timers and the origin's documents, `waitUntil` sees to its end.

mod chain;
mod context;
mod document;
mod exchange;
mod head;
mod isolate;
mod log;
mod refresh;
mod respond;
mod tables;

use std::{cell::Cell, rc::Rc};

use js_sys::Promise;
use portcullis_shared::problem::Code;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::Request;
use worker::worker_sys;

use crate::{
    answer::Answer,
    exchange::Next,
    gate::{self, Config, Head, Plan, Ruling, Verdict},
};

use context::Context;

/// Takes the route table in; called once, when the isolate starts. A table that is wrong is
/// remembered, and refuses every request.
#[wasm_bindgen]
pub fn start(routes: &str) {
    isolate::start(routes);
}

/// Answers a request. The promise is rejected only when not even an answer can be made.
#[wasm_bindgen]
pub fn fetch(request: Request, env: &js_sys::Object, context: worker_sys::Context) -> Promise {
    let mut head = match head::read(&request) {
        Ok(head) => head,
        Err(error) => {
            log::error("a request could not be read", &log::text(&error));
            let answer = Answer::problem(Code::InvalidRequest);
            return respond::answer(&Head::default(), &answer);
        }
    };
    let config = match isolate::config(env) {
        Ok(config) => config,
        Err(reason) => {
            log::error("not configured", &reason);
            return respond::answer(&head, &Answer::unavailable());
        }
    };
    head::correct(&mut head, &request, &config.settings.platform);
    let context = Context::from(context);
    if let Some(ruling) = rule_at_once(&head, &config) {
        tables::build_where_due(&context);
        return respond::carry_out(&request, head, ruling);
    }
    let exchange = Rc::new((head, config));
    let waiting = rule_after_waiting(Rc::clone(&exchange), context.clone());
    let (promise, ruling) = hand_over(waiting);
    context.wait_until(&promise);
    chain::then(&promise, move |_| {
        let head = exchange.0.clone();
        match ruling.take() {
            Some(ruling) => respond::carry_out(&request, head, ruling),
            None => respond::answer(&head, &Answer::unavailable()),
        }
    })
}

/// Rules on a request for which nothing has to be fetched, as most are.
fn rule_at_once(head: &Head, config: &Config) -> Option<Ruling> {
    let case = match gate::plan(head, config) {
        Plan::Ruled(ruling) => return Some(ruling),
        Plan::Judge(case) => case,
    };
    if !isolate::is_fresh(case.demand().revocations) || isolate::is_due(&case) {
        return case.screen();
    }
    match isolate::judge(&case) {
        Verdict::Ruled(ruling) => Some(ruling),
        Verdict::UnknownKey(_) | Verdict::Exchange => None,
    }
}

/// Rules on any request, and waits for what that takes.
async fn rule_after_waiting(exchange: Rc<(Head, Rc<Config>)>, context: Context) -> Ruling {
    let (head, config) = &*exchange;
    let case = match gate::plan(head, config) {
        Plan::Ruled(ruling) => return ruling,
        Plan::Judge(case) => case,
    };
    refresh::freshen(config, &context, case.demand().revocations).await;
    if let Some(ruling) = exchange::settle(&case, &context).await {
        return ruling;
    }
    match isolate::judge(&case) {
        Verdict::Ruled(ruling) => return ruling,
        Verdict::UnknownKey(key) => refresh::look_for_key(config, &context, &key).await,
        Verdict::Exchange => {
            if let Some(ruling) = exchange::settle(&case, &context).await {
                return ruling;
            }
        }
    }
    match isolate::judge(&case) {
        Verdict::Ruled(ruling) => ruling,
        Verdict::UnknownKey(key) => gate::refuse_unknown_key(&case, &key),
        Verdict::Exchange => case.not_exchanged(Next::Unavailable),
    }
}

/// Runs a future as a promise, and leaves its ruling where it can be taken from.
fn hand_over(
    future: impl Future<Output = Ruling> + 'static,
) -> (Promise, Rc<Cell<Option<Ruling>>>) {
    let place = Rc::new(Cell::new(None));
    let target = Rc::clone(&place);
    let promise = wasm_bindgen_futures::future_to_promise(async move {
        target.set(Some(future.await));
        Ok(JsValue::UNDEFINED)
    });
    (promise, place)
}
