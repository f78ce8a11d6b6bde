//! Tokens that must pass: what issuers may vary, and the last second and byte that are allowed.

use serde_json::{Map, Value, json};

use super::{Case, Forge};
use crate::{time::LEEWAY, token::TOKEN_LIMIT};

pub(super) fn cases(forge: &Forge<'_>) -> Vec<Case> {
    let mut cases = varieties(forge);
    cases.extend(limits(forge));
    cases
}

fn case(name: &str, why: &'static str, token: String) -> Case {
    Case {
        name: name.to_owned(),
        token,
        why,
        expected: Ok(()),
        steady: true,
    }
}

/// What has more than one correct form.
fn varieties(forge: &Forge<'_>) -> Vec<Case> {
    let (audience, kid) = (forge.policy.audience, forge.key.id());
    let claims = Value::Object(forge.claims()).to_string();
    let form = "header and claims are JSON, in whatever order and spacing";
    let spaced =
        format!("\n{{ \"kid\" : \"{kid}\",\t\"typ\": \"at+jwt\", \"alg\":\"EdDSA\" }}\r\n");
    let escaped = format!(r#"{{"\u0061lg":"Ed\u0044SA","typ":"at\u002bjwt","kid":"{kid}"}}"#);
    let header = |name, value| forge.with_header(name, value);
    let claim = |name, value| forge.with_claim(name, value);
    let without = |name: &str| {
        let mut claims: Map<_, _> = forge.claims();
        claims.remove(name);
        forge.token(forge.header(), claims)
    };
    let nested = (0..60).fold(json!({}), |inner, _| json!([inner]));
    let unknown = "claims that nobody knows are ignored (RFC 7519 section 4)";
    let type_case = "a media type has no case (RFC 7515 section 4.1.9)";
    let audiences = "the audience is a member of `aud` (RFC 7519 section 4.1.3)";
    let optional = "the claim may be absent or empty";
    vec![
        case("as it is minted", "the pattern of all others", forge.good()),
        case("alg Ed25519", "RFC 9864", header("alg", json!("Ed25519"))),
        case("typ AT+JWT", type_case, header("typ", json!("AT+JWT"))),
        case("typ At+jWT", type_case, header("typ", json!("At+jWT"))),
        case(
            "header with white space",
            form,
            forge.token_of(spaced, &claims),
        ),
        case(
            "header with escapes",
            form,
            forge.token_of(escaped, &claims),
        ),
        case(
            "aud as an array of one",
            audiences,
            claim("aud", json!([audience])),
        ),
        case(
            "aud first of two",
            audiences,
            claim("aud", json!([audience, "other"])),
        ),
        case(
            "aud last of two",
            audiences,
            claim("aud", json!(["other", audience])),
        ),
        case(
            "unknown claim",
            unknown,
            claim("https://a.example/x", json!({ "a": [1, null] })),
        ),
        case("deep unknown claim", unknown, claim("x", nested)),
        case(
            "unknown claim in other scripts",
            unknown,
            claim("ключ", json!("Zoë \u{1f511}")),
        ),
        case("no scope", optional, without("scope")),
        case("empty scope", optional, claim("scope", json!(""))),
        case("no roles", optional, without("roles")),
        case("empty roles", optional, claim("roles", json!([]))),
        case(
            "no sid",
            "tokens of API keys have no session",
            without("sid"),
        ),
    ]
}

/// The last that is allowed.
fn limits(forge: &Forge<'_>) -> Vec<Case> {
    let Forge { policy, now, .. } = *forge;
    let times = |iat: i64, nbf: Option<i64>, exp: i64| {
        let mut claims = forge.claims();
        claims.insert("iat".to_owned(), json!(now.plus(iat)));
        claims.insert("exp".to_owned(), json!(now.plus(exp)));
        if let Some(nbf) = nbf {
            claims.insert("nbf".to_owned(), json!(now.plus(nbf)));
        }
        forge.token(forge.header(), claims)
    };
    let leeway = "clocks may differ by the leeway";
    let lifetime = policy.max_lifetime;
    vec![
        case(
            "nbf now",
            "valid from that second on",
            times(0, Some(0), lifetime),
        ),
        case(
            "nbf in the past",
            "valid from that second on",
            times(-9, Some(-9), lifetime - 9),
        ),
        case(
            "nbf ahead by the leeway",
            leeway,
            times(0, Some(LEEWAY), lifetime),
        ),
        case(
            "iat ahead by the leeway",
            leeway,
            times(LEEWAY, None, lifetime),
        ),
        case(
            "last second of the leeway after exp",
            leeway,
            times(-60, None, 1 - LEEWAY),
        )
        .momentary(),
        case("exp now", leeway, times(-60, None, 0)).momentary(),
        case(
            "longest lifetime",
            "as long as is granted",
            times(0, None, lifetime),
        ),
        case(
            "longest token",
            "the limit is inclusive",
            forge.good_of_length(TOKEN_LIMIT),
        ),
    ]
}
