//! What is printed of an explanation.

use portcullis_edge::{
    answer::Answer,
    explain::{Explanation, Mark, Step, Verdict},
    gate::{Decision, Forward, Reason, Ruling},
};
use serde_json::{Map, Value, json};

use crate::cli::{Error, output};

pub(super) fn print(json: bool, explanation: &Explanation) -> Result<(), Error> {
    output::either(json, &value(explanation), &text(explanation))
}

/// The headers by which an upstream learns who asks. What is secret in them is named, not told.
fn identity(forward: &Forward) -> Vec<(&'static str, &str)> {
    let told = forward.set.iter().filter_map(|(name, value)| match *name {
        "portcullis-request-id" | "portcullis-edge-secret" => None,
        "portcullis-proof" => Some((*name, "(the token or link)")),
        "authorization" => Some((*name, "Bearer (the token)")),
        name if name.starts_with("portcullis-") => Some((name, value.as_str())),
        _ => None,
    });
    told.collect()
}

/// The code that a client sees.
fn code(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_str(answer.body.as_deref()?).ok()?;
    Some(body.get("code")?.as_str()?.to_owned())
}

fn value(explanation: &Explanation) -> Value {
    let step = |step: &Step| {
        let (check, mark) = (step.check, step.mark.name());
        json!({"check": check, "mark": mark, "text": step.text})
    };
    let steps: Vec<Value> = explanation.steps.iter().map(step).collect();
    let mut value = match &explanation.verdict {
        Verdict::Ruled(ruling) => of_ruling(ruling),
        Verdict::Exchange { url, reports } => {
            json!({"outcome": "exchange", "url": url, "reports": reports})
        }
    };
    value["open"] = json!(explanation.open);
    value["steps"] = steps.into();
    value
}

fn of_ruling(ruling: &Ruling) -> Value {
    let mut value = json!({
        "outcome": ruling.outcome().name(),
        "rule": ruling.rule,
        "reason": ruling.reason.map(Reason::name),
        "detail": ruling.reason.map(Reason::text),
        "would_be": ruling.would_be,
    });
    match &ruling.decision {
        Decision::Forward(forward) => {
            let headers: Map<String, Value> = identity(forward)
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            value["url"] = json!(forward.url);
            value["headers"] = headers.into();
            value["removed"] = json!(forward.remove);
        }
        Decision::Answer(answer) => {
            value["status"] = json!(answer.status);
            value["code"] = json!(code(answer));
        }
        Decision::Metrics => value["status"] = json!(200),
    }
    value
}

fn text(explanation: &Explanation) -> String {
    let steps = explanation.steps.iter().map(line);
    let mut lines: Vec<String> = steps.collect();
    lines.push(String::new());
    lines.extend(verdict(explanation));
    lines.join("\n")
}

fn line(step: &Step) -> String {
    let mark = match step.mark {
        Mark::Passed => "ok",
        Mark::Failed => "NO",
        Mark::NotChecked => " ?",
        Mark::Noted => " -",
    };
    let text = output::one_line(&step.text);
    format!("{mark}  {:<11} {text}", step.check)
}

fn verdict(explanation: &Explanation) -> Vec<String> {
    let ifs = explanation.open.iter().map(|check| match *check {
        "signature" => "its signature is good",
        "revocation" => "nothing of it is revoked",
        _ => "the origin's token for it satisfies the rule",
    });
    let ifs: Vec<_> = ifs.collect();
    let ifs = match ifs.as_slice() {
        [] => String::new(),
        ifs => format!(", if {}", ifs.join(" and ")),
    };
    let ruling = match &explanation.verdict {
        Verdict::Ruled(ruling) => ruling,
        Verdict::Exchange { url, reports: true } => {
            let text = format!("Forwarded to {url} as it came: the rule only reports.");
            return vec![output::one_line(&text)];
        }
        Verdict::Exchange { url, .. } => {
            return vec![output::one_line(&format!("Forwarded to {url}{ifs}."))];
        }
    };
    match (&ruling.decision, ruling.reason) {
        (Decision::Forward(forward), reason) => {
            let url = &forward.url;
            let first = match (reason, ruling.would_be) {
                (Some(reason), Some(status)) => format!(
                    "Forwarded to {url} as it came, because the rule only reports. It would be \
                     refused with {status}: {reason}."
                ),
                _ => format!("Forwarded to {url}{ifs}."),
            };
            let mut lines = vec![output::one_line(&first)];
            let headers = identity(forward);
            let header =
                |(name, value): (&str, &str)| output::one_line(&format!("  {name}: {value}"));
            lines.extend(headers.into_iter().map(header));
            if !forward.remove.is_empty() {
                let removed = forward.remove.join(", ");
                lines.push(output::one_line(&format!("  removed: {removed}")));
            }
            lines
        }
        (Decision::Answer(answer), Some(reason)) => {
            let (status, code) = (answer.status, code(answer).unwrap_or_default());
            let text =
                format!("Refused with {status} {code}: {reason}. The client is not told why.");
            vec![text]
        }
        (Decision::Answer(answer), None) => {
            vec![format!("Answered by the edge with {}.", answer.status)]
        }
        (Decision::Metrics, _) => vec![format!("Answered by the edge with its counts{ifs}.")],
    }
}
