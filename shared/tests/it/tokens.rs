//! Access tokens: what is minted is read again, keys are bound to tokens, and the limits hold to
//! the second and to the byte.

use portcullis_shared::{
    claims::{AccessClaims, Audience},
    time::{LEEWAY, UnixSeconds},
    token::{self, Refusal, TOKEN_LIMIT, Unverified},
};
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{ISSUER, NOW, POLICY, authenticate, forge, judge, key, key_set};

fn claims() -> AccessClaims {
    AccessClaims {
        iss: ISSUER.to_owned(),
        aud: Audience::new(vec!["api".to_owned(), "images".to_owned()]).unwrap(),
        sub: "AQEBAQEBAQEBAQEBAQEBAQ".to_owned(),
        client_id: "portcullis".to_owned(),
        iat: NOW,
        nbf: None,
        exp: NOW.plus(600),
        jti: "AgICAgICAgICAgICAgICAg".to_owned(),
        sid: Some("AwMDAwMDAwMDAwMDAwMDAw".to_owned()),
        scope: "api:read api:write".parse().unwrap(),
        roles: vec!["admin".to_owned()],
    }
}

#[test]
fn what_is_minted_is_read_again() {
    let key = key(7);
    let with_nbf = AccessClaims {
        nbf: Some(NOW.plus(-3)),
        ..claims()
    };
    let without_session = AccessClaims {
        sid: None,
        roles: Vec::new(),
        ..claims()
    };
    for claims in [claims(), with_nbf, without_session] {
        let token = token::sign(&key, &claims).unwrap();
        assert_eq!(judge(&token, &key_set(&[&key]), NOW), Ok(claims));
    }
}

#[test]
fn a_minted_token_has_the_header_and_claims_of_rfc_9068() {
    let key = key(7);
    let token = token::sign(&key, &claims()).unwrap();
    let part = |index| {
        let text = token.split('.').nth(index).unwrap();
        let bytes = <base64ct::Base64UrlUnpadded as base64ct::Encoding>::decode_vec(text).unwrap();
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
    };
    assert_eq!(
        part(0),
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": key.id().as_str() })
    );
    assert_eq!(
        part(1),
        json!({
            "iss": ISSUER,
            "aud": ["api", "images"],
            "sub": "AQEBAQEBAQEBAQEBAQEBAQ",
            "client_id": "portcullis",
            "iat": NOW.0,
            "exp": NOW.0 + 600,
            "jti": "AgICAgICAgICAgICAgICAg",
            "sid": "AwMDAwMDAwMDAwMDAwMDAw",
            "scope": "api:read api:write",
            "roles": ["admin"],
        })
    );
}

#[test]
fn a_token_is_bound_to_the_key_that_its_header_names() {
    let (one, other) = (key(1), key(2));
    let token = forge(&one).good();
    assert!(judge(&token, &key_set(&[&other, &one]), NOW).is_ok());
    let unknown = Refusal::UnknownKey(one.id().clone());
    assert_eq!(judge(&token, &key_set(&[&other]), NOW), Err(unknown));
    // The right key under another name, and the other's name under the right key.
    let renamed = forge(&one).with_header("kid", json!(other.id().as_str()));
    assert_eq!(
        judge(&renamed, &key_set(&[&one, &other]), NOW),
        Err(Refusal::Signature)
    );
}

#[test]
fn validity_begins_and_ends_to_the_second() {
    let key = key(7);
    let keys = key_set(&[&key]);
    let token = token::sign(
        &key,
        &AccessClaims {
            nbf: Some(NOW.plus(100)),
            ..claims()
        },
    )
    .unwrap();
    let at = |offset| judge(&token, &keys, NOW.plus(offset)).map(|_| ());
    assert_eq!(at(100 - LEEWAY - 1), Err(Refusal::NotYetValid));
    assert_eq!(at(100 - LEEWAY), Ok(()));
    assert_eq!(at(600 + LEEWAY - 1), Ok(()));
    assert_eq!(at(600 + LEEWAY), Err(Refusal::Expired));
}

