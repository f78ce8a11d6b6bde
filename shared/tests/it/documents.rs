//! The revocation document: what is taken for one, and when.

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_shared::{
    corpus,
    revocation::{DOCUMENT_TYPE, Document, DocumentError, FRESHNESS, Kind},
    time::UnixSeconds,
};
use serde_json::{Map, Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{ISSUER, LATER, NOW, forge, key, key_set, merged, record, sign, verify};

/// A document whose claims are made by hand.
fn crafted(change: impl Fn(&mut Map<String, Value>)) -> String {
    let key = key(7);
    let mut header = forge(&key).header();
    header.insert("typ".to_owned(), json!(DOCUMENT_TYPE));
    let mut claims = Map::new();
    for (name, value) in [
        ("iss", json!(ISSUER)),
        ("iat", json!(NOW)),
        ("exp", json!(NOW.plus(60))),
        ("since", json!(0)),
        ("seq", json!(1)),
        ("entries", json!("")),
    ] {
        claims.insert(name.to_owned(), value);
    }
    change(&mut claims);
    forge(&key).token(header, claims)
}

fn with(name: &str, value: &Value) -> Result<Document, DocumentError> {
    verify(&crafted(|claims| {
        claims.insert(name.to_owned(), value.clone());
    }))
}

/// The format's 19 bytes, written out.
fn bytes(kind: u8, digest: u8) -> Vec<u8> {
    let time = &LATER.0.to_be_bytes()[3..];
    [&[kind], &[digest; 8][..], time, time].concat()
}

fn entries(records: &[Vec<u8>]) -> Result<Document, DocumentError> {
    with(
        "entries",
        &json!(Base64UrlUnpadded::encode_string(&records.concat())),
    )
}

#[test]
fn what_is_signed_is_read_again() {
    let records = [
        record(Kind::User, "u"),
        record(Kind::Session, "s"),
        record(Kind::User, "v"),
    ];
    let document = verify(&sign(3, 9, &records)).unwrap();
    assert_eq!((document.since(), document.seq()), (3, 9));
    assert_eq!(document.key_id(), key(7).id());
    assert_eq!(merged(&[(0, 9, &records)]).len(), 3);
    assert!(merged(&[(0, 9, &[])]).is_empty());
}

#[test]
fn a_document_is_fresh_for_seven_seconds_on_either_side() {
    let keys = key_set(&[&key(7)]);
    let text = sign(0, 1, &[]);
    let at = |offset| Document::verify(&text, &keys, ISSUER, NOW.plus(offset)).map(|_| ());
    for offset in [-FRESHNESS, -1, 0, 1, FRESHNESS] {
        assert_eq!(at(offset), Ok(()), "{offset}");
    }
    for offset in [-FRESHNESS - 1, FRESHNESS + 1, 60, 86400, -86400] {
        assert_eq!(at(offset), Err(DocumentError::NotFresh(offset)));
    }
    for now in [i64::MIN, i64::MAX] {
        let verified = Document::verify(&text, &keys, ISSUER, UnixSeconds(now));
        assert!(matches!(verified, Err(DocumentError::NotFresh(_))));
    }
}

#[test]
fn an_expired_document_is_refused_however_new() {
    for exp in [i64::MIN, 0, NOW.0 - 1, NOW.0] {
        assert_eq!(
            with("exp", &json!(exp)).unwrap_err(),
            DocumentError::NotFresh(0)
        );
    }
    assert!(with("exp", &json!(NOW.0 + 1)).is_ok());
}

#[test]
fn a_document_of_an_extreme_time_is_refused() {
    for iat in [i64::MIN, -1, 0, i64::MAX] {
        assert!(matches!(
            with("iat", &json!(iat)),
            Err(DocumentError::NotFresh(_))
        ));
    }
}

#[test]
fn another_issuers_document_is_refused() {
    for issuer in [
        "",
        "https://edge.example/",
        "https://EDGE.example",
        "https://evil.example",
    ] {
        assert_eq!(
            with("iss", &json!(issuer)).unwrap_err(),
            DocumentError::Issuer
        );
    }
}

#[test]
fn a_document_of_an_unknown_key_names_it() {
    let stranger = key(8);
    let text = Document::sign(&stranger, ISSUER, NOW, 0..=1, Vec::new()).unwrap();
    assert_eq!(
        verify(&text).unwrap_err(),
        DocumentError::UnknownKey(stranger.id().clone())
    );
}

#[test]
fn what_is_not_a_genuine_document_is_refused() {
    let key = key(7);
    let good = sign(0, 1, &[]);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (other, _) = sign(0, 2, &[])
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.len()))
        .unwrap();
    let swapped = format!("{other}.{signature}");
    let mut texts = vec![
        String::new(),
        "<html>".to_owned(),
        input.to_owned(),
        format!("{good}\n"),
        format!("{good}."),
        swapped,
        forge(&key).good(),
        forge(&key).with_header("typ", json!("JWT")),
    ];
    // Whatever is not a token is not a document either, but for the type.
    for case in corpus::refused(&forge(&key)) {
        if case.name != "a revocation document" {
            texts.push(case.token);
        }
    }
    for text in texts {
        assert!(verify(&text).is_err(), "{}", &text[..text.len().min(200)]);
    }
}

