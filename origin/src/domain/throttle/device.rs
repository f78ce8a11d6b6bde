//! What a device is known by: a token that a login gives out, and that the next login from the
//! device may show. It opens nothing. Whoever shows it has attempts of his own for that account,
//! which nobody else can use up.
//!
//! `pdt_` and base64url of key id (1 byte) ‖ when it was issued (8) ‖ device (16) ‖ MAC (16). The MAC
//! is HMAC-SHA256 over these and the account's name, under a key that is derived from a master key:
//! the database holds nothing of it, and it is good for one account alone.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use portcullis_shared::time::UnixSeconds;
use sha2::Sha256;

use super::key::Name;
use crate::domain::{
    entropy::{self, Entropy, EntropyError},
    master_key::{MasterKeys, Purpose},
};

/// What every device token starts with.
pub const PREFIX: &str = "pdt_";

const MAC_LEN: usize = 16;

/// A device token on its way to a client.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceToken(String);

impl DeviceToken {
    /// The token as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DeviceToken(…)")
    }
}

/// Makes a token for a new device of the account.
pub(super) fn issue(
    name: &Name,
    now: UnixSeconds,
    keys: &MasterKeys,
    entropy: &dyn Entropy,
) -> Result<DeviceToken, EntropyError> {
    let device: [u8; 16] = entropy::random(entropy)?;
    let id = keys.current_id();
    let mac = mac(id, now, device, name, keys).ok_or(EntropyError)?;
    let mac = mac.finalize().into_bytes();
    let mac = mac.first_chunk::<MAC_LEN>().ok_or(EntropyError)?;
    let bytes = [&[id], now.0.to_be_bytes().as_slice(), &device, mac].concat();
    let encoded = Base64UrlUnpadded::encode_string(&bytes);
    Ok(DeviceToken(format!("{PREFIX}{encoded}")))
}

/// The device of a token that was given out for this account after `since`; none for any other
/// text.
pub(super) fn recognise(
    token: &str,
    name: &Name,
    since: UnixSeconds,
    keys: &MasterKeys,
) -> Option<[u8; 16]> {
    let mut buffer = [0; 1 + 8 + 16 + MAC_LEN];
    let bytes = Base64UrlUnpadded::decode(token.strip_prefix(PREFIX)?, &mut buffer).ok()?;
    let (&[id], rest) = bytes.split_first_chunk::<1>()?;
    let (issued, rest) = rest.split_first_chunk::<8>()?;
    let (device, shown) = rest.split_first_chunk::<16>()?;
    let issued = UnixSeconds(i64::from_be_bytes(*issued));
    let shown: &[u8; MAC_LEN] = shown.try_into().ok()?;
    let mac = mac(id, issued, *device, name, keys)?;
    mac.verify_truncated_left(shown).ok()?;
    (issued > since).then_some(*device)
}

fn mac(
    id: u8,
    issued: UnixSeconds,
    device: [u8; 16],
    name: &Name,
    keys: &MasterKeys,
) -> Option<Hmac<Sha256>> {
    let key = keys.derive(id, Purpose::Devices)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).ok()?;
    mac.update(&[id]);
    mac.update(&issued.0.to_be_bytes());
    mac.update(&device);
    mac.update(name.as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            bytes.fill(7);
            Ok(())
        }
    }

    #[test]
    fn a_token_is_good_for_one_account_and_in_time_alone() {
        let keys = MasterKeys::parse(&format!("1 {}", "A".repeat(43))).unwrap();
        let others = MasterKeys::parse(&format!("1 {}E", "B".repeat(42))).unwrap();
        let (ann, bob, now) = (Name::typed("Ann"), Name::typed("bob"), UnixSeconds(1_000));
        let token = issue(&ann, now, &keys, &Fixed).unwrap();
        let seen =
            |token: &str, name, since, keys| recognise(token, name, UnixSeconds(since), keys);
        assert_eq!(seen(token.as_str(), &ann, 999, &keys), Some([7; 16]));
        assert_eq!(seen(token.as_str(), &ann, 1_000, &keys), None);
        assert_eq!(seen(token.as_str(), &bob, 999, &keys), None);
        assert_eq!(seen(token.as_str(), &ann, 999, &others), None);
        let encoded = token.as_str().strip_prefix(PREFIX).unwrap();
        let mut bytes = Base64UrlUnpadded::decode_vec(encoded).unwrap();
        for index in 0..bytes.len() {
            bytes[index] ^= 1;
            let forged = format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&bytes));
            assert_eq!(seen(&forged, &ann, 999, &keys), None, "{index}");
            bytes[index] ^= 1;
        }
        for text in ["", PREFIX, encoded, &format!("{}A", token.as_str())] {
            assert_eq!(seen(text, &ann, 999, &keys), None, "{text}");
        }
        assert!(!format!("{token:?}").contains(encoded));
    }
}