#[test]
fn a_verifier_whose_clock_is_nowhere_refuses_and_does_not_panic() {
    let key = key(7);
    let keys = key_set(&[&key]);
    let token = forge(&key).good();
    for now in [i64::MIN, i64::MIN + 1, -1, 0] {
        assert_eq!(
            judge(&token, &keys, UnixSeconds(now)),
            Err(Refusal::NotYetValid)
        );
    }
    for now in [i64::MAX, i64::MAX - 1, UnixSeconds::MAX.0] {
        assert_eq!(
            judge(&token, &keys, UnixSeconds(now)),
            Err(Refusal::Expired)
        );
    }
}

#[test]
fn the_size_limit_is_exact() {
    let key = key(7);
    let keys = key_set(&[&key]);
    for length in TOKEN_LIMIT - 8..TOKEN_LIMIT + 8 {
        let token = forge(&key).good_of_length(length);
        assert_eq!(token.len(), length);
        let expected = if length <= TOKEN_LIMIT {
            Ok(())
        } else {
            Err(Refusal::TooLong)
        };
        assert_eq!(judge(&token, &keys, NOW).map(|_| ()), expected, "{length}");
    }
}

#[test]
fn one_authentic_token_is_judged_for_each_audience_and_issuer_anew() {
    let key = key(7);
    let authentic = authenticate(&forge(&key).good(), &key_set(&[&key])).unwrap();
    let other = |audience| token::Policy { audience, ..POLICY };
    assert!(authentic.verify(&POLICY, NOW).is_ok());
    assert_eq!(
        authentic.verify(&other("images"), NOW).unwrap_err(),
        Refusal::Audience
    );
    assert_eq!(
        authentic.verify(&other(""), NOW).unwrap_err(),
        Refusal::Audience
    );
    let issuer = token::Policy {
        issuer: "",
        ..POLICY
    };
    assert_eq!(authentic.verify(&issuer, NOW).unwrap_err(), Refusal::Issuer);
    let shorter = token::Policy {
        max_lifetime: 299,
        ..POLICY
    };
    assert_eq!(
        authentic.verify(&shorter, NOW).unwrap_err(),
        Refusal::Lifetime
    );
}

#[test]
fn the_key_that_a_token_names_is_known_before_it_is_verified_and_nothing_else() {
    let key = key(7);
    let token = forge(&key).good();
    assert_eq!(Unverified::parse(&token).unwrap().key_id(), key.id());
}

#[test]
fn a_kept_token_weighs_at_least_what_it_says() {
    let key = key(7);
    let roles: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let many = token::sign(&key, &AccessClaims { roles, ..claims() }).unwrap();
    let few = token::sign(&key, &claims()).unwrap();
    let weight = |token: &str| authenticate(token, &key_set(&[&key])).unwrap().weight();
    assert!(weight(&few) > 300);
    // Each role is a string of its own in memory, however short.
    assert!(weight(&many) - weight(&few) > 299 * size_of::<String>());
}

#[test]
fn the_issuer_takes_its_tokens_for_any_audience_and_refuses_whatever_else_is_off() {
    let key = key(7);
    let authentic = authenticate(&forge(&key).good(), &key_set(&[&key])).unwrap();
    let judge = |issuer, lifetime, now| {
        authentic
            .verify_for_issuer(issuer, lifetime, now)
            .map(|_| ())
    };
    let (issuer, lifetime) = (POLICY.issuer, POLICY.max_lifetime);
    assert_eq!(judge(issuer, lifetime, NOW), Ok(()));
    assert_eq!(judge("", lifetime, NOW), Err(Refusal::Issuer));
    assert_eq!(judge(issuer, 299, NOW), Err(Refusal::Lifetime));
    assert_eq!(
        judge(issuer, lifetime, UnixSeconds::MAX),
        Err(Refusal::Expired)
    );
    assert_eq!(
        judge(issuer, lifetime, UnixSeconds(0)),
        Err(Refusal::NotYetValid)
    );
}
