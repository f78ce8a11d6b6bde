//! JSON that is not quite JSON, or that parsers read differently, in header and payload.

use serde_json::Value;

use super::{Case, Forge};
use crate::token::Refusal;

pub(super) fn cases(forge: &Forge<'_>) -> Vec<Case> {
    let header = Value::Object(forge.header()).to_string();
    let claims = Value::Object(forge.claims()).to_string();
    let why = "an object in UTF-8, each member once, and nothing around it (RFC 8259)";
    let members = |json: &str| json.trim_matches(['{', '}']).to_owned();
    let mut cases = Vec::new();
    for (part, json, refusal) in [
        ("header", &header, Refusal::Header),
        ("payload", &claims, Refusal::Claims),
    ] {
        let inner = members(json);
        for (name, bytes) in broken(json, &inner) {
            let token = if part == "header" {
                forge.token_of(bytes, &claims)
            } else {
                forge.token_of(&header, bytes)
            };
            cases.push(Case::refused(
                format!("{part}: {name}"),
                why,
                refusal.clone(),
                token,
            ));
        }
    }
    cases.extend(repeated(forge, &members(&header), &members(&claims)));
    cases
}

fn broken(json: &str, inner: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf16: Vec<u8> = json.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let nested = |depth| {
        format!(
            "{{{inner},\"x\":{}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    let quoted = |bytes: &[u8]| [b"{\"x\":\"", bytes, b"\",", inner.as_bytes(), b"}"].concat();
    let text = [
        ("empty object", "{}".to_owned()),
        ("empty array", "[]".to_owned()),
        ("null", "null".to_owned()),
        ("a number", "1".to_owned()),
        ("white space", "  ".to_owned()),
        ("a string", Value::from(json).to_string()),
        ("in an array", format!("[{json}]")),
        ("values in an array", r#"["EdDSA","at+jwt","k"]"#.to_owned()),
        ("cut off", format!("{{{inner}")),
        ("twice", format!("{json}{json}")),
        ("text after it", format!("{json}x")),
        ("NUL after it", format!("{json}\0")),
        ("a comma at the end", format!("{{{inner},}}")),
        ("a comment", format!("{{/**/{inner}}}")),
        ("a line comment", format!("{{{inner}}}//")),
        ("single quotes", json.replace('"', "'")),
        ("names without quotes", format!("{{{inner},x:1}}")),
        (
            "a raw control character in a string",
            format!("{{\"x\":\"\n\",{inner}}}"),
        ),
        ("byte order mark", format!("\u{feff}{json}")),
        (
            "half a surrogate pair",
            format!("{{{inner},\"x\":\"\\ud800\"}}"),
        ),
        (
            "half a surrogate pair in a name",
            format!("{{{inner},\"\\udc00\":1}}"),
        ),
        ("a number out of range", format!("{{{inner},\"x\":1e999}}")),
        ("NaN", format!("{{{inner},\"x\":NaN}}")),
        ("arrays a hundred and thirty deep", nested(130)),
        ("arrays a thousand deep", nested(1000)),
        (
            "arrays a thousand deep, not closed",
            format!("{{{inner},\"x\":{}", "[".repeat(1000)),
        ),
        (
            "objects without end",
            format!("{{{inner},\"x\":{}", "{\"a\":".repeat(300)),
        ),
    ];
    let bytes = [
        ("UTF-16", utf16),
        ("a byte that is not UTF-8", quoted(b"\xff")),
        ("Latin-1", quoted(b"\xe4")),
        ("an overlong encoding", quoted(b"\xc0\xaf")),
        ("an encoded surrogate", quoted(b"\xed\xa0\x80")),
        ("beyond Unicode", quoted(b"\xf4\x90\x80\x80")),
    ];
    let text = text.map(|(name, text)| (name, text.into_bytes()));
    text.into_iter().chain(bytes).collect()
}

fn repeated(forge: &Forge<'_>, header: &str, claims: &str) -> Vec<Case> {
    let why = "a member that stands twice means one thing here and another there";
    let headers = [
        format!(r#"{{{header},"alg":"EdDSA"}}"#),
        format!(r#"{{"alg":"none",{header}}}"#),
        format!(r#"{{{header},"alg":"none"}}"#),
        format!(r#"{{{header},"\u0061lg":"none"}}"#),
        format!(r#"{{{header},"typ":"at+jwt"}}"#),
        format!(r#"{{"kid":"other",{header}}}"#),
        format!(r#"{{{header},"kid":null}}"#),
    ];
    let payloads = [
        format!(r#"{{{claims},"sub":"other"}}"#),
        format!(r#"{{"sub":"other",{claims}}}"#),
        format!(r#"{{{claims},"s\u0075b":"other"}}"#),
        format!(r#"{{{claims},"exp":{}}}"#, forge.now.0 + 60),
        format!(r#"{{{claims},"aud":"{}"}}"#, forge.policy.audience),
        format!(r#"{{{claims},"scope":"admin"}}"#),
        format!(r#"{{{claims},"x":1,"x":1}}"#),
        format!(r#"{{{claims},"x":1,"\u0078":2}}"#),
        format!(r#"{{{claims},"x":{{"a":1,"a":1}}}}"#),
        format!(r#"{{{claims},"x":[[{{"a":1,"b":{{}},"a":1}}]]}}"#),
    ];
    let headers = headers.into_iter().enumerate().map(|(index, header)| {
        let token = forge.token_of(header, format!("{{{claims}}}"));
        Case::refused(
            format!("header member twice, {index}"),
            why,
            Refusal::Header,
            token,
        )
    });
    let payloads = payloads.into_iter().enumerate().map(|(index, payload)| {
        let token = forge.token_of(format!("{{{header}}}"), payload);
        Case::refused(format!("claim twice, {index}"), why, Refusal::Claims, token)
    });
    headers.chain(payloads).collect()
}
