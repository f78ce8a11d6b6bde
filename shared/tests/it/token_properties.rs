//! Whatever the text: nothing panics, and nothing passes that was not minted.

use std::sync::LazyLock;

use portcullis_shared::{
    claims::{AccessClaims, Audience},
    keys::{KeySet, SigningKey},
    scope::Scope,
    time::UnixSeconds,
    token::{self, Policy, Unverified},
};
use proptest::{
    prelude::{Strategy, any, prop, proptest},
    sample::Index,
};

use crate::fixture::{NOW, forge, judge, key, key_set};

static KEY: LazyLock<SigningKey> = LazyLock::new(|| key(7));
static KEYS: LazyLock<KeySet> = LazyLock::new(|| key_set(&[&KEY]));
static GOOD: LazyLock<String> = LazyLock::new(|| forge(&KEY).good());

fn name() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,20}"
}

fn scope() -> impl Strategy<Value = Scope> {
    "[!#-\\[\\]-~]{1,20}".prop_map(|text| text.parse().unwrap())
}

fn access_claims() -> impl Strategy<Value = AccessClaims> {
    let names = (name(), name(), name(), name(), prop::option::of(name()));
    let lists = (
        prop::collection::vec(name(), 1..4),
        prop::collection::btree_set(scope(), 0..5),
        prop::collection::vec(name(), 0..4),
    );
    let times = (
        0..UnixSeconds::MAX.0 - 600,
        1..=600_i64,
        prop::option::of(0..=600_i64),
    );
    (names, lists, times).prop_map(|(names, lists, (iat, lifetime, nbf))| AccessClaims {
        iss: names.0,
        sub: names.1,
        client_id: names.2,
        jti: names.3,
        sid: names.4,
        aud: Audience::new(lists.0).unwrap(),
        scope: lists.1.into_iter().collect(),
        roles: lists.2,
        iat: UnixSeconds(iat),
        nbf: nbf
            .filter(|nbf| *nbf < lifetime)
            .map(|nbf| UnixSeconds(iat + nbf)),
        exp: UnixSeconds(iat + lifetime),
    })
}

/// One change to a text.
#[derive(Debug, Clone)]
enum Change {
    Replace(Index, char),
    Insert(Index, char),
    Remove(Index),
    Cut(Index),
    Double(Index, Index),
    Swap(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let letter = prop::char::any().prop_map(|letter| letter).boxed();
    let usual = proptest::sample::select(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ "
            .chars()
            .collect::<Vec<_>>(),
    );
    let letter = proptest::prop_oneof![1 => letter, 6 => usual].boxed();
    proptest::prop_oneof![
        (any::<Index>(), letter.clone()).prop_map(|(at, letter)| Change::Replace(at, letter)),
        (any::<Index>(), letter).prop_map(|(at, letter)| Change::Insert(at, letter)),
        any::<Index>().prop_map(Change::Remove),
        any::<Index>().prop_map(Change::Cut),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Double(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Change::Swap(one, other)),
    ]
}

fn apply(text: &mut Vec<char>, change: &Change) {
    if text.is_empty() {
        return;
    }
    let length = text.len();
    match change {
        Change::Replace(at, letter) => text[at.index(length)] = *letter,
        Change::Insert(at, letter) => text.insert(at.index(length + 1), *letter),
        Change::Remove(at) => drop(text.remove(at.index(length))),
        Change::Cut(at) => text.truncate(at.index(length)),
        Change::Double(from, to) => {
            let (from, to) = (from.index(length), to.index(length));
            let part = text[from.min(to)..from.max(to)].to_vec();
            text.splice(from.max(to)..from.max(to), part);
        }
        Change::Swap(one, other) => text.swap(one.index(length), other.index(length)),
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_token_panic_or_pass(text in any::<String>()) {
        assert!(judge(&text, &KEYS, NOW).is_err());
    }

    #[test]
    fn no_three_parts_make_a_token_panic_or_pass(
        text in "[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{86}",
    ) {
        assert!(judge(&text, &KEYS, NOW).is_err());
    }

    #[test]
    fn no_signed_bytes_make_the_claims_panic(
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let header = serde_json::Value::Object(forge(&KEY).header()).to_string();
        assert!(judge(&forge(&KEY).token_of(header, payload), &KEYS, NOW).is_err());
    }

    #[test]
    fn no_signed_header_makes_the_parser_panic(header in prop::collection::vec(any::<u8>(), 0..200)) {
        assert!(judge(&forge(&KEY).token_of(header, "{}"), &KEYS, NOW).is_err());
    }

    #[test]
    fn a_token_that_was_changed_does_not_pass(
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let mut text: Vec<char> = GOOD.chars().collect();
        for change in &changes {
            apply(&mut text, change);
        }
        let text: String = text.into_iter().collect();
        assert_eq!(judge(&text, &KEYS, NOW).is_ok(), text == *GOOD);
    }

    #[test]
    fn what_is_minted_is_read_again(claims in access_claims()) {
        let text = token::sign(&KEY, &claims).unwrap();
        let authentic = Unverified::parse(&text).unwrap().authenticate(&KEYS).unwrap();
        let policy = Policy {
            issuer: &claims.iss,
            audience: &claims.aud.members()[0],
            max_lifetime: 600,
        };
        let verified = authentic.verify(&policy, claims.exp.plus(-1)).unwrap();
        assert_eq!(verified.claims(), &claims);
        assert_eq!(verified.key_id(), KEY.id());
    }

    #[test]
    fn no_time_makes_the_judgement_panic(
        iat in any::<i64>(), nbf in any::<i64>(), exp in any::<i64>(), now in any::<i64>(),
    ) {
        let mut claims = forge(&KEY).claims();
        for (name, time) in [("iat", iat), ("nbf", nbf), ("exp", exp)] {
            claims.insert(name.to_owned(), serde_json::json!(time));
        }
        let text = forge(&KEY).token(forge(&KEY).header(), claims);
        // Two of three arbitrary times are never within a lifetime of each other.
        assert!(judge(&text, &KEYS, UnixSeconds(now)).is_err());
    }

    #[test]
    fn a_signature_passes_exactly_when_strict_verification_passes_it(
        bytes in prop::array::uniform32(any::<u8>()), place in 0..64_usize, value in any::<u8>(),
    ) {
        let public = KEY.verifying_key().unwrap();
        let strict = ed25519_dalek::VerifyingKey::from_bytes(&KEY.public_bytes()).unwrap();
        let mut signature = KEY.sign(&bytes);
        signature[place] = value;
        let expected = strict
            .verify_strict(&bytes, &ed25519_dalek::Signature::from_bytes(&signature))
            .is_ok();
        assert_eq!(public.verify(&bytes, &signature), expected);
        assert_eq!(expected, signature == KEY.sign(&bytes));
    }
}
