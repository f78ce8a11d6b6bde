//! Good signatures under headers that are not acceptable.

use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{Case, Forge, forge::encode};
use crate::{
    revocation::{DOCUMENT_TYPE, Document},
    token::Refusal,
};

pub(super) fn cases(forge: &Forge<'_>) -> Vec<Case> {
    let mut cases = algorithms(forge);
    cases.extend(macs(forge));
    cases.extend(extra_members(forge));
    cases.extend(key_ids(forge));
    cases.extend(types(forge));
    cases
}

/// The same members but for one, which is absent.
fn without(forge: &Forge<'_>, name: &str) -> String {
    let mut header = forge.header();
    header.remove(name);
    forge.token(header, forge.claims())
}

fn algorithms(forge: &Forge<'_>) -> Vec<Case> {
    let why = "the key decides the algorithm, never the token";
    let others = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        "",
        " ",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "ES256K",
        "Ed448",
        "Ed25519ph",
        "Ed25519ctx",
        "eddsa",
        "EDDSA",
        "Eddsa",
        "ed25519",
        "ED25519",
        " EdDSA",
        "EdDSA ",
        "EdDSA\0",
        "EdDSA\n",
        "EdDSA,none",
        "dir",
        "A256KW",
        "RSA-OAEP",
        "ECDH-ES",
        "ML-DSA-44",
        "-8",
        "*",
    ];
    let named = others.map(|alg| {
        let token = forge.with_header("alg", json!(alg));
        Case::refused(format!("alg {alg:?}"), why, Refusal::Algorithm, token)
    });
    let odd = odd_values().map(|value| {
        let token = forge.with_header("alg", value.clone());
        Case::refused(format!("alg {value}"), why, Refusal::Header, token)
    });
    let mut cases: Vec<Case> = named.into_iter().chain(odd).collect();
    cases.push(Case::refused(
        "no alg",
        why,
        Refusal::Header,
        without(forge, "alg"),
    ));
    for alg in ["none", "None", "EdDSA"] {
        let token = forge.with_header("alg", json!(alg));
        let (input, _) = token.rsplit_once('.').unwrap_or_default();
        let name = format!("alg {alg} with an empty signature");
        cases.push(Case::refused(
            name,
            why,
            Refusal::Malformed,
            format!("{input}."),
        ));
    }
    cases
}

/// Values that are no text.
fn odd_values() -> impl Iterator<Item = Value> {
    [
        json!(null),
        json!(true),
        json!(-8),
        json!(["EdDSA"]),
        json!({ "name": "EdDSA" }),
    ]
    .into_iter()
}

/// HMAC with what everybody knows as the secret: the public key, raw and as it is published.
fn macs(forge: &Forge<'_>) -> Vec<Case> {
    let why = "a public key is no secret of HMAC";
    let raw = forge.key.public_bytes().to_vec();
    let jwk = serde_json::to_vec(&forge.key.public_jwk()).unwrap_or_default();
    let mut cases = Vec::new();
    for (form, secret) in [("raw", raw), ("as a JWK", jwk), ("empty", Vec::new())] {
        for (alg, refusal) in [
            ("HS256", Refusal::Malformed),
            ("HS384", Refusal::Malformed),
            ("HS512", Refusal::Algorithm),
            ("EdDSA", Refusal::Signature),
        ] {
            let token = forge.with_header("alg", json!(alg));
            let (input, _) = token.rsplit_once('.').unwrap_or_default();
            let mac = match alg {
                "HS256" => hmac::<Sha256>(64, &secret, input.as_bytes()),
                "HS384" => hmac::<Sha384>(128, &secret, input.as_bytes()),
                _ => hmac::<Sha512>(128, &secret, input.as_bytes()),
            };
            let name = format!("alg {alg} over an HMAC with the public key, {form}");
            cases.push(Case::refused(
                name,
                why,
                refusal,
                format!("{input}.{}", encode(mac)),
            ));
        }
    }
    cases
}

