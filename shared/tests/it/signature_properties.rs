//! Whatever the signature: the generic way of verifying, the one with tables of multiples, and
//! dalek's strict one give the same verdict.

use std::sync::LazyLock;

use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT as BASE, EIGHT_TORSION},
    scalar::Scalar,
};
use portcullis_shared::keys::SigningKey;
use proptest::{
    prelude::{Strategy, any, prop, proptest},
    sample::Index,
};

use crate::fixture::{ThreeWays, key};

static KEYS: LazyLock<Vec<(SigningKey, ThreeWays)>> = LazyLock::new(|| {
    let pair = |number| {
        let key = key(number);
        let ways = ThreeWays::new(&key.public_bytes());
        (key, ways)
    };
    (1..=4).map(pair).collect()
});

fn bytes() -> impl Strategy<Value = [u8; 32]> {
    let edges = EIGHT_TORSION.map(|point| point.compress().to_bytes());
    let mut edges = edges.to_vec();
    for low in 0xe0..=0xff {
        // Around the field's prime and, with another end, around the order L.
        let mut near = [0xff; 32];
        (near[0], near[31]) = (low, 0x7f);
        edges.push(near);
        let mut near = (-Scalar::ONE).to_bytes();
        near[0] = low;
        edges.push(near);
    }
    proptest::prop_oneof![
        2 => prop::array::uniform32(any::<u8>()),
        1 => proptest::sample::select(edges),
        // Points of the curve, and reduced numbers.
        1 => any::<u64>().prop_map(|number| (BASE * Scalar::from(number)).compress().to_bytes()),
        1 => prop::array::uniform32(any::<u8>())
            .prop_map(|number| Scalar::from_bytes_mod_order(number).to_bytes()),
    ]
}

proptest! {
    #[test]
    fn what_a_key_signed_passes_in_each_way(
        number in any::<Index>(), message in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let (key, ways) = number.get(&KEYS);
        assert!(ways.verify(&message, &key.sign(&message)));
    }

    #[test]
    fn what_was_changed_passes_in_none(
        number in any::<Index>(), message in prop::collection::vec(any::<u8>(), 1..200),
        changes in prop::collection::vec((any::<Index>(), 1_u8..), 1..3), in_message in any::<bool>(),
    ) {
        let (key, ways) = number.get(&KEYS);
        let former = (message.clone(), key.sign(&message));
        let (mut message, mut signature) = former.clone();
        for (place, change) in changes {
            if in_message {
                *place.get_mut(&mut message) ^= change;
            } else {
                *place.get_mut(&mut signature) ^= change;
            }
        }
        let same = (&message, &signature) == (&former.0, &former.1);
        assert_eq!(ways.verify(&message, &signature), same);
    }

    #[test]
    fn what_another_key_signed_passes_in_no_way(
        one in 0..4_usize, distance in 1..4_usize, message in prop::collection::vec(any::<u8>(), 0..99),
    ) {
        let (key, _) = &KEYS[one];
        let (_, ways) = &KEYS[(one + distance) % 4];
        assert!(!ways.verify(&message, &key.sign(&message)));
    }

    #[test]
    fn no_two_halves_pass_in_one_way_alone(number in any::<Index>(), r in bytes(), s in bytes()) {
        let (_, ways) = number.get(&KEYS);
        let signature = [r, s].concat().try_into().unwrap();
        assert!(!ways.verify(b"message", &signature));
    }

    #[test]
    fn half_a_good_signature_passes_in_no_way_alone(
        number in any::<Index>(), other in bytes(), first in any::<bool>(),
    ) {
        let (key, ways) = number.get(&KEYS);
        let good = key.sign(b"message");
        let mut signature = good;
        let half = if first { &mut signature[..32] } else { &mut signature[32..] };
        half.copy_from_slice(&other);
        assert_eq!(ways.verify(b"message", &signature), signature == good);
    }
}
