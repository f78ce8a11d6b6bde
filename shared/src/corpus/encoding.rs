//! Parts that a lenient decoder of base64 would read as the same bytes.

use serde_json::{Value, json};

use super::{Case, Forge, forge::encode, form::malformed};

/// All of them are signed as they stand, but for the signature itself.
pub(super) fn cases(forge: &Forge<'_>) -> Vec<Case> {
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
