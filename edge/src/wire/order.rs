//! What is to be done with a request, as `entry/` carries it out: lines, like what comes in. A text
//! that is not what was meant is empty, and `entry/` answers 500.

use crate::{
    answer::Answer,
    gate::{CacheUse, Forward, Head},
    handback::{Changes, Handback},
    timing,
};

/// What every answer of the edge says about itself, in headers.
#[derive(Debug, Clone, Copy)]
pub struct Signature<'a> {
    /// What the request is called.
    pub request_id: &'a str,
    /// Up to which `seq` revocations are known.
    pub seq: Option<u64>,
    /// An entry of `Server-Timing`, where there is to be one.
    pub timing: Option<&'a str>,
}

impl Signature<'_> {
    /// The headers, to be set over whatever stands there. `Server-Timing`, in which others have
    /// entries too, is none of them.
    pub fn headers(self) -> impl Iterator<Item = (&'static str, String)> {
        let seq = self.seq.map(|seq| ("portcullis-feed-seq", seq.to_string()));
        std::iter::once(("portcullis-request-id", self.request_id.to_owned())).chain(seq)
    }
}

/// The order to answer, with further headers; to a `HEAD` without the body.
///
/// Lines: `answer`, the status, of each header name and value, an empty one, and then the body, if there
/// is one, as it is.
pub fn answer(
    answer: &Answer,
    also: &[(String, String)],
    to_head: bool,
    signature: Signature<'_>,
) -> String {
    let mut lines = Lines::new("answer");
    lines.push(&answer.status.to_string());
    for (name, value) in &answer.headers {
        lines.pair(name, value);
    }
    for (name, value) in signature.headers() {
        lines.pair(name, &value);
    }
    if let Some(entry) = signature.timing {
        lines.pair(timing::NAME, entry);
    }
    for (name, value) in also {
        lines.pair(name, value);
    }
    lines.push("");
    let body = answer.body.as_deref().filter(|_| !to_head);
    lines.end_with(body.unwrap_or_default()).unwrap_or_default()
}

/// The order to forward; the answer gets this entry of `Server-Timing`, if any.
///
/// Lines: `forward`, the URL, the mode of the cache if it is to have one, the names of headers that go
/// with spaces between them, what is to come back with the answer, and of each header that is set name
/// and value.
pub fn forward(head: &Head, forward: &Forward, timing: Option<String>) -> String {
    let mut lines = Lines::new("forward");
    lines.push(&forward.url);
    lines.push(match forward.cache {
        CacheUse::Private => "no-store",
        CacheUse::Untouched | CacheUse::Shared => "",
    });
    lines.push(&forward.remove.join(" "));
    lines.push(&Handback::new(head, forward, timing).text());
    for (name, value) in &forward.set {
        lines.pair(name, value);
    }
    lines.end().unwrap_or_default()
}

/// What to change of an upstream's answer; nothing where that cannot be told.
///
/// Lines: the names of headers that go, with spaces between them, and of each other change `set` or
/// `append`, name and value.
pub fn changes(changes: &Changes<'_>) -> Option<String> {
    let mut lines = Lines::new(&changes.remove.join(" "));
    for (name, value) in &changes.set {
        lines.push("set");
        lines.pair(name, value);
    }
    for (name, value) in &changes.append {
        lines.push("append");
        lines.pair(name, value);
    }
    lines.end()
}

/// Fields, each on a line of its own. One that would be two makes the whole worthless: an order that
/// says something else than was meant must not be carried out.
struct Lines {
    text: String,
    is_broken: bool,
}

impl Lines {
    fn new(first: &str) -> Self {
        // Most orders carry a token of half a kilobyte.
        let mut text = String::with_capacity(2048);
        text.push_str(first);
        Self {
            is_broken: first.contains('\n'),
            text,
        }
    }

    fn push(&mut self, field: &str) {
        self.is_broken |= field.as_bytes().contains(&b'\n');
        self.text.push('\n');
        self.text.push_str(field);
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.push(name);
        self.push(value);
    }

    fn end(self) -> Option<String> {
        (!self.is_broken).then_some(self.text)
    }

