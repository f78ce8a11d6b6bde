//! What outlives a request: one per isolate, lost with it.
//!
//! Invariant: it is borrowed by the closures in this file alone, none of which awaits anything.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use portcullis_shared::{foreign::SignatureCheck, keys::KeySet, routes::RouteTable};
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    answer::Answer,
    counters::{Counters, Fetched, MEDIA_TYPE, State},
    decision_line::{self, Known},
    exchange::Exchanges,
    gate::{self, Case, Config, Head, Memory, Ruling, Verdict},
    settings::Settings,
    snapshot::{Needs, Snapshot},
    time::Millis,
};

use super::client::random_uuid;

/// How far the isolate is with its settings.
enum Setup {
    /// The table has been read, the variables not yet: they come with the first request.
    Table(RouteTable),
    /// All is known.
    Ready(Rc<Config>),
    /// Something is wrong, and stays so until the next deployment.
    Wrong(String),
}

struct Isolate {
    setup: Setup,
    snapshot: Snapshot,
    memory: Memory,
    counters: Counters,
    /// When it took its settings in, and what it is called since.
    began: Option<(Millis, String)>,
}

thread_local! {
    static ISOLATE: RefCell<Isolate> = RefCell::new(Isolate {
        setup: Setup::Wrong("the route table has not been read".to_owned()),
        snapshot: Snapshot::default(),
        memory: Memory::new(0),
        counters: Counters::default(),
        began: None,
    });
}

/// The time now. The runtime's clock stands still between one I/O and the next.
pub(super) fn now() -> Millis {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole milliseconds far below 2^53"
    )]
    Millis(js_sys::Date::now() as i64)
}

/// Takes the route table in.
pub(super) fn start(routes: &str) {
    let setup = match RouteTable::from_json(routes) {
        Ok(table) => Setup::Table(table),
        Err(error) => Setup::Wrong(error.to_string()),
    };
    ISOLATE.with_borrow_mut(|isolate| isolate.setup = setup);
}

/// Takes the variables in.
pub(super) fn configure(env: &js_sys::Object) {
    ISOLATE.with_borrow_mut(|isolate| {
        let pending = Setup::Wrong("the settings could not be read".to_owned());
        let setup = std::mem::replace(&mut isolate.setup, pending);
        isolate.setup = match setup {
            Setup::Table(table) => match Settings::read(&variables(env), &table) {
                Ok(settings) => {
                    let issuers = table.issuers().len();
                    isolate.snapshot = Snapshot::new(settings.ages).with_issuers(issuers);
                    isolate.memory = Memory::new(settings.token_cache_bytes);
                    isolate.began = Some((now(), random_uuid()));
                    Setup::Ready(Rc::new(Config { table, settings }))
                }
                Err(error) => Setup::Wrong(error.to_string()),
            },
            known => known,
        };
    });
}

/// Table and settings.
pub(super) fn config() -> Result<Rc<Config>, String> {
    ISOLATE.with_borrow(|isolate| match &isolate.setup {
        Setup::Ready(config) => Ok(Rc::clone(config)),
        Setup::Wrong(reason) => Err(reason.clone()),
        Setup::Table(_) => Err("the settings have not been read".to_owned()),
    })
}

/// The variables that are text or numbers; bindings to other things are not ours.
fn variables(env: &js_sys::Object) -> BTreeMap<String, String> {
    let entries = js_sys::Object::entries(env);
    let pair = |entry: JsValue| {
        let entry = js_sys::Array::from(&entry);
        let value = entry.get(1);
        // The runtime writes it down: formatting numbers of that kind is a lot of code.
        let number = || {
            let number = value.dyn_ref::<js_sys::Number>()?;
            number.to_string_with_radix(10).ok().map(String::from)
        };
        Some((
            entry.get(0).as_string()?,
            value.as_string().or_else(number)?,
        ))
    };
    let mut variables = BTreeMap::new();
    variables.extend(entries.iter().filter_map(pair));
    variables
}

/// Whether a request that needs this can be judged at once.
pub(super) fn is_fresh(needs: Needs) -> bool {
    ISOLATE.with_borrow(|isolate| isolate.snapshot.is_fresh(needs, now()))
}

/// Whether the token of a case's API key is to be replaced, behind.
pub(super) fn is_due(case: &Case<'_>) -> bool {
    case.key()
        .is_some_and(|key| with_exchanges(|exchanges, now| exchanges.is_due(&key, now)))
}

/// Reads or changes what is known of API keys.
pub(super) fn with_exchanges<T>(change: impl FnOnce(&mut Exchanges, Millis) -> T) -> T {
    ISOLATE.with_borrow_mut(|isolate| change(&mut isolate.memory.exchanges, now()))
}

/// Judges a token by what is known now.
pub(super) fn judge(case: &Case<'_>) -> Verdict {
    ISOLATE
        .with_borrow_mut(|isolate| gate::judge(case, &isolate.snapshot, &mut isolate.memory, now()))
}

/// Judges a foreign token by what came of the check of its signature.
pub(super) fn conclude(case: &Case<'_>, check: SignatureCheck, holds: bool) -> Verdict {
    ISOLATE.with_borrow_mut(|isolate| {
        let (snapshot, memory) = (&isolate.snapshot, &mut isolate.memory);
        gate::conclude(case, check, holds, snapshot, memory, now())
    })
}

/// Up to which `seq` revocations are known.
pub(super) fn seq() -> Option<u64> {
    ISOLATE.with_borrow(|isolate| isolate.snapshot.seq())
}

/// Reads or changes the snapshot.
pub(super) fn with_snapshot<T>(change: impl FnOnce(&mut Snapshot) -> T) -> T {
    ISOLATE.with_borrow_mut(|isolate| change(&mut isolate.snapshot))
}

/// Counts a decision, and gives the line about it that the log is to have, if any.
pub(super) fn observe(head: &Head, ruling: &Ruling) -> Option<String> {
    ISOLATE.with_borrow_mut(|isolate| {
        isolate.counters.decided(ruling);
        let Setup::Ready(config) = &isolate.setup else {
            return None;
        };
        decision_line::is_wanted(head, config, ruling).then(|| {
            let known = Known {
                feed_seq: isolate.snapshot.seq(),
                feed_age: isolate.snapshot.feed_age(now()),
                keys_age: isolate.snapshot.keys_age(now()),
            };
            decision_line::write(head, config, ruling, &known)
        })
    })
}

/// Counts an attempt to fetch a document.
pub(super) fn count_fetch(document: Fetched, well: bool) {
    ISOLATE.with_borrow_mut(|isolate| isolate.counters.fetched(document, well));
}

/// Everything that has been counted.
pub(super) fn metrics() -> Answer {
    let text = ISOLATE.with_borrow(|isolate| {
        let (since, id) = match &isolate.began {
            Some((since, id)) => (*since, id.as_str()),
            None => (now(), ""),
        };
        isolate.counters.text(&State {
            isolate: id,
            lifetime: now().since(since),
            keys_age: isolate.snapshot.keys_age(now()),
            feed_age: isolate.snapshot.feed_age(now()),
            feed_seq: isolate.snapshot.seq(),
            keys_with_tables: isolate.snapshot.keys().map_or(0, KeySet::with_tables),
            cached_tokens: isolate.memory.tokens.len(),
            cache: isolate.memory.tokens.uses(),
        })
    });
    Answer::text(MEDIA_TYPE, text)
}

/// Forgets which signatures have been checked: the keys have changed.
pub(super) fn forget_tokens() {
    ISOLATE.with_borrow_mut(|isolate| isolate.memory.tokens.clear());
}
