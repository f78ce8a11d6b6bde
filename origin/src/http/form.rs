//! `application/x-www-form-urlencoded` text, read strictly: what cannot be decoded is refused, and
//! so is a name that comes twice (RFC 6749 §3.2). Query strings have the same form.

use std::collections::BTreeSet;

/// Why a text is no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    /// A percent sign without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("a parameter is not properly encoded")]
    Malformed,
    /// A name comes twice.
    #[error("a parameter is repeated")]
    Repeated,
}

/// The pairs of a form, in order.
///
/// # Errors
///
/// See [`FormError`].
pub(crate) fn parse(text: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    let (mut pairs, mut names) = (Vec::new(), BTreeSet::new());
    for pair in text
        .split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        let mut halves = pair.splitn(2, |&byte| byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        if !names.insert(name.clone()) {
            return Err(FormError::Repeated);
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// Decodes one name or value.
///
/// # Errors
///
/// [`FormError::Malformed`].
pub(crate) fn decode(text: &[u8]) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit =
                    |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
                    return Err(FormError::Malformed);
                };
                u8::try_from(high << 4 | low).map_err(|_| FormError::Malformed)?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| FormError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_twice_is_refused_however_it_is_written() {
        assert_eq!(
            parse(b"a=1&b=%C3%A9+x&&c").unwrap(),
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), "é x".to_owned()),
                ("c".to_owned(), String::new()),
            ]
        );
        for text in ["a=1&a=1", "a=1&%61=2", "a&a", "+=1&%20=2"] {
            assert_eq!(parse(text.as_bytes()), Err(FormError::Repeated), "{text}");
        }
        for text in ["a=%", "a=%4", "%zz=1", "a=%ff", "a=%c3"] {
            assert_eq!(parse(text.as_bytes()), Err(FormError::Malformed), "{text}");
        }
    }
}
