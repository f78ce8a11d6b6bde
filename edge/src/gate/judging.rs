//! The second half of a decision: the token against keys, revocations and the rule.
//!
//! Invariant: what is remembered of a token is its signature alone. Everything else is weighed at each
//! use, by [`weigh`].

use std::rc::Rc;

use portcullis_shared::{
    ids::KeyId,
    routes::Demand,
    token::{Authentic, Refusal, Unverified, Verified},
};

use crate::{
    answer::Answer,
    cache::TokenCache,
    credential::Credential,
    exchange::{Exchanges, Known},
    snapshot::Snapshot,
    time::Millis,
};

use super::{
    Case, Memory, Reason, Ruling, SignatureCheck, Subject, Verdict, foreign, forward, link,
};

/// Judges the token of a case, or the one that its API key stands for, or its link, at the time
/// `now`.
pub fn judge(case: &Case<'_>, snapshot: &Snapshot, memory: &mut Memory, now: Millis) -> Verdict {
    let exchanged;
    let text = match case.presented.credential {
        Credential::Bearer(token) | Credential::Cookie(token) => token,
        Credential::ApiKey(key) => match memory.exchanges.known(&key.fingerprint(), now) {
            Known::Token(token) => {
                exchanged = token;
                &*exchanged
            }
            Known::Refused => return Verdict::Ruled(case.refused(Reason::ApiKeyRefused)),
            Known::Nothing => return case.screen().map_or(Verdict::Exchange, Verdict::Ruled),
        },
        Credential::Link(link) => return link::judge(case, link, snapshot, now),
    };
    let authentic = match case.foreign {
        Some(foreign) => foreign::authentic(foreign, text, snapshot, &mut memory.tokens, now),
        None => authentic(case, text, snapshot, &mut memory.tokens, now),
    };
    match authentic {
        Ok(token) if contradicted(case, &token, snapshot, &mut memory.tokens, now) => {
            Verdict::Ruled(case.refused_with(Answer::invalid_request(), Reason::Contradiction))
        }
        Ok(token) => weigh(case, text, &token, snapshot, &mut memory.exchanges, now),
        Err(Unauthentic::Unavailable) => {
            Verdict::Ruled(case.refused_with(Answer::unavailable(), Reason::Unavailable))
        }
        Err(Unauthentic::Unchecked(_)) if case.presented.beside.is_some() => {
            Verdict::Ruled(case.refused_with(Answer::invalid_request(), Reason::Contradiction))
        }
        Err(Unauthentic::Unchecked(check)) => Verdict::CheckSignature(check),
        Err(Unauthentic::Refused(Refusal::UnknownKey(key))) => {
            if case.gets_another_token(&mut memory.exchanges, now) {
                Verdict::Exchange
            } else {
                Verdict::UnknownKey(key)
            }
        }
        Err(Unauthentic::Refused(refusal)) => Verdict::Ruled(case.refused(Reason::from(&refusal))),
    }
}

/// The refusal of a token whose key stayed unknown.
pub fn refuse_unknown_key(case: &Case<'_>, key: &KeyId) -> Ruling {
    Ruling {
        key: Some(key.clone()),
        ..case.refused(Reason::UnknownKey)
    }
}

pub(super) enum Unauthentic {
    Unavailable,
    Refused(Refusal),
    /// It may be genuine.
    Unchecked(Box<SignatureCheck>),
}

/// Whether the cookie that came beside another credential says something else. Its time does not
/// matter: a browser may keep sending a cookie that the page has replaced. An API key has no
/// session, so that the cookie has to be of the key's owner.
fn contradicted(
    case: &Case<'_>,
    token: &Authentic,
    snapshot: &Snapshot,
    cache: &mut TokenCache,
    now: Millis,
) -> bool {
    let Some(beside) = case.presented.beside else {
        return false;
    };
    let other = authentic(case, beside, snapshot, cache, now);
    !other.is_ok_and(|other| match case.presented.credential {
        Credential::Bearer(_) | Credential::Cookie(_) => other.is_of_one_session_with(token),
        // Nothing counts beside a link.
        Credential::Link(_) => false,
        Credential::ApiKey(_) => other.is_of_one_owner_with(token),
    })
}

