//! The demo servers refuse whoever comes past the edge, whatever headers are sent.

use portcullis_e2e::keys::RemoteKeys;
use reqwest::Method;

use crate::harness::{
    client::send,
    hostile::{Conduct, Hostile, key},
    stack::Stack,
};

#[tokio::test]
async fn headers_that_only_claim_an_identity_open_nothing() {
    let stack = Stack::shared().await;
    let (_, bearer) = stack.bearer().await;
    let id = stack.id_of(&bearer.access).await;
    let admin = stack.admin_token().await;
    let (api, images) = (stack.api.url(), stack.images.url());
    for url in [
        format!("{api}/api/me"),
        format!("{api}/api/admin/stats"),
        format!("{images}/images/gate.png"),
    ] {
        let plain = || stack.http.request(Method::GET, &url);
        let claimed = plain()
            .header("portcullis-subject", &id)
            .header("portcullis-roles", "admin");
        let mut forged = bearer.access.clone();
        let last = forged.pop().unwrap();
        forged.push(if last == 'A' { 'B' } else { 'A' });
        let requests = [
            ("nothing", plain()),
            (
                "claims",
                claimed.header("portcullis-scope", "api:read images:read"),
            ),
            // The edge would have looked whether it is revoked.
            ("a bearer token", plain().bearer_auth(&bearer.access)),
            ("no token", plain().header("portcullis-proof", "x")),
            ("a forged one", plain().header("portcullis-proof", &forged)),
            (
                "one for another audience",
                plain().header("portcullis-proof", &admin),
            ),
            (
                "two",
                plain()
                    .header("portcullis-proof", &bearer.access)
                    .header("portcullis-proof", &bearer.access),
            ),
        ];
        for (name, request) in requests {
            let answer = send(request).await;
            assert_eq!(answer.status, 401, "{url} with {name}");
        }
    }
}

#[tokio::test]
async fn a_demo_server_keeps_good_keys_and_looks_for_unknown_ones_once_in_a_while() {
    let origin = Hostile::start("http://edge.example");
    let keys = RemoteKeys::new(format!("{}/.well-known/jwks.json", origin.url())).unwrap();
    let (old, new) = (key(1), key(2));
    assert!(keys.get(old.id()).await.unwrap().get(old.id()).is_some());
    for _ in 0..20 {
        keys.get(old.id()).await.unwrap();
    }
    assert_eq!(origin.keys_asked(), 1);
    origin.set(|state| state.keys.push(key(2)));
    assert!(
        keys.get(new.id()).await.unwrap().get(new.id()).is_some(),
        "known at once"
    );
    origin.set(|state| state.keys_conduct = Conduct::Down);
    for seed in 10..60 {
        let known = keys.get(key(seed).id()).await.unwrap();
        assert!(known.get(old.id()).is_some() && known.get(new.id()).is_some());
    }
    assert_eq!(origin.keys_asked(), 2);
}
