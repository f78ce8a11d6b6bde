//! Requests that only a raw socket sends, and what of them reaches an upstream, byte for byte.

use portcullis_shared::corpus::Forge;

use crate::harness::{
    forged::{Forged, forge},
    hostile::key,
    raw,
    recorder::Recorded,
};

/// What nobody but the edge may say.
const FORGED: &str = "forged-by-the-client";

/// Sends a request line and headers, and gives what the upstream saw.
async fn seen(set: &Forged, line: &str, headers: &[&str]) -> Vec<Recorded> {
    let mut headers = headers.to_vec();
    headers.push("Connection: close");
    let request = raw::request(set.edge.port, line, &headers);
    raw::throw(set.edge.port, &request).await;
    set.wire.take()
}

#[tokio::test]
async fn the_target_that_a_rule_was_chosen_by_reaches_the_upstream_byte_for_byte() {
    let set = Forged::start(&[]).await;
    for target in [
        "/wire",
        "/wire/",
        "/wire/a",
        "/wire/A/b.c/~d/_e-f",
        "/wire/caf%C3%A9",
        "/wire/caf%c3%a9",
        "/wire/a%20b",
        "/wire/100%25",
        "/wire/a:b@c,d!$&()*+=",
        "/wire/a?",
        "/wire/a?b",
        "/wire/a?b=c&b=d&&=",
        "/wire/a?/../../b;c//d\\e",
        "/wire/a?%2e%2e%2f%00%zz%",
        "/wire/a?b?c",
        "/wire/a?access_token=x&token=y",
        "/wire/a?_method=DELETE",
    ] {
        let all = seen(&set, &format!("GET {target}"), &[]).await;
        let targets: Vec<&str> = all.iter().map(Recorded::target).collect();
        assert_eq!(targets, [target]);
    }
    // What a URL parser writes otherwise, is judged and forwarded as it writes it.
    for (sent, forwarded) in [
        ("/wire/a?b c", "/wire/a?b"),
        ("/wire/a?\"<>", "/wire/a?%22%3C%3E"),
        ("/wire/\"<>`{}", "/wire/%22%3C%3E%60%7B%7D"),
        ("/wire/./a", "/wire/a"),
        ("/open/../wire/a", "/wire/a"),
        ("/wire/%2E%2e/wire/a", "/wire/a"),
        ("/wire\\a", "/wire/a"),
    ] {
        for recorded in seen(&set, &format!("GET {sent}"), &[]).await {
            assert_eq!(recorded.target(), forwarded, "{sent}");
        }
    }
}

#[tokio::test]
async fn a_host_that_the_client_names_leads_nowhere_else() {
    let set = Forged::start(&[]).await;
    let (port, mut reached) = (set.edge.port, 0);
    for request in [
        format!("GET http://evil.example/wire/a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"),
        format!("GET http://user@127.0.0.1:{port}/wire/a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"),
        format!("GET /wire/a HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1:{port}\r\n"),
        "GET /wire/a HTTP/1.1\r\nHost: evil.example\r\n".to_owned(),
        "GET /wire/a HTTP/1.1\r\nHost: user@evil.example\r\n".to_owned(),
        "GET /wire/a HTTP/1.1\r\nHost: evil.example/wire\r\n".to_owned(),
        "GET /wire/a HTTP/1.1\r\nHost:\r\n".to_owned(),
        "GET /wire/a HTTP/1.0\r\n".to_owned(),
        "GET //evil.example/wire/a HTTP/1.1\r\nHost: x\r\n".to_owned(),
        "GET @evil.example/wire/a HTTP/1.1\r\nHost: x\r\n".to_owned(),
        "GET wire/a HTTP/1.1\r\nHost: x\r\n".to_owned(),
        "GET * HTTP/1.1\r\nHost: x\r\n".to_owned(),
    ] {
        raw::throw(
            port,
            format!("{request}Connection: close\r\n\r\n").as_bytes(),
        )
        .await;
        for recorded in set.wire.take() {
            reached += 1;
            // To the upstream that the rule names, under the upstream's own name.
            assert_eq!(recorded.target(), "/wire/a", "{request}");
            assert_eq!(
                recorded.header("host"),
                [&set.wire.url()["http://".len()..]]
            );
            assert!(
                !recorded.header("x-forwarded-host").join("").contains('@'),
                "{request}"
            );
        }
    }
    assert!(reached > 0, "all of it is refused, so this shows nothing");
}

