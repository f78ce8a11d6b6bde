//! The list that a verifier makes of the documents that it gets, and what the list refuses.

use std::slice;

use portcullis_shared::{
    claims::AccessClaims,
    ids::KeyId,
    keys::KeySet,
    revocation::{Digest, Document, Kind, MergeError, Record, Revocations, Subjects},
    time::UnixSeconds,
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{
    ISSUER, LATER, NOW, POLICY, authenticate, forge, key, key_set, merged, record, sign, verify,
};

/// A good token with some claims changed, and what refuses it.
fn refused(held: &Revocations, change: impl Fn(&mut Map<String, Value>)) -> Option<Kind> {
    let key = key(7);
    let mut claims = forge(&key).claims();
    change(&mut claims);
    let token = forge(&key).token(forge(&key).header(), claims);
    let authentic = authenticate(&token, &key_set(&[&key])).unwrap();
    held.refuses(authentic.verify(&POLICY, NOW).unwrap())
}

fn text(name: &str) -> String {
    forge(&key(7)).claims()[name].as_str().unwrap().to_owned()
}

#[test]
fn records_of_one_thing_are_signed_as_the_strictest_of_them() {
    let old = record(Kind::User, "u");
    let new = Record {
        not_before: NOW.plus(9),
        drop_at: NOW.plus(700),
        ..old
    };
    for records in [[old, new], [new, old]] {
        let held = merged(&[(0, 1, &records)]);
        assert_eq!(held.len(), 1);
        // Both the later `not_before` and the later `drop_at` are in force.
        let at = |iat: i64| {
            refused(&held, |claims| {
                claims.insert("sub".to_owned(), json!("u"));
                claims.insert("iat".to_owned(), json!(NOW.plus(iat)));
            })
        };
        assert_eq!(at(5), Some(Kind::User));
    }
}

#[test]
fn a_session_is_refused_outright() {
    let held = merged(&[(0, 1, &[record(Kind::Session, &text("sid"))])]);
    assert_eq!(refused(&held, |_| ()), Some(Kind::Session));
    // Also a token that is minted after the revocation, and whatever user it names.
    let later = |claims: &mut Map<String, Value>| {
        claims.insert("iat".to_owned(), json!(NOW.plus(5)));
        claims.insert("sub".to_owned(), json!("other"));
    };
    assert_eq!(refused(&held, later), Some(Kind::Session));
    let other = |claims: &mut Map<String, Value>| {
        claims.insert("sid".to_owned(), json!("other"));
    };
    assert_eq!(refused(&held, other), None);
}

#[test]
fn an_api_key_is_refused_outright_and_only_where_there_is_no_session() {
    let held = merged(&[(0, 1, &[record(Kind::ApiKey, &text("client_id"))])]);
    let without_session = |claims: &mut Map<String, Value>| {
        claims.remove("sid");
        claims.insert("iat".to_owned(), json!(NOW.plus(5)));
    };
    assert_eq!(refused(&held, without_session), Some(Kind::ApiKey));
    assert_eq!(refused(&held, |_| ()), None);
}

#[test]
fn a_user_is_refused_up_to_the_second_of_the_revocation() {
    let held = merged(&[(0, 1, &[record(Kind::User, &text("sub"))])]);
    let minted = |offset: i64| {
        refused(&held, |claims| {
            claims.insert("iat".to_owned(), json!(NOW.plus(offset)));
        })
    };
    assert_eq!(minted(-100), Some(Kind::User));
    assert_eq!(minted(0), Some(Kind::User));
    assert_eq!(minted(1), None);
}

#[test]
fn a_signing_key_is_refused_outright() {
    let held = merged(&[(0, 1, &[record(Kind::SigningKey, key(7).id().as_str())])]);
    let later = |claims: &mut Map<String, Value>| {
        claims.insert("iat".to_owned(), json!(NOW.plus(5)));
    };
    assert_eq!(refused(&held, later), Some(Kind::SigningKey));
    assert!(held.refuses_key(ISSUER, key(7).id()));
    assert!(!held.refuses_key(ISSUER, key(8).id()));
    assert!(!held.refuses_key("https://other.example", key(7).id()));
}

#[test]
fn a_document_of_a_withdrawn_key_is_not_merged() {
    let (stolen, sound) = (key(7), key(8));
    let keys: KeySet = key_set(&[&stolen, &sound]);
    let sign = |key, seq, records| {
        let text = Document::sign(key, ISSUER, NOW, 0..=seq, records).unwrap();
        Document::verify(&text, &keys, ISSUER, NOW).unwrap()
    };
    let mut held = Revocations::default();
    let withdrawn = vec![record(Kind::SigningKey, stolen.id().as_str())];
    held.merge(&sign(&stolen, 1, Vec::new()), NOW).unwrap();
    held.merge(&sign(&sound, 2, withdrawn), NOW).unwrap();
    let forged = sign(&stolen, 1_000_000, vec![record(Kind::User, "everybody")]);
    assert_eq!(held.merge(&forged, NOW), Err(MergeError::Withdrawn));
    assert_eq!((held.seq(), held.len()), (2, 1));
    held.merge(&sign(&sound, 3, Vec::new()), NOW).unwrap();
    assert_eq!((held.seq(), held.len()), (3, 1));
}

#[test]
fn a_name_of_one_kind_is_nothing_to_another() {
    for kind in [Kind::Session, Kind::ApiKey, Kind::SigningKey, Kind::User] {
        let names = ["sub", "client_id", "jti", "sid", "iss"];
        let held = |name: &str| merged(&[(0, 1, &[record(kind, &text(name))])]);
        for name in names {
            let expected = match (kind, name) {
                (Kind::Session, "sid") | (Kind::User, "sub") => Some(kind),
                _ => None,
            };
            assert_eq!(refused(&held(name), |_| ()), expected, "{kind:?} {name}");
        }
    }
}

#[test]
fn another_issuers_names_are_others() {
    let foreign = Digest::of("https://other.example", Kind::User, &text("sub"));
    let held = merged(&[(
        0,
        1,
        &[Record {
            digest: foreign,
            ..record(Kind::User, "")
        }],
    )]);
    assert_eq!(refused(&held, |_| ()), None);
}

#[test]
fn an_older_document_is_refused_and_changes_nothing() {
    let mut held = merged(&[(0, 5, &[record(Kind::Session, "a")])]);
    let older = verify(&sign(0, 4, &[record(Kind::Session, "b")])).unwrap();
    assert_eq!(held.merge(&older, NOW), Err(MergeError::Older));
    assert_eq!((held.seq(), held.len()), (5, 1));
    // The same again is no news, and no error.
    let same = verify(&sign(0, 5, &[record(Kind::Session, "a")])).unwrap();
    assert_eq!(held.merge(&same, NOW), Ok(()));
    assert_eq!((held.seq(), held.len()), (5, 1));
}

#[test]
fn a_document_that_leaves_a_gap_is_refused_and_changes_nothing() {
    let mut held = merged(&[(0, 5, &[record(Kind::Session, "a")])]);
    let gap = verify(&sign(6, 9, &[record(Kind::Session, "b")])).unwrap();
    assert_eq!(held.merge(&gap, NOW), Err(MergeError::Gap));
    assert_eq!((held.seq(), held.len()), (5, 1));
    let next = verify(&sign(5, 9, &[record(Kind::Session, "b")])).unwrap();
    assert_eq!(held.merge(&next, NOW), Ok(()));
    assert_eq!((held.seq(), held.len()), (9, 2));
    let first = verify(&sign(1, 9, &[])).unwrap();
    assert_eq!(
        Revocations::default().merge(&first, NOW),
        Err(MergeError::Gap)
    );
}

#[test]
fn an_entry_is_held_through_the_second_in_which_it_may_go() {
    let mut held = merged(&[(0, 1, &[record(Kind::Session, "a")])]);
    let nothing = verify(&sign(1, 1, &[])).unwrap();
    held.merge(&nothing, LATER).unwrap();
    assert_eq!(held.len(), 1);
    held.merge(&nothing, LATER.plus(1)).unwrap();
    assert!(held.is_empty());
    // Nor does it come back with a document that still lists it.
    let listed = verify(&sign(0, 1, &[record(Kind::Session, "a")])).unwrap();
    held.merge(&listed, LATER.plus(1)).unwrap();
    assert!(held.is_empty());
}

#[test]
fn extreme_times_in_an_entry_do_not_panic() {
    for time in [i64::MIN, -1, 0, 1 << 40, i64::MAX] {
        let time = UnixSeconds(time);
        let sid = text("sid");
        let extreme = Record {
            not_before: time,
            drop_at: time,
            ..record(Kind::Session, &sid)
        };
        let held = merged(&[(0, 1, slice::from_ref(&extreme))]);
        assert_eq!(held.len(), usize::from(time > NOW));
    }
}

#[test]
fn a_thousand_entries_are_each_found() {
    let ids: Vec<String> = (0..1000).map(|number| format!("s{number}")).collect();
    let records: Vec<Record> = ids.iter().map(|id| record(Kind::Session, id)).collect();
    let held = merged(&[(0, 1, &records)]);
    let of = |sid: &str| {
        refused(&held, |claims| {
            claims.insert("sid".to_owned(), json!(sid));
        })
    };
    assert_eq!(held.len(), 1000);
    assert!(
        ids.iter()
            .step_by(37)
            .all(|id| of(id) == Some(Kind::Session))
    );
    assert_eq!(of("s1000"), None);
}

#[test]
fn kinds_have_the_numbers_of_the_format() {
    for (number, kind) in [
        (1, Kind::Session),
        (2, Kind::ApiKey),
        (3, Kind::SigningKey),
        (4, Kind::User),
    ] {
        assert_eq!(kind.number(), number);
        assert_eq!(Kind::from_number(number), Some(kind));
    }
    for number in [i64::MIN, -1, 0, 5, 257, i64::MAX] {
        assert_eq!(Kind::from_number(number), None);
    }
}

#[test]
fn a_digest_is_of_issuer_kind_and_name() {
    let hash = Sha256::digest([ISSUER.as_bytes(), &[4], b"u"].concat());
    assert_eq!(Digest::of(ISSUER, Kind::User, "u").0, hash[..8]);
}

#[test]
fn subjects_are_what_a_revocation_can_name() {
    let claims = Value::Object(forge(&key(7)).claims());
    let claims: AccessClaims = serde_json::from_value(claims).unwrap();
    let kid: KeyId = "k".parse().unwrap();
    let kinds: Vec<Kind> = Subjects::of(&claims, &kid)
        .iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds, [Kind::Session, Kind::SigningKey, Kind::User]);
}
