//! The feed's documents: whatever an edge lacks, and little work whatever is asked for.

use std::{collections::BTreeSet, sync::Arc};

use portcullis_origin::domain::{feed, store::KeysChange};
use portcullis_shared::{
    keys::KeySet,
    revocation::{Digest, Document, Kind, Record, Revocations},
};
use tokio::task::JoinSet;

use crate::{
    storage::covered::{Covered, Method},
    support::{TestApp, on_both_engines},
};

on_both_engines!(
    all_who_ask_from_within_a_gap_get_one_document,
    all_who_ask_at_once_get_one_document,
    whatever_is_asked_for_a_few_documents_are_made,
    who_asks_after_a_revocation_is_told_of_it,
);

/// Counts what is asked of storage.
fn count(test: &mut TestApp) -> Arc<Covered> {
    let app = Arc::get_mut(&mut test.app).unwrap();
    let counting = Arc::new(Covered::new(Arc::clone(&app.store)));
    app.store = counting.clone();
    counting
}

/// Puts an entry into the feed; its `seq`.
async fn publish(test: &TestApp, number: u64) -> u64 {
    let entry = Record {
        kind: Kind::Session,
        digest: Digest(number.to_be_bytes()),
        not_before: test.app.clock.now(),
        drop_at: test.app.clock.now().plus(86_400),
    };
    let decide = move |_: &[_]| KeysChange {
        revocations: vec![entry],
        ..KeysChange::default()
    };
    let store = &test.app.store;
    let changed = store.change_signing_keys(test.app.now(), Box::new(decide));
    changed.await.unwrap().0
}

/// What an edge makes of a document.
struct Reader {
    keys: KeySet,
}

impl Reader {
    async fn of(test: &TestApp) -> Self {
        let public = test.app.signing.public(&test.app).await.unwrap();
        let public = serde_json::to_string(&*public).unwrap();
        Self {
            keys: KeySet::parse(public.as_bytes()).unwrap(),
        }
    }

    /// Takes in what the edge lacks.
    async fn fetch(&self, test: &TestApp, edge: &mut Revocations) {
        let answer = feed::document(&test.app, edge.seq()).await.unwrap();
        let now = test.app.clock.now();
        let issuer = &test.app.config.issuer;
        let document = Document::verify(&answer.document, &self.keys, issuer, now).unwrap();
        assert_eq!(document.seq(), answer.seq.0);
        edge.merge(&document, now).unwrap();
    }
}

async fn all_who_ask_from_within_a_gap_get_one_document(mut test: TestApp) {
    let first = publish(&test, 1).await;
    test.clock.advance(400);
    let second = publish(&test, 2).await;
    test.clock.advance(100);
    let third = publish(&test, 3).await;
    let seq = test.app.store.advance_seq(test.app.now()).await.unwrap().0;
    assert!(seq > third);
    let counting = count(&mut test);
    // What is before the second entry is asked for everything, as what is before the first.
    for (gap, reads) in [
        (first - 300..second, 1),
        (second..third, 2),
        (third..seq + 1, 3),
    ] {
        let step = usize::try_from((gap.end - gap.start).isqrt()).unwrap() + 1;
        let all = gap.clone().step_by(step);
        let mut documents = BTreeSet::new();
        for since in all.chain([gap.end - 1]) {
            let answer = feed::document(&test.app, since).await.unwrap();
            documents.insert(answer.document);
        }
        assert_eq!(documents.len(), 1, "{gap:?}");
        assert_eq!(counting.calls(Method::Feed), reads, "{gap:?}");
    }
}

async fn all_who_ask_at_once_get_one_document(mut test: TestApp) {
    for number in 0..20 {
        publish(&test, number).await;
    }
    let counting = count(&mut test);
    for round in 1..=3 {
        test.clock.advance(1);
        let mut asking = JoinSet::new();
        for since in 0..50 {
            let app = Arc::clone(&test.app);
            asking.spawn(async move { feed::document(&app, since).await.unwrap().document });
        }
        let documents: BTreeSet<Arc<str>> = asking.join_all().await.into_iter().collect();
        assert_eq!(documents.len(), 1);
        assert_eq!(counting.calls(Method::Feed), round);
    }
}

async fn whatever_is_asked_for_a_few_documents_are_made(mut test: TestApp) {
    let reader = Reader::of(&test).await;
    let mut edges = vec![Revocations::default()];
    for number in 0..200 {
        publish(&test, number).await;
        let mut edge = edges.last().unwrap().clone();
        reader.fetch(&test, &mut edge).await;
        edges.push(edge);
        test.clock.advance(18);
    }
    let counting = count(&mut test);
    for edge in &mut edges {
        for beside in [edge.seq().saturating_sub(1), edge.seq() + 1] {
            feed::document(&test.app, beside).await.unwrap();
        }
        reader.fetch(&test, edge).await;
        assert_eq!(edge.len(), 200);
    }
    let reads = counting.calls(Method::Feed);
    assert!((2..=12).contains(&reads), "{reads} documents");
}

async fn who_asks_after_a_revocation_is_told_of_it(test: TestApp) {
    let reader = Reader::of(&test).await;
    let mut edge = Revocations::default();
    for number in 1..=100 {
        let published = publish(&test, number).await;
        if number.is_multiple_of(7) {
            test.clock.advance(40);
        }
        // One that keeps up, one that has just started.
        for edge in [&mut edge, &mut Revocations::default()] {
            reader.fetch(&test, edge).await;
            assert_eq!((edge.seq(), edge.len() as u64), (published, number));
        }
    }
}
