//! Links: for one request, for a while, and nothing else.

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_shared::{
    claims::{AccessClaims, Audience},
    corpus,
    keys::{KeySet, SigningKey},
    link::{
        self, LINK_LIMIT, LinkClaims, LinkMethod, LinkMethods, MAX_LINK_LIFETIME, NotGenuine,
        QueryDigest, Refusal, Request, ResponseHeaders, SignError, Times, Unverified,
    },
    revocation::{Document, DocumentError, Kind},
    time::{LEEWAY, UnixSeconds},
    token,
};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{ISSUER, NOW, POLICY, forge, key, key_set, merged, record, sign as document};

const REQUEST: Request<'static> = Request {
    method: "GET",
    host: "img.example",
    path: "/images/cat.png",
    query: Some("w=100"),
};

fn claims() -> LinkClaims {
    LinkClaims {
        iss: ISSUER.to_owned(),
        sub: "user-1".to_owned(),
        iat: NOW.plus(-10),
        exp: NOW.plus(3600),
        host: "img.example".to_owned(),
        path: "/images/cat.png".parse().unwrap(),
        methods: LinkMethods::new(&[LinkMethod::Get]).unwrap(),
        query: QueryDigest::of(Some("w=100")),
        headers: None,
    }
}

fn signed(claims: &LinkClaims) -> String {
    link::sign(&key(7), claims).unwrap()
}

fn judged(
    text: &str,
    keys: &KeySet,
    request: &Request<'_>,
    now: UnixSeconds,
) -> Result<LinkClaims, Refusal> {
    let authentic = Unverified::parse(text)?.authenticate(keys)?;
    authentic
        .verify(ISSUER, request, now)
        .map(|link| link.claims().clone())
}

fn judge(text: &str, request: &Request<'_>, now: UnixSeconds) -> Result<LinkClaims, Refusal> {
    judged(text, &key_set(&[&key(7)]), request, now)
}

#[test]
fn a_link_is_for_its_own_request() {
    let link = signed(&claims());
    assert_eq!(judge(&link, &REQUEST, NOW), Ok(claims()));
    let host = |host| Request { host, ..REQUEST };
    let path = |path| Request { path, ..REQUEST };
    let query = |query| Request { query, ..REQUEST };
    let method = |method| Request { method, ..REQUEST };
    for request in [method("HEAD"), host("IMG.example"), host("img.example.")] {
        assert!(judge(&link, &request, NOW).is_ok(), "{request:?}");
    }
    for (request, refusal) in [
        (host("evil.example"), Refusal::Host),
        (host("img.example.evil.example"), Refusal::Host),
        (host("img.example.."), Refusal::Host),
        (host("xn--img.example"), Refusal::Host),
        (path("/images/dog.png"), Refusal::Path),
        (path("/images/cat.png/"), Refusal::Path),
        (path("/images/Cat.png"), Refusal::Path),
        (path("/images/cat%2Epng"), Refusal::Path),
        (path("/images//cat.png"), Refusal::Path),
        (query(None), Refusal::Query),
        (query(Some("")), Refusal::Query),
        (query(Some("w=101")), Refusal::Query),
        (query(Some("w=100&")), Refusal::Query),
        (query(Some("w=100&h=1")), Refusal::Query),
        (query(Some("w=%3100")), Refusal::Query),
        (method("POST"), Refusal::Method),
        (method("get"), Refusal::Method),
        (method("DELETE"), Refusal::Method),
    ] {
        assert_eq!(judge(&link, &request, NOW), Err(refusal), "{request:?}");
    }
}

#[test]
fn a_link_for_head_lets_nobody_get() {
    let methods = LinkMethods::new(&[LinkMethod::Head]).unwrap();
    let link = signed(&LinkClaims {
        methods,
        ..claims()
    });
    let head = Request {
        method: "HEAD",
        ..REQUEST
    };
    assert!(judge(&link, &head, NOW).is_ok());
    assert_eq!(judge(&link, &REQUEST, NOW), Err(Refusal::Method));
}

