//! The throttle of registration: every attempt from a network is counted, and none is given back,
//! so neither accounts nor answers about names come faster than the rule allows. Who is refused
//! costs no look at the users and no hash.

use portcullis_shared::time::UnixSeconds;

use super::{
    Error, Throttled,
    bucket::{Bucket, Rule},
    key::Subject,
};
use crate::domain::{
    app::App,
    audit::{Action, Actor, Event},
    context::Context,
    network::Network,
    store::ThrottleChange,
    transaction,
};

/// Counts an attempt to sign up.
///
/// # Errors
///
/// See [`Error`].
pub async fn admit_registration(app: &App, context: &Context) -> Result<(), Error> {
    let (rules, now) = (&app.config.throttle, app.clock.now());
    let network = |ip| Network::of(ip, rules.ipv4_prefix, rules.ipv6_prefix);
    let key = Subject::Registration(context.ip.map(network)).key(&app.master);
    let rule = rules.registration;
    // Whoever is known to be refused costs no write.
    for bucket in app.store.throttle(&[key]).await? {
        if let (Some(wait), true) = (bucket.wait(&rule, now), bucket.told) {
            return Err(Throttled { wait }.into());
        }
    }
    let event = Event {
        detail: Some("registrations from one network".to_owned()),
        ..Event::new(now, Action::LoginThrottled, Actor::Service).from(context)
    };
    let decide = move |held: &[Bucket]| decide(&rule, held, now, event);
    match transaction::with_throttle(app.store.as_ref(), &[key], decide).await? {
        Some(Some(throttled)) => Err(throttled.into()),
        Some(None) | None => Ok(()),
    }
}

/// Counts the attempt, or refuses it; the first refusal is told to the audit trail.
fn decide(
    rule: &Rule,
    held: &[Bucket],
    now: UnixSeconds,
    event: Event,
) -> (ThrottleChange, Option<Throttled>) {
    let wait = held
        .iter()
        .filter_map(|bucket| bucket.wait(rule, now))
        .max();
    let Some(wait) = wait else {
        let counted = held.iter().map(|bucket| bucket.count(rule, now));
        let change = ThrottleChange {
            buckets: Some(counted.collect()),
            events: vec![],
        };
        return (change, None);
    };
    let change = if held.iter().all(|bucket| bucket.told) {
        ThrottleChange::default()
    } else {
        let told = held.iter().map(|bucket| Bucket {
            told: true,
            ..*bucket
        });
        ThrottleChange {
            buckets: Some(told.collect()),
            events: vec![event],
        }
    };
    (change, Some(Throttled { wait }))
}
