//! A small model of one session's refresh tokens, told apart by generation.
//!
//! It says what a correct server answers, from the promise alone: one head; the token that made
//! the head may ask for it again; whoever else comes ends it all.

/// What the server must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// The token of this generation.
    Granted(u32),
    /// `invalid_grant`.
    Refused,
}

/// One session.
#[derive(Debug)]
pub(super) struct Model {
    /// The one token that can be exchanged for a new one.
    head: u32,
    /// The token that `head` was given for, when that was, and how often it had to be made anew.
    parent: Option<Parent>,
    /// Where the last refresh came from.
    place: &'static str,
    over: bool,
}

#[derive(Debug, Clone, Copy)]
struct Parent {
    generation: u32,
    at: i64,
    renewals: u32,
}

/// The numbers that the tests' service is set to.
const WINDOW: i64 = 30;
const MAX_RENEWALS: u32 = 10;

impl Model {
    pub(super) fn logged_in(place: &'static str) -> Self {
        Self {
            head: 1,
            parent: None,
            place,
            over: false,
        }
    }

    pub(super) fn end(&mut self) {
        self.over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn head(&self) -> u32 {
        self.head
    }

    /// Whether somebody who holds this token can go on with it, or with what it was lost for.
    pub(super) fn is_of_use(&self, generation: u32) -> bool {
        let parent = self
            .parent
            .is_some_and(|parent| parent.generation == generation);
        !self.over && (generation == self.head || parent)
    }

    pub(super) fn present(&mut self, generation: u32, place: &'static str, now: i64) -> Expected {
        let expected = self.answer(generation, place, now);
        if expected != Expected::Refused {
            self.place = place;
        }
        expected
    }

    fn answer(&mut self, generation: u32, place: &'static str, now: i64) -> Expected {
        if self.over {
            return Expected::Refused;
        }
        if generation == self.head {
            self.parent = Some(Parent {
                generation,
                at: now,
                renewals: 0,
            });
            self.head += 1;
            return Expected::Granted(self.head);
        }
        if let Some(parent) = self.parent.filter(|parent| parent.generation == generation) {
            if now - parent.at <= WINDOW {
                return Expected::Granted(self.head);
            }
            if place == self.place && parent.renewals < MAX_RENEWALS {
                let renewals = parent.renewals + 1;
                self.parent = Some(Parent {
                    at: now,
                    renewals,
                    ..parent
                });
                self.head += 1;
                return Expected::Granted(self.head);
            }
        }
        self.over = true;
        Expected::Refused
    }
}