#[test]
fn below_a_prefix_there_is_no_way_up() {
    let path = "/images/7/*".parse().unwrap();
    let link = signed(&LinkClaims { path, ..claims() });
    let at = |path| judge(&link, &Request { path, ..REQUEST }, NOW).map(|_| ());
    for path in ["/images/7/cat.png", "/images/7/small/cat.png", "/images/7/"] {
        assert_eq!(at(path), Ok(()), "{path}");
    }
    for path in [
        "/images/7",
        "/images/70",
        "/images/8/cat.png",
        "/images/7/../8/cat.png",
        "/images/7/..",
        "/images/7/%2e%2e/8",
        "/images/7/..%2f8",
        "/images/7/a//b",
        "/images/7/..\\8",
        "/images/7/a;b",
    ] {
        assert_eq!(at(path), Err(Refusal::Path), "{path}");
    }
}

#[test]
fn without_a_query_there_must_be_none() {
    let link = signed(&LinkClaims {
        query: QueryDigest::of(None),
        ..claims()
    });
    let with = |query| judge(&link, &Request { query, ..REQUEST }, NOW).map(|_| ());
    assert_eq!(with(None), Ok(()));
    for query in ["", "&", "w=100", "="] {
        assert_eq!(with(Some(query)), Err(Refusal::Query), "{query:?}");
    }
}

#[test]
fn a_link_has_its_time_and_no_more_than_a_week() {
    let at = |claims: &LinkClaims, now| judge(&signed(claims), &REQUEST, now).map(|_| ());
    let own = claims();
    assert_eq!(at(&own, own.exp.plus(LEEWAY - 1)), Ok(()));
    assert_eq!(at(&own, own.exp.plus(LEEWAY)), Err(Refusal::Expired));
    assert_eq!(at(&own, own.iat.plus(-LEEWAY)), Ok(()));
    assert_eq!(
        at(&own, own.iat.plus(-LEEWAY - 1)),
        Err(Refusal::NotYetValid)
    );
    let longest = LinkClaims {
        exp: own.iat.plus(MAX_LINK_LIFETIME),
        ..own.clone()
    };
    assert_eq!(at(&longest, NOW), Ok(()));
    let longer = LinkClaims {
        exp: longest.exp.plus(1),
        ..own.clone()
    };
    assert_eq!(at(&longer, NOW), Err(Refusal::Lifetime));
    let other = LinkClaims {
        iss: format!("{ISSUER}/"),
        ..own
    };
    assert_eq!(at(&other, NOW), Err(Refusal::Issuer));
}

#[test]
fn the_same_wish_gives_the_same_link_for_a_quarter_of_its_time() {
    for lifetime in [10, 61, 3600, 86_400, MAX_LINK_LIFETIME] {
        let period = (lifetime / 4).min(86_400);
        let first = Times::rounded(NOW, lifetime, UnixSeconds(0));
        for later in 0..period.min(5000) {
            let now = first.iat.plus(later);
            assert_eq!(Times::rounded(now, lifetime, UnixSeconds(0)), first);
        }
        let next = Times::rounded(first.iat.plus(period), lifetime, UnixSeconds(0));
        assert_eq!(next.iat, first.iat.plus(period));
        // Never longer than wished, nor shorter than three quarters of that.
        assert_eq!(first.exp.since(first.iat), lifetime);
        assert!(first.exp.since(NOW) <= lifetime && first.exp.since(NOW) * 4 >= lifetime * 3 - 4);
    }
    let one = LinkClaims {
        exp: Times::rounded(NOW, 3600, NOW.plus(-60)).exp,
        ..claims()
    };
    assert_eq!(signed(&one), signed(&one.clone()));
    assert_ne!(signed(&one), link::sign(&key(8), &one).unwrap());
}

