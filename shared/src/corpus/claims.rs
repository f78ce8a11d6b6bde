//! Good signatures under claims that are not acceptable.

use serde_json::{Value, json};

use super::{Case, Forge};
use crate::{time::LEEWAY, token::Refusal};

pub(super) fn cases(forge: &Forge<'_>) -> Vec<Case> {
    let mut cases = absent(forge);
    cases.extend(malformed(forge));
    cases.extend(raw_numbers(forge));
    cases.extend(times(forge));
    cases.extend(issuers(forge));
    cases.extend(audiences(forge));
    cases
}

fn absent(forge: &Forge<'_>) -> Vec<Case> {
    ["iss", "aud", "sub", "client_id", "iat", "exp", "jti"]
        .map(|name| {
            let mut claims = forge.claims();
            claims.remove(name);
            let token = forge.token(forge.header(), claims);
            let why = "a claim that RFC 9068 section 2.2 requires is missing";
            Case::refused(format!("no {name}"), why, Refusal::Claims, token)
        })
        .into()
}

/// Each claim with values of another type or out of its range.
fn malformed(forge: &Forge<'_>) -> Vec<Case> {
    let now = forge.now.0;
    let time = [
        json!(null),
        json!(true),
        json!(now.to_string()),
        json!([now]),
        json!({ "at": now }),
        json!(-1),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        // The first second of the year 10000.
        json!(253_402_300_800_i64),
    ];
    let name = [
        json!(null),
        json!(""),
        json!(7),
        json!(false),
        json!(["a"]),
        json!({ "a": "a" }),
        json!("a\r\nb"),
        json!("a\u{0}"),
        json!("\u{85}"),
    ];
    let audience = [
        json!(null),
        json!(""),
        json!([]),
        json!([""]),
        json!([forge.policy.audience, ""]),
        json!([forge.policy.audience, 7]),
        json!([[forge.policy.audience]]),
        json!({ forge.policy.audience: true }),
        json!(7),
        json!([forge.policy.audience, null]),
    ];
    let scope = [
        json!(null),
        json!(7),
        json!([forge.scope]),
        json!("a  b"),
        json!(" a"),
        json!("a "),
        json!("a\tb"),
        json!("a\nb"),
        json!("a\"b"),
        json!("a\\b"),
        json!("ä"),
        json!("a".repeat(65)),
    ];
    let roles = [
        json!(null),
        json!("admin"),
        json!({ "admin": true }),
        json!([7]),
        json!([null]),
        json!([["admin"]]),
        json!([""]),
        json!(["a\nb"]),
    ];
    let tables: [(&[&str], &[Value], &'static str); 5] = [
        (
            &["exp", "iat", "nbf"],
            &time,
            "whole seconds between 1970 and 9999",
        ),
        (
            &["iss", "sub", "client_id", "jti", "sid"],
            &name,
            "a text without control characters",
        ),
        (
            &["aud"],
            &audience,
            "a text, or an array of texts, none of them empty",
        ),
        (
            &["scope"],
            &scope,
            "words one space apart (RFC 6749 section 3.3)",
        ),
        (&["roles"], &roles, "an array of texts"),
    ];
    tables
        .iter()
        .flat_map(|(names, values, why)| {
            names
                .iter()
                .flat_map(move |name| values.iter().map(move |value| (*name, value, *why)))
        })
        .map(|(name, value, why)| {
            let token = forge.with_claim(name, value.clone());
            Case::refused(format!("{name} is {value}"), why, Refusal::Claims, token)
        })
        .collect()
}

/// Numbers that only text can write.
fn raw_numbers(forge: &Forge<'_>) -> Vec<Case> {
    let now = forge.now.0;
    let spellings = [
        format!("{now}.5"),
        format!("{now}.0"),
        format!("{now}e0"),
        "1e400".to_owned(),
        "-0".to_owned(),
        format!("0{now}"),
        format!("+{now}"),
        format!("{now}{now}{now}"),
        "0x6B49D200".to_owned(),
        "NaN".to_owned(),
        "Infinity".to_owned(),
    ];
    let spelled = |name: &'static str| {
        let spellings = spellings.clone();
        spellings.into_iter().map(move |number| {
            let mut claims = forge.claims();
            claims.insert(name.to_owned(), json!("@"));
            let payload = Value::Object(claims).to_string().replace("\"@\"", &number);
            let token = forge.token_of(Value::Object(forge.header()).to_string(), payload);
            let why = "times are integers of JSON, without fraction or exponent";
            Case::refused(
                format!("{name} is written {number}"),
                why,
                Refusal::Claims,
                token,
            )
        })
    };
    ["exp", "iat", "nbf"]
        .into_iter()
        .flat_map(spelled)
        .collect()
}

