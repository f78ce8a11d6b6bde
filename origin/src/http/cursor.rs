//! Cursors: where a page ended, in a form that only this service can write.
//!
//! base64url of key id (1 byte) ‖ MAC (16) ‖ the name. The MAC is HMAC-SHA256 under a key that is
//! derived from a master key, so a cursor is a name that was given out, and nothing else.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::{
    master_key::{MasterKeys, Purpose},
    user::Username,
};

const MAC_LEN: usize = 16;

/// The cursor after the user of this name.
pub(crate) fn write(name: &Username, keys: &MasterKeys) -> Option<String> {
    let id = keys.current_id();
    let mac = mac(id, name.as_str().as_bytes(), keys)?
        .finalize()
        .into_bytes();
    let bytes = [&[id], mac.get(..MAC_LEN)?, name.as_str().as_bytes()].concat();
    Some(Base64UrlUnpadded::encode_string(&bytes))
}

/// The name in a cursor of ours; none for any other text.
pub(crate) fn read(cursor: &str, keys: &MasterKeys) -> Option<Username> {
    let bytes = Base64UrlUnpadded::decode_vec(cursor).ok()?;
    let (&[id], rest) = bytes.split_first_chunk::<1>()?;
    let (shown, name) = rest.split_first_chunk::<MAC_LEN>()?;
    mac(id, name, keys)?.verify_truncated_left(shown).ok()?;
    std::str::from_utf8(name).ok()?.parse().ok()
}

fn mac(id: u8, name: &[u8], keys: &MasterKeys) -> Option<Hmac<Sha256>> {
    let key = keys.derive(id, Purpose::Cursors)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).ok()?;
    mac.update(name);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_here_is_read() {
        let keys = MasterKeys::parse(&format!("7 {}", "A".repeat(43))).unwrap();
        let others = MasterKeys::parse(&format!("7 {}E", "B".repeat(42))).unwrap();
        let name: Username = "ann".parse().unwrap();
        let cursor = write(&name, &keys).unwrap();
        assert_eq!(read(&cursor, &keys), Some(name));
        assert_eq!(read(&cursor, &others), None);
        let forged =
            Base64UrlUnpadded::encode_string(&[&[7], [0; MAC_LEN].as_slice(), b"bob"].concat());
        for text in [
            forged.as_str(),
            "",
            "A",
            "ann",
            &cursor[1..],
            &format!("{cursor}A"),
        ] {
            assert_eq!(read(text, &keys), None, "{text}");
        }
    }
}
