//! The runtime's side: hands what `entry/` reads of a request to the gate, writes what is to be done
//! with it, and keeps the snapshot up to date.
//!
//! Invariants: what belongs to a request (streams, promises, timers) stays with it; what outlives
//! it is plain data in [`isolate`], never borrowed across an `await`; and a body never enters Wasm
//! memory, but for the origin's two documents.
//!
//! When a client goes away, the runtime drops its request, and promises that the request waited for
//! are never settled. A Rust future that waits for one would stay in memory for good. So no future
//! of ours waits for an upstream: that is `entry/forward.js`'s, whose promises are collected. What
//! our futures do wait for, timers and the origin's documents, `waitUntil` sees to its end.

mod client;
mod context;
mod document;
mod exchange;
mod isolate;
mod log;
mod refresh;
mod tables;
mod timer;
mod web_crypto;

use std::rc::Rc;

use js_sys::Promise;
use portcullis_shared::problem::Code;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::{
    answer::Answer,
    exchange::Next,
    gate::{self, Config, Decision, Forward, Head, Plan, Ruling, Verdict},
    handback::{Handback, Upstreams},
    platform::Platform,
    time::Millis,
    timing,
    wire::{
        self,
        order::{self, Signature},
    },
};

use context::Context;

/// Takes the route table in; called once, when the isolate starts. A table that is wrong is
/// remembered, and refuses every request.
#[wasm_bindgen]
pub fn start(routes: &str) {
    isolate::start(routes);
}

/// Takes the variables in, which come with the first request. What is wrong with them is
/// remembered, and refuses every request.
#[wasm_bindgen]
pub fn configure(env: &js_sys::Object) {
    isolate::configure(env);
}

/// Rules on a request for which nothing has to be fetched, as most are: gives the order for it, or
/// nothing where [`rule_later`] is to be asked.
#[wasm_bindgen]
pub fn rule(head: &str, request: &JsValue, context: &Context) -> Option<String> {
    match Matter::of(head, request) {
        Ok(matter) => {
            if let Some(ruling) = rule_at_once(&matter.head, &matter.config) {
                tables::build_where_due(context);
                return Some(matter.order(ruling));
            }
            let forward = matter.as_it_came()?;
            report_later(matter, context);
            Some(forward)
        }
        Err(order) => Some(order),
    }
}

/// Rules on any request: promises the order for it.
#[wasm_bindgen(js_name = ruleLater)]
pub fn rule_later(head: &str, request: &JsValue, context: &Context) -> Promise {
    let mut matter = match Matter::of(head, request) {
        Ok(matter) => matter,
        Err(order) => return Promise::resolve(&JsValue::from_str(&order)),
    };
    matter.head.country = client::country(request, &matter.config.settings.platform);
    let of_task = context.clone();
    let promise = wasm_bindgen_futures::future_to_promise(async move {
        let ruling = rule_after_waiting(&matter, of_task).await;
        Ok(JsValue::from_str(&matter.order(ruling)))
    });
    context.wait_until(&promise);
    promise
}

/// Rules on a request that has been forwarded already, because its route only reports.
fn report_later(matter: Matter, context: &Context) {
    let of_task = context.clone();
    context.spawn(async move {
        let ruling = rule_after_waiting(&matter, of_task).await;
        matter.observe(&ruling);
    });
}

/// Tells what to change of an upstream's answer, by what the order to forward said of it, its status
/// and its headers; nothing where the answer cannot be handed back.
#[wasm_bindgen(js_name = handBack)]
pub fn hand_back(handback: &str, status: u16, headers: &str) -> Option<String> {
    let handback = Handback::read(handback)?;
    let headers = wire::headers(headers)?;
    let answer = Upstreams {
        status,
        headers: &headers,
    };
    let changes = handback.changes(answer, isolate::seq());
    order::changes(&changes)
}

/// Gives the order to answer in place of an upstream that did not, for whatever reason.
#[wasm_bindgen(js_name = giveUp)]
pub fn give_up(handback: &str, reason: &str) -> String {
    log::warning("an upstream did not answer", reason);
    match Handback::read(handback) {
        Some(handback) => handback.bad_gateway(isolate::seq()),
        None => answer(&client::unnamed(), &Answer::problem(Code::BadGateway)),
    }
}

/// A request, and the rules for it.
struct Matter {
    head: Head,
    config: Rc<Config>,
    /// The runtime's own object of the request, for what only it tells.
    request: JsValue,
    /// When it was read, where answers are to say how long it waited.
    began: Option<Millis>,
}

