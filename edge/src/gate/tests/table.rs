//! Whatever the table and whatever the request: what is forwarded is what was decided.
//!
//! The rule is chosen once more here, in the most naive way, from the same rules; and the request
//! that goes on is compared with the one that came.

mod reference;

use std::collections::BTreeMap;

use portcullis_shared::routes::RouteTable;
use proptest::{
    collection::vec,
    option,
    prelude::{Just, ProptestConfig, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest},
    sample::{select, subsequence},
    strategy::ValueTree,
    test_runner::TestRunner,
};

use super::{NOW, rule_at, snapshot, token};
use crate::{
    gate::{Config, Decision, Forward, Head},
    settings::{Settings, tests::variables},
};

use reference::{Choice, Written};

/// Few words, so that patterns cover each other, and one is a beginning of another.
const WORDS: [&str; 5] = ["a", "ab", "b", "A", "x.y"];

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PROPFIND"];

const HOSTS: [&str; 3] = ["one.example", "two.example", "*"];

fn pattern() -> impl Strategy<Value = String> {
    let words = vec(select(WORDS.as_slice()), 0..4).prop_map(|words| words.join("/"));
    (words, select(["", "/", "/*"].as_slice())).prop_map(|(words, end)| match (&*words, end) {
        ("", "/*") => "/*".to_owned(),
        ("", _) => "/".to_owned(),
        (words, end) => format!("/{words}{end}"),
    })
}

/// A rule of a table. The upstream's name tells which of the rules it is.
fn written() -> impl Strategy<Value = Written> {
    let methods = subsequence(METHODS[2..].to_vec(), 0..3);
    let with_get = (methods, proptest::bool::ANY);
    let access = select(["public", "optional", "required"].as_slice());
    (
        select(HOSTS.as_slice()),
        pattern(),
        option::of(with_get),
        access,
    )
        .prop_map(|(host, path, methods, access)| Written {
            host,
            path,
            methods: methods.and_then(|(mut methods, get)| {
                methods.extend(get.then_some("GET"));
                (!methods.is_empty()).then_some(methods)
            }),
            access,
        })
}

/// The table of those rules that do not contend with an earlier one, with what was kept.
fn tables() -> impl Strategy<Value = (Vec<Written>, RouteTable)> {
    vec(written(), 1..9).prop_map(|candidates| {
        let (mut kept, mut table) = (Vec::<Written>::new(), RouteTable::default());
        for candidate in candidates {
            let mut more = kept.clone();
            more.push(candidate);
            if let Ok(read) = RouteTable::parse(&reference::text(&more)) {
                (kept, table) = (more, read);
            }
        }
        (kept, table)
    })
}

/// The path and query of a URL, most of them near some pattern.
fn targets() -> impl Strategy<Value = String> {
    let odd = [
        "%2e%2e", "..", ".", "a%2Fb", "", "a;b", "%41", "a\\b", "a b", "é",
    ];
    let usual = ["c", "a,b", "caf%C3%A9", "%20x", "AB", "a:b@c", "x.Y"];
    let segment = prop_oneof![
        12 => select(WORDS.as_slice()),
        3 => select(usual.to_vec()),
        1 => select(odd.to_vec()),
        1 => Just("auth"),
    ];
    let path = vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")));
    let end = prop_oneof![4 => Just(""), 1 => Just("/"), 1 => Just("//")];
    let query = option::weighted(0.4, "[?]?[a-c=&/.%;?~\\\\2fF-]{0,12}");
    (path, end, query).prop_map(|(path, end, query)| match query {
        Some(query) => format!("{path}{end}?{query}"),
        None => format!("{path}{end}"),
    })
}

/// Names of headers that a client sends: reserved ones in odd spellings, and others.
fn names() -> impl Strategy<Value = Vec<String>> {
    let reserved = [
        "portcullis-subject",
        "portcullis-proof",
        "portcullis-edge-secret",
        "x-forwarded-for",
        "x-forwarded-host",
        "forwarded",
        "x-real-ip",
        "x-original-url",
        "x-rewrite-url",
        "x-http-method-override",
        "x-method-override",
        "remote-user",
        "script-name",
    ];
    let spelt = (select(reserved.to_vec()), vec(0..6_usize, 40)).prop_map(|(name, noise)| {
        let letters = name.chars().zip(noise).map(|(letter, noise)| match noise {
            0 if letter == '-' => '_',
            1 if letter == '-' => '.',
            2 if letter == '-' => '~',
            3 => letter.to_ascii_uppercase(),
            _ => letter,
        });
        letters.collect::<String>()
    });
    let plain = select(["accept", "range", "x-trace", "content-type", "portcullis"].to_vec());
    vec(prop_oneof![spelt, plain.prop_map(str::to_owned)], 0..6)
}