#[tokio::test]
async fn a_request_inside_another_is_nobody_s() {
    let set = Forged::start(&[]).await;
    let (port, mut reached) = (set.edge.port, 0);
    let inner =
        format!("GET /wire/inner HTTP/1.1\r\nHost: x\r\nPortcullis-Subject: {FORGED}\r\n\r\n");
    let chunked = format!("0\r\n\r\n{inner}");
    let length = inner.len();
    let both = chunked.len();
    for (headers, body) in [
        (
            format!("Content-Length: {both}\r\nTransfer-Encoding: chunked"),
            &chunked,
        ),
        (
            format!("Transfer-Encoding: chunked\r\nContent-Length: {both}"),
            &chunked,
        ),
        (
            format!("Content-Length: {both}\r\nTransfer-Encoding: xchunked"),
            &chunked,
        ),
        (
            format!("Content-Length: {both}\r\nTransfer-Encoding : chunked"),
            &chunked,
        ),
        (
            format!("Content-Length: {both}\r\nTransfer-Encoding:\x0bchunked"),
            &chunked,
        ),
        (
            format!("Content-Length: {both}\r\nTransfer-Encoding: chunked, identity"),
            &chunked,
        ),
        (
            format!("Content-Length: {both}\r\nX: x\r\n Transfer-Encoding: chunked"),
            &chunked,
        ),
        (
            format!("Content-Length: {both}\r\nTransfer_Encoding: chunked"),
            &chunked,
        ),
        (
            format!("Content-Length: {length}\r\nContent-Length: 0"),
            &inner,
        ),
        (
            format!("Content-Length: 0\r\nContent-Length: {length}"),
            &inner,
        ),
        (format!("Content-Length: 0, {length}"), &inner),
        (format!("Content-Length: +{length}"), &inner),
        (format!("Content-Length: {length:#x}"), &inner),
        (format!("Content-Length: -{length}"), &inner),
        (format!("Content-Length : {length}"), &inner),
        (format!("Content_Length: {length}"), &inner),
    ] {
        for method in ["POST", "GET"] {
            let request = format!(
                "{method} /wire/outer HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n\r\n{body}"
            );
            raw::throw(port, request.as_bytes()).await;
            for recorded in set.wire.take() {
                reached += 1;
                // It may be a body, or a request of its own, which is judged as any other.
                assert!(
                    ["/wire/outer", "/wire/inner"].contains(&recorded.target()),
                    "{headers}: {recorded:?}"
                );
                assert!(!recorded.head.contains(FORGED), "{headers}: {recorded:?}");
                // One framing, and nothing beyond it.
                let framings = recorded.header("content-length").len()
                    + recorded.header("transfer-encoding").len();
                assert!(framings <= 1, "{headers}: {recorded:?}");
                if let [length] = recorded.header("content-length")[..] {
                    assert_eq!(length.parse::<usize>().unwrap(), recorded.rest.len());
                }
            }
        }
    }
    assert!(reached > 2, "{reached}");
}

#[tokio::test]
async fn no_trick_with_a_line_carries_a_reserved_header_to_an_upstream() {
    let set = Forged::start(&[]).await;
    let token = set.token(&key(1));
    let bearer = format!("Authorization: Bearer {token}");
    let names = [
        "Portcullis-Subject",
        "portcullis_proof",
        "X-Forwarded-For",
        "X-Real-IP",
    ];
    let mut reached = 0;
    for name in names {
        let tricks = [
            format!("{name}: {FORGED}"),
            format!("{name}:{FORGED}"),
            format!("{name} : {FORGED}"),
            format!("{name}\t: {FORGED}"),
            format!(" {name}: {FORGED}"),
            format!("\t{name}: {FORGED}"),
            format!("X: x\r\n {name}: {FORGED}"),
            format!("X: x\n{name}: {FORGED}"),
            format!("X: x\r{name}: {FORGED}"),
            format!("X: x\0\r\n{name}: {FORGED}"),
            format!("{name}: a\r\n{name}: {FORGED}"),
            format!("{name}\0: {FORGED}"),
            format!(":{name}: {FORGED}"),
            format!("{}: {FORGED}", name.to_uppercase()),
            format!("{}: {FORGED}", name.replace(['-', '_'], ".")),
            format!("{}: {FORGED}", name.replace(['-', '_'], "~")),
            format!("Connection: {name}\r\n{name}: {FORGED}"),
        ];
        for trick in tricks {
            for recorded in seen(&set, "GET /wire/a", &[&bearer, &trick]).await {
                reached += 1;
                let lines = recorded.head.lines();
                let mut forged = lines.filter(|line| line.contains(FORGED));
                // A folded line is part of the one before it, whose name is not reserved.
                assert!(
                    forged.all(|line| line.to_lowercase().starts_with("x:")),
                    "{trick:?}: {}",
                    recorded.head
                );
                assert_eq!(
                    recorded.header("portcullis-proof"),
                    [token.as_str()],
                    "{trick:?}"
                );
            }
        }
    }
    assert!(reached > 20, "most of it is refused, so this shows nothing");
}

