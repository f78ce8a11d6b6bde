//! A number as signed digits of base 256: half as many multiples are needed as with digits from 0
//! to 255, since −P is as good as P.

use curve25519_dalek::scalar::Scalar;

/// The largest digit; the smallest one is −127.
pub(super) const LARGEST: usize = 128;

/// The digits of a reduced number, the lowest first. It is below 2^253, so the last digit takes up
/// the last carry.
pub(super) fn of(scalar: &Scalar) -> [i16; 32] {
    let mut carry = 0;
    scalar.to_bytes().map(|byte| {
        let digit = i16::from(byte) + carry;
        carry = i16::from(digit > 128);
        digit - 256 * carry
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_in_range_and_sum_up_to_the_number() {
        let base = Scalar::from(256_u16);
        let edges = [
            1_u32, 127, 128, 129, 255, 256, 32_767, 32_768, 32_896, 32_897,
        ];
        let mut numbers: Vec<Scalar> = edges.into_iter().map(Scalar::from).collect();
        numbers.extend([Scalar::ZERO, -Scalar::ONE, -Scalar::from(128_u8)]);
        for byte in [0x7f, 0x80, 0x81, 0xff] {
            numbers.push(Scalar::from_bytes_mod_order([byte; 32]));
        }
        for number in numbers {
            let digits = of(&number);
            assert!(digits.iter().all(|digit| (-127..=128).contains(digit)));
            let sum = digits.iter().rev().fold(Scalar::ZERO, |sum, digit| {
                let size = Scalar::from(digit.unsigned_abs());
                sum * base + if *digit < 0 { -size } else { size }
            });
            assert_eq!(sum, number);
        }
    }
}