fn heads() -> impl Strategy<Value = Head> {
    let hosts = [
        "one.example",
        "two.example:8443",
        "TWO.example",
        "three.example",
        "one.example.",
    ];
    let authority = select(hosts.to_vec());
    let method = prop_oneof![
        9 => select(METHODS.as_slice()),
        1 => select(["get", "TRACE", "CONNECT", "TRACK", "OPTIONS"].to_vec()),
    ];
    let bearer = option::weighted(0.7, select(vec![token(), "bad".to_owned()]));
    (authority, targets(), method, names(), bearer).prop_map(
        |(authority, target, method, mut names, bearer)| {
            names.extend(bearer.iter().map(|_| "authorization".to_owned()));
            Head {
                method: method.to_owned(),
                url: format!("https://{authority}{target}"),
                authorization: bearer.map(|token| format!("Bearer {token}")),
                names,
                client_ip: Some("192.0.2.7".to_owned()),
                request_id: "request-1".to_owned(),
                ..Head::default()
            }
        },
    )
}

fn config(table: RouteTable, rules: usize) -> Config {
    let addresses: Vec<(String, String)> = (0..rules)
        .map(|number| (format!("UPSTREAM_U{number}"), reference::address(number)))
        .collect();
    let changes: Vec<(&str, &str)> = addresses
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let settings = Settings::read(&variables(&changes), &table).unwrap();
    Config { table, settings }
}

/// The headers of the client that reach the upstream, and the edge's own.
fn arriving(head: &Head, forward: &Forward) -> BTreeMap<String, bool> {
    let of_client = head
        .names
        .iter()
        .filter(|name| !forward.remove.contains(name));
    let of_edge = forward
        .set
        .iter()
        .map(|(name, _)| ((*name).to_owned(), true));
    of_client
        .map(|name| (name.clone(), false))
        .chain(of_edge)
        .collect()
}

/// A name as the most lenient gateway reads it.
fn folded(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        'a'..='z' | '0'..='9' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '-',
    });
    letters.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_forwarded_is_what_was_decided((rules, table) in tables(), head in heads()) {
        let config = config(table, rules.len());
        let ruling = rule_at(&head, &config, &snapshot(Vec::new()), NOW);
        let choice = reference::choose(&rules, &head.method, &head.url);
        let bad = head.authorization.as_deref() == Some("Bearer bad");
        let good = head.authorization.is_some() && !bad;
        let (address, access) = match choice {
            Choice::Rule(number) => (Some(reference::address(number)), rules[number].access),
            Choice::BuiltIn => (Some(config.settings.origin.join("")), "public"),
            Choice::Method | Choice::NotFound | Choice::Ambiguous => (None, "nobody"),
        };
        let expected = match (choice, access) {
            (Choice::Ambiguous, _) => 400,
            (Choice::NotFound, _) => 404,
            (Choice::Method, _) => 405,
            (_, "required") if !good => 401,
            (_, "optional") if bad => 401,
            _ => 200,
        };
        match ruling.decision {
            Decision::Forward(forward) => {
                prop_assert_eq!(expected, 200, "but forwarded to {}", forward.url);
                // Byte for byte, to the upstream of that rule.
                let url = address.unwrap() + reference::target(&head.url);
                prop_assert_eq!(&forward.url, &url);
                for (name, is_edges) in arriving(&head, &forward) {
                    let name = folded(&name);
                    let reserved = reference::RESERVED.iter().any(|own| name.starts_with(own));
                    prop_assert!(is_edges || !reserved, "{}", name);
                }
                let subject = forward.set.iter().any(|(name, _)| *name == "portcullis-subject");
                prop_assert_eq!(subject, good && access != "public");
            }
            Decision::Answer(answer) => prop_assert_eq!(answer.status, expected),
            Decision::Metrics => prop_assert_eq!(expected, 0, "no request is for them"),
        }
    }
}

/// Each outcome is reached often enough for the property to mean something.
#[test]
fn the_random_tables_and_requests_reach_every_outcome() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..2_000 {
        let tree = (tables(), heads()).new_tree(&mut runner).unwrap();
        let ((rules, _), head) = tree.current();
        let choice = reference::choose(&rules, &head.method, &head.url);
        *seen.entry(choice.name()).or_default() += 1;
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
    assert!(seen.values().all(|times| *times >= 20), "{seen:?}");
}
