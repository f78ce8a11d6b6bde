//! What a `User-Agent` header says: which program, and on what. Good for people to recognise their
//! devices by, and to tell programs apart; proof of nothing, since whoever asks can write any.
//!
//! Browsers are told apart by the parser `woothee`, whose rules are code and a small table: 2 MB
//! once used and a microsecond for each header. The parsers on the regular expressions of uap-core
//! take 12 to 110 MB, more than the rest of the service.

use woothee::parser::{Parser, WootheeResult};

/// The longest name of a device, in characters.
const DEVICE_LIMIT: usize = 100;

/// What woothee says where it does not know.
const UNKNOWN: &str = "UNKNOWN";

/// The program: a browser's name, or the product's name of anything else. It stays the same when
/// the program is updated; empty where nothing is said.
pub fn family(user_agent: &str) -> &str {
    let parsed = Parser::new().parse(user_agent);
    let name = parsed.as_ref().and_then(browser);
    name.unwrap_or_else(|| product(user_agent))
}

/// Program and system in words, such as `Firefox on Windows`; none where nothing is said of either.
pub fn device(user_agent: &str) -> Option<String> {
    let parsed = Parser::new().parse(user_agent);
    let program = parsed.as_ref().and_then(browser).or_else(|| {
        // Every browser calls itself that.
        Some(product(user_agent)).filter(|name| !name.is_empty() && *name != "Mozilla")
    });
    let system = parsed.as_ref().and_then(system);
    let words = match (program.map(spelled), system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, Some(system)) => system.to_owned(),
        (None, None) => return None,
    };
    let shown = words.chars().filter(|character| !character.is_control());
    Some(shown.take(DEVICE_LIMIT).collect())
}

/// The name of a browser or crawler. Libraries have one name in common, which is none.
fn browser<'a>(parsed: &WootheeResult<'a>) -> Option<&'a str> {
    let known = !matches!(parsed.name, UNKNOWN | "") && parsed.category != "misc";
    known.then_some(parsed.name)
}

fn system<'a>(parsed: &WootheeResult<'a>) -> Option<&'a str> {
    match parsed.os {
        UNKNOWN | "" => None,
        "Mac OSX" => Some("macOS"),
        "ChromeOS" => Some("Chrome OS"),
        phone if phone.starts_with("Windows Phone") => Some("Windows Phone"),
        // Windows 11 says that it is 10.
        windows if windows.starts_with("Windows") => Some("Windows"),
        other => Some(other),
    }
}

fn spelled(name: &str) -> &str {
    match name {
        "SamsungBrowser" => "Samsung Internet",
        other => other,
    }
}

/// The name of the first product (RFC 9110 §10.1.5).
fn product(user_agent: &str) -> &str {
    user_agent.split(['/', ' ']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) \
                          AppleWebKit/605.1.15 (KHTML, like Gecko) ";

    #[test]
    fn an_update_does_not_change_the_family() {
        let edge = |version| format!("{CHROME}{version} Safari/537.36 Edg/{version}");
        let firefox = |version| {
            format!(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{version}) Gecko/20100101 Firefox/{version}"
            )
        };
        for version in ["119.0", "120.0", "141.0.2"] {
            let chrome = format!("{CHROME}{version} Safari/537.36");
            assert_eq!(family(&chrome), "Chrome");
            assert_eq!(family(&edge(version)), "Edge");
            assert_eq!(family(&firefox(version)), "Firefox");
            assert_eq!(
                family(&format!("{IPHONE}FxiOS/{version} Safari/605.1.15")),
                "Firefox"
            );
        }
        assert_eq!(family("curl/8.1"), "curl");
        assert_eq!(family("curl/8.2"), "curl");
        assert_eq!(family("okhttp/4.12"), "okhttp");
        assert_eq!(family("Wget/1.21"), "Wget");
        assert_eq!(
            family("MyApp/3.2.1 (iPhone; iOS 17.6; Scale/3.00)"),
            "MyApp"
        );
        assert_eq!(family(""), "");
    }

    #[test]
    fn devices_have_names_that_people_recognise() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0",
                "Firefox on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/129.0.0.0 Mobile Safari/537.36 EdgA/129.0.0.0",
                "Edge on Android",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 \
                 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
                "Chrome on Chrome OS",
            ),
            (
                "MyApp/3.2.1 (iPhone; iOS 17.6; Scale/3.00)",
                "MyApp on iPhone",
            ),
            (
                "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP2A)",
                "Dalvik on Android",
            ),
            ("curl/8.9.1", "curl"),
            ("python-requests/2.32", "python-requests"),
        ] {
            assert_eq!(device(user_agent).as_deref(), Some(name), "{user_agent}");
        }
        let iphone = format!("{IPHONE}CriOS/129.0.6668.46 Mobile/15E148 Safari/604.1");
        assert_eq!(device(&iphone).as_deref(), Some("Chrome on iPhone"));
        for nothing in ["", "Mozilla/5.0", "/", " "] {
            assert_eq!(device(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_name_is_short_and_has_no_control_characters() {
        let long = format!("{}\u{1b}[31m\t/1", "é".repeat(200));
        let name = device(&long).unwrap();
        assert_eq!(name.chars().count(), DEVICE_LIMIT);
        assert_eq!(device("a\u{1b}[0m/1").as_deref(), Some("a[0m"));
    }
}
