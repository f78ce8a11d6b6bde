//! The pieces that hashes are written of: decimal numbers, base64 in several dialects,
//! hexadecimal. Each has one spelling of a value; others are refused.

use base64ct::{Base64, Base64Unpadded, Encoding};
use subtle::ConstantTimeEq;

/// The shortest output that is taken, in bytes: what is shorter, others would hit by chance.
const SHORTEST: usize = 16;
/// The longest output that is taken, in bytes.
const LONGEST: usize = 64;

/// What a password must come to.
pub(super) struct Output(Vec<u8>);

impl Output {
    /// An output of a length that is taken.
    pub(super) fn new(bytes: Vec<u8>) -> Option<Self> {
        (SHORTEST..=LONGEST)
            .contains(&bytes.len())
            .then_some(Self(bytes))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Compares in a time that tells nothing of the bytes.
    pub(super) fn is(&self, computed: &[u8]) -> bool {
        self.0.ct_eq(computed).into()
    }
}

/// Splits at each `$`, into exactly so many parts.
pub(super) fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    let mut parts = text.split('$');
    let mut found = [""; N];
    for part in &mut found {
        *part = parts.next()?;
    }
    parts.next().is_none().then_some(found)
}

/// A decimal number without sign and leading zeros.
pub(super) fn decimal(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}

/// The number of a `name=number`.
pub(super) fn named(name: &str, text: &str) -> Option<u32> {
    decimal(text.strip_prefix(name)?.strip_prefix('=')?)
}

/// Base64 without padding, as PHC strings have it.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    Base64Unpadded::decode_vec(text).ok()
}

/// Base64 with padding, as Django has it.
pub(super) fn padded_base64(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// passlib's base64: without padding, and a dot in the place of the plus.
pub(super) fn dotted_base64(text: &str) -> Option<Vec<u8>> {
    (!text.contains('+'))
        .then(|| base64(&text.replace('.', "+")))
        .flatten()
}

/// Hexadecimal in lower case.
pub(super) fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |&[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    rest.is_empty()
        .then(|| pairs.iter().map(byte).collect())
        .flatten()
}
