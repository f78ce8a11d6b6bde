//! Tokens of foreign issuers ([`portcullis_shared::foreign`]): which declaration a token is held
//! against, and what is known of its signature.
//!
//! The signature is checked by the runtime, which takes a promise; a token that has been checked is
//! remembered like one of ours. Everything else is judged as ever, by the declaration's terms.
//!
//! Invariant: a token is held against the keys of one issuer alone, the one that it says it is of; and
//! only on a route that names this issuer.

use std::rc::Rc;

use portcullis_shared::{
    foreign::{Issuer, SignatureCheck, Unverified, claimed_issuer},
    routes::{Demand, RouteTable},
    token::{Authentic, Refusal},
};

use crate::{
    answer::Answer, cache::TokenCache, credential::Credential, snapshot::Snapshot, time::Millis,
};

use super::{
    Case, Memory, Reason, Verdict,
    judging::{Unauthentic, weigh},
};

/// The foreign issuer that a token says it is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Foreign<'a> {
    /// Its place in the table, from 0.
    pub(super) number: usize,
    pub(super) issuer: &'a Issuer,
}

/// The issuer whose token this is meant to be, if the rule takes its tokens.
pub(super) fn find<'a>(
    table: &'a RouteTable,
    demand: &Demand,
    credential: Credential<'_>,
) -> Option<Foreign<'a>> {
    let Credential::Bearer(token) = credential else {
        return None;
    };
    let named = demand.issuers.as_ref()?;
    let is_named = |(_, issuer): &(usize, &Issuer)| named.iter().any(|name| name == issuer.name());
    let issuers = || table.issuers().iter().enumerate().filter(is_named);
    // Nothing is read of tokens on routes that take ours alone.
    issuers().next()?;
    let claimed = claimed_issuer(token)?;
    let (number, issuer) = issuers().find(|(_, issuer)| issuer.name() == claimed)?;
    Some(Foreign { number, issuer })
}

/// Why this cannot be a token of the issuer, whatever its keys are.
pub(super) fn screen(foreign: Foreign<'_>, token: &str) -> Option<Reason> {
    let refusal = Unverified::parse(token, foreign.issuer).err();
    refusal.as_ref().map(Reason::from)
}

/// The token, signed with a key that is in the issuer's set now.
pub(super) fn authentic(
    foreign: Foreign<'_>,
    text: &str,
    snapshot: &Snapshot,
    cache: &mut TokenCache,
    now: Millis,
) -> Result<Rc<Authentic>, Unauthentic> {
    let keys = snapshot
        .foreign_keys(foreign.number, now)
        .ok_or(Unauthentic::Unavailable)?;
    let known = cache.get(text).filter(|token| {
        token.is_of_issuer(foreign.issuer.name()) && keys.get(token.key_id()).is_some()
    });
    if let Some(token) = known {
        return Ok(token);
    }
    let check = Unverified::parse(text, foreign.issuer).and_then(|token| token.check(keys));
    Err(match check {
        Ok(check) => Unauthentic::Unchecked(Box::new(check)),
        Err(refusal) => Unauthentic::Refused(refusal),
    })
}

/// Judges the token of a case whose signature has been looked at meanwhile: `holds` is whether the
/// check came out well.
pub fn conclude(
    case: &Case<'_>,
    check: SignatureCheck,
    holds: bool,
    snapshot: &Snapshot,
    memory: &mut Memory,
    now: Millis,
) -> Verdict {
    let (Some(foreign), Credential::Bearer(text)) = (case.foreign, case.presented.credential)
    else {
        return Verdict::Ruled(case.refused(Reason::Issuer));
    };
    let Some(keys) = snapshot.foreign_keys(foreign.number, now) else {
        return Verdict::Ruled(case.refused_with(Answer::unavailable(), Reason::Unavailable));
    };
    // The set may have changed while the runtime was at work.
    let is_current = keys
        .get(check.key_id())
        .is_some_and(|key| key.jwk() == check.jwk());
    let checked = check.concluded(holds).and_then(|token| {
        if is_current {
            Ok(token)
        } else {
            Err(Refusal::UnknownKey(token.key_id().clone()))
        }
    });
    match checked {
        Ok(token) => {
            let token = Rc::new(token);
            memory.tokens.insert(text, Rc::clone(&token));
            weigh(case, text, &token, snapshot, &mut memory.exchanges, now)
        }
        Err(refusal) => Verdict::Ruled(case.refused(Reason::from(&refusal))),
    }
}
