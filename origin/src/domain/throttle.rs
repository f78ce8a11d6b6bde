//! Throttling of password guesses, shared by all replicas through the database.
//!
//! Invariant: an attempt is counted before its password is looked at and given back when it was
//! right, so that however many come at once, on however many replicas, no more passwords are
//! looked at than the rules allow. Who is refused costs no hash, and no write.
//!
//! # Who is counted where
//!
//! - A device that has logged in to the account before, and shows what it was given then
//!   ([`device`]), has a count of its own, and no other concerns it. This is the "device cookie" of
//!   OWASP: it keeps a person's telephone working when somebody floods the name from the same
//!   carrier's network, or from everywhere.
//! - A network from which somebody logged in to the account before has a count of its own for this
//!   account, and strangers do not concern it: a name that is flooded from elsewhere keeps nobody
//!   out who works from where he always does. The network's count whatever the account does concern
//!   it. When somebody guesses at so many names that the network is refused, a device's token helps,
//!   and nothing else, or whoever guesses would be told who logged in from there.
//! - Everybody else, the *strangers* of the account, is counted three times: for the account from
//!   his network, for the account from all strangers together, and for his network whatever the
//!   account. The second slows down who guesses from many networks at once. It can be used up by
//!   somebody who floods, and then delays the person who comes with a new device from a new
//!   network; sessions that are open go on (a refresh shows no password), and a setup link of an
//!   administrator makes the network known that it is used from.
//!
//! Who signs up is counted by network alone, see [`registration`]; who is logged in and shows the
//! password once more, by session and user, see [`confirmation`].
//!
//! No count refuses for good: the delays end at a limit, and counts drain away. Names are counted
//! alike whether there is such a user or not, so nobody learns from a 429 who exists.
//!
//! Without an address (it did not come from a socket) there is no network to tell clients apart
//! by: only the device's count, or that of all strangers of the account.
//!
//! Who finds a place to have his password looked at, when many ask, is told apart in the same way
//! ([`claims`]); what that needs to know of networks is remembered in [`known`].
//!
//! How a count becomes a delay is pure and in [`bucket`]; what counts are called in the database
//! is in [`key`].

pub mod bucket;
pub mod claims;
pub mod confirmation;
pub mod device;
pub mod key;
pub mod known;
mod limit;
pub mod refusals;
pub mod registration;
pub mod settlement;

use std::{collections::BTreeMap, net::IpAddr};

use portcullis_shared::{ids::UserId, time::UnixSeconds};

use self::{
    bucket::{Bucket, Rule},
    claims::{Claims, Standing},
    device::DeviceToken,
    key::{Key, Name, Subject},
    limit::Limit,
    settlement::{Effect, Settlement},
};
use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    context::Context,
    entropy::EntropyError,
    network::Network,
    shares::Claim,
    store::{StoreError, ThrottleChange},
    transaction,
    user::Username,
};

/// How attempts to log in are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Those for a name from one network, or from one device.
    pub account: Rule,
    /// Those for a name from all networks and devices together that nobody has logged in from
    /// with it.
    pub strangers: Rule,
    /// Those from one network, whatever the name.
    pub network: Rule,
    /// Those to sign up from one network.
    pub registration: Rule,
    /// For how many seconds a login makes its network and device known.
    pub known_for: i64,
    /// How many bits of an IPv4 address are a network.
    pub ipv4_prefix: u8,
    /// How many bits of an IPv6 address are a network.
    pub ipv6_prefix: u8,
}

/// Too many attempts; nothing was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; the next one is let through in {wait} seconds")]
pub struct Throttled {
    /// After how many seconds to try again.
    pub wait: i64,
}

/// Why an attempt is not let through.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`Throttled`].
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An attempt to log in.
#[derive(Debug, Clone, Copy)]
pub struct Guess<'a> {
    /// Whatever was typed as username.
    pub username: &'a str,
    /// What the client showed as its device token.
    pub device_token: Option<&'a str>,
    /// Where it came from.
    pub context: &'a Context,
}

/// An attempt that was counted, and whose password may be looked at.
#[derive(Debug)]
pub struct Admitted {
    counted: Vec<Limit>,
    /// The count for the account from its network, where there is a network.
    place: Option<Key>,
}

