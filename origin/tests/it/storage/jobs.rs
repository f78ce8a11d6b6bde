//! Work that one replica does at a time.

use portcullis_origin::domain::{cleanup::Hold, store::Store};

use super::{bench::Bench, samples::NOW};

/// Who wants to hold the job for a minute, at an offset.
fn hold(holder: u8, offset: i64) -> Hold {
    Hold {
        job: "sweeping",
        holder: [holder; 16],
        now: NOW.plus(offset),
        until: NOW.plus(offset + 60),
        unless_done_after: NOW.plus(offset - 3600),
    }
}

async fn held(store: &dyn Store, hold: Hold) -> bool {
    store.hold_job(&hold).await.unwrap()
}

pub(super) async fn of_many_who_want_a_job_one_gets_it(bench: &Bench) {
    let won = bench
        .at_once(0..20, |number, store| async move {
            held(&*store, hold(number, 0)).await
        })
        .await;
    assert_eq!(won.into_iter().filter(|&won| won).count(), 1);
    // Another job is another's.
    let another = Hold {
        job: "washing",
        ..hold(99, 0)
    };
    assert!(held(&*bench.store, another).await);
}

pub(super) async fn a_job_is_taken_over_when_its_holder_is_not_heard_of(bench: &Bench) {
    let store = &*bench.store;
    assert!(held(store, hold(1, 0)).await);
    assert!(!held(store, hold(2, 30)).await);
    assert!(held(store, hold(1, 30)).await, "its holder goes on");
    assert!(!held(store, hold(2, 89)).await);
    assert!(held(store, hold(2, 90)).await);
    assert!(!held(store, hold(1, 91)).await, "it is another's by now");
}

pub(super) async fn a_job_that_was_done_is_not_done_again_too_soon(bench: &Bench) {
    let store = &*bench.store;
    assert!(held(store, hold(1, 0)).await);
    // Whoever does not hold it has nothing to finish.
    let finish = |holder, offset| store.finish_job("sweeping", [holder; 16], NOW.plus(offset));
    finish(2, 5).await.unwrap();
    assert!(!held(store, hold(3, 6)).await);
    finish(1, 10).await.unwrap();
    assert!(!held(store, hold(3, 3609)).await);
    let at_once = Hold {
        unless_done_after: NOW.plus(11),
        ..hold(3, 11)
    };
    assert!(held(store, at_once).await);
    finish(3, 12).await.unwrap();
    assert!(held(store, hold(4, 3612)).await);
}
