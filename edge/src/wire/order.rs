//! What is to be done with a request, as `entry/` carries it out.

use serde::{Serialize, Serializer};

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

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Order<'a> {
    Answer {
        status: u16,
        #[serde(serialize_with = "as_object")]
        headers: Vec<(&'a str, &'a str)>,
        body: Option<&'a str>,
    },
    Forward {
        url: &'a str,
        #[serde(rename = "noStore")]
        no_store: bool,
        remove: &'a [String],
        #[serde(serialize_with = "as_object")]
        set: Vec<(&'a str, &'a str)>,
        /// Comes back with the answer as it is.
        handback: Handback,
    },
}

/// The order to answer, with further headers; to a `HEAD` without the body.
pub fn answer(
    answer: &Answer,
    also: &[(String, String)],
    to_head: bool,
    signature: Signature<'_>,
) -> String {
    let own: Vec<_> = signature.headers().collect();
    let ours = answer.headers.iter().chain(&own);
    let ours = ours.map(|(name, value)| (*name, value.as_str()));
    let ours = ours.chain(signature.timing.map(|entry| (timing::NAME, entry)));
    let also = also
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    text(&Order::Answer {
        status: answer.status,
        headers: ours.chain(also).collect(),
        body: answer.body.as_deref().filter(|_| !to_head),
    })
}

/// The order to forward; the answer gets this entry of `Server-Timing`, if any.
pub fn forward(head: &Head, forward: &Forward, timing: Option<String>) -> String {
    let set = forward.set.iter();
    text(&Order::Forward {
        url: &forward.url,
        no_store: forward.cache == CacheUse::Private,
        remove: &forward.remove,
        set: set.map(|(name, value)| (*name, value.as_str())).collect(),
        handback: Handback::new(head, forward, timing),
    })
}

/// What to change of an upstream's answer.
pub fn changes(changes: &Changes<'_>) -> String {
    text(changes)
}

/// JSON. Of text, numbers and lists it cannot fail; an empty text would be refused by its reader.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn as_object<S: Serializer>(pairs: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().copied())
}

#[cfg(test)]
mod tests {
    use portcullis_shared::problem::Code;
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    const SIGNATURE: Signature<'_> = Signature {
        request_id: "r",
        seq: Some(7),
        timing: None,
    };

    #[test]
    fn an_answer_is_written_whole_and_without_its_body_to_head() {
        let ours = Answer::problem(Code::NotFound);
        let order = read(&answer(&ours, &[], false, SIGNATURE));
        let headers = json!({"content-type": "application/problem+json",
            "cache-control": "no-store", "portcullis-request-id": "r", "portcullis-feed-seq": "7"});
        assert_eq!(order["answer"]["headers"], headers);
        assert_eq!(order["answer"]["status"], 404);
        assert_eq!(order["answer"]["body"], ours.body.as_deref().unwrap());
        assert_eq!(
            read(&answer(&ours, &[], true, SIGNATURE))["answer"]["body"],
            Value::Null
        );
    }

    #[test]
    fn an_answer_says_how_long_it_took_where_that_is_asked_for() {
        let timed = Signature {
            timing: Some("edge;dur=1"),
            ..SIGNATURE
        };
        let ours = Answer::problem(Code::NotFound);
        let header = |signature| {
            let order = read(&answer(&ours, &[], false, signature));
            order["answer"]["headers"]["server-timing"].clone()
        };
        assert_eq!(header(timed), "edge;dur=1");
        assert_eq!(header(SIGNATURE), Value::Null);
    }

    #[test]
    fn a_forward_says_where_to_and_what_changes() {
        let on = Forward {
            url: "http://api/x?\"".to_owned(),
            remove: vec!["forwarded".to_owned()],
            set: vec![("portcullis-subject", "\"\\\u{e9}".to_owned())],
            cache: CacheUse::Private,
            may_set_own_cookies: false,
            vary: "authorization",
            link: None,
            cors: None,
        };
        let order = read(&forward(&Head::default(), &on, None));
        let order = &order["forward"];
        assert_eq!(order["url"], "http://api/x?\"");
        assert_eq!(order["remove"], json!(["forwarded"]));
        assert_eq!(order["set"], json!({"portcullis-subject": "\"\\\u{e9}"}));
        assert_eq!(order["noStore"], true);
        assert!(Handback::read(&order["handback"].to_string()).is_some());
    }
}