/// Times in the right form that say no.
fn times(forge: &Forge<'_>) -> Vec<Case> {
    let lifetime = forge.policy.max_lifetime;
    let case = |name: &str, why, refusal, [iat, nbf, exp]: [i64; 3]| {
        let mut claims = forge.claims();
        for (claim, offset) in [("iat", iat), ("nbf", nbf), ("exp", exp)] {
            claims.insert(claim.to_owned(), json!(forge.now.plus(offset)));
        }
        Case::refused(name, why, refusal, forge.token(forge.header(), claims))
    };
    let expired = "a token is not taken from its `exp` and the leeway on";
    let early = "a token is not taken before its `nbf` and `iat` less the leeway";
    let order = "it would never be valid";
    let long = "no longer lifetime than the issuer grants";
    let year = 365 * 86400;
    vec![
        case(
            "just expired",
            expired,
            Refusal::Expired,
            [-60, -60, -LEEWAY],
        ),
        case(
            "long expired",
            expired,
            Refusal::Expired,
            [-year, -year, 60 - year],
        ),
        case(
            "expired in 1970",
            expired,
            Refusal::Expired,
            [-forge.now.0, -forge.now.0, 1 - forge.now.0],
        ),
        case("exp is iat", order, Refusal::Claims, [0, -1, 0]),
        case("exp before iat", order, Refusal::Claims, [60, 0, 30]),
        case("nbf is exp", order, Refusal::Claims, [0, 60, 60]),
        case(
            "iat just ahead",
            early,
            Refusal::NotYetValid,
            [LEEWAY + 1, 0, 60],
        )
        .momentary(),
        case(
            "iat far ahead",
            early,
            Refusal::NotYetValid,
            [year, 0, year + 60],
        ),
        case(
            "nbf just ahead",
            early,
            Refusal::NotYetValid,
            [0, LEEWAY + 1, 60],
        )
        .momentary(),
        case(
            "nbf ahead",
            early,
            Refusal::NotYetValid,
            [0, lifetime - 1, lifetime],
        ),
        case(
            "a second too long",
            long,
            Refusal::Lifetime,
            [0, 0, lifetime + 1],
        ),
        case(
            "a year too long",
            long,
            Refusal::Lifetime,
            [0, 0, lifetime + year],
        ),
        case(
            "too long since 1970",
            long,
            Refusal::Lifetime,
            [-forge.now.0, 0, 60],
        ),
    ]
}

fn issuers(forge: &Forge<'_>) -> Vec<Case> {
    let issuer = forge.policy.issuer;
    let others = [
        format!("{issuer}/"),
        format!("{issuer}."),
        format!("{issuer} "),
        format!(" {issuer}"),
        format!("{issuer}#"),
        format!("{issuer}?"),
        format!("{issuer}:443"),
        format!("{issuer}@evil.example"),
        format!("{issuer}.evil.example"),
        issuer.to_uppercase(),
        issuer.replacen("http", "HTTP", 1),
        issuer.replace("://", ":"),
        issuer.chars().skip(1).collect(),
        issuer.chars().take(issuer.chars().count() - 1).collect(),
        "https://evil.example".to_owned(),
        "*".to_owned(),
    ];
    let case = |other: String| {
        let token = forge.with_claim("iss", json!(other));
        let why = "`iss` is compared to the letter";
        Case::refused(format!("issuer {other:?}"), why, Refusal::Issuer, token)
    };
    let others = others.into_iter().filter(|other| other != issuer);
    others.map(case).collect()
}

fn audiences(forge: &Forge<'_>) -> Vec<Case> {
    let audience = forge.policy.audience;
    let others = [
        json!("other"),
        json!(["other", "another"]),
        json!(format!("{audience}2")),
        json!(format!("{audience}/")),
        json!(format!("{audience} ")),
        json!(format!(" {audience}")),
        json!(format!("{audience} other")),
        json!(format!("{audience},other")),
        json!(format!("[\"{audience}\"]")),
        json!([format!("{audience}2"), format!("x{audience}")]),
        json!(audience.chars().skip(1).collect::<String>()),
        json!(audience.to_uppercase()),
        json!("*"),
        json!(forge.policy.issuer),
    ];
    let case = |other: Value| {
        let token = forge.with_claim("aud", other.clone());
        let why = "the audience is an exact member of `aud`";
        Case::refused(format!("audience {other}"), why, Refusal::Audience, token)
    };
    let others = others.into_iter().filter(|other| *other != audience);
    others.map(case).collect()
}
