//! Texts that are not three parts of base64url, and JSON that is not quite JSON.

use serde_json::{Value, json};

use super::{Case, Forge, forge::encode};
use crate::token::{Refusal, TOKEN_LIMIT};

pub(super) fn cases(forge: &Forge<'_>) -> Vec<Case> {
    let mut cases = parts(forge);
    cases.extend(surroundings(forge));
    cases.extend(sizes(forge));
    cases.extend(alphabets(forge));
    cases.extend(other_kinds(forge));
    cases
}

fn malformed(name: &str, why: &'static str, token: String) -> Case {
    Case::refused(name, why, Refusal::Malformed, token)
}

/// More, fewer or emptier parts.
fn parts(forge: &Forge<'_>) -> Vec<Case> {
    let good = forge.good();
    let (input, signature) = good.rsplit_once('.').unwrap_or_default();
    let (header, payload) = input.split_once('.').unwrap_or_default();
    let why = "a JWS in the compact serialisation has three parts, none of them empty";
    [
        ("nothing", String::new()),
        ("one dot", ".".to_owned()),
        ("two dots", "..".to_owned()),
        ("one part", header.to_owned()),
        ("two parts", input.to_owned()),
        ("no signature", format!("{input}.")),
        ("two signatures", format!("{good}.{signature}")),
        (
            "five parts, as a JWE",
            format!("{header}.{payload}.{signature}.{payload}.{signature}"),
        ),
        (
            "five parts, as a JWE with a direct key",
            format!("{header}..{payload}.{payload}.{signature}"),
        ),
        ("dot before", format!(".{good}")),
        ("dot after", format!("{good}.")),
        (
            "empty part between",
            format!("{header}..{payload}.{signature}"),
        ),
        ("a dot of full width", good.replace('.', "\u{ff0e}")),
        ("commas for dots", good.replace('.', ",")),
        ("two tokens", format!("{good},{good}")),
    ]
    .into_iter()
    .map(|(name, token)| malformed(name, why, token))
    .chain([
        Case::refused(
            "empty header",
            why,
            Refusal::Header,
            forge.sign(&format!(".{payload}")),
        ),
        Case::refused(
            "detached payload",
            why,
            Refusal::Claims,
            forge.sign(&format!("{header}.")),
        ),
        Case::refused(
            "payload taken out",
            why,
            Refusal::Signature,
            format!("{header}..{signature}"),
        ),
    ])
    .collect()
}

/// A good token with something before, after or in it.
fn surroundings(forge: &Forge<'_>) -> Vec<Case> {
    let good = forge.good();
    let (input, signature) = good.rsplit_once('.').unwrap_or_default();
    let why = "nothing but the characters of base64url and two dots";
    let strays = [
        " ", "\t", "\n", "\r\n", "\u{0}", "\u{b}", "\u{a0}", "\u{200b}", "\u{feff}", "=", "\"",
        "'", "%00", "%20", "\\n",
    ];
    let mut cases = Vec::new();
    for stray in strays {
        let places = [
            ("before", format!("{stray}{good}")),
            ("after", format!("{good}{stray}")),
            ("after the payload", format!("{input}{stray}.{signature}")),
            (
                "before the signature",
                format!("{input}.{stray}{signature}"),
            ),
            (
                "signed, after the payload",
                forge.sign(&format!("{input}{stray}")),
            ),
            (
                "signed, before the header",
                forge.sign(&format!("{stray}{input}")),
            ),
        ];
        for (place, token) in places {
            cases.push(malformed(&format!("{stray:?} {place}"), why, token));
        }
    }
    cases.push(malformed("quoted", why, format!("\"{good}\"")));
    cases.push(malformed("the scheme twice", why, format!("Bearer {good}")));
    cases.push(malformed("percent-encoded", why, good.replace('.', "%2E")));
    cases
}

/// Sizes that cost memory or time, were they looked into.
fn sizes(forge: &Forge<'_>) -> Vec<Case> {
    let good = forge.good();
    let (input, signature) = good.rsplit_once('.').unwrap_or_default();
    let (header, payload) = input.split_once('.').unwrap_or_default();
    let why = "the size is limited before anything is decoded";
    let form = "an Ed25519 signature is 86 characters long";
    let huge = "A".repeat(1 << 20);
    let shorter: String = signature.chars().skip(1).collect();
    let too_long = [
        ("a byte too long", forge.good_of_length(TOKEN_LIMIT + 1)),
        ("a good token of 5000 bytes", forge.good_of_length(5000)),
        ("a good token of a megabyte", forge.good_of_length(1 << 20)),
        ("a flood of dots", ".".repeat(1 << 20)),
        ("a giant header", format!("{huge}.{payload}.{signature}")),
        ("a giant payload", format!("{header}.{huge}.{signature}")),
        ("a giant signature", format!("{input}.{huge}")),
        ("a giant fourth part", format!("{good}.{huge}")),
    ];
    let wrong = [
        ("dots up to the limit", ".".repeat(TOKEN_LIMIT)),
        ("parts up to the limit", "a.".repeat(TOKEN_LIMIT / 2)),
        ("a signature of 85 characters", format!("{input}.{shorter}")),
        (
            "a signature of 87 characters",
            format!("{input}.{signature}A"),
        ),
        (
            "a signature of 65 bytes",
            format!("{input}.{}", encode([0; 65])),
        ),
        (
            "a signature of 3 kB",
            format!("{input}.{}", "A".repeat(3000)),
        ),
        (
            "a signature twice over",
            format!("{input}.{signature}{signature}"),
        ),
    ];
    let too_long = too_long.map(|(name, token)| Case::refused(name, why, Refusal::TooLong, token));
    let wrong = wrong.map(|(name, token)| malformed(name, form, token));
    too_long.into_iter().chain(wrong).collect()
}