#[test]
fn rounding_brings_no_link_round_a_revocation() {
    let keys = key_set(&[&key(7)]);
    let refused = |iat: UnixSeconds| {
        let link = signed(&LinkClaims { iat, ..claims() });
        let authentic = Unverified::parse(&link)
            .unwrap()
            .authenticate(&keys)
            .unwrap();
        let held = merged(&[(0, 7, &[record(Kind::User, "user-1")])]);
        held.refuses_link(authentic.verify(ISSUER, &REQUEST, NOW.plus(3)).unwrap())
    };
    // The record says `not_before = NOW`. Before it, `iat` is rounded down and so never later …
    for before in 0..3600 {
        let times = Times::rounded(NOW.plus(-before), 3600, UnixSeconds(0));
        assert!(times.iat <= NOW);
    }
    assert_eq!(
        refused(Times::rounded(NOW, 3600, UnixSeconds(0)).iat),
        Some(Kind::User)
    );
    // … and after it, in the same period, it is not rounded to before it.
    for after in 0..3600 {
        let times = Times::rounded(NOW.plus(after), 3600, NOW);
        assert!(times.iat > NOW && times.iat <= NOW.plus(after + 1));
    }
    assert_eq!(refused(Times::rounded(NOW, 3600, NOW).iat), None);
}

#[test]
fn user_and_signing_key_end_a_link_and_a_session_of_that_name_does_not() {
    let keys = key_set(&[&key(7)]);
    let link = signed(&claims());
    let authentic = Unverified::parse(&link)
        .unwrap()
        .authenticate(&keys)
        .unwrap();
    let verified = authentic.verify(ISSUER, &REQUEST, NOW).unwrap();
    let refuses = |kind, id: &str| merged(&[(0, 7, &[record(kind, id)])]).refuses_link(verified);
    let kid = key(7).id().to_string();
    assert_eq!(refuses(Kind::User, "user-1"), Some(Kind::User));
    assert_eq!(refuses(Kind::SigningKey, &kid), Some(Kind::SigningKey));
    for (kind, id) in [
        (Kind::User, "user-2"),
        (Kind::SigningKey, "other"),
        (Kind::Session, "user-1"),
        (Kind::ApiKey, "user-1"),
    ] {
        assert_eq!(refuses(kind, id), None, "{kind:?} {id}");
    }
}

/// An access token that would pass as such.
fn access_token() -> String {
    let claims = AccessClaims {
        iss: ISSUER.to_owned(),
        aud: Audience::new(vec!["api".to_owned()]).unwrap(),
        sub: "user-1".to_owned(),
        client_id: "portcullis".to_owned(),
        iat: NOW,
        nbf: None,
        exp: NOW.plus(600),
        jti: "token-1".to_owned(),
        sid: Some("session-1".to_owned()),
        scope: "api:read".parse().unwrap(),
        roles: vec![],
    };
    token::sign(&key(7), &claims).unwrap()
}

#[test]
fn neither_kind_of_token_works_as_another() {
    let (link, access, feed) = (signed(&claims()), access_token(), document(0, 7, &[]));
    let keys = key_set(&[&key(7)]);
    assert!(token::Unverified::parse(&access).is_ok() && judge(&link, &REQUEST, NOW).is_ok());
    for other in [&access, &feed] {
        let refusal = Refusal::NotGenuine(NotGenuine::Type);
        assert_eq!(judge(other, &REQUEST, NOW), Err(refusal));
    }
    for other in [&link, &feed] {
        assert_eq!(
            token::Unverified::parse(other).unwrap_err(),
            token::Refusal::Type
        );
    }
    for other in [&link, &access] {
        let refusal = Document::verify(other, &keys, ISSUER, NOW).unwrap_err();
        assert!(matches!(refusal, DocumentError::NotGenuine(_)), "{refusal}");
    }
}

