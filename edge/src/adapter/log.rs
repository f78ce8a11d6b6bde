//! Log lines: JSON, one a line, with reasons and never with credentials.

use serde_json::json;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::console;

/// A line about a decision.
pub(super) fn decision(line: &str) {
    console::log_1(&JsValue::from_str(line));
}

/// A document that could not be had.
pub(super) fn warning(message: &str, reason: &str) {
    let line = json!({"level": "warn", "message": message, "reason": reason});
    console::warn_1(&JsValue::from_str(&line.to_string()));
}

/// Something that an operator has to mend.
pub(super) fn error(message: &str, reason: &str) {
    let line = json!({"level": "error", "message": message, "reason": reason});
    console::error_1(&JsValue::from_str(&line.to_string()));
}

/// What the runtime threw, in a line.
pub(super) fn text(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => error.as_string().unwrap_or_default(),
    }
}
