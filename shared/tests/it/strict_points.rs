//! Signatures and keys that some verifiers take and others do not: points of small order, points
//! and numbers that are not in canonical form. Each is forged with the secret in hand, so that
//! the group equation does hold and strictness alone refuses it. The generic way of verifying, the
//! one with tables, and dalek's strict one agree each time.

use std::sync::LazyLock;

use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT as BASE, EIGHT_TORSION},
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::{Scalar, clamp_integer},
    traits::IsIdentity,
};
use ed25519_dalek::{Signature, Verifier};
use portcullis_shared::keys::{KeySet, KeySetError, VerifyingKey};
use sha2::{Digest, Sha512};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::ThreeWays;

const MESSAGE: &[u8] = b"whoever can forge this can forge a token";
const SEED: [u8; 32] = [7; 32];

/// The field's prime, 2^255 - 19, plus `more`, which is at most 18: the numbers that have a second
/// form in 255 bits.
fn prime_plus(more: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + more;
    bytes[31] = 0x7f;
    bytes
}

fn with_sign(mut bytes: [u8; 32]) -> [u8; 32] {
    bytes[31] |= 0x80;
    bytes
}

/// The secret number of [`SEED`] and its public point.
fn secret() -> (Scalar, EdwardsPoint) {
    let hash: [u8; 64] = Sha512::digest(SEED).into();
    let secret = Scalar::from_bytes_mod_order(clamp_integer(hash[..32].try_into().unwrap()));
    (secret, BASE * secret)
}

