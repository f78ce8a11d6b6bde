//! Export: all users in the order of their names, a page at a time, so that it takes the same
//! memory however many there are.
//!
//! It is no snapshot: who is created or changed meanwhile is in it as found on the way. What it
//! hands out are password hashes, so the audit trail knows of it before the first of them is read.

use super::record::Record;
use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    store::{StoreError, UserFilter},
    user::Username,
};

/// How many users are read at a time.
const PAGE: u32 = 500;

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A user cannot be written as JSON.
    #[error("a user cannot be written as JSON")]
    Unwritable(#[from] serde_json::Error),
}

/// An export at work.
#[derive(Debug)]
pub struct Export<'a> {
    app: &'a App,
    after: Option<Username>,
    is_over: bool,
}

impl<'a> Export<'a> {
    /// Begins an export, and says so to the audit trail.
    ///
    /// # Errors
    ///
    /// See [`StoreError`].
    pub async fn begin(app: &'a App, actor: Actor) -> Result<Self, StoreError> {
        let event = Event {
            detail: Some("all users, with password hashes".to_owned()),
            ..Event::new(app.clock.now(), Action::UsersExported, actor)
        };
        app.store.append_audit(std::slice::from_ref(&event)).await?;
        event.announce();
        Ok(Self {
            app,
            after: None,
            is_over: false,
        })
    }

    /// The lines of the next users, without ends of line; none after the last one.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn page(&mut self) -> Result<Option<Vec<String>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let filter = UserFilter {
            after: self.after.take(),
            limit: PAGE,
            ..UserFilter::default()
        };
        let users = self.app.store.users(&filter).await?;
        self.after = users.last().map(|user| user.username.clone());
        self.is_over = self.after.is_none();
        let lines = users.iter().map(Record::write);
        Ok(Some(lines.collect::<Result<_, _>>()?))
    }
}
