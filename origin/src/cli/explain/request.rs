//! The request, as the Worker is told of it.

use std::io::{self, BufRead, Read as _};

use clap::Args;
use portcullis_edge::{gate::Head, wire};
use zeroize::Zeroizing;

use super::Error;

/// What the request is.
#[derive(Args)]
#[group(id = "request")]
pub(super) struct Arguments {
    /// The method
    #[arg(long, default_value = "GET", value_name = "METHOD")]
    method: String,
    /// The whole URL, as the client asks for it; a link in it counts
    #[arg(long, value_name = "URL")]
    url: String,
    /// An access token or an API key, sent as `Authorization: Bearer`; `-` reads it from standard
    /// input, where neither the shell's history nor other processes see it
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_stdin")]
    token: Option<String>,
    /// Read the token from standard input
    #[arg(long)]
    token_stdin: bool,
    /// A header, such as 'Cookie: __Host-portcullis=…'; may be given several times
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,
}

/// What the request is, but for what may be a secret in it.
impl std::fmt::Debug for Arguments {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Arguments")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// How much of standard input is read: more than any token has.
const INPUT_LIMIT: u64 = 16 * 1024;

/// The head of the request.
pub(super) fn head(arguments: Arguments) -> Result<Head, Error> {
    let token = match arguments.token {
        Some(text) if text != "-" => Some(Zeroizing::new(text)),
        Some(_) => Some(first_line(&mut io::stdin().lock())?),
        None if arguments.token_stdin => Some(first_line(&mut io::stdin().lock())?),
        None => None,
    };
    of(
        &arguments.method,
        &arguments.url,
        token.as_ref().map(|token| token.as_str()),
        &arguments.headers,
    )
}

fn of(method: &str, url: &str, token: Option<&str>, given: &[String]) -> Result<Head, Error> {
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_word(method) {
        return Err(Error::Method);
    }
    let url = as_the_runtime_has_it(url)
        .filter(|url| is_word(url))
        .ok_or(Error::Url)?;
    let mut headers: Vec<(String, String)> = Vec::new();
    for header in given {
        let (name, value) = header.split_once(':').ok_or(Error::Header)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if !is_word(&name) || value.contains(char::is_control) {
            return Err(Error::Header);
        }
        match headers.iter_mut().find(|(own, _)| *own == name) {
            Some((_, held)) => *held = format!("{held}, {value}"),
            None => headers.push((name, value.to_owned())),
        }
    }
    if let Some(token) = token {
        if !is_word(token) {
            return Err(Error::Token);
        }
        if headers.iter().any(|(name, _)| name == "authorization") {
            return Err(Error::TwoTokens);
        }
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    let mut text = format!("{method}\n{url}");
    for (name, value) in &headers {
        text = format!("{text}\n{name}\n{value}");
    }
    // Read as the Worker reads it; with a name and a value a line each, it is a head.
    let told = wire::head::read(&text).ok_or(Error::Header)?;
    Ok(told.head)
}

/// An absolute URL as clients and the runtime write it before the edge sees it: no fragment, scheme
/// and host in lower case, a slash for no path. The path stays as it is.
fn as_the_runtime_has_it(url: &str) -> Option<String> {
    let url = url.split('#').next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    let slash = if rest.starts_with(['/', '\\']) {
        ""
    } else {
        "/"
    };
    let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    Some(format!("{scheme}://{authority}{slash}{rest}"))
}

/// The first line, without what surrounds the token.
fn first_line(input: &mut impl BufRead) -> Result<Zeroizing<String>, Error> {
    let mut line = Zeroizing::new(String::new());
    input
        .take(INPUT_LIMIT)
        .read_line(&mut line)
        .map_err(Error::Input)?;
    Ok(Zeroizing::new(line.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_joined_as_the_runtime_joins_them() {
        let given = ["Cookie: a=1", "ORIGIN:https://a.example ", "cookie: b=2"];
        let given = given.map(str::to_owned);
        let head = of("GET", "https://a.example/x", Some("t"), &given).unwrap();
        assert_eq!(head.cookie.as_deref(), Some("a=1, b=2"));
        assert_eq!(head.origin.as_deref(), Some("https://a.example"));
        assert_eq!(head.authorization.as_deref(), Some("Bearer t"));
        assert_eq!(head.names, ["cookie", "origin", "authorization"]);
    }

    #[test]
    fn urls_are_as_the_edge_sees_them() {
        for (given, seen) in [
            ("HTTPS://App.Example", "https://app.example/"),
            ("https://app.example?Q", "https://app.example/?Q"),
            ("https://app.example/A/../b#c", "https://app.example/A/../b"),
        ] {
            assert_eq!(as_the_runtime_has_it(given).as_deref(), Some(seen));
        }
        assert_eq!(as_the_runtime_has_it("app.example/x"), None);
    }

    #[test]
    fn nothing_that_is_given_can_pose_as_another_header() {
        let url = "https://a.example/x";
        let wrong = |method, url, token, header: &str| {
            of(method, url, token, &[header.to_owned()]).is_err()
        };
        assert!(wrong("GET\n", url, None, "a: b"));
        assert!(wrong("GET", "https://a.example/\nx", None, "a: b"));
        assert!(wrong("GET", url, Some("a b"), "a: b"));
        assert!(wrong("GET", url, None, "a: b\ncookie: c"));
        assert!(wrong("GET", url, None, "a\ncookie: c"));
        assert!(wrong("GET", url, None, "a"));
        assert!(wrong("GET", url, Some("t"), "Authorization: Bearer u"));
        assert!(!wrong("GET", url, Some("t"), "a: b"));
    }

    #[test]
    fn a_token_comes_by_the_first_line_of_standard_input() {
        let mut input = " a.b.c\r\nmore\n".as_bytes();
        assert_eq!(first_line(&mut input).unwrap().as_str(), "a.b.c");
    }
}
