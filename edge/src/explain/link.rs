//! The steps of a link in the URL.

use portcullis_shared::{
    inspect::Inspection,
    link::{LinkClaims, LinkMethod},
};

use crate::{
    gate::{Case, Config, Head, Reason},
    target::Target,
};

use super::{
    Explanation, Known,
    asking::{self, Says},
    checks::{
        self, CLAIMS, EXPIRY, FORM, HOST, ISSUER, LIFETIME, LINK_METHOD, NOT_BEFORE, PATH, QUERY,
        REVOCATION, SIGNATURE,
    },
    said::{self, Said},
};

/// In the order in which the gate makes them.
const CHECKS: [&str; 12] = [
    FORM,
    SIGNATURE,
    CLAIMS,
    ISSUER,
    LIFETIME,
    EXPIRY,
    NOT_BEFORE,
    HOST,
    PATH,
    QUERY,
    LINK_METHOD,
    REVOCATION,
];

/// Explains the decision about the link `text`.
pub(super) fn explain(
    head: &Head,
    config: &Config,
    known: &Known,
    case: &Case<'_>,
    text: &str,
) -> Explanation {
    let inspection = Inspection::of_link(text);
    let inspection = inspection.as_ref();
    let says = inspection.map(|inspection| Says::new(&Said::by_link(inspection), None));
    let findings = asking::ask(head, config, known, case, &says.unwrap_or_default());
    checks::told(&CHECKS, findings, known, false, |check, reason| {
        let Some(inspection) = inspection else {
            return said::unread(reason);
        };
        compared(check, inspection.unproven_claims(), head, reason).unwrap_or_else(|| {
            let said = Said::by_link(inspection);
            said::detail(&said, (config, known, case), check, reason)
        })
    })
}

/// What was found by a check that links alone have.
fn compared(
    check: &'static str,
    claims: &LinkClaims,
    head: &Head,
    reason: Option<Reason>,
) -> Option<String> {
    let target = Target::parse(&head.url).ok();
    let asked = |part: fn(&Target<'_>) -> String| target.as_ref().map(part).unwrap_or_default();
    Some(match check {
        HOST => {
            let asked = asked(|target| target.host.to_owned());
            format!("for {}; asked for: {asked}", claims.host)
        }
        PATH => {
            let asked = asked(|target| target.path.to_owned());
            format!("for {}; asked for: {asked}", claims.path)
        }
        QUERY if reason.is_none() => "the rest of the query is what was signed".to_owned(),
        LINK_METHOD => {
            let of = |method: &LinkMethod| claims.methods.allow(method.as_str());
            let methods = [LinkMethod::Get, LinkMethod::Head].into_iter().filter(of);
            let methods: Vec<_> = methods.map(LinkMethod::as_str).collect();
            let upgrade = head.names.iter().any(|name| name == "upgrade");
            let upgrade = if upgrade { ", with an upgrade" } else { "" };
            let (methods, method) = (methods.join(", "), &head.method);
            format!("for {methods}; the request's is {method}{upgrade}")
        }
        _ => return None,
    })
}
