//! The documents of this moment. Each is built once, however many ask for it at the same time, and
//! few at a time: who asks for many different ones waits, and is then refused, so that work and
//! memory have a bound. Edges that keep up have a lane of their own, where nobody waits behind those
//! who ask for everything.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use portcullis_shared::{ids::KeyId, time::UnixSeconds};
use tokio::sync::{OnceCell, Semaphore};

use super::{
    Answer, Error,
    start::{Asking, Start},
};
use crate::domain::store::{Seq, StoreError};

/// How many bytes of documents are kept at most, unless one alone has more.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// How many documents are kept at most; [`start`](super::start::start) makes fewer.
const KEPT: usize = 64;

/// How many documents of a lane are wanted at most at the same time, of which one is being built.
const WANTED: usize = 16;

/// What a document depends on beside where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// The feed's `seq`.
    pub(super) seq: Seq,
    /// When it is signed.
    pub(super) now: UnixSeconds,
    /// What it is signed with.
    pub(super) key: KeyId,
}

impl Moment {
    /// Whether a document of this moment is an answer to who asked at `other`: somebody may know of
    /// a newer `seq`, or second, than who asked before him.
    fn serves(&self, other: &Self) -> bool {
        let later = self.now.since(other.now);
        self.key == other.key && self.seq >= other.seq && (0..=1).contains(&later)
    }
}

/// A document once it is built; none where that failed.
type Slot = OnceCell<Option<Answer>>;

#[derive(Debug, Default)]
struct Kept {
    moment: Option<Moment>,
    /// By where they start.
    slots: HashMap<u64, Arc<Slot>>,
}

/// Builds one document after the other.
#[derive(Debug)]
struct Lane {
    places: Semaphore,
    turn: tokio::sync::Mutex<()>,
}

impl Lane {
    fn new() -> Self {
        Self {
            places: Semaphore::new(WANTED),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    async fn build(
        &self,
        build: impl Future<Output = Result<Answer, Error>>,
    ) -> Result<Answer, Error> {
        let _place = self.places.try_acquire().map_err(|_| Error::Busy)?;
        let _turn = self.turn.lock().await;
        build.await
    }
}

/// The documents of this moment.
#[derive(Debug)]
pub struct Documents {
    kept: Mutex<Kept>,
    near: Lane,
    far: Lane,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            near: Lane::new(),
            far: Lane::new(),
        }
    }
}

impl Documents {
    /// The document of a moment, or of a later one, from `start` on; `make` makes it if nobody has
    /// done so or is about to.
    pub(super) async fn answer(
        &self,
        moment: Moment,
        start: Start,
        make: impl Future<Output = Result<Answer, Error>>,
    ) -> Result<Answer, Error> {
        let lane = match start.asking {
            Asking::Near => &self.near,
            Asking::Far => &self.far,
        };
        let slot = self.slot(moment, start.after);
        let mut failed = None;
        let failure = &mut failed;
        let built = slot.get_or_init(move || async move {
            let built = lane.build(make).await;
            built.map_err(|error| *failure = Some(error)).ok()
        });
        let built = built.await.clone();
        if let Some(error) = failed {
            self.forget(start.after, &slot);
            return Err(error);
        }
        self.make_room(&slot);
        built.ok_or_else(|| {
            let reason = "the revocation document could not be made a moment ago";
            StoreError::Unavailable(reason.into()).into()
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the document is, or will be.
    fn slot(&self, moment: Moment, after: u64) -> Arc<Slot> {
        let mut kept = self.kept();
        let serves = |kept: &Moment| kept.serves(&moment);
        if !kept.moment.as_ref().is_some_and(serves) || kept.slots.len() >= KEPT {
            *kept = Kept {
                moment: Some(moment),
                ..Kept::default()
            };
        }
        Arc::clone(kept.slots.entry(after).or_default())
    }

    /// Who asks from now on has it tried again; who has waited so far has not.
    fn forget(&self, after: u64, slot: &Arc<Slot>) {
        let mut kept = self.kept();
        if kept
            .slots
            .get(&after)
            .is_some_and(|kept| Arc::ptr_eq(kept, slot))
        {
            kept.slots.remove(&after);
        }
    }

    /// Lets go of all documents but this one if they have become too large together.
    fn make_room(&self, slot: &Arc<Slot>) {
        let mut kept = self.kept();
        let documents = kept.slots.values().filter_map(|slot| slot.get()?.as_ref());
        let bytes: usize = documents.map(|answer| answer.document.len()).sum();
        if bytes > KEPT_BYTES {
            kept.slots
                .retain(|_, kept| Arc::ptr_eq(kept, slot) || kept.get().is_none());
        }
    }
}

#[cfg(test)]
mod tests;
