//! Paths of URLs (RFC 3986 §3.3) that can be read in one way only.
//!
//! Whoever decides by a path, and hands the request on, must be sure that nobody behind reads
//! another path there. What servers are known to read differently (encoded slashes and dots, empty
//! and dot segments, backslashes, path parameters, double encoding, control characters) is told
//! here, and refused by whoever asks.

/// Whether some upstream might read this path in another way than it is written.
///
/// ```
/// use portcullis_shared::path::is_ambiguous;
/// assert!(!is_ambiguous("/images/caf%C3%A9.png"));
/// assert!(is_ambiguous("/images/%2e%2e/secret") && is_ambiguous("/images//x"));
/// ```
pub fn is_ambiguous(path: &str) -> bool {
    let Some(segments) = path.strip_prefix('/') else {
        return true;
    };
    // `;` begins a parameter that some servers cut off: `/admin;x/` is `/admin/` to them.
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\' && byte != b';';
    let last = segments.rsplit('/').next();
    let empty_inside = segments
        .split('/')
        .filter(|segment| segment.is_empty())
        .count()
        > usize::from(last == Some(""));
    !path.bytes().all(plain)
        || empty_inside
        || segments.split('/').any(is_trimmed_by_some)
        || has_ambiguous_encoding(segments)
}

/// Whether a segment is a dot segment, or ends in dots or spaces, which some file systems cut off.
fn is_trimmed_by_some(segment: &str) -> bool {
    segment.ends_with('.') || segment.ends_with("%20")
}

/// Whether a percent-encoding is malformed, or stands for a character that some server takes for
/// the character itself.
fn has_ambiguous_encoding(text: &str) -> bool {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            decoded.push(byte);
            rest = tail;
            continue;
        }
        let Some((digits, tail)) = tail.split_first_chunk::<2>() else {
            return true;
        };
        let Some(byte) = hex_byte(*digits) else {
            return true;
        };
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let structural = b"/\\;?#".contains(&byte);
        // `%252e` is a dot to whoever decodes twice.
        let twice = byte == b'%'
            && tail
                .split_first_chunk::<2>()
                .is_some_and(|(digits, _)| hex_byte(*digits).is_some());
        if unreserved || structural || twice || byte.is_ascii_control() {
            return true;
        }
        decoded.push(byte);
        rest = tail;
    }
    // Not UTF-8: overlong encodings of slashes and dots among others.
    std::str::from_utf8(&decoded).is_err()
}

fn hex_byte([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
