//! Each document once, few at a time, and nobody waits for ever.

use std::{
    future::{pending, ready},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::oneshot;

use super::*;

fn moment(seq: u64) -> Moment {
    Moment {
        seq: Seq(seq),
        now: UnixSeconds(1),
        key: "key".parse().unwrap(),
    }
}

fn near(after: u64) -> Start {
    let asking = Asking::Near;
    Start { after, asking }
}

fn far(after: u64) -> Start {
    let asking = Asking::Far;
    Start { after, asking }
}

fn answer(text: impl Into<Arc<str>>) -> Answer {
    Answer {
        document: text.into(),
        seq: Seq(1),
    }
}

/// What is answered when `text` is what would be built now.
async fn told(documents: &Documents, seq: u64, after: u64, text: &str) -> String {
    let build = ready(Ok(answer(text)));
    let answer = documents.answer(moment(seq), near(after), build).await;
    answer.unwrap().document.to_string()
}

#[tokio::test]
async fn documents_are_kept_for_their_moment() {
    let documents = Documents::default();
    assert_eq!(told(&documents, 1, 0, "one").await, "one");
    assert_eq!(told(&documents, 1, 0, "again").await, "one");
    assert_eq!(told(&documents, 1, 1, "other").await, "other");
    assert_eq!(told(&documents, 2, 0, "two").await, "two");
    assert_eq!(told(&documents, 2, 1, "after").await, "after");
    // Who looked at `seq` before it moved gets what is newer.
    assert_eq!(told(&documents, 1, 0, "old").await, "two");
}

#[tokio::test]
async fn a_document_is_as_new_as_the_second_and_of_the_key_that_signs() {
    let documents = Documents::default();
    for (seconds, key, expected) in [
        (1, "key", "1"),
        (2, "key", "2"),
        (1, "key", "2"),
        (0, "key", "4"),
        (0, "new", "5"),
        (9, "new", "6"),
    ] {
        let moment = Moment {
            now: UnixSeconds(seconds),
            key: key.parse().unwrap(),
            ..moment(1)
        };
        let now = match (seconds, expected) {
            (1, "2") => "3".to_owned(),
            (_, text) => text.to_owned(),
        };
        let told = documents.answer(moment, near(0), ready(Ok(answer(now))));
        assert_eq!(&*told.await.unwrap().document, expected);
    }
}

#[tokio::test]
async fn whoever_asks_while_it_is_built_waits_for_it() {
    let documents = Arc::new(Documents::default());
    let (finish, finished) = oneshot::channel::<()>();
    let builds = Arc::new(AtomicUsize::new(0));
    let build = {
        let builds = Arc::clone(&builds);
        async move {
            builds.fetch_add(1, Ordering::SeqCst);
            finished.await.unwrap();
            Ok(answer("built"))
        }
    };
    let first = documents.answer(moment(1), far(0), build);
    let others = async {
        let ask = |_| {
            let builds = &builds;
            let build = async move {
                builds.fetch_add(1, Ordering::SeqCst);
                Ok(answer("built again"))
            };
            documents.answer(moment(1), far(0), build)
        };
        let mut asking: Vec<_> = (0..50).map(ask).map(Box::pin).collect();
        for one in &mut asking {
            assert!(is_waiting(one).await);
        }
        finish.send(()).unwrap();
        for one in asking {
            assert_eq!(&*one.await.unwrap().document, "built");
        }
    };
    let (first, ()) = tokio::join!(first, others);
    assert_eq!(&*first.unwrap().document, "built");
    assert_eq!(builds.load(Ordering::SeqCst), 1);
}

/// Whether it is not answered when it is looked at once.
async fn is_waiting(asking: &mut (impl Future + Unpin)) -> bool {
    let look = tokio::time::timeout(Duration::ZERO, asking);
    look.await.is_err()
}

#[tokio::test]
async fn beyond_a_bound_documents_are_refused_but_not_to_edges_that_keep_up() {
    let documents = Documents::default();
    let started = AtomicUsize::new(0);
    let never = || async {
        started.fetch_add(1, Ordering::SeqCst);
        pending::<Result<Answer, Error>>().await
    };
    let wanted = u64::try_from(WANTED).unwrap();
    let ask = |after| documents.answer(moment(1), far(after), never());
    let mut asking: Vec<_> = (0..wanted).map(ask).map(Box::pin).collect();
    for one in &mut asking {
        assert!(is_waiting(one).await);
    }
    assert_eq!(started.load(Ordering::SeqCst), 1, "built at the same time");
    let refused = documents.answer(moment(1), far(wanted), never()).await;
    assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
    assert_eq!(told(&documents, 1, wanted, "near").await, "near");
    // Who goes away makes room.
    drop(asking);
    let build = ready(Ok(answer("far")));
    let answered = documents.answer(moment(1), far(1), build).await;
    assert_eq!(&*answered.unwrap().document, "far");
}

#[tokio::test]
async fn who_waits_for_what_fails_is_not_the_next_to_try_and_who_comes_later_is() {
    let documents = Documents::default();
    let (fail, failing) = oneshot::channel::<()>();
    let first = documents.answer(moment(1), near(0), async {
        failing.await.unwrap();
        Err(Error::Malformed("no".into()))
    });
    let second = async {
        let build = async { panic!("tried again") };
        let mut asking = Box::pin(documents.answer(moment(1), near(0), build));
        assert!(is_waiting(&mut asking).await);
        fail.send(()).unwrap();
        asking.await
    };
    let (first, second) = tokio::join!(first, second);
    assert!(matches!(first, Err(Error::Malformed(_))));
    let unavailable = matches!(second, Err(Error::Store(StoreError::Unavailable(_))));
    assert!(unavailable, "{second:?}");
    assert_eq!(told(&documents, 1, 0, "now").await, "now");
}

#[tokio::test]
async fn when_who_builds_goes_away_who_waits_builds() {
    let documents = Documents::default();
    let never = pending::<Result<Answer, Error>>();
    let mut first = Box::pin(documents.answer(moment(1), near(0), never));
    assert!(is_waiting(&mut first).await);
    let build = ready(Ok(answer("second")));
    let mut second = Box::pin(documents.answer(moment(1), near(0), build));
    assert!(is_waiting(&mut second).await);
    drop(first);
    assert_eq!(&*second.await.unwrap().document, "second");
}

#[tokio::test]
async fn no_more_bytes_are_kept_than_there_may_be() {
    let documents = Documents::default();
    let half = "x".repeat(KEPT_BYTES / 2);
    told(&documents, 1, 1, &half).await;
    told(&documents, 1, 2, &half).await;
    assert_eq!(told(&documents, 1, 1, "new").await, half);
    assert_eq!(told(&documents, 1, 3, "third").await, "third");
    for (after, kept) in [(3, "third"), (1, "new"), (2, "new")] {
        assert_eq!(told(&documents, 1, after, "new").await, kept);
    }
}
