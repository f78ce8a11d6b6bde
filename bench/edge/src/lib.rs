//! The edge's decision about a token, to be called from a Worker that does nothing else: what the
//! verification alone costs in Wasm under the real runtime.
//!
//! It is the product's own `gate`, compiled as the deployed Worker is. A crate of its
//! own, so that no build of the Worker can carry it along.
#![cfg(target_arch = "wasm32")]

use std::{cell::RefCell, collections::BTreeMap};

use portcullis_edge::{
    gate::{self, Config, Decision, Head, Memory, Plan, Ruling, Verdict},
    settings::Settings,
    snapshot::{Ages, Snapshot},
    time::Millis,
};
use portcullis_shared::routes::{RevocationMode, RouteTable};
use wasm_bindgen::{JsError, prelude::wasm_bindgen};

/// What an isolate of the product holds when it is warm.
struct Isolate {
    /// Whether keys may have tables.
    tables: bool,
    config: Config,
    snapshot: Snapshot,
    memory: Memory,
    url: String,
}

thread_local! {
    static ISOLATE: RefCell<Option<Isolate>> = const { RefCell::new(None) };
}

/// Documents that were fetched once serve for the whole run.
const AGES: Ages = Ages {
    feed_fresh: 3_600_000,
    feed_ageing: 3_600_000,
    feed_hard: 3_600_000,
    keys_fresh: 3_600_000,
    keys_hard: 3_600_000,
};

fn now() -> Millis {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole milliseconds far below 2^53"
    )]
    Millis(js_sys::Date::now() as i64)
}

/// Takes in what the product learns at its start: the route table, and the origin's two documents.
/// Tokens will be judged as if they came with a GET of `url`. Without `tables`, keys verify in the
/// generic way however much they verify.
///
/// # Errors
/// When one of them is not acceptable.
#[wasm_bindgen]
pub fn prepare(
    routes: &str,
    issuer: &str,
    url: String,
    keys: &str,
    revocations: &str,
    tables: bool,
) -> Result<(), JsError> {
    let table = RouteTable::from_json(routes)?;
    let address = |name: &str| (name.to_owned(), "http://upstream.invalid".to_owned());
    let mut variables: BTreeMap<_, _> = ["ORIGIN", "UPSTREAM_API"].map(address).into();
    variables.insert("ISSUER".to_owned(), issuer.to_owned());
    let settings = Settings::read(&variables, &table)?;

    let mut snapshot = Snapshot::new(AGES);
    let now = now();
    let step = snapshot.advance(RevocationMode::Strict, now, now);
    let (Some(for_keys), Some(for_feed)) = (step.keys, step.feed) else {
        return Err(JsError::new("an empty snapshot asks for nothing"));
    };
    snapshot.put_keys(for_keys, keys.as_bytes())?;
    snapshot.put_feed(for_feed, revocations, issuer, now)?;
    snapshot.end_keys(for_keys);
    snapshot.end_feed(for_feed);

    let memory = Memory::new(settings.token_cache_bytes);
    let isolate = Isolate {
        tables,
        config: Config { table, settings },
        snapshot,
        memory,
        url,
    };
    ISOLATE.set(Some(isolate));
    Ok(())
}

/// Whether a request with this token would be forwarded.
#[wasm_bindgen]
pub fn judge(token: &str) -> bool {
    ISOLATE.with_borrow_mut(|isolate| {
        isolate
            .as_mut()
            .is_some_and(|isolate| passes(isolate, token))
    })
}

fn passes(isolate: &mut Isolate, token: &str) -> bool {
    let Isolate {
        tables,
        config,
        snapshot,
        memory,
        url,
    } = isolate;
    let head = Head {
        method: "GET".to_owned(),
        url: url.clone(),
        names: vec!["authorization".to_owned()],
        authorization: Some(format!("Bearer {token}")),
        ..Head::default()
    };
    let Plan::Judge(case) = gate::plan(&head, config) else {
        return false;
    };
    let now = now();
    if !snapshot.is_fresh(case.demand().revocations, now) {
        return false;
    }
    let verdict = gate::judge(&case, snapshot, memory, now);
    // The product does this after the answer. Here it falls into the warm-up.
    if *tables && let Some(order) = snapshot.begin_tables(now) {
        snapshot.put_tables(order.build());
    }
    matches!(
        verdict,
        Verdict::Ruled(Ruling {
            decision: Decision::Forward(_),
            ..
        })
    )
}
