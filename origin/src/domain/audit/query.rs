//! Looking through the audit trail.

use portcullis_shared::{
    ids::{SessionId, UserId},
    time::UnixSeconds,
};

use super::{Action, Event};
use crate::domain::network::Network;

/// The number of an event. Numbers are given out in the order in which events are written, but on
/// Postgres a smaller one may become visible after a greater one: see [`tail`](super::tail).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub i64);

/// An event as the trail has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: EventId,
    /// What happened.
    pub event: Event,
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// This user.
    User(UserId),
    /// Any user.
    AnyUser,
    /// Somebody at the command line.
    Operator,
    /// Whoever holds a refresh token or a setup token.
    Bearer,
    /// The service itself.
    Service,
}

/// The text names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a user's identifier, or one of user, operator, bearer and service")]
pub struct InvalidBy;

impl std::str::FromStr for By {
    type Err = InvalidBy;

    fn from_str(text: &str) -> Result<Self, InvalidBy> {
        match text {
            "user" => Ok(Self::AnyUser),
            "operator" => Ok(Self::Operator),
            "bearer" => Ok(Self::Bearer),
            "service" => Ok(Self::Service),
            id => id.parse().map(Self::User).map_err(|_| InvalidBy),
        }
    }
}

/// A place in the trail, between events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The newest first; only those before an event of this time and number.
    Newest {
        /// Where the page before ended; none for the first page.
        before: Option<(UnixSeconds, EventId)>,
    },
    /// In the order of their numbers, after this one.
    Oldest {
        /// The last number that is not of interest.
        after: EventId,
    },
}

/// Which events; they are those that meet every condition that is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// To this user.
    pub user: Option<UserId>,
    /// To this session.
    pub session: Option<SessionId>,
    /// By whom.
    pub by: Option<By>,
    /// One of these; all where it is empty.
    pub actions: Vec<Action>,
    /// From this network.
    pub network: Option<Network>,
    /// At this time or later.
    pub since: Option<UnixSeconds>,
    /// Before this time.
    pub until: Option<UnixSeconds>,
}

/// Events to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which.
    pub filter: Filter,
    /// In which order, from where.
    pub order: Order,
    /// At most so many.
    pub limit: u32,
}
