//! Tokens that are looked at without being verified, and what stands in for them.

use portcullis_shared::{
    inspect::{Inspection, StandIn, keys_of},
    link,
    token::{self, Refusal},
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{NOW, forge, judge, key, key_set};

#[test]
fn a_stand_in_says_the_same_and_counts_under_no_published_key() {
    let key = key(7);
    let published = key_set(&[&key]);
    let text = forge(&key).good();
    let claims = judge(&text, &published, NOW).unwrap();

    let stand_in = StandIn::of_token(&text).unwrap();
    let (signed, _) = text.rsplit_once('.').unwrap();
    assert!(stand_in.text().starts_with(signed));
    assert_eq!(
        judge(stand_in.text(), &published, NOW),
        Err(Refusal::Signature)
    );
    let stood_in = keys_of(std::slice::from_ref(&stand_in)).unwrap();
    assert_eq!(judge(stand_in.text(), &stood_in, NOW), Ok(claims.clone()));
    assert_eq!(judge(&text, &stood_in, NOW), Err(Refusal::Signature));

    let inspection = Inspection::of_token(&text).unwrap();
    assert_eq!(inspection.unproven_claims(), &claims);
    assert_eq!(inspection.key_id(), key.id());
}

#[test]
fn what_cannot_be_a_token_has_no_stand_in_and_none_of_them_no_keys() {
    for text in ["", "a.b.c", "prt_x"] {
        assert!(StandIn::of_token(text).is_none(), "{text}");
        assert!(StandIn::of_link(text).is_none(), "{text}");
        assert!(Inspection::of_token(text).is_none(), "{text}");
        assert!(Inspection::of_link(text).is_none(), "{text}");
    }
    let token = forge(&key(7)).good();
    assert!(StandIn::of_link(&token).is_none());
    assert!(link::Unverified::parse(&token).is_err());
    assert!(token::Unverified::parse(&token).is_ok());
    assert!(keys_of(&[]).is_none());
}
