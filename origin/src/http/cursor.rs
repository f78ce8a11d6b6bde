//! Cursors: where a page ended, in a form that only this service can write.
//!
//! base64url of key id (1 byte) ‖ MAC (16) ‖ the place. The MAC is HMAC-SHA256 under a key that is
//! derived from a master key, over the list's name and the place: a cursor is a place that was given
//! out, in the same list, and nothing else.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use portcullis_shared::{api_key::ApiKeyId, ids::SessionId, problem::Code, time::UnixSeconds};
use sha2::Sha256;

use super::failure::Failure;
use crate::domain::{
    audit::query::EventId,
    master_key::{MasterKeys, Purpose},
    user::Username,
};

const MAC_LEN: usize = 16;

/// A place in a list.
pub(crate) trait Place: Sized {
    /// The list's name, which no other list has; without NUL.
    const LIST: &'static str;

    /// The place as bytes.
    fn to_bytes(&self) -> Vec<u8>;

    /// The place that these bytes stand for.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// Users go by their names.
impl Place for Username {
    const LIST: &'static str = "users";

    fn to_bytes(&self) -> Vec<u8> {
        self.as_str().as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok()?.parse().ok()
    }
}

/// Sessions go by their ids.
impl Place for SessionId {
    const LIST: &'static str = "sessions";

    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

/// API keys go by their ids.
impl Place for ApiKeyId {
    const LIST: &'static str = "api keys";

    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

/// A person's own sessions go by their last use.
impl Place for (UnixSeconds, SessionId) {
    const LIST: &'static str = "own sessions";

    fn to_bytes(&self) -> Vec<u8> {
        [&self.0.0.to_be_bytes()[..], self.1.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (used, id) = bytes.split_first_chunk::<8>()?;
        let id = id.try_into().ok()?;
        Some((UnixSeconds(i64::from_be_bytes(*used)), id))
    }
}

/// Events go by time and number.
impl Place for (UnixSeconds, EventId) {
    const LIST: &'static str = "audit";

    fn to_bytes(&self) -> Vec<u8> {
        [self.0.0.to_be_bytes(), self.1.0.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, id) = bytes.split_first_chunk::<8>()?;
        let id = id.try_into().ok()?;
        Some((
            UnixSeconds(i64::from_be_bytes(*at)),
            EventId(i64::from_be_bytes(id)),
        ))
    }
}

/// The cursor after this place.
pub(crate) fn write<P: Place>(place: &P, keys: &MasterKeys) -> Option<String> {
    let (id, place) = (keys.current_id(), place.to_bytes());
    let mac = mac::<P>(id, &place, keys)?.finalize().into_bytes();
    let bytes = [&[id], mac.get(..MAC_LEN)?, &place].concat();
    Some(Base64UrlUnpadded::encode_string(&bytes))
}

/// The place in a cursor of ours; none for any other text.
pub(crate) fn read<P: Place>(cursor: &str, keys: &MasterKeys) -> Option<P> {
    let bytes = Base64UrlUnpadded::decode_vec(cursor).ok()?;
    let (&[id], rest) = bytes.split_first_chunk::<1>()?;
    let (shown, place) = rest.split_first_chunk::<MAC_LEN>()?;
    mac::<P>(id, place, keys)?
        .verify_truncated_left(shown)
        .ok()?;
    P::from_bytes(place)
}

/// Where a page begins: after the place in a cursor, or at the beginning where there is none.
///
/// # Errors
///
/// 400 for a text that is no cursor of ours.
pub(crate) fn after<P: Place>(
    cursor: Option<&str>,
    keys: &MasterKeys,
) -> Result<Option<P>, Failure> {
    let off = || Failure::new(Code::InvalidRequest).detail("cursor: not one of ours");
    cursor
        .map(|text| read(text, keys).ok_or_else(off))
        .transpose()
}

fn mac<P: Place>(id: u8, place: &[u8], keys: &MasterKeys) -> Option<Hmac<Sha256>> {
    let key = keys.derive(id, Purpose::Cursors)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).ok()?;
    mac.update(P::LIST.as_bytes());
    mac.update(&[0]);
    mac.update(place);
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
        assert_eq!(read::<Username>(&cursor, &others), None);
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
            assert_eq!(read::<Username>(text, &keys), None, "{text}");
        }
    }

    #[test]
    fn a_cursor_of_one_list_is_none_of_another() {
        let keys = MasterKeys::parse(&format!("7 {}", "A".repeat(43))).unwrap();
        let place = (UnixSeconds(-3), EventId(i64::MAX));
        let cursor = write(&place, &keys).unwrap();
        assert_eq!(read(&cursor, &keys), Some(place));
        let session = SessionId::from_bytes(*b"abcdefghijklmnop");
        let of_session = write(&session, &keys).unwrap();
        assert_eq!(read(&of_session, &keys), Some(session));
        assert_eq!(read::<(UnixSeconds, EventId)>(&of_session, &keys), None);
        // Sixteen letters are a name too.
        let name: Username = "abcdefghijklmnop".parse().unwrap();
        let cursor = write(&name, &keys).unwrap();
        assert_eq!(read::<(UnixSeconds, EventId)>(&cursor, &keys), None);
    }
}
