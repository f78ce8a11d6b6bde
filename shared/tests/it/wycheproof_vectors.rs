//! Project Wycheproof's vectors for Ed25519: all that are valid pass, none that is invalid does.

use base64ct::{Base64UrlUnpadded, Encoding};
use portcullis_shared::keys::KeySet;
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
use wycheproof::{
    TestResult,
    eddsa::{TestName, TestSet},
};

use crate::fixture::{ThreeWays, forge, judge, key};

#[test]
fn valid_signatures_pass_and_invalid_ones_do_not() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups {
        let public: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        let public = ThreeWays::new(&public);
        for test in group.tests {
            // What is not 64 bytes long is no signature to begin with.
            let signature = <&[u8; 64]>::try_from(test.sig.as_slice());
            let passes = signature.is_ok_and(|signature| public.verify(&test.msg, signature));
            match test.result {
                TestResult::Valid => valid += 1,
                TestResult::Invalid => invalid += 1,
                TestResult::Acceptable => panic!("nothing is left to taste"),
            }
            assert_eq!(
                passes,
                test.result == TestResult::Valid,
                "{} {}",
                test.tc_id,
                test.comment
            );
        }
    }
    assert!(
        valid >= 80 && invalid >= 60,
        "{valid} valid, {invalid} invalid"
    );
}

#[test]
fn no_signature_of_the_collection_is_taken_on_a_token() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let good = forge(&key(7)).with_header("kid", json!("k"));
    let (input, _) = good.rsplit_once('.').unwrap();
    for group in set.test_groups {
        let x = Base64UrlUnpadded::encode_string(&group.key.pk);
        let json = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x }] });
        let keys = KeySet::parse(json.to_string().as_bytes()).unwrap();
        for test in group.tests {
            let token = format!("{input}.{}", Base64UrlUnpadded::encode_string(&test.sig));
            assert!(
                judge(&token, &keys, crate::fixture::NOW).is_err(),
                "{}",
                test.tc_id
            );
        }
    }
}
