//! How many connections there are at a time. A further one waits until another has ended, and has
//! those that only wait for their clients give way.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The places for connections.
#[derive(Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    /// Somebody waits for a place, and nobody has made way yet.
    wanted: AtomicBool,
    /// It has been told that there is no room, and there has been little since.
    told: AtomicBool,
    /// So many free places are ample room.
    ample: usize,
}

/// A place, given back on drop. The semaphore is never closed.
pub(super) type Place = Result<OwnedSemaphorePermit, AcquireError>;

impl Room {
    /// For so many connections.
    pub(super) fn new(places: u32) -> Self {
        let places = usize::try_from(places).unwrap_or(usize::MAX);
        let places = places.min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            wanted: AtomicBool::new(false),
            told: AtomicBool::new(false),
            ample: places / 10,
        }
    }

    /// Takes a place, as soon as there is one.
    pub(super) async fn place(&self) -> Place {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            if self.places.available_permits() > self.ample {
                self.told.store(false, Ordering::Relaxed);
            }
            return Ok(place);
        }
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!("server.max_connections is reached: clients wait");
        }
        self.wanted.store(true, Ordering::Relaxed);
        let place = Arc::clone(&self.places).acquire_owned().await;
        self.wanted.store(false, Ordering::Relaxed);
        place
    }

    /// Whether the connection that asks is to make way. One is told so for each that waits.
    pub(super) fn wants_yours(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) && self.wanted.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn for_each_that_waits_one_makes_way() {
        let room = Arc::new(Room::new(1));
        let first = room.place().await.unwrap();
        assert!(!room.wants_yours());
        let second = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.place().await.unwrap() }
        });
        while !room.wants_yours() {
            tokio::task::yield_now().await;
        }
        assert!(!room.wants_yours());
        assert!(!second.is_finished());
        drop(first);
        drop(second.await.unwrap());
        assert!(!room.wants_yours());
    }
}
