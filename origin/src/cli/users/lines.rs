//! The lines of a file of users: of any length, in any state. What is no line of text is told as
//! such and skipped; memory holds one line of [`LINE_LIMIT`] at most.

use std::io::{self, BufRead, Read};

use crate::domain::transfer::{LINE_LIMIT, Refusal};

/// What editors of one system put before a text; no part of it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line that is not empty.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1; empty lines count.
    pub(super) number: u64,
    /// Without its end.
    pub(super) text: Result<String, Refusal>,
}

/// Reads lines one by one.
pub(super) struct Lines<R> {
    reader: R,
    number: u64,
    read: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            number: 0,
            read: 0,
        }
    }

    /// How many bytes have been read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The next line that is not empty; `None` after the last one.
    ///
    /// # Errors
    ///
    /// What reading comes to; a folder, for example, cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some(text) = self.raw()? else {
                return Ok(None);
            };
            let is_empty = text.as_ref().is_ok_and(|text| text.trim().is_empty());
            if !is_empty {
                let number = self.number;
                return Ok(Some(Line { number, text }));
            }
        }
    }

    fn raw(&mut self) -> io::Result<Option<Result<String, Refusal>>> {
        // One more for the line feed, and two that may be no part of the text.
        let limit = LINE_LIMIT + BYTE_ORDER_MARK.len() + 2;
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        let read = (&mut self.reader)
            .take(most)
            .read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.read += u64::try_from(read).unwrap_or(0);
        if bytes.last() != Some(&b'\n') && read == limit {
            self.skip()?;
            return Ok(Some(Err(Refusal::TooLong)));
        }
        let mut text = bytes.as_slice();
        text = text.strip_suffix(b"\n").unwrap_or(text);
        text = text.strip_suffix(b"\r").unwrap_or(text);
        if self.number == 1 {
            text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        }
        if text.len() > LINE_LIMIT {
            return Ok(Some(Err(Refusal::TooLong)));
        }
        Ok(Some(
            std::str::from_utf8(text)
                .map(str::to_owned)
                .map_err(|_| Refusal::NotUtf8),
        ))
    }

    /// Skips what is left of a line.
    fn skip(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            let is_over = end.is_some() || length == 0;
            self.reader.consume(length);
            self.read += u64::try_from(length).unwrap_or(0);
            if is_over {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(bytes: &[u8]) -> Vec<(u64, Result<String, Refusal>)> {
        // A small buffer, so that lines cross its ends.
        let mut lines = Lines::new(BufReader::with_capacity(7, bytes));
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((line.number, line.text));
        }
        assert_eq!(lines.bytes_read(), bytes.len() as u64);
        all
    }

    #[test]
    fn lines_end_as_every_system_ends_them_and_empty_ones_count() {
        let text = |number, text: &str| (number, Ok(text.to_owned()));
        assert_eq!(
            lines(b"\xef\xbb\xbf{\"a\":1}\r\n\n  \t\r\n{}\nlast"),
            [text(1, "{\"a\":1}"), text(4, "{}"), text(5, "last")]
        );
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n\n"), []);
        // Anywhere else the mark is a character.
        assert_eq!(
            lines(b"a\n\xef\xbb\xbfb"),
            [text(1, "a"), text(2, "\u{feff}b")]
        );
    }

    #[test]
    fn what_is_no_line_of_text_is_told_and_the_next_one_read() {
        let mut bytes = b"a\xffb\n".to_vec();
        bytes.extend(vec![b'x'; LINE_LIMIT]);
        bytes.extend(b"\r\n");
        bytes.extend(vec![b'x'; LINE_LIMIT + 1]);
        bytes.extend(b"\n");
        bytes.extend(vec![b'x'; 3 * LINE_LIMIT]);
        bytes.extend(b"\nafter\n");
        bytes.extend(vec![b'x'; 2 * LINE_LIMIT]);
        let found = lines(&bytes);
        let kinds: Vec<_> = found
            .iter()
            .map(|(number, text)| (*number, text.as_ref().map(String::len)))
            .collect();
        assert_eq!(
            kinds,
            [
                (1, Err(&Refusal::NotUtf8)),
                (2, Ok(LINE_LIMIT)),
                (3, Err(&Refusal::TooLong)),
                (4, Err(&Refusal::TooLong)),
                (5, Ok(5)),
                (6, Err(&Refusal::TooLong)),
            ]
        );
    }
}