#[test]
fn not_even_the_claims_of_one_pass_under_the_type_of_the_other() {
    let key_7 = key(7);
    let forge = forge(&key_7);
    let payload = |text: &str| {
        let part = text.split('.').nth(1).unwrap();
        Base64UrlUnpadded::decode_vec(part).unwrap()
    };
    let header =
        |typ: &str| json!({"alg": "EdDSA", "typ": typ, "kid": key(7).id().as_str()}).to_string();
    let keys = key_set(&[&key(7)]);
    for other in [access_token(), document(0, 7, &[])] {
        let dressed = forge.token_of(header("url+jwt"), payload(&other));
        assert_eq!(judge(&dressed, &REQUEST, NOW), Err(Refusal::Claims));
    }
    let as_access = forge.token_of(header("at+jwt"), payload(&signed(&claims())));
    let refusal = token::Unverified::parse(&as_access)
        .unwrap()
        .authenticate(&keys);
    assert_eq!(refusal.unwrap_err(), token::Refusal::Claims);
    let as_feed = forge.token_of(header("revocations+jwt"), payload(&signed(&claims())));
    assert_eq!(
        Document::verify(&as_feed, &keys, ISSUER, NOW).unwrap_err(),
        DocumentError::Claims
    );
}

/// A hostile access token made into a hostile link: the same header but for the type, the same
/// claims unless they are good ones, and a signature that holds where it held before.
fn as_link(token: &str, key: &SigningKey) -> Option<String> {
    let good = forge(key).good();
    let (good_input, _) = good.rsplit_once('.')?;
    let (good_header, good_payload) = good_input.split_once('.')?;
    let own = signed(&claims());
    let mut own_parts = own.split('.');
    let (own_header, own_payload) = (own_parts.next()?, own_parts.next()?);
    let mut parts = token.splitn(3, '.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let retyped = match Base64UrlUnpadded::decode_vec(header).map(String::from_utf8) {
        Ok(Ok(text)) => {
            Base64UrlUnpadded::encode_string(text.replace("at+jwt", "url+jwt").as_bytes())
        }
        _ => header.to_owned(),
    };
    let payload = if payload == good_payload {
        own_payload
    } else {
        payload
    };
    let genuine = token == forge(key).sign(token.rsplit_once('.')?.0);
    let input = format!("{retyped}.{payload}");
    let link = if genuine && !signature.contains('.') {
        forge(key).sign(&input)
    } else {
        format!("{input}.{signature}")
    };
    // A header that is wrong in an access token because it is a link's is right here.
    (header != good_header || retyped == own_header)
        .then_some(link)
        .filter(|link| *link != own)
}

#[test]
fn what_is_hostile_about_an_access_token_is_so_about_a_link() {
    let key = key(7);
    let mut tried = 0;
    for case in corpus::refused(&forge(&key)) {
        assert!(judge(&case.token, &REQUEST, NOW).is_err(), "{}", case.name);
        if let Some(link) = as_link(&case.token, &key) {
            assert!(
                judge(&link, &REQUEST, NOW).is_err(),
                "{} as a link",
                case.name
            );
            tried += 1;
        }
    }
    assert!(tried > 500, "{tried}");
    for case in corpus::accepted(&forge(&key)) {
        assert!(judge(&case.token, &REQUEST, NOW).is_err(), "{}", case.name);
    }
}

#[test]
fn the_limit_is_looked_at_before_anything_is_decoded() {
    let refusal = |text: &str| judge(text, &REQUEST, NOW).unwrap_err();
    let too_long = Refusal::NotGenuine(NotGenuine::TooLong);
    assert_eq!(refusal(&"A".repeat(1 << 20)), too_long);
    assert_eq!(refusal(&".".repeat(LINK_LIMIT + 1)), too_long);
    assert_eq!(
        refusal(&".".repeat(LINK_LIMIT)),
        Refusal::NotGenuine(NotGenuine::Malformed)
    );
    let long = LinkClaims {
        iss: "i".repeat(LINK_LIMIT),
        ..claims()
    };
    assert!(matches!(
        link::sign(&key(7), &long),
        Err(SignError::TooLong)
    ));
}