#[test]
fn malformed_claims_are_refused() {
    let wrong: [(&str, &[Value]); 6] = [
        ("iss", &[json!(null), json!(7), json!([ISSUER])]),
        (
            "iat",
            &[json!(null), json!("0"), json!(1.5), json!(u64::MAX)],
        ),
        (
            "exp",
            &[json!(null), json!("0"), json!(1.5), json!(u64::MAX)],
        ),
        (
            "since",
            &[json!(null), json!(-1), json!("0"), json!(0.0), json!(2)],
        ),
        (
            "seq",
            &[json!(null), json!(-1), json!("1"), json!(1.0), json!([1])],
        ),
        (
            "entries",
            &[
                json!(null),
                json!([]),
                json!("="),
                json!("A"),
                json!("AA+/"),
                json!(" "),
            ],
        ),
    ];
    for (name, values) in wrong {
        for value in values {
            let found = with(name, value).unwrap_err();
            assert_eq!(found, DocumentError::Claims, "{name} {value}");
        }
        let absent = crafted(|claims| {
            claims.remove(name);
        });
        assert_eq!(
            verify(&absent).unwrap_err(),
            DocumentError::Claims,
            "{name}"
        );
    }
    assert_eq!(with("x", &json!(1)).unwrap_err(), DocumentError::Claims);
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    let key = key(7);
    let header = json!({ "alg": "EdDSA", "typ": DOCUMENT_TYPE, "kid": key.id().as_str() });
    let claims = format!(
        r#""iss":"{ISSUER}","iat":{},"exp":{},"since":0,"seq":1,"entries":"""#,
        NOW.0,
        NOW.0 + 60
    );
    let document = |payload: String| verify(&forge(&key).token_of(header.to_string(), payload));
    assert!(document(format!("{{{claims}}}")).is_ok());
    for more in [r#""seq":2"#, r#""entries":"""#, r#""\u0073eq":1"#] {
        let found = document(format!("{{{claims},{more}}}")).unwrap_err();
        assert_eq!(found, DocumentError::Claims);
    }
}

#[test]
fn entries_are_whole_known_and_in_strict_order() {
    assert!(entries(&[]).is_ok());
    assert!(
        entries(&[
            bytes(1, 1),
            bytes(1, 2),
            bytes(2, 0),
            bytes(3, 0),
            bytes(4, 0)
        ])
        .is_ok()
    );
    let wrong: [&[Vec<u8>]; 12] = [
        &[bytes(1, 2), bytes(1, 1)],
        &[bytes(2, 1), bytes(1, 1)],
        &[bytes(4, 1), bytes(3, 9)],
        &[bytes(1, 1), bytes(1, 1)],
        &[bytes(1, 1), bytes(1, 2), bytes(1, 2)],
        &[bytes(0, 1)],
        &[bytes(5, 1)],
        &[bytes(255, 1)],
        &[bytes(1, 1), bytes(5, 1)],
        &[bytes(1, 1), vec![1]],
        &[vec![0]],
        &[vec![1; 18]],
    ];
    for records in wrong {
        assert_eq!(
            entries(records).unwrap_err(),
            DocumentError::Claims,
            "{records:02x?}"
        );
    }
}
