//! The steps of an access token, be it in the header or in the cookie.

use portcullis_shared::{claims::AccessClaims, foreign::Issuer, inspect::Inspection};

use crate::gate::{Case, Config, Head};

use super::{
    Explanation, Known,
    asking::{self, Says},
    checks::{
        self, AUDIENCE, BESIDE, CLAIMS, EXPIRY, FORM, ISSUER, LIFETIME, NOT_BEFORE, REVOCATION,
        ROLES, SCOPES, SIGNATURE,
    },
    said::{self, Said},
};

/// In the order in which the gate makes them.
const CHECKS: [&str; 12] = [
    FORM, SIGNATURE, CLAIMS, BESIDE, ISSUER, LIFETIME, EXPIRY, NOT_BEFORE, AUDIENCE, REVOCATION,
    SCOPES, ROLES,
];

/// Explains the decision about the access token `text`.
pub(super) fn explain(
    head: &Head,
    config: &Config,
    known: &Known,
    case: &Case<'_>,
    text: &str,
) -> Explanation {
    let foreign = case.foreign_issuer();
    let inspection = match foreign {
        Some(issuer) => Inspection::of_foreign(text, issuer),
        None => Inspection::of_token(text),
    };
    let inspection = inspection.as_ref();
    let longest = foreign.map_or(config.settings.token_max_lifetime, Issuer::max_lifetime);
    let says = inspection.map(|inspection| {
        let said = Said::by_token(inspection, longest);
        let audience = inspection.unproven_claims().aud.members();
        Says::new(&said, audience.first().map(String::as_str))
    });
    let findings = asking::ask(head, config, known, case, &says.unwrap_or_default());
    let beside = case.presented().beside;
    let checks: Vec<_> = CHECKS
        .into_iter()
        .filter(|check| *check != BESIDE || beside.is_some())
        // Our revocations know our own users.
        .filter(|check| *check != REVOCATION || foreign.is_none())
        .collect();
    checks::told(
        &checks,
        findings,
        known,
        foreign.is_some(),
        |check, reason| {
            let Some(inspection) = inspection else {
                return said::unread(reason);
            };
            compared(check, inspection.unproven_claims(), case).unwrap_or_else(|| {
                let said = Said::by_token(inspection, longest);
                said::detail(&said, (config, known, case), check, reason)
            })
        },
    )
}

/// What was found by a check that access tokens alone have.
fn compared(check: &'static str, claims: &AccessClaims, case: &Case<'_>) -> Option<String> {
    let demand = case.demand();
    let nothing = || Some("none is needed".to_owned());
    match check {
        AUDIENCE => {
            let own = claims.aud.members().join(", ");
            let needed = match case.foreign_issuer() {
                Some(issuer) => issuer.audience(&demand.audience).unwrap_or_default(),
                None => &demand.audience,
            };
            Some(format!("`aud` is {own}; needed: {needed}"))
        }
        SCOPES if demand.scopes.is_empty() => nothing(),
        SCOPES => {
            let (own, needed) = (&claims.scope, &demand.scopes);
            Some(format!("`scope` is \"{own}\"; needed: {needed}"))
        }
        ROLES if demand.roles.is_empty() => nothing(),
        ROLES => {
            let needed: Vec<_> = demand.roles.iter().map(String::as_str).collect();
            let (own, needed) = (claims.roles.join(", "), needed.join(", "));
            Some(format!("`roles` are \"{own}\"; needed is one of: {needed}"))
        }
        _ => None,
    }
}
