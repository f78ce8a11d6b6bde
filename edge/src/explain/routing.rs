//! The steps up to the credential: URL, method, rule, and whether what the request shows is looked at.

use portcullis_shared::routes::{Access, CredentialKind, Demand, Methods, Mode, Rule};

use crate::{
    credential::Credential,
    gate::{Case, Config, Decision, Head, Reason, Ruling},
    target::Target,
};

use super::{Mark, Step};

/// How far the gate came without keys.
pub(super) enum Way<'a> {
    /// It has decided.
    Ruled(&'a Ruling),
    /// A credential is to be judged.
    Judged(&'a Case<'a>),
}

impl Way<'_> {
    fn reason(&self) -> Option<Reason> {
        match self {
            Self::Ruled(ruling) => ruling.reason,
            Self::Judged(_) => None,
        }
    }

    fn rule<'c>(&'c self, config: &'c Config) -> Option<&'c Rule> {
        match self {
            Self::Ruled(ruling) => {
                let number = ruling.rule?;
                let mut rules = config.table.rules().chain([&config.settings.own_rule]);
                rules.find(|rule| rule.number == number)
            }
            Self::Judged(case) => Some(case.rule()),
        }
    }

    fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Ruled(ruling) => Some(&ruling.decision),
            Self::Judged(_) => None,
        }
    }
}

/// The steps, as far as they were taken.
pub(super) fn steps(head: &Head, config: &Config, way: &Way<'_>) -> Vec<Step> {
    let reason = way.reason();
    let mut steps = Vec::new();
    let Ok(target) = Target::parse(&head.url) else {
        let text = reason.unwrap_or(Reason::Url).text();
        return vec![Step::new("url", Mark::Failed, text)];
    };
    steps.push(Step::new("url", Mark::Passed, url(&target)));
    if reason == Some(Reason::ForbiddenMethod) {
        let text = format!("{}: {}", head.method, Reason::ForbiddenMethod);
        steps.push(Step::new("method", Mark::Failed, text));
        return steps;
    }
    steps.push(route(head, config, way));
    let Some(rule) = way.rule(config) else {
        return steps;
    };
    steps.extend(mode(config, rule));
    if reason == Some(Reason::MethodNotAllowed) {
        return steps;
    }
    if let Some(preflight) = preflight(head, way, rule) {
        steps.push(preflight);
        return steps;
    }
    steps.push(Step::new("access", Mark::Noted, access(rule)));
    if let Some(demand) = rule.access.demand() {
        steps.extend(credential(head, way, demand));
    }
    steps
}

/// The URL without its query, in which secrets may stand.
fn url(target: &Target<'_>) -> String {
    let query = target.query().map_or("", |_| ", and a query");
    let (scheme, authority, path) = (target.scheme, target.authority, target.path);
    format!("{scheme}://{authority}{path}{query}")
}

fn route(head: &Head, config: &Config, way: &Way<'_>) -> Step {
    let step = |mark, text| Step::new("route", mark, text);
    match (way.reason(), way.rule(config)) {
        (Some(Reason::NoRoute), _) => step(Mark::Failed, "no rule names the path".to_owned()),
        (Some(Reason::MethodNotAllowed), _) => {
            let allowed = match way.decision() {
                Some(Decision::Answer(answer)) => {
                    let mut headers = answer.headers.iter();
                    headers.find(|(name, _)| *name == "allow")
                }
                _ => None,
            };
            let allowed = allowed.map(|(_, methods)| format!(": it allows {methods}"));
            let allowed = allowed.unwrap_or_default();
            let text = format!("no rule of the path names {}{allowed}", head.method);
            step(Mark::Failed, text)
        }
        (_, Some(rule)) if rule.is_edge_s_own() => {
            let text = "the edge's own path, where administrators read what it counts";
            step(Mark::Passed, text.to_owned())
        }
        (_, Some(rule)) => step(Mark::Passed, of_table(rule)),
        (_, None) => {
            let text = "built in: it goes to the origin, which decides by itself";
            step(Mark::Passed, text.to_owned())
        }
    }
}

