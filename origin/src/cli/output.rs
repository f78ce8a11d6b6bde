//! What commands print: text for people, or one JSON value a line for programs.
//!
//! What clients call themselves gets there too: no character reaches a terminal that would steer it
//! or turn the text around it.

use std::{fmt::Write as _, io::Write};

use serde_json::Value;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::Error;

/// Prints a line; a reader that has gone away (`| head`) is not an error worth a panic.
pub(super) fn print(line: &str) -> Result<(), Error> {
    let printed = writeln!(std::io::stdout(), "{line}");
    printed.map_err(|error| Error::Output(error.into()))
}

/// Prints `value` for programs, or `text` for people.
pub(super) fn either(json: bool, value: &Value, text: &str) -> Result<(), Error> {
    if json {
        print(&json_line(value))
    } else {
        print(text)
    }
}

/// A value as one line of JSON, which says the same with all that is not shown as escapes.
pub(super) fn json_line(value: &Value) -> String {
    let mut line = String::new();
    for character in value.to_string().chars() {
        if is_shown(character) {
            line.push(character);
        } else {
            // Such a character stands in a string, and nowhere else.
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _never_fails = write!(line, "\\u{unit:04x}");
            }
        }
    }
    line
}

/// Whether a character is seen where it stands, and does nothing else: no control character (Cc),
/// none for format (Cf, such as directions), no separator of lines or paragraphs (Zl, Zp).
fn is_shown(character: char) -> bool {
    !matches!(
        character.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

/// A character as it may be shown on a terminal: what is not shown but the line feed as its
/// escape.
pub(super) fn visible(character: char) -> impl Iterator<Item = char> {
    let shown = is_shown(character) || character == '\n';
    let escaped = (!shown).then(|| character.escape_default());
    escaped
        .into_iter()
        .flatten()
        .chain(shown.then_some(character))
}

/// A text on one line, as it may be shown on a terminal.
pub(super) fn one_line(text: &str) -> String {
    let shown = text.chars().flat_map(|character| {
        let folded = if character == '\n' {
            None
        } else {
            Some(character)
        };
        let escaped = folded.is_none().then_some("\\n");
        let visible = folded.into_iter().flat_map(visible);
        escaped.into_iter().flat_map(str::chars).chain(visible)
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str =
        "a\u{1b}[2J\u{7f}\u{9b}2J\u{202e}b\u{200b}\u{2028}\u{feff}\u{e0041}é\u{301}";

    #[test]
    fn json_shows_nothing_that_steers_a_terminal_and_says_the_same() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, "\n\"\\", 1] });
        let line = json_line(&value);
        assert!(line.chars().all(is_shown), "{line:?}");
        assert!(line.contains("\\u009b2J\\u202eb") && line.contains("\\udb40\\udc41é"));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }

    #[test]
    fn text_shows_nothing_that_steers_a_terminal() {
        let line = one_line(HOSTILE);
        assert!(line.chars().all(is_shown), "{line:?}");
        assert!(
            line.starts_with("a\\u{1b}[2J\\u{7f}\\u{9b}2J\\u{202e}b"),
            "{line}"
        );
        assert!(line.ends_with("é\u{301}"));
        assert_eq!(one_line("a\nb"), "a\\nb");
        let lines: String = "a\n\u{202e}b".chars().flat_map(visible).collect();
        assert_eq!(lines, "a\n\\u{202e}b");
    }
}
