//! Ten thousand mutated tokens before `jose` and before us: the same verdict, or ours is stricter
//! and says by which rule.

mod mutations;
mod reasons;

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
};

use portcullis_shared::{
    keys::{KeySet, SigningKey},
    time::{LEEWAY, UnixSeconds},
    token::{Policy, Refusal, Unverified},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::place;

use mutations::Mutations;
use reasons::Reason;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

const POLICY: Policy<'static> = Policy {
    issuer: "https://edge.example",
    audience: "api",
    max_lifetime: 600,
};

const TOKENS: usize = 10_000;

/// What `jose` read in a token that it took.
#[derive(Debug, Deserialize)]
struct Taken {
    typ: String,
    /// The names in its header.
    members: Vec<String>,
}

/// The keys as they are published, but for `alg`: they stand for both names of their algorithm,
/// and `jose` would take a key for the one that it is written with alone.
fn published(keys: &[&SigningKey]) -> Value {
    let entries = keys.iter().map(|key| {
        let mut entry = json!(key.public_jwk());
        entry.as_object_mut().unwrap().remove("alg");
        entry
    });
    json!({ "keys": entries.collect::<Vec<_>>() })
}

/// What `jose` makes of the tokens.
fn judged_by_jose(keys: &[&SigningKey], tokens: &[String]) -> Vec<Option<Taken>> {
    assert!(
        place::root().join("node_modules/jose").exists(),
        "the npm packages are not installed: run `cargo xtask test`, which does so"
    );
    let task = json!({
        "jwks": published(keys),
        "issuer": POLICY.issuer,
        "audience": POLICY.audience,
        "lifetime": POLICY.max_lifetime,
        "leeway": LEEWAY,
        "now": NOW,
        "tokens": tokens,
    });
    let mut node = Command::new(place::node())
        .arg(place::root().join("tests/js/verdicts.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It reads all before it writes anything.
    let mut input = node.stdin.take().unwrap();
    input.write_all(task.to_string().as_bytes()).unwrap();
    drop(input);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn judged_by_us(keys: &KeySet, token: &str) -> Result<(), Refusal> {
    let authentic = Unverified::parse(token)?.authenticate(keys)?;
    authentic.verify(&POLICY, NOW).map(|_| ())
}

#[test]
fn of_ten_thousand_mutated_tokens_we_take_none_that_jose_refuses_and_say_why_we_refuse_more() {
    let [one, other, stranger] = [1, 2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]).unwrap());
    let known = [&one, &other];
    let keys = known.iter().map(|key| key.verifying_key().unwrap());
    let keys = KeySet::new(keys.collect()).unwrap();
    let mut mutations = Mutations::new([&one, &other, &stranger], POLICY, NOW);
    let tokens: Vec<String> = (0..TOKENS).map(|_| mutations.next_token()).collect();
    let verdicts = judged_by_jose(&known, &tokens);
    assert_eq!(verdicts.len(), TOKENS);

    let (mut both_take, mut both_refuse) = (0, 0);
    let mut stricter: BTreeMap<Reason, usize> = BTreeMap::new();
    for (token, theirs) in tokens.iter().zip(&verdicts) {
        match (judged_by_us(&keys, token), theirs) {
            (Ok(()), Some(_)) => both_take += 1,
            (Err(_), None) => both_refuse += 1,
            (Ok(()), None) => panic!("we take what jose refuses: {token}"),
            (Err(refusal), Some(taken)) => {
                let Some(reason) = Reason::find(token, taken, &POLICY) else {
                    panic!("we refuse ({refusal}) without a reason: {token}\n{taken:?}");
                };
                assert!(reason.shows_as(&refusal), "{reason:?}: {refusal}: {token}");
                *stricter.entry(reason).or_default() += 1;
            }
        }
    }
    println!("{both_take} taken and {both_refuse} refused by both; we are stricter: {stricter:#?}");
    // The mutations reach both verdicts, and each of our rules.
    assert!(both_take > TOKENS / 20, "{both_take} taken by both");
    assert!(both_refuse > TOKENS / 4, "{both_refuse} refused by both");
    let missing: Vec<_> = Reason::ALL
        .iter()
        .filter(|reason| !stricter.contains_key(reason))
        .collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}
