//! The multiples d·256^i·P of a point P, for each place i and each digit d from 1 to 128.
//!
//! They are kept as they are added: curve25519-dalek's public interface has no affine form.

use std::mem::size_of;

use curve25519_dalek::{edwards::EdwardsPoint, scalar::Scalar};

use super::digits::{self, LARGEST};

/// Places of a number of 253 bits.
const PLACES: usize = 32;

#[derive(Debug)]
pub(super) struct Multiples(Vec<EdwardsPoint>);

impl Multiples {
    /// Those of `point`: 4096 additions.
    pub(super) fn of(mut point: EdwardsPoint) -> Self {
        let mut all = Vec::with_capacity(PLACES * LARGEST);
        for _ in 0..PLACES {
            let mut multiple = point;
            for _ in 1..LARGEST {
                all.push(multiple);
                multiple += point;
            }
            all.push(multiple);
            // 128·P twice is the P of the next place.
            point = multiple + multiple;
        }
        Self(all)
    }

    /// `sum` and `scalar` times the point, the scalar being reduced.
    pub(super) fn add(&self, mut sum: EdwardsPoint, scalar: &Scalar) -> EdwardsPoint {
        for (place, digit) in self.0.chunks_exact(LARGEST).zip(digits::of(scalar)) {
            let index = usize::from(digit.unsigned_abs()).checked_sub(1);
            // There is nothing to add for the digit 0.
            if let Some(multiple) = index.and_then(|index| place.get(index)) {
                if digit > 0 {
                    sum += multiple;
                } else {
                    sum -= multiple;
                }
            }
        }
        sum
    }

    /// Bytes of memory.
    pub(super) fn size(&self) -> usize {
        self.0.capacity() * size_of::<EdwardsPoint>()
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::{
        constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
        traits::Identity,
    };

    use super::*;

    #[test]
    fn the_sum_is_the_product_whatever_the_digits() {
        // A part of small order shows whether a number is taken as it is, not only modulo L.
        let point = ED25519_BASEPOINT_POINT * Scalar::from(77_u8) + EIGHT_TORSION[1];
        let multiples = Multiples::of(point);
        let start = ED25519_BASEPOINT_POINT;
        let mut scalar = Scalar::from(3_u8);
        for _ in 0..50 {
            scalar = scalar * scalar + Scalar::ONE;
            assert_eq!(multiples.add(start, &scalar), point * scalar + start);
        }
        for byte in [0x7f, 0x80, 0x81, 0xff] {
            let scalar = Scalar::from_bytes_mod_order([byte; 32]);
            assert_eq!(multiples.add(start, &scalar), point * scalar + start);
        }
        let identity = EdwardsPoint::identity();
        assert_eq!(multiples.add(identity, &Scalar::ZERO), identity);
        assert_eq!(multiples.add(identity, &-Scalar::ONE), point * -Scalar::ONE);
    }

    #[test]
    fn the_multiples_of_a_key_take_less_than_a_megabyte() {
        let multiples = Multiples::of(ED25519_BASEPOINT_POINT);
        assert_eq!(multiples.0.len(), PLACES * LARGEST);
        assert_eq!(multiples.size(), 640 * 1024);
    }
}