/// Text that a lenient decoder of base64 would read as the same bytes; all of it signed as it
/// stands, but for the signature itself.
fn alphabets(forge: &Forge<'_>) -> Vec<Case> {
    let why = "base64url without padding, in its one canonical form (RFC 7515 section 2)";
    // Three of each in a row: whatever the alignment, one ends in `-` and one in `_`.
    let mut claims = forge.claims();
    claims.insert("x".to_owned(), json!(">>>>???? "));
    let (plain, header) = (
        Value::Object(claims),
        Value::Object(forge.header()).to_string(),
    );
    // A text of 3n + 1 bytes leaves four bits over, one of 3n + 2 bytes two.
    let padded = |text: &str, over: usize| {
        let spaces = (over + 3 - text.len() % 3) % 3;
        encode(format!("{text}{}", " ".repeat(spaces)))
    };
    let mut cases = Vec::new();
    for over in [1, 2] {
        let (header, payload) = (padded(&header, over), padded(&plain.to_string(), over));
        let padding = "=".repeat(3 - over);
        let changed = [
            (
                "padding on the header",
                format!("{header}{padding}.{payload}"),
            ),
            (
                "padding on the payload",
                format!("{header}.{payload}{padding}"),
            ),
            (
                "stray bits in the header",
                format!("{}.{payload}", with_stray_bits(&header)),
            ),
            (
                "stray bits in the payload",
                format!("{header}.{}", with_stray_bits(&payload)),
            ),
            (
                "plus for minus",
                format!("{header}.{}", payload.replace('-', "+")),
            ),
            (
                "slash for underscore",
                format!("{header}.{}", payload.replace('_', "/")),
            ),
            (
                "a character too many",
                format!("{header}.{payload}{}", "A".repeat(4 - over)),
            ),
        ];
        for (name, input) in changed {
            let name = format!("{name}, {over} over");
            cases.push(malformed(&name, why, forge.sign(&input)));
        }
    }
    let good = forge.good();
    let (input, signature) = good.rsplit_once('.').unwrap_or_default();
    let stray = with_stray_bits(signature);
    cases.push(malformed(
        "stray bits in the signature",
        why,
        format!("{input}.{stray}"),
    ));
    cases.push(malformed(
        "padding on the signature",
        why,
        format!("{good}=="),
    ));
    let head: String = signature.chars().skip(1).collect();
    for character in ['+', '/'] {
        let name = format!("{character} in the signature");
        cases.push(malformed(&name, why, format!("{input}.{character}{head}")));
    }
    cases
}

/// The same text with the lowest bit of its last character set. Where bits are left over they are
/// zero in the canonical form, and the character is one of those whose successor is in the
/// alphabet too.
fn with_stray_bits(text: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = text.to_owned();
    let last = text
        .pop()
        .and_then(|last| ALPHABET.split(last).nth(1)?.chars().next());
    text.extend(last);
    text
}

/// Other serialisations and other kinds of credential.
fn other_kinds(forge: &Forge<'_>) -> Vec<Case> {
    let good = forge.good();
    let (input, signature) = good.rsplit_once('.').unwrap_or_default();
    let (protected, payload) = input.split_once('.').unwrap_or_default();
    let flat = json!({ "protected": protected, "payload": payload, "signature": signature });
    let general = json!({
        "payload": payload,
        "signatures": [{ "protected": protected, "signature": signature }],
    });
    let why = "only the compact serialisation of a signed token is an access token";
    [
        ("flattened JSON", flat.to_string()),
        ("general JSON", general.to_string()),
        ("a refresh token", format!("prt_{}", encode([1; 37]))),
        ("an opaque key", format!("pak_{}", encode([1; 32]))),
        ("a user and a password", "ZGVtbzpkZW1v".to_owned()),
        (
            "the whole token once more in base64url",
            encode(good.as_bytes()),
        ),
        ("SQL", "' OR 1=1 --".to_owned()),
        ("null", "null".to_owned()),
        ("undefined", "undefined".to_owned()),
    ]
    .map(|(name, token)| malformed(name, why, token))
    .into()
}

/// JSON that parsers read differently, in header and payload.
pub(super) fn json_cases(forge: &Forge<'_>) -> Vec<Case> {
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
