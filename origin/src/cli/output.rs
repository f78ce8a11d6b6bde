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

/// A character as it may be shown on a terminal: control characters as their escapes.
pub(super) fn visible(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_default());
    let plain = (!character.is_control()).then_some(character);
    escaped.into_iter().flatten().chain(plain)
}
