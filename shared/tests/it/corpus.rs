//! The corpus of good and bad tokens, case by case.

use std::collections::BTreeSet;

use portcullis_shared::{
    corpus::{self, Case},
    token::{Refusal, Unverified},
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{NOW, authenticate, forge, judge, key, key_set};

fn outcomes(cases: &[Case], later: i64) -> Vec<String> {
    let key = key(7);
    let keys = key_set(&[&key]);
    let judged = cases.iter().filter_map(|case| {
        let outcome = judge(&case.token, &keys, NOW.plus(later)).map(|_| ());
        let Case {
            name,
            why,
            expected,
            ..
        } = case;
        (outcome != *expected)
            .then(|| format!("{name}: expected {expected:?}, found {outcome:?} ({why})"))
    });
    judged.collect()
}

#[test]
fn every_bad_token_is_refused_for_the_reason_that_it_is_bad_for() {
    let cases = corpus::refused(&forge(&key(7)));
    assert_eq!(outcomes(&cases, 0), Vec::<String>::new());
    assert!(cases.iter().all(|case| case.expected.is_err()));
}

#[test]
fn every_good_token_passes() {
    let cases = corpus::accepted(&forge(&key(7)));
    assert_eq!(outcomes(&cases, 0), Vec::<String>::new());
    assert!(cases.iter().all(|case| case.expected.is_ok()));
}

#[test]
fn what_is_said_to_be_steady_is_so_a_minute_later() {
    let key = key(7);
    let mut cases = corpus::refused(&forge(&key));
    cases.extend(corpus::accepted(&forge(&key)));
    cases.retain(|case| case.steady);
    assert_eq!(outcomes(&cases, 60), Vec::<String>::new());
}

#[test]
fn the_corpus_has_every_reason_and_no_name_twice() {
    let cases = corpus::refused(&forge(&key(7)));
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.len() > 500, "{} cases", cases.len());
    let reason = |refusal: &Refusal| std::mem::discriminant(refusal);
    let all = [
        Refusal::TooLong,
        Refusal::Malformed,
        Refusal::Header,
        Refusal::Algorithm,
        Refusal::Type,
        Refusal::UnknownKey("k".parse().unwrap()),
        Refusal::Signature,
        Refusal::Claims,
        Refusal::Issuer,
        Refusal::Audience,
        Refusal::Expired,
        Refusal::NotYetValid,
        Refusal::Lifetime,
    ];
    for refusal in all {
        let mut found = cases.iter().filter_map(|case| case.expected.as_ref().err());
        assert!(
            found.any(|other| reason(other) == reason(&refusal)),
            "{refusal:?}"
        );
    }
}

#[test]
fn most_of_the_corpus_can_be_sent_in_a_header() {
    let cases = corpus::refused(&forge(&key(7)));
    let sendable = cases.iter().filter(|case| case.is_sendable()).count();
    assert!(
        sendable * 4 > cases.len() * 3,
        "{sendable} of {}",
        cases.len()
    );
}

#[test]
fn without_a_key_bad_claims_and_good_ones_cannot_be_told_apart() {
    let (key, stranger) = (key(7), key(8));
    let keys = key_set(&[&key]);
    // The stranger signs under our kid; everything but the signature is as in the corpus.
    let good = forge(&key).good();
    let (good_input, _) = good.rsplit_once('.').unwrap();
    let resigned = |input: &str| {
        let forged = forge(&stranger).sign(input);
        authenticate(&forged, &keys).unwrap_err()
    };
    let expected = resigned(good_input);
    assert_eq!(expected, Refusal::Signature);
    let mut compared = 0;
    for case in corpus::refused(&forge(&key)) {
        // Whatever gets past the parser with our kid could be told apart only by its claims.
        let Ok(token) = Unverified::parse(&case.token) else {
            continue;
        };
        if token.key_id() != key.id() {
            continue;
        }
        let (input, _) = case.token.rsplit_once('.').unwrap();
        let refusal = resigned(input);
        assert_eq!(refusal, expected, "{}", case.name);
        assert_eq!(refusal.to_string(), expected.to_string());
        compared += 1;
    }
    assert!(compared > 200, "{compared}");
}
