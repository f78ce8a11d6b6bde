//! Passwords from a person at a terminal, or from a program by standard input.

use std::io::{self, BufRead};

use zeroize::Zeroizing;

use crate::domain::password::{PASSWORD_LIMIT, Password};

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Nobody can be asked.
    #[error("there is no terminal to ask for the password at; use --password-stdin")]
    NoTerminal(#[source] io::Error),
    /// Two different ones were typed.
    #[error("the two passwords are not the same")]
    Differ,
    /// Standard input cannot be read.
    #[error("the password cannot be read from standard input")]
    Unreadable(#[source] io::Error),
    /// Standard input has no line.
    #[error("standard input holds no password")]
    Missing,
}

/// Reads a password: from standard input when `from_stdin`, else from whoever sits there.
pub(super) fn read(from_stdin: bool) -> Result<Password, Error> {
    if from_stdin {
        first_line(&mut io::stdin().lock())
    } else {
        ask()
    }
}

fn ask() -> Result<Password, Error> {
    let typed = |prompt| {
        rpassword::prompt_password(prompt)
            .map(Zeroizing::new)
            .map_err(Error::NoTerminal)
    };
    let (first, second) = (typed("Password: ")?, typed("Password, once more: ")?);
    if first != second {
        return Err(Error::Differ);
    }
    Ok(Password::new(first.as_str().to_owned()))
}

/// The first line without its end; nothing else of it is touched.
fn first_line(input: &mut impl BufRead) -> Result<Password, Error> {
    // Room for a line that is too long to be a password, so that it is refused and not cut.
    let limit = u64::try_from(PASSWORD_LIMIT)
        .unwrap_or(u64::MAX)
        .saturating_add(3);
    let mut line = Zeroizing::new(String::new());
    io::Read::take(input, limit)
        .read_line(&mut line)
        .map_err(Error::Unreadable)?;
    let text = line.strip_suffix('\n').unwrap_or(&line);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Error::Missing);
    }
    Ok(Password::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_loses_its_end_and_nothing_else() {
        let read = |text: &str| {
            first_line(&mut text.as_bytes()).map(|password| password.expose().to_vec())
        };
        assert_eq!(read(" pass word \n").unwrap(), b" pass word ");
        assert_eq!(read("pässword\r\nmore\n").unwrap(), "pässword".as_bytes());
        assert_eq!(read("no end").unwrap(), b"no end");
        assert!(matches!(read(""), Err(Error::Missing)));
        assert!(matches!(read("\n"), Err(Error::Missing)));
        assert!(
            !first_line(&mut "a".repeat(5000).as_bytes())
                .unwrap()
                .is_within_limit()
        );
    }
}