    /// With a rest that may have lines.
    fn end_with(mut self, rest: &str) -> Option<String> {
        self.text.push('\n');
        self.text.push_str(rest);
        self.end()
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use portcullis_shared::problem::Code;

    use super::*;

    const SIGNATURE: Signature<'_> = Signature {
        request_id: "r",
        seq: Some(7),
        timing: None,
    };

    #[test]
    fn an_answer_is_written_whole_and_without_its_body_to_head() {
        let ours = Answer::problem(Code::NotFound);
        let head = "answer\n404\ncontent-type\napplication/problem+json\ncache-control\nno-store\n\
                    portcullis-request-id\nr\nportcullis-feed-seq\n7\n\n";
        let body = ours.body.as_deref().unwrap();
        assert_eq!(
            answer(&ours, &[], false, SIGNATURE),
            format!("{head}{body}")
        );
        assert_eq!(answer(&ours, &[], true, SIGNATURE), head);
        let lines = Answer::text("text/plain", "one\ntwo\n".to_owned());
        assert!(answer(&lines, &[], false, SIGNATURE).ends_with("\n\none\ntwo\n"));
    }

    #[test]
    fn an_answer_has_an_entry_of_server_timing_where_there_is_one() {
        let timed = Signature {
            timing: Some("edge;dur=3"),
            ..SIGNATURE
        };
        let ours = Answer::problem(Code::NotFound);
        let order = answer(&ours, &[], false, timed);
        assert!(order.contains("\nserver-timing\nedge;dur=3\n"), "{order}");
        assert!(!answer(&ours, &[], false, SIGNATURE).contains("server-timing"));
    }

    fn onward() -> Forward {
        Forward {
            url: "http://api/x?\"".to_owned(),
            remove: vec!["forwarded".to_owned(), "x-real-ip".to_owned()],
            set: vec![("portcullis-subject", "\"\\\u{e9}".to_owned())],
            cache: CacheUse::Private,
            may_set_own_cookies: false,
            vary: "authorization",
            link: None,
            cors: None,
        }
    }

    #[test]
    fn a_forward_says_where_to_and_what_changes() {
        let order = forward(&Head::default(), &onward(), None);
        let lines: Vec<&str> = order.split('\n').collect();
        let [kind, url, cache, remove, handback, set @ ..] = lines.as_slice() else {
            panic!("{order}")
        };
        assert_eq!((*kind, *url), ("forward", "http://api/x?\""));
        assert_eq!((*cache, *remove), ("no-store", "forwarded x-real-ip"));
        assert!(Handback::read(handback).is_some());
        assert_eq!(set, ["portcullis-subject", "\"\\\u{e9}"]);
    }

    #[test]
    fn changes_are_made_in_their_order() {
        let told = changes(&Changes {
            remove: vec!["set-cookie", "server"],
            set: vec![("cache-control", Cow::Borrowed("private"))],
            append: vec![("vary", "origin")],
        });
        let lines = "set-cookie server\nset\ncache-control\nprivate\nappend\nvary\norigin";
        assert_eq!(told.as_deref(), Some(lines));
        assert_eq!(changes(&Changes::default()).as_deref(), Some(""));
    }

    #[test]
    fn a_field_that_would_be_two_spoils_the_whole() {
        for changed in [
            Forward {
                url: "http://api/\nno-store".to_owned(),
                ..onward()
            },
            Forward {
                remove: vec!["a\nb".to_owned()],
                ..onward()
            },
            Forward {
                set: vec![(
                    "portcullis-subject",
                    "a\nportcullis-roles\nadmin".to_owned(),
                )],
                ..onward()
            },
        ] {
            assert_eq!(forward(&Head::default(), &changed, None), "");
        }
        let split = Changes {
            append: vec![("vary", "a\nset")],
            ..Changes::default()
        };
        assert_eq!(changes(&split), None);
        let also = [("x".to_owned(), "a\n\nb".to_owned())];
        let ours = Answer::problem(Code::NotFound);
        assert_eq!(answer(&ours, &also, false, SIGNATURE), "");
        // Names of headers in what comes back are quoted.
        let named = Head {
            request_id: "a\nb".to_owned(),
            ..Head::default()
        };
        assert_ne!(forward(&named, &onward(), None), "");
    }
}
