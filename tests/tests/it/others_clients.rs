//! Clients that others wrote, run under Node, agree with us.

use std::process::Command;

use crate::harness::{
    place,
    stack::{BACKEND, Stack},
};

/// Runs a script of `tests/js`.
fn script(name: &str, arguments: &[&str]) {
    // What it imports is found from where it stands.
    assert!(
        place::root().join("node_modules/jose").exists(),
        "the npm packages are not installed: run `cargo xtask test`, which does so"
    );
    let mut command = Command::new(place::node());
    command
        .arg(place::root().join("tests/js").join(name))
        .args(arguments);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{said}", output.status);
}

#[tokio::test]
async fn jose_verifies_our_tokens_and_our_feed() {
    let stack = Stack::shared().await;
    let tokens = stack.bearer().await.1;
    script("jose.mjs", &[&stack.edge.url(), &tokens.access]);
}

#[tokio::test]
async fn openid_client_discovers_refreshes_introspects_and_revokes() {
    let stack = Stack::shared().await;
    let tokens = stack.bearer().await.1;
    let (id, secret) = BACKEND;
    script(
        "openid-client.mjs",
        &[&stack.edge.url(), &tokens.refresh, id, secret],
    );
}
