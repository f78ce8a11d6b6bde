//! The load, as far as it comes from this program: it ends when a signal comes.

pub(super) use portcullis_load::load::{Limit, Load, User, micros_each, per_second};

use anyhow::Result;

use crate::stop::Stop;

/// Lets all users act side by side.
///
/// # Errors
/// The first error of a user, or that a signal came.
pub(super) fn run<U: User>(users: &mut [U], limit: Limit, stop: &Stop) -> Result<Load> {
    let load = portcullis_load::load::run(users, limit, stop.flag());
    stop.check()?;
    load
}
