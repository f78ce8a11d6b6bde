//! The steps of a credential: which check failed, which were passed, and which are open.

use crate::{
    credential::PresentedKey,
    gate::{Case, Reason},
};

use super::{Explanation, Known, Mark, Step, Verdict, asking::Findings};

/// The form of a token or link.
pub(super) const FORM: &str = "form";
/// Its signature, by a key that is known.
pub(super) const SIGNATURE: &str = "signature";
/// The form of its claims.
pub(super) const CLAIMS: &str = "claims";
/// That the cookie beside it is not somebody else's.
pub(super) const BESIDE: &str = "beside";
/// Who issued it.
pub(super) const ISSUER: &str = "issuer";
/// How long it is meant to live.
pub(super) const LIFETIME: &str = "lifetime";
/// Until when.
pub(super) const EXPIRY: &str = "expiry";
/// From when on.
pub(super) const NOT_BEFORE: &str = "not_before";
/// Whom it is for.
pub(super) const AUDIENCE: &str = "audience";
/// The host of a link.
pub(super) const HOST: &str = "host";
/// The path of a link.
pub(super) const PATH: &str = "path";
/// The rest of a link's query.
pub(super) const QUERY: &str = "query";
/// The methods of a link.
pub(super) const LINK_METHOD: &str = "link_method";
/// That nothing of it is revoked.
pub(super) const REVOCATION: &str = "revocation";
/// What its bearer may do.
pub(super) const SCOPES: &str = "scopes";
/// Who its bearer is.
pub(super) const ROLES: &str = "roles";

/// The check that a reason is about.
fn check_of(reason: Reason) -> &'static str {
    match reason {
        Reason::UnknownKey | Reason::Signature => SIGNATURE,
        Reason::Claims => CLAIMS,
        Reason::Contradiction => BESIDE,
        Reason::Issuer => ISSUER,
        Reason::Lifetime => LIFETIME,
        Reason::Expired => EXPIRY,
        Reason::NotYetValid => NOT_BEFORE,
        Reason::Audience => AUDIENCE,
        Reason::LinkHost => HOST,
        Reason::LinkPath => PATH,
        Reason::LinkQuery => QUERY,
        Reason::LinkMethod => LINK_METHOD,
        Reason::RevokedSession
        | Reason::RevokedApiKey
        | Reason::RevokedSigningKey
        | Reason::RevokedUser => REVOCATION,
        Reason::Scope => SCOPES,
        Reason::Role => ROLES,
        // Whatever else a credential can be refused for is seen in its text.
        _ => FORM,
    }
}

/// The steps of these checks, in the order in which the gate makes them; `is_foreign` where the
/// signature is one that nobody can check here. `detail` says what was found,
/// by the name of a check and the reason for which it failed.
pub(super) fn told(
    checks: &[&'static str],
    findings: Findings,
    known: &Known,
    is_foreign: bool,
    detail: impl Fn(&'static str, Option<Reason>) -> String,
) -> Explanation {
    let stop = findings.failed.last().filter(|_| !findings.is_complete);
    let stop = stop.map(|reason| check_of(*reason));
    let is_reached = |check: &str| {
        let place = |wanted: &str| checks.iter().position(|other| *other == wanted);
        stop.is_none_or(|stop| place(check) <= place(stop))
    };
    let mut steps = Vec::new();
    let mut open = Vec::new();
    for check in checks.iter().copied() {
        let mut reasons = findings.failed.iter().copied();
        let reason = reasons.find(|reason| check_of(*reason) == check);
        let missing = match check {
            SIGNATURE if is_foreign => Some(
                "another issuer's, which the Worker's runtime checks; what follows is its own word",
            ),
            SIGNATURE if known.keys.is_none() => {
                Some("no key set is given; what follows is the credential's own word")
            }
            REVOCATION if known.revocations.is_none() => Some("no revocations are given"),
            _ => None,
        };
        steps.push(match (reason, missing) {
            (None, _) if !is_reached(check) => Step::new(check, Mark::NotChecked, "not reached"),
            (None, Some(missing)) => {
                open.push(check);
                Step::new(check, Mark::NotChecked, missing)
            }
            (None, None) => Step::new(check, Mark::Passed, detail(check, None)),
            (Some(_), _) => Step::new(check, Mark::Failed, detail(check, reason)),
        });
    }
    Explanation {
        steps,
        verdict: Verdict::Ruled(findings.verdict),
        open,
    }
}

/// Of an API key its text tells whether it may ever have been issued, and no more.
pub(super) fn of_api_key(case: &Case<'_>, key: PresentedKey<'_>) -> Explanation {
    if let Some(ruling) = case.screen() {
        let text = Reason::NotAnApiKey.text();
        return Explanation {
            steps: vec![Step::new(FORM, Mark::Failed, text)],
            verdict: Verdict::Ruled(ruling),
            open: Vec::new(),
        };
    }
    let id = key.id_text().unwrap_or_default();
    let demand = case.demand();
    let mut asks = format!("a token is asked for with audience {}", demand.audience);
    if !demand.scopes.is_empty() {
        asks = format!("{asks}, scopes {}", demand.scopes);
    }
    if !demand.roles.is_empty() {
        asks = format!("{asks}, and a role, which tokens of API keys do not have");
    }
    let exchange = "whether it was ever issued, is over or revoked, and what its token says, is known \
                    at the origin alone, where the edge exchanges it";
    Explanation {
        steps: vec![
            Step::new(
                FORM,
                Mark::Passed,
                format!("its checksum is right; its id is {id}"),
            ),
            Step::new("exchange", Mark::NotChecked, exchange),
            Step::new("demand", Mark::Noted, asks),
        ],
        verdict: Verdict::Exchange {
            url: case.as_it_came().url,
            reports: case.reports(),
        },
        open: vec!["exchange"],
    }
}
