//! The cookies in which a browser holds its tokens (RFC 6265bis).
//!
//! `__Host-` makes a browser take them over https alone, for this host alone and for all its paths
//! (§4.1.3.2); `HttpOnly` keeps them from scripts. The access token goes along when somebody
//! follows a link here (`Lax`), the refresh token does not (`Strict`). What the device is known by
//! (`Strict`) opens nothing, outlives the session, and so stays when somebody signs out. Of a
//! request's other cookies nothing is asked; of ours, that each is there once and looks like a
//! token.

use poem::{
    FromRequest, Request, RequestBody, Result,
    http::{HeaderMap, HeaderValue, header},
};
use portcullis_shared::problem::Code;
use zeroize::Zeroizing;

use super::failure::Failure;

/// The cookie of the access token.
pub(crate) const ACCESS: &str = "__Host-portcullis";
/// The cookie of the refresh token.
pub(crate) const REFRESH: &str = "__Host-portcullis-refresh";
/// The cookie of what the device is known by.
pub(crate) const DEVICE: &str = "__Host-portcullis-device";

/// How many bytes of cookies are looked at; browsers keep far less for a well-behaved site.
const TOTAL_LIMIT: usize = 16 * 1024;
/// How long name and value together may be; browsers drop longer cookies (§5.6).
const PAIR_LIMIT: usize = 4096;

/// What a browser sent of ours.
#[derive(Default)]
pub(crate) struct Cookies {
    /// The access token.
    pub access: Option<Zeroizing<String>>,
    /// The refresh token.
    pub refresh: Option<Zeroizing<String>>,
    /// What the device is known by.
    pub device: Option<Zeroizing<String>>,
}

/// Why cookies are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// There are more than [`TOTAL_LIMIT`] bytes of them.
    #[error("the cookies have more than {TOTAL_LIMIT} bytes")]
    TooLarge,
    /// One of ours is there twice: a page of a neighbouring host may have planted one.
    #[error("the cookie {0} is there twice")]
    Repeated(&'static str),
    /// One of ours holds what no token has.
    #[error("the cookie {0} is malformed")]
    Value(&'static str),
}

impl From<Malformed> for Failure {
    fn from(error: Malformed) -> Self {
        Self::new(Code::InvalidRequest).detail(error.to_string())
    }
}

impl Cookies {
    /// Reads all `Cookie` headers.
    ///
    /// # Errors
    ///
    /// See [`Malformed`].
    pub(crate) fn of(headers: &HeaderMap) -> std::result::Result<Self, Malformed> {
        let mut cookies = Self::default();
        let mut total = 0;
        for line in headers.get_all(header::COOKIE) {
            total += line.len();
            if total > TOTAL_LIMIT {
                return Err(Malformed::TooLarge);
            }
            for pair in line.as_bytes().split(|&byte| byte == b';') {
                cookies.take(pair.trim_ascii())?;
            }
        }
        // A browser that was told to forget one may say that it is empty.
        let filled = |value: &Zeroizing<String>| !value.is_empty();
        Ok(Self {
            access: cookies.access.filter(filled),
            refresh: cookies.refresh.filter(filled),
            device: cookies.device.filter(filled),
        })
    }

    /// Whether there is any of a session.
    pub(crate) fn any(&self) -> bool {
        self.access.is_some() || self.refresh.is_some()
    }

    fn take(&mut self, pair: &[u8]) -> std::result::Result<(), Malformed> {
        let equals = pair.iter().position(|&byte| byte == b'=');
        let (name, value) = pair.split_at(equals.unwrap_or(pair.len()));
        let (name, slot) = match name.trim_ascii() {
            name if name == ACCESS.as_bytes() => (ACCESS, &mut self.access),
            name if name == REFRESH.as_bytes() => (REFRESH, &mut self.refresh),
            name if name == DEVICE.as_bytes() => (DEVICE, &mut self.device),
            _ => return Ok(()),
        };
        let value = value.strip_prefix(b"=").unwrap_or_default().trim_ascii();
        let of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let text = std::str::from_utf8(value).ok();
        let text =
            text.filter(|text| text.len() <= PAIR_LIMIT && text.as_bytes().iter().all(of_token));
        let text = text.ok_or(Malformed::Value(name))?;
        match slot.replace(Zeroizing::new(text.to_owned())) {
            None => Ok(()),
            Some(_) => Err(Malformed::Repeated(name)),
        }
    }
}

/// The cookies of a request, to be looked at where they count.
pub(crate) struct Sent(pub std::result::Result<Cookies, Malformed>);

impl<'a> FromRequest<'a> for Sent {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        Ok(Self(Cookies::of(request.headers())))
    }
}

/// The two `Set-Cookie` headers of a session; times in seconds. `None` where a token is longer than
/// a browser keeps, which would look like a login and be none.
pub(crate) fn set(
    (access, access_expires_in): (&str, i64),
    (refresh, refresh_expires_in): (&str, i64),
) -> Option<[HeaderValue; 2]> {
    Some([
        line(ACCESS, access, access_expires_in, "Lax")?,
        line(REFRESH, refresh, refresh_expires_in, "Strict")?,
    ])
}