/// HMAC (RFC 2104) with a hash of this block size in bytes, for secrets of any length.
fn hmac<D: Digest>(block: usize, secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut key = secret.to_vec();
    if key.len() > block {
        key = D::digest(&key).to_vec();
    }
    key.resize(block, 0);
    let masked = |mask: u8| key.iter().map(|byte| byte ^ mask).collect::<Vec<u8>>();
    let inner = D::new()
        .chain_update(masked(0x36))
        .chain_update(message)
        .finalize();
    D::new()
        .chain_update(masked(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

fn extra_members(forge: &Forge<'_>) -> Vec<Case> {
    let why = "the header has alg, typ and kid and nothing else";
    let jwk = json!(forge.key.public_jwk());
    let url = "https://evil.example/keys.json";
    let members = [
        ("jwk", jwk),
        ("jwk", json!(null)),
        ("jku", json!(url)),
        (
            "jku",
            json!(format!("{}/.well-known/jwks.json", forge.policy.issuer)),
        ),
        ("x5u", json!(url)),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("x5t#S256", json!(encode([0; 32]))),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("crit", json!([""])),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!(["alg", "kid"])),
        ("crit", json!("b64")),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("cty", json!("")),
        ("enc", json!("A256GCM")),
        ("epk", json!({})),
        ("p2c", json!(1_000_000_000)),
        ("iss", json!(forge.policy.issuer)),
        ("ALG", json!("EdDSA")),
        ("Kid", json!("x")),
        ("", json!("")),
        ("x", json!(1)),
        ("__proto__", json!({ "alg": "none" })),
    ];
    members
        .map(|(name, value)| {
            let token = forge.with_header(name, value.clone());
            Case::refused(
                format!("header member {name:?}: {value}"),
                why,
                Refusal::Header,
                token,
            )
        })
        .into()
}

fn key_ids(forge: &Forge<'_>) -> Vec<Case> {
    let why = "the kid names a key of the key set, in a plain text of at most 128 characters";
    let kid = forge.key.id().as_str();
    let mut cases = vec![Case::refused(
        "no kid",
        why,
        Refusal::Header,
        without(forge, "kid"),
    )];
    let long = ["k".repeat(129), "k".repeat(2500)];
    let texts = [
        "",
        " ",
        "../../keys/1",
        "/dev/null",
        "k\0",
        "k\n",
        "k\r\nX: y",
        "' OR 1=1 --",
        "$(id)",
        "é",
        "https://evil.example/k",
        "a b",
        "a,b",
        "k%00",
        "<k>",
        "k\u{1b}[0m",
        "\u{202e}k",
    ];
    let odd = odd_values()
        .chain(texts.map(|text| json!(text)))
        .chain(long.map(|text| json!(text)))
        .chain([
            json!(format!("{kid} ")),
            json!(format!("{kid}\n")),
            json!([kid]),
        ]);
    cases.extend(odd.map(|value| {
        let token = forge.with_header("kid", value.clone());
        let text = value.to_string();
        let start: String = text.chars().take(40).collect();
        let name = format!("kid {start}, {} bytes", text.len());
        Case::refused(name, why, Refusal::Header, token)
    }));
    let first: String = kid.chars().take(kid.len() - 1).collect();
    let swapped: String = kid.chars().map(swap_case).collect();
    let unknown = [
        first,
        swapped,
        format!("{kid}="),
        format!("{kid}A"),
        "0".to_owned(),
        "k".repeat(128),
    ];
    cases.extend(unknown.into_iter().filter_map(|id| {
        let token = forge.with_header("kid", json!(id));
        let refusal = Refusal::UnknownKey(id.parse().ok()?);
        Some(Case::refused(
            format!("unknown kid {id}"),
            why,
            refusal,
            token,
        ))
    }));
    cases
}

fn swap_case(letter: char) -> char {
    if letter.is_ascii_lowercase() {
        letter.to_ascii_uppercase()
    } else {
        letter.to_ascii_lowercase()
    }
}

fn types(forge: &Forge<'_>) -> Vec<Case> {
    let why = "a token of another kind is not an access token (RFC 8725 section 3.11)";
    let others = [
        "",
        "JWT",
        "jwt",
        "at",
        "at+jwt ",
        " at+jwt",
        "at jwt",
        "at+jws",
        "at-jwt",
        "at+jwt;v=1",
        "application/at+jwt",
        "application/jwt",
        "refresh+jwt",
        "rt+jwt",
        "id+jwt",
        "link+jwt",
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "JOSE",
        "JOSE+JSON",
        "at+jwt\0",
        DOCUMENT_TYPE,
    ];
    let named = others.map(|typ| {
        let token = forge.with_header("typ", json!(typ));
        Case::refused(format!("typ {typ:?}"), why, Refusal::Type, token)
    });
    let odd = odd_values().map(|value| {
        let token = forge.with_header("typ", value.clone());
        Case::refused(format!("typ {value}"), why, Refusal::Header, token)
    });
    let mut cases: Vec<Case> = named.into_iter().chain(odd).collect();
    cases.push(Case::refused(
        "no typ",
        why,
        Refusal::Header,
        without(forge, "typ"),
    ));
    // Signing does not fail; if it did, the empty token would be refused for another reason.
    let document = Document::sign(forge.key, forge.policy.issuer, forge.now, 0..=1, Vec::new())
        .unwrap_or_default();
    cases.push(Case::refused(
        "a revocation document",
        why,
        Refusal::Type,
        document,
    ));
    cases
}
