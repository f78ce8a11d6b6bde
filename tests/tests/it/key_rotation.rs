//! Signing keys of the real origin change while the edge works.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;
use tokio::time::Instant;

use crate::harness::{
    stack::{self, BAN_PROMISE, Stack},
    traffic::Traffic,
    wait,
};

/// The key that a token names.
fn kid(token: &str) -> String {
    let header = Base64UrlUnpadded::decode_vec(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_rotates_under_load_without_one_good_token_refused_and_a_withdrawn_one_stops() {
    let stack = Stack::start_with(&[("PORTCULLIS_KEYS__PUBLISH_BEFORE", "2")], &[]).await;
    let (user, old) = stack.bearer().await;
    stack.get("/echo/x", &old.access).await.expect(200);

    let all = vec![old.access.clone()];
    let traffic = Traffic::start(stack.edge.at("/echo/x"), all, 4);
    traffic.progress(20).await;
    stack.origin.home.run(&["keys", "rotate"], "");
    let mut tokens = vec![old.access.clone()];
    let start = Instant::now();
    while kid(tokens.last().unwrap()) == kid(&old.access) {
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "the new key never signs"
        );
        let token = stack.login(&user).await.access;
        traffic.add(token.clone());
        tokens.push(token);
        for token in &tokens {
            stack.get("/echo/x", token).await.expect(200);
        }
    }
    traffic.progress(100).await;
    let seen = traffic.stop().await;
    let refused: Vec<_> = seen.iter().filter(|seen| seen.status != 200).collect();
    assert!(refused.is_empty(), "of {}: {refused:?}", seen.len());
    let new = tokens.pop().unwrap();

    stack.origin.home.run(&["keys", "rotate", "--withdraw"], "");
    for token in [&old.access, &new] {
        wait::until("the withdrawal to be in force", BAN_PROMISE, || async {
            (stack.get("/echo/x", token).await.status == 401).then_some(())
        })
        .await;
    }
    // Sessions go on by refresh, with tokens of a third key.
    let next = stack::refresh(&stack.http, &stack.edge.url(), &old.refresh)
        .await
        .expect(200);
    let next = stack::tokens(&next).access;
    assert!(![kid(&old.access), kid(&new)].contains(&kid(&next)));
    stack.get("/echo/x", &next).await.expect(200);
}
