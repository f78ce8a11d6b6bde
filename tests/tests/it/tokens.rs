//! The whole list of good and bad tokens, as bearer tokens at a running edge.

use portcullis_shared::corpus;

use crate::harness::{
    client::Answer,
    forged::{Forged, forge},
    hostile::key,
};

/// What a client could tell refusals apart by.
fn visible(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let own = ["portcullis-request-id", "portcullis-feed-seq", "date"];
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.body.clone())
}

#[tokio::test]
async fn every_bad_token_gets_the_same_refusal_and_never_reaches_the_upstream() {
    let set = Forged::start(&[]).await;
    let (issuer, key) = (set.edge.url(), key(1));
    let forge = forge(&issuer, &key);
    let url = set.edge.at("/echo/x");
    let pattern = visible(&set.http.get(&url, &forge.with_claim("exp", 1.into())).await);
    assert_eq!(pattern.0, 401);
    let (mut asked, mut refused) = (0, 0);
    for case in corpus::refused(&forge) {
        if !case.is_sendable() || !case.steady {
            continue;
        }
        asked += 1;
        let answer = set.http.get(&url, &case.token).await;
        // Commas join headers (RFC 9110 section 5.3): these look like two credentials.
        if case.token.contains(',') {
            assert_eq!(answer.status, 400, "{}", case.name);
        } else {
            assert_eq!(visible(&answer), pattern, "{}: {}", case.name, case.why);
            refused += 1;
        }
    }
    println!("{refused} of {asked} refused alike");
    assert!(refused > 100, "the list is shorter than it was");
    assert_eq!(set.echo.requests(), 0, "no bad token reached the upstream");
    // Nor did any make the edge ask for more than a look for an unknown key.
    assert!(set.origin.keys_asked() <= 2, "{}", set.origin.keys_asked());
}

#[tokio::test]
async fn every_good_token_passes() {
    let set = Forged::start(&[]).await;
    let (issuer, key) = (set.edge.url(), key(1));
    let forge = forge(&issuer, &key);
    let url = set.edge.at("/echo/x");
    let cases: Vec<_> = corpus::accepted(&forge)
        .into_iter()
        .filter(|case| case.steady)
        .collect();
    assert!(cases.len() > 10);
    for case in &cases {
        // Once with its signature checked, once from the cache.
        for _ in 0..2 {
            let answer = set.http.get(&url, &case.token).await;
            assert_eq!(
                answer.status,
                200,
                "{}: {} ({})",
                case.name,
                case.why,
                answer.text()
            );
        }
    }
    assert_eq!(set.echo.requests(), 2 * cases.len());
}