#[test]
fn claims_that_are_not_those_of_a_link_are_refused() {
    let good = serde_json::to_value(claims()).unwrap();
    let key_7 = key(7);
    let forge = forge(&key_7);
    let header = json!({"alg": "EdDSA", "typ": "url+jwt", "kid": key(7).id().as_str()}).to_string();
    let refusal = |payload: String| judge(&forge.token_of(&header, payload), &REQUEST, NOW).err();
    assert_eq!(refusal(good.to_string()), None);
    let names = [
        "iss", "sub", "iat", "exp", "host", "path", "methods", "query",
    ];
    for name in names {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(
            refusal(claims.to_string()),
            Some(Refusal::Claims),
            "no {name}"
        );
    }
    let attachment = |value: Value| json!({"content-disposition": value});
    for (name, value) in [
        ("iss", json!("")),
        ("sub", json!("")),
        ("sub", json!("a\nb")),
        ("sub", json!(7)),
        ("iat", json!(-1)),
        ("iat", json!(NOW.plus(3600))),
        ("iat", json!(1.5)),
        ("exp", json!("soon")),
        ("exp", json!(i64::MAX)),
        ("exp", json!(null)),
        ("host", json!("")),
        ("host", json!("IMG.example")),
        ("host", json!("img.example:80")),
        ("host", json!("img.example.")),
        ("host", json!("*")),
        ("host", json!("[g]")),
        ("host", json!(["img.example"])),
        ("path", json!("images")),
        ("path", json!("*")),
        ("path", json!("/images/*/x")),
        ("path", json!("/a/../*")),
        ("path", json!(["/images/cat.png"])),
        ("methods", json!([])),
        ("methods", json!("GET")),
        ("methods", json!(["POST"])),
        ("methods", json!(["get"])),
        ("methods", json!(["GET", "GET"])),
        ("methods", json!(["HEAD", "GET"])),
        ("query", json!("")),
        ("query", json!(null)),
        ("query", json!("A".repeat(42))),
        ("query", json!("A".repeat(44))),
        ("query", json!(format!("{}B", "A".repeat(42)))),
        ("headers", json!(null)),
        ("headers", json!({})),
        ("headers", attachment(json!("inline"))),
        ("headers", attachment(json!(null))),
        ("headers", json!({"content-type": "text/html"})),
        ("headers", json!({"set-cookie": "a=b"})),
        (
            "headers",
            json!({"content-disposition": "attachment", "content-type": "text/html"}),
        ),
        ("jti", json!("x")),
        ("aud", json!("api")),
        ("scope", json!("")),
        ("nbf", json!(NOW)),
        ("x", json!(1)),
    ] {
        let mut claims = good.clone();
        claims[name] = value.clone();
        assert_eq!(
            refusal(claims.to_string()),
            Some(Refusal::Claims),
            "{name}: {value}"
        );
    }
    let inner = good.to_string();
    let twice = inner.replacen('{', r#"{"sub":"other","#, 1);
    assert_eq!(refusal(twice), Some(Refusal::Claims));
}

#[test]
fn what_no_verifier_would_take_is_not_signed() {
    for claims in [
        LinkClaims {
            sub: String::new(),
            ..claims()
        },
        LinkClaims {
            host: "Img.example".to_owned(),
            ..claims()
        },
        LinkClaims {
            exp: NOW.plus(-11),
            ..claims()
        },
    ] {
        assert!(matches!(
            link::sign(&key(7), &claims),
            Err(SignError::Claims)
        ));
    }
}

#[test]
fn a_link_brings_its_headers_along() {
    let content_disposition = "attachment; filename=\"cat.png\"".parse().unwrap();
    let headers = Some(ResponseHeaders {
        content_disposition,
    });
    let found = judge(
        &signed(&LinkClaims {
            headers,
            ..claims()
        }),
        &REQUEST,
        NOW,
    )
    .unwrap();
    let headers: Vec<_> = found
        .headers
        .iter()
        .flat_map(ResponseHeaders::iter)
        .collect();
    assert_eq!(
        headers,
        [("content-disposition", "attachment; filename=\"cat.png\"")]
    );
    assert_eq!(POLICY.issuer, found.iss);
}
