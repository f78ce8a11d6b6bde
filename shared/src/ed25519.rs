//! Ed25519 verification (RFC 8032 §5.1.7) for a key that verifies many signatures.
//!
//! What is to be computed, S·B − k·A, is a sum of multiples of two points that never change, the
//! base point B and the key A. Their multiples are worked out once and kept in tables, so that a
//! verification only adds up: no doublings, about a third of the time of the generic way in Wasm.
//!
//! Invariant: [`KeyTables::verify`] takes exactly the signatures that
//! `ed25519_dalek::VerifyingKey::verify_strict` takes for the same key. All arithmetic is
//! curve25519-dalek's. Nothing here is secret, so nothing is done in constant time.

mod digits;
mod multiples;

use std::sync::Arc;

use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
};
use sha2::{Digest, Sha512};

use crate::keys::VerifyingKey;

use multiples::Multiples;

/// The multiples of the base point, for the tables of any number of keys; 640 KiB.
#[derive(Debug)]
pub struct BaseTables {
    multiples: Multiples,
    /// The encodings of the points of small order, which no R may be.
    small_order: [CompressedEdwardsY; 8],
}

impl BaseTables {
    /// Works them out, in about the time of twenty verifications.
    pub fn build() -> Self {
        Self {
            multiples: Multiples::of(ED25519_BASEPOINT_POINT),
            small_order: EdwardsPoint::compress_batch(&EIGHT_TORSION),
        }
    }

    /// How many bytes of memory they take.
    pub fn size(&self) -> usize {
        self.multiples.size()
    }
}

/// The multiples of one key, which they stand for; 640 KiB.
#[derive(Debug)]
pub struct KeyTables {
    public: [u8; 32],
    base: Arc<BaseTables>,
    /// Of −A.
    multiples: Multiples,
}

impl KeyTables {
    /// Works them out, in about the time of twenty verifications. The key is not of small order:
    /// no [`VerifyingKey`] is.
    pub fn build(key: &VerifyingKey, base: Arc<BaseTables>) -> Self {
        let point = key.point();
        Self {
            public: point.to_bytes(),
            base,
            multiples: Multiples::of(-point.to_edwards()),
        }
    }

    /// The key's 32 bytes.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The multiples of the base point that it shares.
    pub fn base(&self) -> &Arc<BaseTables> {
        &self.base
    }

    /// How many bytes of memory the key's own multiples take.
    pub fn size(&self) -> usize {
        self.multiples.size()
    }

    /// Whether `signature` (R ‖ S) is the key's over `message`, strictly: S < L, and an R that is
    /// canonical and not of small order.
    ///
    /// R is not decoded: it has to be the encoding of the sum, and whatever is the encoding of a
    /// point is a canonical one.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let (r, s) = signature.split_at(32);
        let s = <[u8; 32]>::try_from(s)
            .ok()
            .and_then(|s| Option::<Scalar>::from(Scalar::from_canonical_bytes(s)));
        let Some(s) = s else {
            return false;
        };
        let hash = Sha512::new()
            .chain_update(r)
            .chain_update(self.public)
            .chain_update(message)
            .finalize();
        let k = Scalar::from_bytes_mod_order_wide(&hash.into());
        let sum = multiples::sum([(&self.base.multiples, &s), (&self.multiples, &k)]).compress();
        sum.as_bytes() == r && !self.base.small_order.contains(&sum)
    }
}
