//! Whatever documents arrive in whatever order: the list is what a map would be, and no entry is
//! lost before its time.

use std::collections::BTreeMap;

use portcullis_shared::{
    keys::KeySet,
    revocation::{Digest, Document, Kind, MergeError, Record, Revocations},
    time::UnixSeconds,
    token::Authentic,
};
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use serde_json::json;

use crate::fixture::{ISSUER, NOW, POLICY, authenticate, forge, key, key_set};

const KINDS: [Kind; 4] = [Kind::Session, Kind::ApiKey, Kind::SigningKey, Kind::User];

/// One revocation of the origin's log; its place in the log is its `seq`.
#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: Kind,
    id: u8,
    not_before: i64,
    drop_at: i64,
}

impl Entry {
    fn record(self) -> Record {
        Record {
            kind: self.kind,
            digest: Digest::of(ISSUER, self.kind, &self.name()),
            not_before: NOW.plus(self.not_before),
            drop_at: NOW.plus(self.drop_at),
        }
    }

    fn name(self) -> String {
        match self.kind {
            // The signing key is one of two real ones.
            Kind::SigningKey => key(self.id % 2 + 1).id().to_string(),
            _ => format!("{}", self.id),
        }
    }
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let entry = (0..20_usize, 0..3_u8, -4..6_i64, -2..20_i64);
    let entry = entry.prop_map(|(kind, id, not_before, drop_at)| {
        // A withdrawn signing key is rarer, or nothing else would be refused.
        let kind = KINDS[if kind == 0 { 2 } else { [0, 1, 3][kind % 3] }];
        Entry {
            kind,
            id,
            not_before,
            drop_at,
        }
    });
    proptest::collection::vec(entry, 1..24)
}

/// A document of the log, and how much the clock moves before it arrives.
fn deliveries() -> impl Strategy<Value = Vec<(f64, f64, i64)>> {
    let step = prop_oneof![4 => Just(0), 2 => 1..4_i64];
    let since = prop_oneof![1 => Just(0.0), 3 => 0.0..1.0];
    proptest::collection::vec((since, 0.0..=1.0, step), 1..24)
}

/// Which of the map's entries refuses a token.
fn expected(
    model: &BTreeMap<(Kind, String), (i64, i64)>,
    subjects: &[(Kind, String)],
    iat: i64,
) -> Option<Kind> {
    subjects.iter().find_map(|subject| {
        let (not_before, _) = model.get(subject)?;
        (subject.0 != Kind::User || iat <= *not_before).then_some(subject.0)
    })
}

struct Bearer {
    token: Authentic,
    subjects: Vec<(Kind, String)>,
    iat: i64,
}

/// Tokens of all sessions, users, API keys and two signing keys.
fn bearers(keys: &KeySet) -> Vec<Bearer> {
    let mut bearers = Vec::new();
    for (id, user, signer) in (0..3).flat_map(|id| [(id, id, 1), (id, 2 - id, 2)]) {
        for (kind, iat) in [(Kind::Session, -3), (Kind::Session, 2), (Kind::ApiKey, 4)] {
            let signer = key(signer);
            let mut claims = forge(&signer).claims();
            for (name, value) in [
                ("sid", json!(id.to_string())),
                ("client_id", json!(id.to_string())),
                ("sub", json!(user.to_string())),
                ("iat", json!(NOW.plus(iat))),
            ] {
                claims.insert(name.to_owned(), value);
            }
            if kind == Kind::ApiKey {
                claims.remove("sid");
            }
            let text = forge(&signer).token(forge(&signer).header(), claims);
            bearers.push(Bearer {
                token: authenticate(&text, keys).unwrap(),
                subjects: vec![
                    (kind, id.to_string()),
                    (Kind::SigningKey, signer.id().to_string()),
                    (Kind::User, user.to_string()),
                ],
                iat,
            });
        }
    }
    bearers
}

fn index(share: f64, length: usize) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a short list"
    )]
    let index = (share * (length as f64)) as u64;
    index
}

proptest! {
    #[test]
    fn a_list_holds_what_a_map_would_hold(log in entries(), deliveries in deliveries()) {
        let publisher = key(9);
        let keys = key_set(&[&key(1), &key(2), &publisher]);
        let bearers = bearers(&keys);
        let mut held = Revocations::default();
        let mut model: BTreeMap<(Kind, String), (i64, i64)> = BTreeMap::new();
        let (mut seq, mut clock) = (0, 0);
        for (since, until, step) in deliveries {
            clock += step;
            let until = index(until, log.len());
            let since = index(since, usize::try_from(until).unwrap() + 1);
            let now = NOW.plus(clock);
            let range = usize::try_from(since).unwrap()..usize::try_from(until).unwrap();
            let told = &log[range];
            let records = told.iter().map(|entry| entry.record()).collect();
            let text = Document::sign(&publisher, ISSUER, now, since..=until, records).unwrap();
            let document = Document::verify(&text, &keys, ISSUER, now).unwrap();
            let outcome = held.merge(&document, now);
            if until < seq {
                assert_eq!(outcome, Err(MergeError::Older));
            } else if since > seq {
                assert_eq!(outcome, Err(MergeError::Gap));
            } else {
                assert_eq!(outcome, Ok(()));
                seq = until;
                for entry in told {
                    let times = (entry.not_before, entry.drop_at);
                    let kept = model.entry((entry.kind, entry.name())).or_insert(times);
                    *kept = (kept.0.max(times.0), kept.1.max(times.1));
                }
                model.retain(|_, (_, drop_at)| *drop_at >= clock);
            }
            assert_eq!((held.seq(), held.len()), (seq, model.len()));
            for Bearer { token, subjects, iat } in &bearers {
                let verified = token.verify(&POLICY, NOW).unwrap();
                assert_eq!(held.refuses(verified), expected(&model, subjects, *iat));
            }
            // Whatever the origin logged up to here and may not yet be dropped is in force.
            for entry in &log[..usize::try_from(seq).unwrap()] {
                let subject = (entry.kind, entry.name());
                assert!(entry.drop_at < clock || model.contains_key(&subject));
            }
        }
    }

    #[test]
    fn no_text_makes_a_document_panic(text in any::<String>(), now in any::<i64>()) {
        let keys = key_set(&[&key(7)]);
        assert!(Document::verify(&text, &keys, ISSUER, UnixSeconds(now)).is_err());
    }

    #[test]
    fn no_entries_make_a_list_panic(bytes in proptest::collection::vec(0..6_u8, 0..100)) {
        use base64ct::{Base64UrlUnpadded, Encoding};
        let key = key(7);
        let mut header = forge(&key).header();
        header.insert("typ".to_owned(), json!("revocations+jwt"));
        let claims = json!({
            "iss": ISSUER, "iat": NOW, "exp": NOW.plus(9), "since": 0, "seq": 1,
            "entries": Base64UrlUnpadded::encode_string(&bytes),
        });
        let text = forge(&key).token(header, claims.as_object().unwrap().clone());
        if let Ok(document) = Document::verify(&text, &key_set(&[&key]), ISSUER, NOW) {
            let mut held = Revocations::default();
            assert_eq!(held.merge(&document, UnixSeconds(0)), Ok(()));
            assert_eq!(held.len() * 19, bytes.len());
        }
    }
}
