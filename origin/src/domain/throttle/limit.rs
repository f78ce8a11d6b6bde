//! Which counts concern an attempt, and what they say together.

use portcullis_shared::{
    ids::{SessionId, UserId},
    time::UnixSeconds,
};

use super::{
    Throttled,
    bucket::{Bucket, Rule},
    key::{Key, Name, Subject},
    settlement::Effect,
};
use crate::domain::{app::App, audit::Event, network::Network, store::ThrottleChange};

/// What a count is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Place,
    Device,
    Strangers,
    Network,
    Confirmation,
    Confirmations,
}

impl Scope {
    /// For the audit trail.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Place => "for one account from one network",
            Self::Device => "for one account from one of its devices",
            Self::Strangers => "for one account from wherever it is not used",
            Self::Network => "from one network",
            Self::Confirmation => "by somebody who is logged in",
            Self::Confirmations => "by somebody who is logged in, from several sessions",
        }
    }
}

/// A count that concerns an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) key: Key,
    pub(super) rule: Rule,
    pub(super) scope: Scope,
}

impl Limit {
    /// What becomes of the count when the password was right. Who knows one password must not get
    /// more guesses at others for it: counts of many are only given the attempt back.
    pub(super) const fn settled(&self) -> Effect {
        match self.scope {
            Scope::Place | Scope::Device | Scope::Confirmation => Effect::Forget,
            Scope::Strangers | Scope::Network | Scope::Confirmations => Effect::GiveBack(self.rule),
        }
    }
}

/// The counts that may concern an attempt to log in, in the order of their keys.
pub(super) fn of_guess(
    app: &App,
    name: &Name,
    device: Option<Key>,
    place: Option<(Key, Network)>,
) -> Vec<Limit> {
    let rules = &app.config.throttle;
    let limit = |key, rule, scope| Limit { key, rule, scope };
    if let Some(device) = device {
        return vec![limit(device, rules.account, Scope::Device)];
    }
    let strangers = Subject::Strangers(name).key(&app.master);
    let mut limits = vec![limit(strangers, rules.strangers, Scope::Strangers)];
    if let Some((place, network)) = place {
        limits.push(limit(place, rules.account, Scope::Place));
        let network = Subject::Network(network).key(&app.master);
        limits.push(limit(network, rules.network, Scope::Network));
    }
    limits.sort_by_key(|limit| limit.key);
    limits
}

/// The counts of somebody who is logged in, in the order of their keys: that of the session, and a
/// looser one of the user.
pub(super) fn of_confirmation(app: &App, user: UserId, session: SessionId) -> Vec<Limit> {
    let rules = &app.config.throttle;
    let mut limits = vec![
        Limit {
            key: Subject::SessionConfirmation(session).key(&app.master),
            rule: rules.account,
            scope: Scope::Confirmation,
        },
        Limit {
            key: Subject::Confirmation(user).key(&app.master),
            rule: rules.strangers,
            scope: Scope::Confirmations,
        },
    ];
    limits.sort_by_key(|limit| limit.key);
    limits
}

/// What a refusal is remembered by, without looking at counts: that of an account's strangers by
/// the account in this network, since elsewhere it may be known.
pub(super) fn remembered(limits: &[Limit], refusal: &Refusal) -> Option<Key> {
    let of = |scope| limits.iter().find(|limit| limit.scope == scope);
    let limit = match refusal.scope {
        Scope::Strangers => of(Scope::Place).or_else(|| of(Scope::Strangers)),
        scope @ (Scope::Place
        | Scope::Device
        | Scope::Network
        | Scope::Confirmation
        | Scope::Confirmations) => of(scope),
    };
    limit.map(|limit| limit.key)
}

/// What a refusal of this attempt may be remembered by, see [`remembered`].
pub(super) fn may_be_remembered(limits: &[Limit]) -> impl Iterator<Item = Key> {
    let placed = limits.iter().any(|limit| limit.scope == Scope::Place);
    let by = limits
        .iter()
        .filter(move |limit| !placed || limit.scope != Scope::Strangers);
    by.map(|limit| limit.key)
}

/// The count for the account from its network, if it is among them.
pub(super) fn home(seen: &[(Limit, Bucket)]) -> Option<&(Limit, Bucket)> {
    seen.iter().find(|(limit, _)| limit.scope == Scope::Place)
}

/// Those that do concern it: where the account is known in the network, it is no stranger. The
/// network's own count concerns it nevertheless: by a password that is looked at where others are
/// refused, whoever shares the network would learn who logged in from there.
pub(super) fn that_concern(
    mut seen: Vec<(Limit, Bucket)>,
    now: UnixSeconds,
) -> Vec<(Limit, Bucket)> {
    if home(&seen).is_some_and(|(_, bucket)| bucket.is_known(now)) {
        seen.retain(|(limit, _)| limit.scope != Scope::Strangers);
    }
    seen
}

/// That an attempt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) throttled: Throttled,
    /// What refuses it for the longest time.
    pub(super) scope: Scope,
    /// Whether the audit trail has been told of all that refuse it.
    pub(super) told: bool,
}

/// Whether an attempt is refused.
pub(super) fn refusal(seen: &[(Limit, Bucket)], now: UnixSeconds) -> Option<Refusal> {
    let refusing = seen.iter().filter_map(|(limit, bucket)| {
        let wait = bucket.wait(&limit.rule, now)?;
        Some((wait, limit.scope, bucket.told))
    });
    let refusals = refusing.map(|(wait, scope, told)| Refusal {
        throttled: Throttled { wait },
        scope,
        told,
    });
    refusals.reduce(|one, other| {
        let longer = if one.throttled.wait < other.throttled.wait {
            other
        } else {
            one
        };
        Refusal {
            told: one.told && other.told,
            ..longer
        }
    })
}

/// Counts the attempt under all limits, or under none when one refuses it. An event is written if
/// one has not been told of yet.
pub(super) fn decide(
    limits: &[Limit],
    held: &[Bucket],
    now: UnixSeconds,
    event: Option<Event>,
) -> (ThrottleChange, Option<Throttled>) {
    let held: Vec<(Limit, Bucket)> = limits.iter().copied().zip(held.iter().copied()).collect();
    let Some(refusal) = refusal(&held, now) else {
        let counted = held.iter();
        let counted = counted.map(|(limit, bucket)| bucket.count(&limit.rule, now));
        let change = ThrottleChange {
            buckets: Some(counted.collect()),
            events: vec![],
        };
        return (change, None);
    };
    let change = match event {
        Some(event) if !refusal.told => ThrottleChange {
            buckets: Some(held.iter().map(|seen| tell(seen, now)).collect()),
            events: vec![event],
        },
        Some(_) | None => ThrottleChange::default(),
    };
    (change, Some(refusal.throttled))
}

fn tell((limit, bucket): &(Limit, Bucket), now: UnixSeconds) -> Bucket {
    Bucket {
        told: bucket.told || bucket.wait(&limit.rule, now).is_some(),
        ..*bucket
    }
}
