//! Texts that are not three parts, or too long, or no token of this kind to begin with.

use serde_json::json;

use super::{Case, Forge, forge::encode};
use crate::token::{Refusal, TOKEN_LIMIT};

pub(super) fn cases(forge: &Forge<'_>) -> Vec<Case> {
    let mut cases = parts(forge);
    cases.extend(surroundings(forge));
    cases.extend(sizes(forge));
    cases.extend(other_kinds(forge));
    cases
}

pub(super) fn malformed(name: &str, why: &'static str, token: String) -> Case {
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
