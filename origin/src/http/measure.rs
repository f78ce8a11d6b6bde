//! Counting requests and how long they take, by operation, for `GET /metrics`.
//!
//! The labels are operations of the API and statuses, never anything that came with a request: no
//! caller can make them many, and nothing about a person is in them.

use std::fmt;

use poem_openapi::OperationId;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Upper bounds of the histogram, in seconds: from an answer out of memory to a login that waits
/// in a full queue.
const BUCKETS: [f64; 12] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0,
];

/// The operation of requests that came to none.
const NONE: &str = "none";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    operation: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Exchange {
    outcome: &'static str,
}

/// What has been counted since the start of this process.
#[derive(Debug)]
pub(crate) struct Measures {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<Operation, Histogram>,
    exchanges: Family<Exchange, Counter>,
}

impl Measures {
    /// Nothing counted yet.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("portcullis");
        let requests = Family::default();
        let durations = Family::new_with_constructor(histogram as fn() -> Histogram);
        registry.register(
            "requests",
            "Requests that were answered, by operation and status",
            requests.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "How long requests took until the answer began, by operation",
            Unit::Seconds,
            durations.clone(),
        );
        let exchanges = Family::default();
        registry.register(
            "api_key_exchanges",
            "API keys that were shown, by what came of it",
            exchanges.clone(),
        );
        Self {
            registry,
            requests,
            durations,
            exchanges,
        }
    }

    /// Counts one request.
    pub(crate) fn answered(&self, operation: Option<OperationId>, status: u16, seconds: f64) {
        let operation = operation.map_or(NONE, |OperationId(name)| name);
        self.requests
            .get_or_create(&Answered { operation, status })
            .inc();
        self.durations
            .get_or_create(&Operation { operation })
            .observe(seconds);
    }

    /// Counts an API key that was shown.
    pub(crate) fn exchanged(&self, outcome: &'static str) {
        self.exchanges.get_or_create(&Exchange { outcome }).inc();
    }

    /// All counts in the `OpenMetrics` text format.
    ///
    /// # Errors
    ///
    /// When it cannot be written, which memory always can.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}
