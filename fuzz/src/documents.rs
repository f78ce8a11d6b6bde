//! Revocation documents: what is accepted is fresh and the issuer's, and can be merged.

use portcullis_shared::revocation::{DOCUMENT_TYPE, Digest, Document, Kind, Record, Revocations};
use serde_json::Value;

use crate::setting::{NOW, POLICY, claims_of, forge, opened, texts};

pub(crate) fn run(data: &[u8]) {
    for text in texts(data).unwrap_or_default() {
        let Some(document) = accepted(&text) else {
            continue;
        };
        let claims = claims_of(&text, DOCUMENT_TYPE);
        assert!(
            claims.get("iss").and_then(Value::as_str) == Some(POLICY.issuer),
            "the issuer"
        );
        let time = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or_default();
        assert!((NOW.0 - time("iat")).abs() <= 7, "fresh");
        assert!(time("exp") > NOW.0, "not expired");
        assert!(document.since() <= document.seq(), "a range");

        let mut known = Revocations::default();
        if known.merge(&document, NOW).is_ok() {
            assert!(known.seq() == document.seq(), "what is known now");
            let count = known.len();
            // The same once more says nothing new.
            if known.merge(&document, NOW).is_ok() {
                assert!(known.len() == count, "merged twice");
            }
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let record = |kind, id: &str| Record {
        kind,
        digest: Digest::of(POLICY.issuer, kind, id),
        not_before: NOW,
        drop_at: NOW.plus(605),
    };
    let records = [
        record(Kind::Session, "s"),
        record(Kind::User, "u"),
        record(Kind::SigningKey, "k"),
        record(Kind::ApiKey, "a"),
    ];
    let Some((forge, _)) = forge() else {
        return Vec::new();
    };
    let documents = [
        (0..=9, records.to_vec()),
        (5..=9, records[..1].to_vec()),
        (9..=9, vec![]),
    ];
    documents
        .into_iter()
        .filter_map(|(range, records)| {
            let text = Document::sign(forge.key, POLICY.issuer, NOW, range, records).ok()?;
            opened(&text)
        })
        .collect()
}

#[cfg(test)]
pub(crate) fn is_accepted(data: &[u8]) -> bool {
    texts(data)
        .unwrap_or_default()
        .iter()
        .any(|text| accepted(text).is_some())
}

fn accepted(text: &str) -> Option<Document> {
    let (_, keys) = forge()?;
    Document::verify(text, keys, POLICY.issuer, NOW).ok()
}
