//! The counts in the `OpenMetrics` text format, as the origin's `/metrics` has it.
//!
//! Label values are names of closed sets, digits and letters: none needs escaping.

use std::fmt::{Display, Write as _};

use super::{Counters, Fetched, State};

/// The media type of the text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text, family by family.
struct Text(String);

impl Text {
    fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP portcullis_edge_{name} {help}"));
        self.line(format_args!("# TYPE portcullis_edge_{name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        self.line(format_args!("portcullis_edge_{name}{labels} {value}"));
    }

    fn gauge(&mut self, name: &str, help: &str, value: Option<impl Display>) {
        self.family(name, "gauge", help);
        if let Some(value) = value {
            self.sample(name, "", value);
        }
    }
}

pub(super) fn write(counters: &Counters, state: &State<'_>) -> String {
    let mut text = Text(String::with_capacity(2048));
    text.family(
        "isolate",
        "info",
        "The isolate that answers. All other values are of this one alone, since it started",
    );
    text.sample("isolate_info", &format!("{{id=\"{}\"}}", state.isolate), 1);
    text.gauge(
        "isolate_age_seconds",
        "Since the isolate's first request",
        Some(seconds(state.lifetime)),
    );
    decisions(&mut text, counters);
    snapshot(&mut text, state);
    fetches(&mut text, counters);
    cache(&mut text, state);
    text.line("# EOF");
    text.0
}

fn decisions(text: &mut Text, counters: &Counters) {
    text.family(
        "decisions",
        "counter",
        "Decisions, by outcome and by the reason of a refusal",
    );
    for (outcome, reason, count) in counters.decisions() {
        let reason = reason.map_or("", super::Reason::name);
        let labels = format!("{{outcome=\"{}\",reason=\"{reason}\"}}", outcome.name());
        text.sample("decisions_total", &labels, count);
    }
}

fn snapshot(text: &mut Text, state: &State<'_>) {
    text.gauge(
        "keys_age_seconds",
        "Since the fetch of the keys in use began",
        state.keys_age.map(seconds),
    );
    text.gauge(
        "revocations_age_seconds",
        "Since the fetch of the revocations in use began",
        state.feed_age.map(seconds),
    );
    text.gauge(
        "feed_seq",
        "Up to which seq revocations are in force",
        state.feed_seq,
    );
    text.gauge(
        "keys_with_tables",
        "Keys that have verified so much that they have tables for it",
        Some(state.keys_with_tables),
    );
}

fn fetches(text: &mut Text, counters: &Counters) {
    text.family("fetches", "counter", "Fetches of the origin's documents");
    for document in Fetched::ALL {
        let tally = counters.fetches(document);
        for (result, count) in [("taken", tally.well), ("failed", tally.badly)] {
            let name = document.name();
            let labels = format!("{{document=\"{name}\",result=\"{result}\"}}");
            text.sample("fetches_total", &labels, count);
        }
    }
}

fn cache(text: &mut Text, state: &State<'_>) {
    text.family(
        "token_cache_lookups",
        "counter",
        "Tokens whose signature had been checked already, and others",
    );
    let uses = state.cache;
    for (result, count) in [("hit", uses.hits), ("miss", uses.misses)] {
        let labels = format!("{{result=\"{result}\"}}");
        text.sample("token_cache_lookups_total", &labels, count);
    }
    text.gauge(
        "token_cache_tokens",
        "Verified tokens that are kept",
        Some(state.cached_tokens),
    );
}

/// Milliseconds as seconds, written without a float's noise.
fn seconds(millis: i64) -> String {
    let millis = millis.max(0);
    format!("{}.{:03}", millis / 1000, millis % 1000)
}
