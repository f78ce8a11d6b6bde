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
