//! What an upstream's answer is changed to before the client gets it, and what the client gets when
//! there is none.
//!
//! Invariant: no upstream speaks for the edge: what bears our name, our cookies and, on a route
//! with `cors`, every word about cross-origin access are removed. An answer that is one bearer's
//! says so to every cache.

use std::borrow::Cow;

use portcullis_shared::problem::Code;
use serde::{Deserialize, Serialize};

use crate::{
    answer::Answer,
    gate::{CacheUse, Forward, Head},
    headers, timing,
    wire::order::{self, Signature},
};

/// Further names by which a shared cache is told to keep an answer.
const SHARED_CACHE_HEADERS: [&str; 3] = [
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "surrogate-control",
];

/// What is to be known of a forwarded request when its answer comes. It travels with the request as
/// text, since nobody may be left to come back for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handback {
    /// Whether the request is a `HEAD`, which is answered without a body.
    to_head: bool,
    request_id: String,
    cache: CacheUse,
    may_set_own_cookies: bool,
    vary: String,
    link: Option<Link>,
    cors: Option<Vec<(String, String)>>,
    /// An entry of `Server-Timing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timing: Option<String>,
}

/// What the answer to a link gets; see [`crate::gate::LinkAnswer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Link {
    max_age: i64,
    headers: Vec<(String, String)>,
}

/// An upstream's answer.
#[derive(Debug, Clone, Copy)]
pub struct Upstreams<'a> {
    /// Its status.
    pub status: u16,
    /// Its headers, each under a name in lower case.
    pub headers: &'a [(&'a str, &'a str)],
}

impl Upstreams<'_> {
    /// Whether it is what was asked for, or says that nothing has changed.
    fn is_success(&self) -> bool {
        matches!(self.status, 200..300 | 304)
    }
}

/// Changes of headers, to be made in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes<'a> {
    /// Names that go.
    pub remove: Vec<&'a str>,
    /// Names and their only values.
    pub set: Vec<(&'a str, Cow<'a, str>)>,
    /// Values that are added to what stands there.
    pub append: Vec<(&'a str, &'a str)>,
}

impl Handback {
    /// Of a request that goes on, whose answer gets this entry of `Server-Timing`, if any.
    pub fn new(head: &Head, forward: &Forward, timing: Option<String>) -> Self {
        let owned = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
        let cors = forward.cors.as_ref();
        let link = forward.link.as_ref().map(|link| Link {
            max_age: link.max_age,
            headers: link.headers.iter().map(owned).collect(),
        });
        Self {
            to_head: head.method == "HEAD",
            request_id: head.request_id.clone(),
            cache: forward.cache,
            may_set_own_cookies: forward.may_set_own_cookies,
            vary: forward.vary.to_owned(),
            link,
            cors: cors.map(|headers| headers.iter().map(owned).collect()),
            timing,
        }
    }

    /// One line of text that [`Self::read`] reads.
    pub fn text(&self) -> String {
        // Of text, numbers and lists JSON cannot fail; an empty text would be refused by its reader.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what was written; `None` when it is something else.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn signature(&self, seq: Option<u64>) -> Signature<'_> {
        Signature {
            request_id: &self.request_id,
            seq,
            timing: self.timing.as_deref(),
        }
    }

    /// What changes of an upstream's answer.
    pub fn changes<'a>(&'a self, answer: Upstreams<'a>, seq: Option<u64>) -> Changes<'a> {
        let mut changes = Changes::default();
        let about_cors = |name: &str| self.cors.is_some() && name.starts_with("access-control-");
        let names = answer.headers.iter().map(|(name, _)| *name);
        changes.remove.extend(
            names.filter(|name| headers::is_removed_from_answers(name) || about_cors(name)),
        );
        self.restrict_cookies(answer.headers, &mut changes);
        if self.cache == CacheUse::Private {
            self.restrict_caches(answer, &mut changes);
        }
        if let Some(link) = &self.link {
            // What a page that came by a link asks for next would tell the link to others.
            let referrer = ("referrer-policy", Cow::Borrowed("no-referrer"));
            changes.set.push(referrer);
            let headers = link.headers.iter();
            let headers =
                headers.map(|(name, value)| (name.as_str(), Cow::Borrowed(value.as_str())));
            changes.set.extend(headers);
        }
        for (name, value) in self.cors.iter().flatten() {
            if name == "vary" {
                changes.append.push((name, value));
            } else {
                changes.set.push((name, Cow::Borrowed(value)));
            }
        }
        if let Some(entry) = &self.timing {
            changes.append.push((timing::NAME, entry));
        }
        let signature = self.signature(seq).headers();
        let signature = signature.map(|(name, value)| (name, Cow::Owned(value)));
        changes.set.extend(signature);
        changes
    }

