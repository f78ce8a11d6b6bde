//! The decision about a request that came by a link ([`portcullis_shared::link`]).
//!
//! Whoever had it signed had the right to what it names, which the origin has made sure of; so a
//! link stands for audience and scopes of a route that takes links, and only there. It is judged
//! anew at each use, the signature included: most links are used once by each browser, which keeps
//! the answer, and would only push access tokens out of the cache.
//!
//! Invariant: a request by a link is forwarded only after signature, issuer, time, host, path,
//! query, method and revocation have all been satisfied.

use portcullis_shared::link::{Refusal, Request, Unverified, without_links};

use crate::{answer::Answer, snapshot::Snapshot, time::Millis};

use super::{Case, Reason, Ruling, Verdict, forward, ruling::Subject};

/// Why this cannot be a link, whatever the keys are.
pub(super) fn screen(link: &str) -> Option<Reason> {
    let refusal = Unverified::parse(link).err();
    refusal.map(|refusal| Reason::from(&refusal))
}

/// Judges the link of a case at the time `now`.
pub(super) fn judge(case: &Case<'_>, link: &str, snapshot: &Snapshot, now: Millis) -> Verdict {
    let (Some(keys), Some(revocations)) = (case.keys(snapshot, now), snapshot.revocations()) else {
        return Verdict::Ruled(case.refused_with(Answer::unavailable(), Reason::Unavailable));
    };
    if !case.takes_our_issuer() {
        return Verdict::Ruled(case.refused(Reason::Issuer));
    }
    // What follows the answer to an upgrade is no GET any more.
    if case.head.names.iter().any(|name| name == "upgrade") {
        return Verdict::Ruled(case.refused(Reason::LinkMethod));
    }
    let rest = case.target.query().and_then(without_links);
    let request = Request {
        method: &case.head.method,
        host: case.target.host,
        path: case.target.path,
        query: rest.as_deref(),
    };
    let issuer = &case.config.settings.issuer;
    let authentic = match Unverified::parse(link).and_then(|link| link.authenticate(keys)) {
        Ok(authentic) => authentic,
        Err(Refusal::UnknownKey(key)) => return Verdict::UnknownKey(key),
        Err(refusal) => return Verdict::Ruled(case.refused(Reason::from(&refusal))),
    };
    let verified = match authentic.verify(issuer, &request, now.seconds()) {
        Ok(verified) => verified,
        Err(refusal) => return Verdict::Ruled(case.refused(Reason::from(&refusal))),
    };
    let subject = || Subject::boxed(&verified.claims().sub, None);
    if let Some(kind) = revocations.refuses_link(verified) {
        return Verdict::Ruled(Ruling {
            subject: Some(subject()),
            ..case.refused(Reason::from(kind))
        });
    }
    let forward = forward::linked(case, verified, link, now.seconds());
    let is_logged = case.config.settings.log.takes_passed(&case.head.request_id);
    Verdict::Ruled(Ruling {
        subject: is_logged.then(subject),
        ..Ruling::forward(forward).by(case.rule)
    })
}