/// The number that R, the public key and the message determine (RFC 8032 §5.1.7, step 2).
fn challenge(r: &[u8; 32], public: &[u8; 32]) -> Scalar {
    let hash = Sha512::new()
        .chain_update(r)
        .chain_update(public)
        .chain_update(MESSAGE)
        .finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// Signs with `nonce` while claiming that its point is `r`.
fn forge(nonce: Scalar, r: [u8; 32]) -> [u8; 64] {
    let (secret, public) = secret();
    let s = nonce + challenge(&r, public.compress().as_bytes()) * secret;
    join(r, s.to_bytes())
}

fn join(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
    [r, s].concat().try_into().unwrap()
}

/// Whether the equation holds but for a point of small order, which is what verifiers that
/// multiply by the cofactor ask (RFC 8032 §5.1.7, step 3).
fn holds_with_cofactor(signature: &[u8; 64]) -> bool {
    let (r, s) = signature.split_at(32);
    let (r, s): ([u8; 32], [u8; 32]) = (r.try_into().unwrap(), s.try_into().unwrap());
    let (_, public) = secret();
    let challenge = challenge(&r, public.compress().as_bytes());
    let point = CompressedEdwardsY(r).decompress().unwrap();
    let difference = BASE * Scalar::from_bytes_mod_order(s) - public * challenge - point;
    difference.mul_by_cofactor().is_identity()
}

static OURS: LazyLock<ThreeWays> =
    LazyLock::new(|| ThreeWays::new(secret().1.compress().as_bytes()));

fn ours(signature: &[u8; 64]) -> bool {
    OURS.verify(MESSAGE, signature)
}

fn lenient(public: &[u8; 32], signature: &[u8; 64]) -> bool {
    let key = ed25519_dalek::VerifyingKey::from_bytes(public).unwrap();
    key.verify(MESSAGE, &Signature::from_bytes(signature))
        .is_ok()
}

#[test]
fn the_forger_can_also_sign_properly() {
    let nonce = Scalar::from(12_345_u32);
    let signature = forge(nonce, (BASE * nonce).compress().to_bytes());
    assert!(ours(&signature));
    assert!(holds_with_cofactor(&signature));
}

#[test]
fn an_r_that_is_the_identity_is_refused_though_the_equation_holds() {
    let signature = forge(Scalar::ZERO, EIGHT_TORSION[0].compress().to_bytes());
    let (_, public) = secret();
    assert!(lenient(public.compress().as_bytes(), &signature));
    assert!(!ours(&signature));
}

#[test]
fn an_r_of_small_order_is_refused() {
    for point in EIGHT_TORSION {
        let signature = forge(Scalar::ZERO, point.compress().to_bytes());
        assert!(holds_with_cofactor(&signature));
        assert!(!ours(&signature));
    }
}

#[test]
fn an_r_with_a_part_of_small_order_is_refused() {
    let nonce = Scalar::from(12_345_u32);
    for point in &EIGHT_TORSION[1..] {
        let signature = forge(nonce, (BASE * nonce + point).compress().to_bytes());
        assert!(holds_with_cofactor(&signature));
        assert!(!ours(&signature));
    }
}

#[test]
fn an_r_that_is_not_canonical_is_refused() {
    // The identity in its three other forms.
    let one = EIGHT_TORSION[0].compress().to_bytes();
    for r in [prime_plus(1), with_sign(prime_plus(1)), with_sign(one)] {
        assert!(CompressedEdwardsY(r).decompress().unwrap().is_identity());
        let signature = forge(Scalar::ZERO, r);
        assert!(holds_with_cofactor(&signature));
        assert!(!ours(&signature));
    }
}

#[test]
fn an_r_that_is_no_point_is_refused() {
    let mut none = 0;
    for y in 0..=255 {
        let mut r = [0; 32];
        r[0] = y;
        if CompressedEdwardsY(r).decompress().is_none() {
            assert!(!ours(&forge(Scalar::ONE, r)));
            none += 1;
        }
    }
    assert!(none > 50);
}

#[test]
fn an_s_that_is_not_reduced_is_refused() {
    let nonce = Scalar::from(12_345_u32);
    let signature = forge(nonce, (BASE * nonce).compress().to_bytes());
    // L, little-endian, is 2^252 and the number whose digits follow.
    let mut order = [0; 32];
    let low = 27_742_317_777_372_353_535_851_937_790_883_648_493_u128;
    order[..16].copy_from_slice(&low.to_le_bytes());
    order[31] = 0x10;
    let (r, s): ([u8; 32], [u8; 32]) = (
        signature[..32].try_into().unwrap(),
        signature[32..].try_into().unwrap(),
    );
    let mut sum = s;
    for times in 1..=14 {
        let mut carry = 0;
        for (digit, more) in sum.iter_mut().zip(order) {
            let total = u16::from(*digit) + u16::from(more) + carry;
            *digit = u8::try_from(total & 0xff).unwrap();
            carry = total >> 8;
        }
        assert_eq!(Scalar::from_bytes_mod_order(sum).to_bytes(), s);
        let malleable = join(r, sum);
        assert!(holds_with_cofactor(&malleable));
        assert!(!ours(&malleable), "S plus {times} L");
    }
    assert!(ours(&signature));
}

/// Signs for a key with a part of small order, with an R that has one too: without the cofactor the
/// equation holds for one message in eight or so.
#[test]
fn with_a_key_that_has_a_part_of_small_order_each_way_takes_the_same_signatures() {
    let (secret, public) = secret();
    for part in &EIGHT_TORSION[1..] {
        let mixed = (public + part).compress();
        let ways = ThreeWays::new(mixed.as_bytes());
        let (mut taken, mut refused) = (0, 0);
        for (number, other) in (0_u32..48).zip(EIGHT_TORSION.iter().cycle()) {
            let nonce = Scalar::from(number + 99);
            let r = (BASE * nonce + other).compress().to_bytes();
            let s = nonce + challenge(&r, mixed.as_bytes()) * secret;
            let passes = ways.verify(MESSAGE, &join(r, s.to_bytes()));
            *if passes { &mut taken } else { &mut refused } += 1;
        }
        assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    }
}

#[test]
fn a_key_of_small_order_is_refused() {
    let torsion = EIGHT_TORSION.map(|point| point.compress().to_bytes());
    // Zero and one have second forms; x is zero for y = 1 and y = -1, so the sign is free there.
    let again = [prime_plus(0), prime_plus(1), torsion[0], torsion[4]];
    let all = torsion
        .into_iter()
        .chain(again.into_iter().flat_map(|y| [y, with_sign(y)]));
    for bytes in all.chain([with_sign(prime_plus(0))]) {
        let point = CompressedEdwardsY(bytes).decompress().unwrap();
        assert!(point.is_small_order());
        assert!(
            VerifyingKey::new("k".parse().unwrap(), &bytes).is_none(),
            "{bytes:02x?}"
        );
        assert_eq!(published(&bytes).unwrap_err(), KeySetError::Empty);
    }
    // With the identity as the key, one signature fits nearly every message, were it taken.
    let identity = torsion[0];
    let nonce = Scalar::from(12_345_u32);
    let universal = join((BASE * nonce).compress().to_bytes(), nonce.to_bytes());
    assert!(lenient(&identity, &universal));
}

#[test]
fn a_key_that_is_not_canonical_is_refused() {
    let mut points = 0;
    for bytes in (0..=18).map(prime_plus).flat_map(|y| [y, with_sign(y)]) {
        assert!(
            VerifyingKey::new("k".parse().unwrap(), &bytes).is_none(),
            "{bytes:02x?}"
        );
        assert_eq!(published(&bytes).unwrap_err(), KeySetError::Empty);
        let point = CompressedEdwardsY(bytes).decompress();
        points += usize::from(point.is_some_and(|point| !point.is_small_order()));
    }
    assert!(
        points > 4,
        "some of them are points, and not of small order: {points}"
    );
}

#[test]
fn a_key_that_is_no_point_is_refused() {
    let mut none = 0;
    for y in 0..=255 {
        let mut bytes = [0; 32];
        bytes[0] = y;
        let on_curve = CompressedEdwardsY(bytes).decompress().is_some();
        none += u32::from(!on_curve);
        if !on_curve {
            assert!(VerifyingKey::new("k".parse().unwrap(), &bytes).is_none());
        }
    }
    assert!(none > 50);
}

fn published(public: &[u8; 32]) -> Result<KeySet, KeySetError> {
    let id = "k".parse().unwrap();
    let keys = vec![portcullis_shared::keys::PublicJwk::new(&id, public)];
    let json = serde_json::to_vec(&portcullis_shared::keys::PublicKeySet { keys }).unwrap();
    KeySet::parse(&json)
}