    /// Keeps an answer out of every cache but its bearer's own.
    fn restrict_caches<'a>(&'a self, answer: Upstreams<'a>, changes: &mut Changes<'a>) {
        let cache_control = answer
            .headers
            .iter()
            .find(|(name, _)| *name == "cache-control");
        let said = cache_control.map(|(_, value)| *value);
        let private = match &self.link {
            Some(link) => {
                changes.remove.push("expires");
                headers::private_for(said, link.max_age, answer.is_success())
            }
            None => headers::private(said),
        };
        changes.set.push(("cache-control", Cow::Owned(private)));
        let names = answer.headers.iter().map(|(name, _)| *name);
        let shared = names.filter(|name| SHARED_CACHE_HEADERS.contains(name));
        changes.remove.extend(shared);
        if !self.vary.is_empty() {
            // A browser that several people use keeps one's answer from the other.
            changes.append.push(("vary", &self.vary));
        }
    }

    /// Lets through the cookies that the upstream may set.
    fn restrict_cookies<'a>(&self, answer: &[(&'a str, &'a str)], changes: &mut Changes<'a>) {
        let is_cookie = |(name, _): &&(&str, &str)| *name == "set-cookie";
        if self.may_set_own_cookies || !answer.iter().any(|header| is_cookie(&header)) {
            return;
        }
        changes.remove.push("set-cookie");
        // An answer that is anybody's must not carry one bearer's cookie.
        if self.cache == CacheUse::Shared {
            return;
        }
        let cookies = answer.iter().filter(is_cookie);
        let kept = cookies.filter(|(_, cookie)| !headers::sets_own_cookie(cookie));
        changes.append.extend(kept);
    }

    /// The order to answer in place of an upstream that did not.
    pub fn bad_gateway(&self, seq: Option<u64>) -> String {
        let problem = Answer::problem(Code::BadGateway);
        let cors = self.cors.as_deref().unwrap_or_default();
        order::answer(&problem, cors, self.to_head, self.signature(seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::LinkAnswer;

    fn forward() -> Forward {
        Forward {
            url: "http://api/".to_owned(),
            remove: Vec::new(),
            set: Vec::new(),
            cache: CacheUse::Private,
            may_set_own_cookies: false,
            vary: "authorization",
            link: None,
            cors: None,
        }
    }

    fn head() -> Head {
        Head {
            method: "GET".to_owned(),
            request_id: "r".to_owned(),
            ..Head::default()
        }
    }

    /// The headers as they are after the changes, sorted.
    fn changed(forward: &Forward, answer: &[(&str, &str)]) -> Vec<(String, String)> {
        let written = serde_json::to_string(&Handback::new(&head(), forward, None)).unwrap();
        let handback = Handback::read(&written).unwrap();
        let upstreams = Upstreams {
            status: 200,
            headers: answer,
        };
        let changes = handback.changes(upstreams, Some(7));
        let mut headers: Vec<(&str, &str)> = answer.to_vec();
        headers.retain(|(name, _)| !changes.remove.contains(name));
        for (name, value) in &changes.set {
            headers.retain(|(own, _)| own != name);
            headers.push((name, value));
        }
        headers.extend(&changes.append);
        headers.sort_unstable();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        headers.into_iter().map(owned).collect()
    }

    fn values(headers: &[(String, String)], wanted: &str) -> Vec<String> {
        let of = headers.iter().filter(|(name, _)| name == wanted);
        of.map(|(_, value)| value.clone()).collect()
    }

    #[test]
    fn an_upstream_cannot_speak_for_the_edge() {
        let answer = [
            ("portcullis-feed-seq", "99"),
            ("portcullis_request_id", "x"),
            ("portcullis-subject", "x"),
        ];
        let headers = changed(&forward(), &answer);
        assert_eq!(values(&headers, "portcullis-feed-seq"), ["7"]);
        assert_eq!(values(&headers, "portcullis-request-id"), ["r"]);
        let ours = headers
            .iter()
            .filter(|(name, _)| name.starts_with("portcullis"));
        assert_eq!(ours.count(), 2, "{headers:?}");
    }

    #[test]
    fn the_edge_s_timing_stands_beside_the_upstream_s() {
        let timed = Some("edge;dur=3;desc=\"passed\"".to_owned());
        let written = serde_json::to_string(&Handback::new(&head(), &forward(), timed)).unwrap();
        let handback = Handback::read(&written).unwrap();
        let answer = Upstreams {
            status: 200,
            headers: &[("server-timing", "db;dur=9")],
        };
        let changes = handback.changes(answer, None);
        let entry = ("server-timing", "edge;dur=3;desc=\"passed\"");
        assert!(changes.append.contains(&entry), "{changes:?}");
        assert!(!changes.remove.contains(&"server-timing"));
        assert!(changes.set.iter().all(|(name, _)| *name != "server-timing"));
        assert!(handback.bad_gateway(None).contains("edge;dur=3"));

        let untimed = Handback::new(&head(), &forward(), None);
        assert!(!serde_json::to_string(&untimed).unwrap().contains("timing"));
        let changes = untimed.changes(answer, None);
        let names: Vec<_> = changes.append.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["vary"]);
    }

    #[test]
    fn a_private_answer_stays_out_of_shared_caches() {
        let answer = [
            ("cache-control", "public, max-age=60"),
            ("cdn-cache-control", "max-age=9"),
            ("surrogate-control", "max-age=9"),
            ("vary", "accept"),
        ];
        let headers = changed(&forward(), &answer);
        assert_eq!(values(&headers, "cache-control"), ["private, max-age=60"]);
        assert_eq!(values(&headers, "vary"), ["accept", "authorization"]);
        assert!(values(&headers, "cdn-cache-control").is_empty());
        assert!(values(&headers, "surrogate-control").is_empty());
        for cache in [CacheUse::Shared, CacheUse::Untouched] {
            let headers = changed(&Forward { cache, ..forward() }, &answer);
            assert_eq!(values(&headers, "cache-control"), ["public, max-age=60"]);
            assert_eq!(values(&headers, "vary"), ["accept"]);
        }
    }

    #[test]
    fn cookies_pass_unless_they_are_ours_or_the_answer_is_anybody_s() {
        let own = "__Host-portcullis=x; Secure";
        let answer = [
            ("set-cookie", "a=1"),
            ("set-cookie", own),
            ("set-cookie", "b=2"),
        ];
        let cookies = |cache, may_set_own_cookies| {
            let forward = Forward {
                cache,
                may_set_own_cookies,
                ..forward()
            };
            values(&changed(&forward, &answer), "set-cookie")
        };
        assert_eq!(cookies(CacheUse::Private, false), ["a=1", "b=2"]);
        assert!(cookies(CacheUse::Shared, false).is_empty());
        assert_eq!(cookies(CacheUse::Untouched, true), [own, "a=1", "b=2"]);
    }

    #[test]
    fn on_a_route_with_cors_the_rule_has_the_only_say() {
        let answer = [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "PUT"),
        ];
        assert_eq!(
            values(&changed(&forward(), &answer), "access-control-allow-origin"),
            ["*"]
        );
        let cors = vec![
            ("vary", "Origin".to_owned()),
            (
                "access-control-allow-origin",
                "https://a.example".to_owned(),
            ),
        ];
        let with_cors = Forward {
            cors: Some(cors),
            ..forward()
        };
        let headers = changed(&with_cors, &answer);
        assert_eq!(
            values(&headers, "access-control-allow-origin"),
            ["https://a.example"]
        );
        assert!(values(&headers, "access-control-allow-methods").is_empty());
        assert_eq!(values(&headers, "vary"), ["Origin", "authorization"]);
        let order = Handback::new(&head(), &with_cors, None).bad_gateway(None);
        assert!(
            order.contains("https://a.example") && order.contains("502"),
            "{order}"
        );
    }

    #[test]
    fn an_answer_to_a_link_may_be_kept_for_as_long_as_the_link_works() {
        let link = LinkAnswer {
            max_age: 60,
            headers: vec![("content-disposition", "attachment".to_owned())],
        };
        let by_link = Forward {
            link: Some(link),
            vary: "",
            ..forward()
        };
        let answer = [
            ("expires", "0"),
            ("content-disposition", "inline"),
            ("referrer-policy", "unsafe-url"),
        ];
        let headers = changed(&by_link, &answer);
        assert_eq!(values(&headers, "referrer-policy"), ["no-referrer"]);
        assert_eq!(values(&headers, "cache-control"), ["private, max-age=60"]);
        assert_eq!(values(&headers, "content-disposition"), ["attachment"]);
        assert!(values(&headers, "expires").is_empty());
        assert!(values(&headers, "vary").is_empty());
    }

    #[test]
    fn an_answer_to_head_has_no_body_when_it_is_ours() {
        let head = Head {
            method: "HEAD".to_owned(),
            ..head()
        };
        let order = Handback::new(&head, &forward(), None).bad_gateway(None);
        assert!(order.ends_with("\nr\n\n"), "{order}");
    }
}