/// An attempt to log in that nothing is remembered against, and that has not been counted.
#[derive(Debug)]
pub struct Asked<'a> {
    guess: Guess<'a>,
    limits: Vec<Limit>,
    /// The count for the account from its network, where there is a network.
    place: Option<Key>,
    /// What it comes by to a place in the hashing pool.
    pub claims: Claims,
}

impl Asked<'_> {
    /// Where it came from.
    pub fn ip(&self) -> Option<IpAddr> {
        self.guess.context.ip
    }
}

/// Looks at what this process remembers; the database is not asked.
///
/// # Errors
///
/// [`Throttled`].
pub fn ask<'a>(app: &App, guess: Guess<'a>) -> Result<Asked<'a>, Throttled> {
    let name = Name::typed(guess.username);
    let ip = guess.context.ip;
    let network = ip.map(|ip| claims::network(app, ip));
    let place = network.map(|network| (place(app, &name, network), network));
    let device = guess.device(app, &name);
    let limits = limit::of_guess(app, &name, device, place);
    let by = limit::may_be_remembered(&limits);
    if let Some(throttled) = app.refusals.find(by, app.clock.now()) {
        return Err(throttled);
    }
    let standing = match (device, place) {
        (Some(_), _) => Standing::Proven(claims::of_proven(app, ip, &name, device)),
        (None, Some((place, network))) => Standing::AtHome {
            place,
            claims: claims::of_home(app, &name, network),
        },
        (None, None) => Standing::Nowhere,
    };
    Ok(Asked {
        place: place.map(|(key, _)| key),
        claims: Claims {
            stranger: claims::of_stranger(app, ip, Some(&name)),
            standing,
        },
        limits,
        guess,
    })
}

impl Guess<'_> {
    /// The key of the device's count, where its token is good.
    fn device(&self, app: &App, name: &Name) -> Option<Key> {
        let since = app.clock.now().plus(-app.config.throttle.known_for);
        let device = device::recognise(self.device_token?, name, since, &app.master)?;
        Some(Subject::Device(name, device).key(&app.master))
    }
}

/// The key of the count for an account from its network.
fn place(app: &App, name: &Name, network: Network) -> Key {
    Subject::NameAndNetwork(name, network).key(&app.master)
}

/// What a stranger who wants an account comes by to a place in the hashing pool.
pub fn newcomers_claims(app: &App, ip: Option<IpAddr>) -> Vec<Claim> {
    claims::of_stranger(app, ip, None)
}

/// What the owner of an account who has shown that he is comes by to a place in the hashing pool.
pub fn owners_claims(app: &App, ip: Option<IpAddr>, username: &Username) -> Vec<Claim> {
    claims::of_proven(app, ip, &Name::typed(username.as_str()), None)
}

/// Counts an attempt to log in. Whoever calls this has a place in the hashing pool, so that no more
/// attempts are counted and undecided at a time than one's parts of the places; a right password
/// forgets its own network's or device's count, with those that are undecided, at most so often.
///
/// # Errors
///
/// See [`Error`].
pub async fn admit(app: &App, asked: Asked<'_>) -> Result<Admitted, Error> {
    let Asked {
        guess,
        limits,
        place,
        claims: _,
    } = asked;
    let seen = look(app, limits).await?;
    let now = app.clock.now();
    if let Some(home) = limit::home(&seen) {
        app.known.remember_read(home.0.key, &home.1, now);
    }
    let concerned = limit::that_concern(seen, now);
    let counted = count(app, concerned, Whose::Typed(guess.username), guess.context).await?;
    Ok(Admitted { counted, place })
}

impl Admitted {
    /// What becomes of the counts when the password was right, for the transaction that acts on
    /// it: strangers become known.
    pub fn settle(&self, known_for: i64, now: UnixSeconds) -> Vec<Settlement> {
        let known = Effect::Recognise(now.plus(known_for));
        let counted = self
            .counted
            .iter()
            .map(|limit| (limit.key, limit.settled()));
        let place = self.place.map(|key| (key, known));
        // The place is often one of those counted, and then it is known.
        let effects: BTreeMap<Key, Effect> = counted.chain(place).collect();
        let settlement = |(key, effect)| Settlement { key, effect, now };
        effects.into_iter().map(settlement).collect()
    }

    /// Remembers that the account is at home where it was logged in to.
    pub fn remember(&self, app: &App) {
        let now = app.clock.now();
        let until = now.plus(app.config.throttle.known_for);
        if let Some(place) = self.place {
            app.known.remember(place, until, now);
        }
    }