#[tokio::test]
async fn what_follows_a_body_is_no_header() {
    let set = Forged::start(&[]).await;
    let (port, mut reached) = (set.edge.port, 0);
    for trailer in [
        format!("Portcullis-Subject: {FORGED}"),
        format!("X-Forwarded-For: {FORGED}"),
        format!("Authorization: Bearer {FORGED}"),
        format!("Content-Length: 0\r\nPortcullis-Proof: {FORGED}"),
    ] {
        let name = trailer.split(':').next().unwrap();
        let request = format!(
            "POST /wire/a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\
             Trailer: {name}\r\nTE: trailers\r\nConnection: close\r\n\r\n\
             3\r\nabc\r\n0\r\n{trailer}\r\n\r\n"
        );
        raw::throw(port, request.as_bytes()).await;
        for recorded in set.wire.take() {
            reached += 1;
            assert!(!recorded.head.contains(FORGED), "{recorded:?}");
            let rest = String::from_utf8_lossy(&recorded.rest).into_owned();
            assert!(
                rest.contains("abc") && !rest.contains(FORGED),
                "{recorded:?}"
            );
            assert!(recorded.header("trailer").is_empty(), "{recorded:?}");
        }
    }
    assert!(reached > 2, "{reached}");
}

#[tokio::test]
async fn what_the_edge_says_cannot_be_dropped_by_naming_it_in_connection() {
    let set = Forged::start(&[]).await;
    let token = set.token(&key(1));
    let bearer = format!("Authorization: Bearer {token}");
    for named in [
        "Portcullis-Proof, Portcullis-Subject, X-Forwarded-For, X-Forwarded-Host",
        "authorization, cookie, host",
        "close, portcullis-proof",
        "PORTCULLIS-PROOF,X-FORWARDED-PROTO",
        "keep-alive, upgrade, portcullis-subject",
    ] {
        let request = raw::request(
            set.edge.port,
            "GET /wire/a",
            &[&bearer, "Cookie: a=b", &format!("Connection: {named}")],
        );
        raw::throw(set.edge.port, &request).await;
        let all = set.wire.take();
        assert_eq!(all.len(), 1, "{named}");
        for recorded in all {
            for name in [
                "portcullis-proof",
                "portcullis-subject",
                "x-forwarded-host",
                "x-forwarded-proto",
                "authorization",
                "cookie",
            ] {
                assert_eq!(
                    recorded.header(name).len(),
                    1,
                    "{named}: {name}: {recorded:?}"
                );
            }
            let connection = recorded.header("connection").join(",").to_lowercase();
            assert!(!connection.contains("portcullis"), "{named}: {recorded:?}");
        }
    }
}

#[tokio::test]
async fn a_method_is_what_the_request_line_says_and_some_go_nowhere() {
    let set = Forged::start(&[]).await;
    let issuer = set.edge.url();
    let key = key(1);
    let forge = Forge {
        scope: "api:read",
        ..forge(&issuer, &key)
    };
    let bearer = format!("Authorization: Bearer {}", forge.good());
    for method in ["TRACE", "TRACK", "CONNECT", "trace", "Connect"] {
        assert!(
            seen(&set, &format!("{method} /wire/a"), &[&bearer])
                .await
                .is_empty(),
            "{method}"
        );
    }
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X_Method_Override",
        "HTTP-Method-Override",
    ] {
        let trick = format!("{name}: POST");
        for recorded in seen(&set, "GET /wire/a?_method=POST", &[&bearer, &trick]).await {
            assert_eq!(recorded.method(), "GET");
            assert!(
                !recorded.head.to_lowercase().contains("override"),
                "{}",
                recorded.head
            );
        }
        // What the token may not do is not done under the name of what it may, nor the other way.
        for (method, meant, status) in [("GET", "POST", 200), ("POST", "GET", 403)] {
            let meant = format!("{name}: {meant}");
            let line = format!("{method} /notes/x");
            let request = raw::request(set.edge.port, &line, &[&bearer, &meant]);
            let answer = raw::exchange(set.edge.port, &request).await.unwrap();
            assert_eq!(answer.status, status, "{name}, {method}");
        }
    }
}
