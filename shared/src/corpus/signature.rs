//! Signatures that are not the genuine key's over this header and this payload.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::json;

use super::{Case, Forge, forge::encode};
use crate::{keys::SigningKey, token::Refusal};

/// The order of the base point, L (RFC 8032 §5.1), little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(super) fn cases(forge: &Forge<'_>) -> Vec<Case> {
    let good = forge.good();
    let (input, text) = good.rsplit_once('.').unwrap_or_default();
    let mut signature = [0; 64];
    // The forge's own text: it decodes, and if it did not, the zeros would be refused as well.
    let _ = Base64UrlUnpadded::decode(text, &mut signature);
    let mut cases = mixed(forge, input, text);
    cases.extend(altered(&signature).into_iter().map(|(name, signature)| {
        let token = format!("{input}.{}", encode(signature));
        let why = "strict verification (RFC 8032 section 5.1.7): canonical R and S < L";
        Case::refused(name, why, Refusal::Signature, token)
    }));
    cases.extend(worse(forge));
    cases
}

/// Parts of good tokens put together.
fn mixed(forge: &Forge<'_>, input: &str, signature: &str) -> Vec<Case> {
    let (header, payload) = input.split_once('.').unwrap_or_default();
    let other = forge.with_claim("sub", json!("BAQEBAQEBAQEBAQEBAQEBA"));
    let (other_input, other_signature) = other.rsplit_once('.').unwrap_or_default();
    let renamed = forge.with_header("alg", json!("Ed25519"));
    let (renamed_header, _) = renamed.split_once('.').unwrap_or_default();
    let why = "the signature is over exactly this header and this payload";
    let stranger = SigningKey::from_seed(&[0x5a; 32]).map(|key| {
        let forged = encode(key.sign(input.as_bytes()));
        (
            "a stranger's signature under our kid".to_owned(),
            format!("{input}.{forged}"),
        )
    });
    let signed_parts = [
        ("the payload alone", payload.to_owned()),
        ("the header alone", header.to_owned()),
        ("the parts without the dot", format!("{header}{payload}")),
        (
            "the parts in the other order",
            format!("{payload}.{header}"),
        ),
        ("a newline too", format!("{input}\n")),
    ]
    .map(|(name, signed)| {
        let signature = encode(forge.key.sign(signed.as_bytes()));
        (
            format!("signature over {name}"),
            format!("{input}.{signature}"),
        )
    });
    let swapped = [
        (
            "another token's signature",
            format!("{input}.{other_signature}"),
        ),
        (
            "another token's payload",
            format!("{other_input}.{signature}"),
        ),
        (
            "alg renamed after signing",
            format!("{renamed_header}.{payload}.{signature}"),
        ),
    ]
    .map(|(name, token)| (name.to_owned(), token));
    let all = swapped.into_iter().chain(signed_parts).chain(stranger);
    all.map(|(name, token)| Case::refused(name, why, Refusal::Signature, token))
        .collect()
}

/// The genuine signature, changed.
fn altered(signature: &[u8; 64]) -> Vec<(String, Vec<u8>)> {
    let (r, s) = signature.split_at(32);
    let identity: Vec<u8> = std::iter::once(1).chain([0; 31]).collect();
    // The field's prime plus one: the identity again, not in its canonical form.
    let identity_again: Vec<u8> = [&[0xee][..], &[0xff; 30], &[0x7f]].concat();
    let mut all = vec![
        ("zeros".to_owned(), vec![0; 64]),
        ("ones".to_owned(), vec![0xff; 64]),
        ("R zero".to_owned(), [&[0; 32], s].concat()),
        ("S zero".to_owned(), [r, &[0; 32]].concat()),
        ("S is L".to_owned(), [r, &ORDER].concat()),
        ("R the identity".to_owned(), [&identity, s].concat()),
        (
            "R the identity, S zero".to_owned(),
            [&identity[..], &[0; 32]].concat(),
        ),
        (
            "R the identity, not canonical".to_owned(),
            [&identity_again[..], &[0; 32]].concat(),
        ),
        ("R and S exchanged".to_owned(), [s, r].concat()),
    ];
    let mut sum = s.to_vec();
    for times in 1..=14 {
        // The same number modulo L, which a lenient verifier takes for the same signature.
        sum = add_order(&sum);
        all.push((format!("S plus {times} L"), [r, &sum].concat()));
    }
    for bit in [0, 7, 128, 254, 255, 256, 300, 508, 509, 511] {
        let flipped = signature.iter().enumerate().map(|(index, byte)| {
            if index == bit / 8 {
                byte ^ (1 << (bit % 8))
            } else {
                *byte
            }
        });
        all.push((format!("bit {bit} flipped"), flipped.collect()));
    }
    all
}

/// This number of 32 bytes plus L; what does not fit is cut off.
fn add_order(number: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let digits = number.iter().zip(ORDER).map(|(digit, order)| {
        let sum = u16::from(*digit) + u16::from(order) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    digits.collect()
}

/// Tokens with a bad signature *and* something else that is wrong: what shows must be the
/// signature, or else claims could be probed without a key.
fn worse(forge: &Forge<'_>) -> Vec<Case> {
    let why = "before the signature holds, no claim is looked at";
    [
        (
            "expired",
            forge.with_claim("exp", json!(forge.now.plus(-3600))),
        ),
        (
            "of another issuer",
            forge.with_claim("iss", json!("https://evil.example")),
        ),
        (
            "for another audience",
            forge.with_claim("aud", json!("other")),
        ),
        (
            "with a fraction in exp",
            forge.with_claim("exp", json!(1.5)),
        ),
        (
            "with an exp beyond all calendars",
            forge.with_claim("exp", json!(i64::MAX)),
        ),
        ("without a subject", forge.with_claim("sub", json!(null))),
        (
            "whose claims are no JSON",
            forge.token_of(header(forge), "{"),
        ),
        ("whose claims are empty", forge.token_of(header(forge), "")),
        (
            "whose claims are not UTF-8",
            forge.token_of(header(forge), [0xff]),
        ),
    ]
    .map(|(name, token)| {
        let (input, _) = token.rsplit_once('.').unwrap_or_default();
        let token = format!("{input}.{}", encode([0x11; 64]));
        Case::refused(
            format!("badly signed token {name}"),
            why,
            Refusal::Signature,
            token,
        )
    })
    .into()
}

fn header(forge: &Forge<'_>) -> String {
    serde_json::Value::Object(forge.header()).to_string()
}