fn of_table(rule: &Rule) -> String {
    let methods = match &rule.methods {
        Methods::All => "all methods".to_owned(),
        Methods::Only(methods) => {
            let names: Vec<_> = methods.iter().map(ToString::to_string).collect();
            names.join(", ")
        }
    };
    let (number, host, path) = (rule.number, &rule.host, &rule.path);
    let upstream = rule.upstream.variable();
    format!("rule {number} of the table: host {host}, path {path}, {methods}; to {upstream}")
}

fn mode(config: &Config, rule: &Rule) -> Option<Step> {
    let whose = match rule.mode {
        Mode::Report => "the rule only reports",
        Mode::Enforce => "all rules only report (MODE)",
    };
    let text = format!("{whose}: what would be refused is logged, and passes as it came");
    config
        .reports(rule)
        .then(|| Step::new("mode", Mark::Noted, text))
}

/// A preflight is decided by the rule of the request that it asks for, and looks at no credential.
fn preflight(head: &Head, way: &Way<'_>, rule: &Rule) -> Option<Step> {
    let step = |mark, text: &str| Some(Step::new("preflight", mark, text));
    if way.reason() == Some(Reason::PreflightOrigin) {
        return step(Mark::Failed, Reason::PreflightOrigin.text());
    }
    let asks = head.method == "OPTIONS" && head.asked_method.is_some() && head.origin.is_some();
    match way.decision() {
        Some(Decision::Answer(_)) if asks && way.reason().is_none() => step(
            Mark::Passed,
            "the edge answers it by the `cors` of the rule",
        ),
        Some(Decision::Forward(_)) if asks && rule.cors.is_some() => {
            step(Mark::Passed, "left to the upstream")
        }
        _ => None,
    }
}

fn access(rule: &Rule) -> String {
    let (word, demand) = match &rule.access {
        Access::Public => return "public: credentials are not looked at".to_owned(),
        Access::Optional(demand) => ("optional", demand),
        Access::Required(demand) => ("required", demand),
    };
    format!("{word}, by {}", kinds(demand))
}

fn kinds(demand: &Demand) -> String {
    let names = demand.credentials.iter().map(|kind| match kind {
        CredentialKind::Bearer => "bearer",
        CredentialKind::Cookie => "cookie",
        CredentialKind::ApiKey => "api_key",
        CredentialKind::SignedUrl => "signed_url",
    });
    names.collect::<Vec<_>>().join(" or ")
}

fn credential(head: &Head, way: &Way<'_>, demand: &Demand) -> Vec<Step> {
    let step = |mark, text: String| Step::new("credential", mark, text);
    let page = |mark, text: &str| Step::new("page", mark, text);
    let case = match way {
        Way::Ruled(_) => {
            return match way.reason() {
                Some(Reason::CrossSite) => vec![
                    step(Mark::Passed, "an access token in the cookie".to_owned()),
                    page(Mark::Failed, Reason::CrossSite.text()),
                ],
                Some(reason) => {
                    let text = format!("{reason}; taken here: {}", kinds(demand));
                    vec![step(Mark::Failed, text)]
                }
                None => vec![step(
                    Mark::Passed,
                    "none that counts, and none needed".to_owned(),
                )],
            };
        }
        Way::Judged(case) => case,
    };
    let presented = case.presented();
    let found = match presented.credential {
        Credential::Bearer(_) => "an access token in `Authorization`",
        Credential::Cookie(_) => "an access token in the cookie",
        Credential::ApiKey(_) => "an API key",
        Credential::Link(_) => "a link in the URL",
    };
    let beside = presented.beside.map_or("", |_| ", and a cookie beside it");
    let mut steps = vec![step(Mark::Passed, format!("{found}{beside}"))];
    if matches!(presented.credential, Credential::Cookie(_)) {
        let text = format!(
            "{} needs no proof of the page, or there is one",
            head.method
        );
        steps.push(page(Mark::Passed, &text));
    }
    steps
}