    /// Takes the attempt back where no password was looked at after all, or where nothing is to
    /// be written but this. When this cannot be written either, it stays counted.
    pub async fn give_back(&self, app: &App) {
        let (limits, now) = (self.counted.clone(), app.clock.now());
        let keys: Vec<Key> = limits.iter().map(|limit| limit.key).collect();
        let decide = move |held: &[Bucket]| {
            let back = held.iter().zip(&limits);
            let back = back.map(|(bucket, limit)| bucket.give_back(&limit.rule, now));
            let change = ThrottleChange {
                buckets: Some(back.collect()),
                events: vec![],
            };
            (change, ())
        };
        if let Err(error) = transaction::with_throttle(app.store.as_ref(), &keys, decide).await {
            let cause = crate::logging::chain(&error);
            tracing::warn!(?cause, "an attempt to show a password stays counted");
        }
    }
}

/// Makes a device token for an account.
///
/// # Errors
///
/// See [`EntropyError`].
pub fn device_token(app: &App, username: &Username) -> Result<DeviceToken, EntropyError> {
    let name = Name::typed(username.as_str());
    device::issue(&name, app.clock.now(), &app.master, app.entropy.as_ref())
}

/// What makes the network known that an account's owner is at, when he showed that he is in
/// another way than by a login.
pub fn recognise(app: &App, username: &Username, ip: Option<IpAddr>) -> Vec<Settlement> {
    let now = app.clock.now();
    let name = Name::typed(username.as_str());
    let place = ip.map(|ip| place(app, &name, claims::network(app, ip)));
    let known = Effect::Recognise(now.plus(app.config.throttle.known_for));
    let settlement = |key| Settlement {
        key,
        effect: known,
        now,
    };
    place.map(settlement).into_iter().collect()
}

/// Whose password is looked at.
#[derive(Debug, Clone, Copy)]
enum Whose<'a> {
    /// Whoever has this name.
    Typed(&'a str),
    /// This user.
    User(UserId),
}

async fn look(app: &App, limits: Vec<Limit>) -> Result<Vec<(Limit, Bucket)>, StoreError> {
    let keys: Vec<Key> = limits.iter().map(|limit| limit.key).collect();
    let buckets = app.store.throttle(&keys).await?;
    Ok(limits.into_iter().zip(buckets).collect())
}

/// Counts the attempt under all limits, or under none when one of them refuses it. What was seen
/// before decides nothing but whether the database has to be asked to write at all.
async fn count(
    app: &App,
    seen: Vec<(Limit, Bucket)>,
    whose: Whose<'_>,
    context: &Context,
) -> Result<Vec<Limit>, Error> {
    let now = app.clock.now();
    let event = match limit::refusal(&seen, now) {
        Some(refusal) if refusal.told => {
            let limits: Vec<Limit> = seen.iter().map(|(limit, _)| *limit).collect();
            if let Some(key) = limit::remembered(&limits, &refusal) {
                app.refusals.remember(key, refusal.throttled, now);
            }
            return Err(refusal.throttled.into());
        }
        Some(refusal) => Some(event(app, whose, context, refusal.scope.describe()).await?),
        None => None,
    };
    let limits: Vec<Limit> = seen.into_iter().map(|(limit, _)| limit).collect();
    let keys: Vec<Key> = limits.iter().map(|limit| limit.key).collect();
    let counted = limits.clone();
    let decide = move |held: &[Bucket]| limit::decide(&limits, held, now, event);
    match transaction::with_throttle(app.store.as_ref(), &keys, decide).await? {
        Some(Some(throttled)) => Err(throttled.into()),
        Some(None) | None => Ok(counted),
    }
}

/// Tells the audit trail of a limit that begins to refuse. What was typed is not told: it may be a
/// password.
async fn event(
    app: &App,
    whose: Whose<'_>,
    context: &Context,
    detail: &str,
) -> Result<Event, StoreError> {
    let user_id = match whose {
        Whose::User(id) => Some(id),
        Whose::Typed(text) => match text.parse::<Username>() {
            Ok(name) => app.store.user_by_name(&name).await?.map(|user| user.id),
            Err(_) => None,
        },
    };
    let event = Event::new(app.clock.now(), Action::LoginThrottled, Actor::Service);
    Ok(Event {
        user_id,
        detail: Some(detail.to_owned()),
        ..event.from(context)
    })
}
