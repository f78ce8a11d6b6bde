//! What crosses the border between JavaScript and Wasm: text, whole, in one call each way.
//!
//! A call costs little; a handle on an object of the runtime, a promise or a callback costs more
//! than most decisions. So `entry/` reads a request into one text ([`head`]), and does with the
//! runtime's objects what the text that comes back says ([`order`]). Both are lines, since no method,
//! URL or header holds a line feed (RFC 9110 §5.5): writing and reading JSON takes longer than all the
//! rest of a decision.
//!
//! Invariant: the texts of one request hold all that is needed for it, so nothing of it stays in
//! Wasm's memory while an upstream takes its time, and a client that goes away leaves nothing there.

pub mod head;
pub mod order;

/// Names and values, each on a line of its own; `None` where a value is missing.
pub fn pairs<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<Vec<(&'a str, &'a str)>> {
    let mut pairs = Vec::new();
    while let Some(name) = lines.next() {
        pairs.push((name, lines.next()?));
    }
    Some(pairs)
}

/// The headers of an upstream's answer: a name, a value, a name and so on, nothing for none.
pub fn headers(text: &str) -> Option<Vec<(&str, &str)>> {
    pairs(text.split('\n').filter(|_| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_in_pairs_and_a_half_one_spoils_all() {
        assert_eq!(headers(""), Some(vec![]));
        assert_eq!(headers("a\nb\nc\n"), Some(vec![("a", "b"), ("c", "")]));
        assert_eq!(headers("a\nb\nc"), None);
    }
}
