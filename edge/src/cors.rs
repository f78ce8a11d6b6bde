//! Cross-origin access (the CORS protocol of the Fetch standard), answered by the edge from the
//! route table alone.
//!
//! Invariant: an origin is allowed only if the rule lists it to the letter, and then it is named
//! itself, never `*`. On a route with `cors` no upstream has a say in it.

use portcullis_shared::routes::Cors;

use crate::answer::Answer;

/// Headers of answers that scripts may read beside the safelisted ones.
const EXPOSED: &str = "Portcullis-Request-Id, Portcullis-Feed-Seq, WWW-Authenticate, Retry-After";

/// How long, in seconds, a browser may keep the answer to a preflight.
const MAX_AGE: &str = "600";

/// The headers that an answer to a request from `origin` gets. `Vary` is there even when the
/// origin is not allowed, so that no cache mixes the two up.
pub fn headers(cors: &Cors, origin: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("vary", "Origin".to_owned())];
    if let Some(origin) = allowed(cors, origin) {
        headers.push(("access-control-allow-origin", origin.to_owned()));
        headers.push(("access-control-expose-headers", EXPOSED.to_owned()));
        if cors.credentials {
            headers.push(("access-control-allow-credentials", "true".to_owned()));
        }
    }
    headers
}

/// The answer to a preflight; `None` when the origin is not allowed.
///
/// `methods` are those of the path; `asked` is the value of `Access-Control-Request-Headers`,
/// which is allowed as it is, for an origin that is listed is trusted to send what it likes.
pub fn preflight(
    cors: &Cors,
    origin: Option<&str>,
    methods: String,
    asked: Option<&str>,
) -> Option<Answer> {
    allowed(cors, origin)?;
    let mut headers = headers(cors, origin);
    headers.push(("access-control-allow-methods", methods));
    headers.push(("access-control-max-age", MAX_AGE.to_owned()));
    let names = |asked: &str| {
        let part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_, ".contains(&byte);
        !asked.is_empty() && asked.bytes().all(part)
    };
    if let Some(asked) = asked.filter(|asked| names(asked)) {
        headers.push(("access-control-allow-headers", asked.to_owned()));
    }
    Some(Answer {
        status: 204,
        headers,
        body: None,
    })
}

fn allowed<'a>(cors: &Cors, origin: Option<&'a str>) -> Option<&'a str> {
    origin.filter(|origin| cors.origins.iter().any(|listed| listed == origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(credentials: bool) -> Cors {
        Cors {
            origins: vec!["https://app.example".to_owned()],
            credentials,
        }
    }

    #[test]
    fn only_a_listed_origin_is_named_and_every_answer_varies() {
        let names = |origin: Option<&str>| {
            headers(&cors(true), origin)
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert!(names(Some("https://app.example")).contains(&"access-control-allow-credentials"));
        for origin in [
            None,
            Some("null"),
            Some("*"),
            Some("https://app.example.evil.example"),
            Some("http://app.example"),
            Some("https://APP.example"),
        ] {
            assert_eq!(names(origin), ["vary"], "{origin:?}");
        }
    }

    #[test]
    fn a_preflight_names_the_methods_and_never_echoes_what_is_no_header_name() {
        let answer = |asked| {
            preflight(
                &cors(false),
                Some("https://app.example"),
                "GET, PUT".to_owned(),
                asked,
            )
            .unwrap()
        };
        let has = |answer: &Answer, name: &str| answer.headers.iter().any(|(own, _)| *own == name);
        let good = answer(Some("authorization,content-type"));
        assert_eq!((good.status, good.body.as_deref()), (204, None));
        assert!(has(&good, "access-control-allow-headers"));
        assert!(!has(&good, "access-control-allow-credentials"));
        assert!(!has(
            &answer(Some("a\r\nset-cookie: x")),
            "access-control-allow-headers"
        ));
        assert_eq!(
            preflight(&cors(false), Some("null"), String::new(), None),
            None
        );
    }
}