/// The `Set-Cookie` header of what the device is known by, for so many seconds.
pub(crate) fn set_device(token: &str, known_for: i64) -> Option<HeaderValue> {
    line(DEVICE, token, known_for, "Strict")
}

/// The two `Set-Cookie` headers that make a browser forget a session.
pub(crate) fn forget() -> Vec<HeaderValue> {
    let lines = [line(ACCESS, "", 0, "Lax"), line(REFRESH, "", 0, "Strict")];
    lines.into_iter().flatten().collect()
}

fn line(name: &str, value: &str, max_age: i64, same_site: &str) -> Option<HeaderValue> {
    if name.len() + value.len() > PAIR_LIMIT {
        return None;
    }
    let text = Zeroizing::new(format!(
        "{name}={value}; Path=/; Max-Age={max_age}; Secure; HttpOnly; SameSite={same_site}"
    ));
    let mut line = HeaderValue::from_str(&text).ok()?;
    line.set_sensitive(true);
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> std::result::Result<(Option<String>, Option<String>), Malformed> {
        let mut headers = HeaderMap::new();
        for line in lines {
            let value = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(header::COOKIE, value);
        }
        let text = |value: Option<Zeroizing<String>>| value.map(|value| value.to_string());
        Cookies::of(&headers).map(|cookies| (text(cookies.access), text(cookies.refresh)))
    }

    fn both(access: &str, refresh: &str) -> (Option<String>, Option<String>) {
        (Some(access.to_owned()), Some(refresh.to_owned()))
    }

    #[test]
    fn ours_are_found_among_others_however_they_are_sent() {
        let found = both("a.b-c", "prt_x");
        for lines in [
            &["__Host-portcullis=a.b-c; __Host-portcullis-refresh=prt_x"][..],
            &["a=1;__Host-portcullis=a.b-c ;b;  __Host-portcullis-refresh=prt_x;"],
            &["__Host-portcullis=a.b-c", "__Host-portcullis-refresh=prt_x"],
            &["x=\"a;b=\u{e9}; =; ==; __Host-portcullis = a.b-c; __Host-portcullis-refresh=prt_x"],
        ] {
            assert_eq!(read(lines).as_ref(), Ok(&found), "{lines:?}");
        }
        for line in [
            "",
            "portcullis=a",
            "__host-portcullis=a",
            "__Host-portcullis2=a",
            "x=__Host-portcullis",
            "__Host-portcullis",
            "__Host-portcullis=",
            "a=1, __Host-portcullis=x",
        ] {
            assert_eq!(read(&[line]), Ok((None, None)), "{line:?}");
        }
    }

    #[test]
    fn what_is_there_twice_or_is_no_token_is_refused() {
        let long = format!("__Host-portcullis={}", "a".repeat(PAIR_LIMIT + 1));
        for (lines, error) in [
            (
                &["__Host-portcullis=a; __Host-portcullis=a"][..],
                Malformed::Repeated(ACCESS),
            ),
            (
                &["__Host-portcullis=; __Host-portcullis=a"],
                Malformed::Repeated(ACCESS),
            ),
            (
                &["__Host-portcullis-refresh=a", "__Host-portcullis-refresh=b"],
                Malformed::Repeated(REFRESH),
            ),
            // Two headers that something on the way has joined.
            (
                &["__Host-portcullis=a, __Host-portcullis=b"],
                Malformed::Value(ACCESS),
            ),
            (&["__Host-portcullis=\"a\""], Malformed::Value(ACCESS)),
            (&["__Host-portcullis=a b"], Malformed::Value(ACCESS)),
            (
                &["__Host-portcullis-refresh=a=b"],
                Malformed::Value(REFRESH),
            ),
            (&["__Host-portcullis=\u{e9}"], Malformed::Value(ACCESS)),
            (&[&long], Malformed::Value(ACCESS)),
            (&[&"x=1; ".repeat(TOTAL_LIMIT)], Malformed::TooLarge),
        ] {
            assert_eq!(read(lines), Err(error), "{lines:?}");
        }
    }

    #[test]
    fn cookies_are_set_for_this_host_alone_and_out_of_reach_of_scripts() {
        let [access, refresh] = set(("a.b.c", 600), ("prt_x", 86_400)).unwrap();
        assert_eq!(
            access.to_str().unwrap(),
            "__Host-portcullis=a.b.c; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            refresh.to_str().unwrap(),
            "__Host-portcullis-refresh=prt_x; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Strict"
        );
        let device = set_device("pdt_x", 60).unwrap();
        assert_eq!(
            device.to_str().unwrap(),
            "__Host-portcullis-device=pdt_x; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Strict"
        );
        assert!(!format!("{device:?}").contains("pdt_x"));
        assert!(!format!("{access:?} {refresh:?}").contains("a.b.c"));
        assert!(set((&"a".repeat(PAIR_LIMIT), 600), ("prt_x", 1)).is_none());
        assert_eq!(forget().len(), 2);
    }
}
