//! What commands print: text for people, or one JSON value a line for programs.

use std::io::Write;

use serde_json::Value;

use super::Error;

/// Prints a line; a reader that has gone away (`| head`) is not an error worth a panic.
pub(super) fn print(line: &str) -> Result<(), Error> {
    let printed = writeln!(std::io::stdout(), "{line}");
    printed.map_err(|error| Error::Output(error.into()))
}

/// Prints `value` for programs, or `text` for people.
pub(super) fn either(json: bool, value: &Value, text: &str) -> Result<(), Error> {
    if json {
        print(&value.to_string())
    } else {
        print(text)
    }
}

/// A character as it may be shown on a terminal: control characters but the line feed as their
/// escapes.
pub(super) fn visible(character: char) -> impl Iterator<Item = char> {
    let shown = !character.is_control() || character == '\n';
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
