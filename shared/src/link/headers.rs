//! The headers that a link may set in the answer.
//!
//! Whoever signs a link need not be who owns what it leads to, so a link may only make an answer
//! safer: `Content-Disposition: attachment` (RFC 6266) has a browser save a file where it would
//! else show it. `inline` and `Content-Type` would have it run what an upstream took care to be
//! only saved, in the name of this site; a link cannot say them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest value of a header, in bytes.
pub const HEADER_LIMIT: usize = 320;

/// The text is no value of `Content-Disposition` that a link can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be `attachment`, alone or with `; filename=\"…\"` and, for other scripts, \
     `; filename*=UTF-8''…` behind it, at most {HEADER_LIMIT} characters"
)]
pub struct InvalidAttachment;

/// `Content-Disposition: attachment`, perhaps with a name for the file.
///
/// ```
/// use portcullis_shared::link::Attachment;
/// assert!("attachment; filename=\"cat.png\"".parse::<Attachment>().is_ok());
/// assert!("inline".parse::<Attachment>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment(String);

impl Attachment {
    /// The value of the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Attachment {
    type Err = InvalidAttachment;

    fn from_str(text: &str) -> Result<Self, InvalidAttachment> {
        let rest = text.strip_prefix("attachment").ok_or(InvalidAttachment)?;
        let rest = plain_name(rest).unwrap_or(rest);
        let rest = encoded_name(rest).unwrap_or(rest);
        if !rest.is_empty() || text.len() > HEADER_LIMIT {
            return Err(InvalidAttachment);
        }
        Ok(Self(text.to_owned()))
    }
}

/// What stands behind `; filename="…"`: a name of visible ASCII and spaces, without what ends the
/// quotation and what some file system takes for a folder.
fn plain_name(text: &str) -> Option<&str> {
    let (name, rest) = text.strip_prefix("; filename=\"")?.split_once('"')?;
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && !b"\\/:%".contains(&byte);
    (!name.is_empty() && name.bytes().all(plain)).then_some(rest)
}

/// What stands behind `; filename*=UTF-8''…` (RFC 8187 §3.2.1): the end of the text.
fn encoded_name(text: &str) -> Option<&str> {
    let name = text.strip_prefix("; filename*=UTF-8''")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%".contains(&byte);
    let mut pieces = name.split('%');
    pieces.next()?;
    let encoded = pieces.all(|piece| {
        let digits = piece.get(..2).unwrap_or_default();
        let byte = u8::from_str_radix(digits, 16);
        digits.len() == 2
            && byte.is_ok_and(|byte| !byte.is_ascii_control() && !b"/\\:".contains(&byte))
    });
    (!name.is_empty() && name.bytes().all(plain) && encoded).then_some("")
}

impl fmt::Display for Attachment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for Attachment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Attachment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The headers that an answer to a link gets, in place of the upstream's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseHeaders {
    /// `Content-Disposition`.
    #[serde(rename = "content-disposition")]
    pub content_disposition: Attachment,
}

impl ResponseHeaders {
    /// Names, in lower case, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [("content-disposition", self.content_disposition.as_str())].into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_can_have_a_file_saved_and_no_more() {
        for text in [
            "attachment",
            "attachment; filename=\"my cat (1).png\"",
            "attachment; filename=\"cat.png\"; filename*=UTF-8''c%C3%A4t.png",
            "attachment; filename*=UTF-8''c%C3%A4t.png",
        ] {
            assert_eq!(
                text.parse::<Attachment>().map(|value| value.0).as_deref(),
                Ok(text)
            );
        }
        for text in [
            "",
            "inline",
            "Attachment",
            "attachment;",
            "attachments",
            "attachment ",
            " attachment",
            "attachment; filename=cat.png",
            "attachment; filename=\"\"",
            "attachment; filename=\"a\"b",
            "attachment; filename=\"a\\\"b\"",
            "attachment; filename=\"../a\"",
            "attachment; filename=\"a",
            "attachment; filename=\"a\r\nX: y\"",
            "attachment; filename=\"ä\"",
            "attachment; filename=\"a\0\"",
            "attachment; filename*=UTF-8''",
            "attachment; filename*=UTF-8''%",
            "attachment; filename*=UTF-8''%0a",
            "attachment; filename*=UTF-8''a%2Fb",
            "attachment; filename*=UTF-8''+1%+1",
            "attachment; filename*=latin1''a",
            "attachment; filename*=UTF-8''a; filename=\"b\"",
            "attachment\r\nX: y",
            &format!("attachment; filename=\"{}\"", "a".repeat(HEADER_LIMIT)),
        ] {
            assert_eq!(
                text.parse::<Attachment>(),
                Err(InvalidAttachment),
                "{text:?}"
            );
        }
    }
}
