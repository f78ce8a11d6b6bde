//! A decision as one line of the log: JSON, one object a line.
//!
//! Invariant: nothing of a credential is in it, nor path or query, where secrets may stand; and
//! whatever text comes from outside is written in printable ASCII, so that it can neither begin
//! another line nor steer the terminal of whoever reads it.

use std::fmt::{Display, Write as _};

use crate::gate::{Config, Decision, Head, Outcome, Ruling};

/// What the isolate knew when it decided.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// Up to which `seq` revocations were known.
    pub feed_seq: Option<u64>,
    /// Their age, in milliseconds.
    pub feed_age: Option<i64>,
    /// The age of the keys, in milliseconds.
    pub keys_age: Option<i64>,
}

/// Whether the settings want a line about this decision.
pub fn is_wanted(head: &Head, config: &Config, ruling: &Ruling) -> bool {
    let log = &config.settings.log;
    match ruling.outcome() {
        Outcome::Refused | Outcome::Reported => log.takes_refused(&head.request_id),
        Outcome::Passed | Outcome::Answered | Outcome::BuiltIn => {
            log.takes_passed(&head.request_id)
        }
    }
}

/// The line, without its end.
pub fn write(head: &Head, config: &Config, ruling: &Ruling, known: &Known) -> String {
    let mut line = Line::new();
    line.text("outcome", ruling.outcome().name());
    let status = match &ruling.decision {
        Decision::Answer(answer) => Some(answer.status),
        Decision::Forward(_) | Decision::Metrics => None,
    };
    line.number("status", status);
    line.number("would_be", ruling.would_be);
    if let Some(reason) = ruling.reason {
        line.text("reason", reason.name());
        line.text("detail", reason.text());
    }
    line.number("rule", ruling.rule);
    let own = |number| {
        let mut rules = config.table.rules().chain([&config.settings.own_rule]);
        rules.find(|rule| rule.number == number)
    };
    if let Some(rule) = ruling.rule.and_then(own) {
        line.text("route", &format!("{}{}", rule.host, rule.path));
    }
    if let Some(subject) = &ruling.subject {
        line.text("subject", &subject.name);
        if let Some(issuer) = &subject.issuer {
            line.text("issuer", issuer);
        }
    }
    if let Some(key) = &ruling.key {
        line.text("kid", key.as_str());
    }
    line.number("feed_seq", known.feed_seq);
    line.number("feed_age_ms", known.feed_age);
    line.number("keys_age_ms", known.keys_age);
    line.text("request_id", &head.request_id);
    line.end()
}

/// An object in the making.
struct Line(String);

impl Line {
    fn new() -> Self {
        Self(r#"{"level":"info","message":"decision""#.to_owned())
    }

    fn number(&mut self, name: &str, number: Option<impl Display>) {
        if let Some(number) = number {
            // Writing to a string cannot fail.
            let _ = write!(self.0, ",\"{name}\":{number}");
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        let _ = write!(self.0, ",\"{name}\":\"");
        for unit in text.encode_utf16() {
            match u8::try_from(unit) {
                Ok(plain @ (b' ' | b'!' | b'#'..=b'[' | b']'..=b'~')) => {
                    self.0.push(char::from(plain));
                }
                _ => {
                    let _ = write!(self.0, "\\u{unit:04x}");
                }
            }
        }
        self.0.push('"');
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_json_and_printable_ascii() {
        let wild = "a\"b\\c\r\n\u{1b}[31m\u{9b}\u{202e}ä\u{1f600}\u{7f}";
        let mut line = Line::new();
        line.text("subject", wild);
        let line = line.end();
        assert!(
            line.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{line}"
        );
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["subject"], wild);
    }
}