/// The token, signed with a key that is in the set now.
fn authentic(
    case: &Case<'_>,
    text: &str,
    snapshot: &Snapshot,
    cache: &mut TokenCache,
    now: Millis,
) -> Result<Rc<Authentic>, Unauthentic> {
    let keys = case.keys(snapshot, now).ok_or(Unauthentic::Unavailable)?;
    let known = cache
        .get(text)
        .filter(|token| keys.get(token.key_id()).is_some());
    if let Some(token) = known {
        return Ok(token);
    }
    let unverified = Unverified::parse(text).map_err(Unauthentic::Refused)?;
    let token = Rc::new(
        unverified
            .authenticate(keys)
            .map_err(Unauthentic::Refused)?,
    );
    cache.insert(text, Rc::clone(&token));
    Ok(token)
}

/// Whether a token that the issuer signed satisfies the rule now.
pub(super) fn weigh(
    case: &Case<'_>,
    text: &str,
    token: &Authentic,
    snapshot: &Snapshot,
    exchanges: &mut Exchanges,
    now: Millis,
) -> Verdict {
    let Some(policy) = case.policy() else {
        return Verdict::Ruled(case.refused(Reason::Issuer));
    };
    let verified = match token.verify(&policy, now.seconds()) {
        Ok(verified) => verified,
        Err(refusal) => return Verdict::Ruled(case.refused(Reason::from(&refusal))),
    };
    let revoked = match (case.foreign, snapshot.revocations()) {
        // The feed knows nothing of them.
        (Some(_), _) => None,
        (None, Some(revocations)) => revocations.refuses(verified),
        (None, None) => {
            let answer = Answer::unavailable();
            return Verdict::Ruled(case.refused_with(answer, Reason::Unavailable));
        }
    };
    let subject = || Subject::boxed(&verified.claims().sub, case.foreign_issuer());
    let refused = match revoked {
        Some(kind) if case.is_worth_another_exchange(kind, exchanges, now) => {
            return Verdict::Exchange;
        }
        Some(kind) => Some((Answer::invalid_token(), Reason::from(kind))),
        None if !case.is_of_its_key(verified) => {
            Some((Answer::invalid_token(), Reason::OtherApiKey))
        }
        None => lacking(case.demand, verified),
    };
    if case.rule.is_edge_s_own() {
        let reason = refused.map(|(_, reason)| reason);
        return Verdict::Ruled(metrics_for(case, verified, reason));
    }
    if let Some((answer, reason)) = refused {
        return Verdict::Ruled(Ruling {
            subject: Some(subject()),
            ..case.refused_with(answer, reason)
        });
    }
    let forward = forward::identified(case, verified, text);
    let log = &case.config.settings.log;
    let is_logged = log.takes_passed(&case.head.request_id);
    Verdict::Ruled(Ruling {
        subject: is_logged.then(subject),
        ..Ruling::forward(forward).by(case.rule)
    })
}

/// The counts, for a token of the administration: like the origin's own administration, they take
/// none that is for anybody else too.
fn metrics_for(case: &Case<'_>, token: Verified<'_>, refused: Option<Reason>) -> Ruling {
    let claims = token.claims();
    let others = !claims.aud.is_only(&case.config.settings.issuer);
    let ruling = match refused.or_else(|| others.then_some(Reason::Audience)) {
        Some(reason) => case.refused(reason),
        None => Ruling::metrics().by(case.rule),
    };
    Ruling {
        subject: Some(Subject::boxed(&claims.sub, None)),
        ..ruling
    }
}

/// What the bearer may not do, although the token is good.
fn lacking(demand: &Demand, token: Verified<'_>) -> Option<(Answer, Reason)> {
    let claims = token.claims();
    if !claims.scope.is_superset(&demand.scopes) {
        return Some((Answer::insufficient_scope(&demand.scopes), Reason::Scope));
    }
    let role = demand.roles.is_empty() || claims.roles.iter().any(|own| demand.roles.contains(own));
    (!role).then(|| (Answer::forbidden(), Reason::Role))
}