impl Matter {
    /// Reads a head; where that is not enough to rule on it, gives the order instead.
    fn of(head: &str, request: &JsValue) -> Result<Self, String> {
        let Some(told) = wire::head::read(head) else {
            log::error("a request could not be read", "its head is broken");
            let refusal = Answer::problem(Code::InvalidRequest);
            return Err(answer(&client::unnamed(), &refusal));
        };
        match isolate::config() {
            Ok(config) => Ok(Self {
                head: client::complete(told, request, &config.settings.platform),
                began: config.settings.server_timing.then(isolate::now),
                config,
                request: request.clone(),
            }),
            Err(reason) => {
                log::error("not configured", &reason);
                let head = client::complete(told, request, &Platform::Cloudflare);
                Err(answer(&head, &Answer::unavailable()))
            }
        }
    }

    /// Counts a decision, which may become a line of the log.
    fn observe(&self, ruling: &Ruling) {
        if let Some(line) = isolate::observe(&self.head, ruling) {
            log::decision(&line);
        }
    }

    /// The order for a request that its route forwards as it came, whatever the decision.
    fn as_it_came(&self) -> Option<String> {
        let forward = match gate::plan(&self.head, &self.config) {
            Plan::Judge(case) if case.reports() => case.as_it_came(),
            Plan::Judge(_) | Plan::Ruled(_) => return None,
        };
        Some(self.forward(forward, self.began.map(|_| timing::ahead())))
    }

    fn forward(&self, mut on: Forward, timing: Option<String>) -> String {
        if self.head.country.is_none() {
            let platform = &self.config.settings.platform;
            client::tell_country(&mut on, &self.request, platform);
        }
        order::forward(&self.head, &on, timing)
    }

    /// What is to be done; the decision is observed.
    fn order(&self, ruling: Ruling) -> String {
        self.observe(&ruling);
        let outcome = ruling.outcome();
        let timing = self
            .began
            .map(|began| timing::decided(outcome, isolate::now().since(began)));
        match ruling.decision {
            Decision::Answer(ours) => timed_answer(&self.head, &ours, timing.as_deref()),
            Decision::Metrics => timed_answer(&self.head, &isolate::metrics(), timing.as_deref()),
            Decision::Forward(on) => self.forward(on, timing),
        }
    }
}

fn answer(head: &Head, answer: &Answer) -> String {
    timed_answer(head, answer, None)
}

fn timed_answer(head: &Head, answer: &Answer, timing: Option<&str>) -> String {
    let signature = Signature {
        request_id: &head.request_id,
        seq: isolate::seq(),
        timing,
    };
    order::answer(answer, &[], head.method == "HEAD", signature)
}

fn rule_at_once(head: &Head, config: &Config) -> Option<Ruling> {
    let case = match gate::plan(head, config) {
        Plan::Ruled(ruling) => return Some(ruling),
        Plan::Judge(case) => case,
    };
    if !isolate::is_fresh(case.needs()) || isolate::is_due(&case) {
        return case.screen();
    }
    match isolate::judge(&case) {
        Verdict::Ruled(ruling) => Some(ruling),
        Verdict::UnknownKey(_) | Verdict::Exchange | Verdict::CheckSignature(_) => None,
    }
}

/// Rules on any request, and waits for what that takes.
async fn rule_after_waiting(matter: &Matter, context: Context) -> Ruling {
    let Matter { head, config, .. } = matter;
    let case = match gate::plan(head, config) {
        Plan::Ruled(ruling) => return ruling,
        Plan::Judge(case) => case,
    };
    refresh::freshen(config, &context, case.needs()).await;
    if let Some(ruling) = exchange::settle(&case, &context).await {
        return ruling;
    }
    let mut verdict = isolate::judge(&case);
    // An API key's token may have to be replaced, and the new one be signed with a new key.
    for _ in 0..2 {
        match verdict {
            Verdict::Ruled(ruling) => return ruling,
            Verdict::UnknownKey(key) => {
                refresh::look_for_key(config, &context, case.needs(), &key).await;
            }
            Verdict::Exchange => {
                if let Some(ruling) = exchange::settle(&case, &context).await {
                    return ruling;
                }
            }
            Verdict::CheckSignature(_) => break,
        }
        verdict = isolate::judge(&case);
    }
    if let Verdict::CheckSignature(check) = verdict {
        let holds = web_crypto::holds(&check).await;
        verdict = isolate::conclude(&case, *check, holds);
    }
    match verdict {
        Verdict::Ruled(ruling) => ruling,
        Verdict::UnknownKey(key) => gate::refuse_unknown_key(&case, &key),
        Verdict::Exchange | Verdict::CheckSignature(_) => case.not_exchanged(Next::Unavailable),
    }
}
