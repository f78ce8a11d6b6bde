//! The multiples d·256^i·P of a point P, for each place i and each digit d from 1 to 128.
//!
//! They are kept as they are added: curve25519-dalek's public interface has no affine form.

use std::mem::size_of;

use curve25519_dalek::{edwards::EdwardsPoint, scalar::Scalar, traits::Identity};

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

    /// The multiples whose sum is `scalar` times the point, the scalar being reduced.
    ///
    /// They are copied before any is added. The tables are larger than the processor's nearer
    /// caches, and an addition takes so long that the processor does not look beyond it for what
    /// to load next.
    fn choose(&self, scalar: &Scalar, chosen: &mut Vec<(Sign, EdwardsPoint)>) {
        for (place, digit) in self.0.chunks_exact(LARGEST).zip(digits::of(scalar)) {
            let index = usize::from(digit.unsigned_abs()).checked_sub(1);
            // There is nothing to add for the digit 0.
            if let Some(multiple) = index.and_then(|index| place.get(index)) {
                let sign = if digit > 0 { Sign::Plus } else { Sign::Minus };
                chosen.push((sign, *multiple));
            }
        }
    }

    /// Bytes of memory.
    pub(super) fn size(&self) -> usize {
        self.0.capacity() * size_of::<EdwardsPoint>()
    }
}

enum Sign {
    Plus,
    Minus,
}

/// The sum of products, each of a point and a reduced number.
pub(super) fn sum(products: [(&Multiples, &Scalar); 2]) -> EdwardsPoint {
    let mut chosen = Vec::with_capacity(2 * PLACES);
    for (multiples, scalar) in products {
        multiples.choose(scalar, &mut chosen);
    }
    let mut sum = EdwardsPoint::identity();
    for (sign, multiple) in &chosen {
        match sign {
            Sign::Plus => sum += multiple,
            Sign::Minus => sum -= multiple,
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};

    use super::*;

    #[test]
    fn the_sum_is_that_of_the_products_whatever_the_digits() {
        // A part of small order shows whether a number is taken as it is, not only modulo L.
        let point = ED25519_BASEPOINT_POINT * Scalar::from(77_u8) + EIGHT_TORSION[1];
        let other = ED25519_BASEPOINT_POINT;
        let (multiples, others) = (Multiples::of(point), Multiples::of(other));
        let check = |one: &Scalar, two: &Scalar| {
            let found = sum([(&multiples, one), (&others, two)]);
            assert_eq!(found, point * one + other * two);
        };
        let mut scalar = Scalar::from(3_u8);
        for _ in 0..50 {
            let next = scalar * scalar + Scalar::ONE;
            check(&scalar, &next);
            scalar = next;
        }
        let edges = [0x7f, 0x80, 0x81, 0xff].map(|byte| Scalar::from_bytes_mod_order([byte; 32]));
        for edge in edges.into_iter().chain([-Scalar::ONE, Scalar::ZERO]) {
            check(&edge, &scalar);
            check(&edge, &edge);
        }
    }
}
