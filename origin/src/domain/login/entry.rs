//! The place in the hashing pool that an attempt to log in is given.
//!
//! Who is known comes first by what is kept for him, then as anybody does, so that he never has
//! less than a stranger. Whoever comes as a stranger and finds no place may still be known: only
//! then is the database asked, once, see [`known`].

use super::Error;
use crate::domain::{
    app::App,
    hashing::{HashingError, Place},
    throttle::{self, Asked, Guess, claims::Standing, known},
};

/// Takes a place, unless it is remembered that the attempt is refused.
///
/// # Errors
///
/// [`Error::Throttled`], [`HashingError::Busy`], and [`Error::Store`] where nobody could be asked.
pub(super) async fn enter<'a>(
    app: &'a App,
    guess: Guess<'a>,
) -> Result<(Asked<'a>, Place<'a>), Error> {
    let asked = throttle::ask(app, guess)?;
    let place = place(app, &asked).await?;
    Ok((asked, place))
}

async fn place<'a>(app: &'a App, asked: &Asked<'_>) -> Result<Place<'a>, Error> {
    let stranger = || app.hasher.enter(&asked.claims.stranger);
    let (place, claims) = match &asked.claims.standing {
        Standing::Nowhere => return Ok(stranger()?),
        Standing::Proven(claims) => return Ok(app.hasher.enter(claims).or_else(|_| stranger())?),
        Standing::AtHome { place, claims } => (*place, claims),
    };
    let remembered = app.known.is_at_home(place, app.clock.now());
    if remembered && let Ok(entered) = app.hasher.enter(claims) {
        return Ok(entered);
    }
    let busy = match stranger() {
        Err(HashingError::Busy) => HashingError::Busy,
        entered => return Ok(entered?),
    };
    // Not worth a question where the answer would be of no use.
    let hopeless = remembered || app.hasher.is_beyond_share(claims);
    if hopeless || !known::ask(app, place, asked.ip()).await? {
        return Err(busy.into());
    }
    Ok(app.hasher.enter(claims)?)
}
