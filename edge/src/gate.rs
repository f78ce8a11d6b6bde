//! The decision about a request, from its head alone.
//!
//! It is made in two parts, so that what needs no keys never waits for them: [`plan`] chooses the
//! rule and finds the credential; [`judge`] holds the token against keys, revocations and the
//! rule. Between them the adapter brings the [`Snapshot`] up to date as far as it is needed.
//!
//! Invariant: [`Decision::Forward`] with an identity comes from [`judging`] only, after signature,
//! issuer, audience, time, revocation, scopes and roles have all been satisfied; of a link from
//! [`link`] only, after whatever there is to a link.

mod exchanging;
#[cfg(feature = "explain")]
mod explained;
mod foreign;
mod forward;
mod judging;
mod link;
mod reason;
mod ruling;

use portcullis_shared::{
    foreign::{Issuer, SignatureCheck},
    ids::KeyId,
    keys::KeySet,
    problem::Code,
    routes::{Access, Demand, Found, Mode, NEVER_FORWARDED, RouteTable, Rule, built_in},
    token::{Policy, Unverified},
};

pub use exchanging::ExchangeRequest;
pub use foreign::conclude;
pub use forward::{CacheUse, Forward, LinkAnswer};
pub use judging::{judge, refuse_unknown_key};
pub use reason::Reason;
pub use ruling::{Decision, Outcome, Ruling, Subject};

use foreign::Foreign;

use crate::{
    answer::Answer,
    cache::TokenCache,
    cors,
    credential::{self, Credential, CredentialFault, Page, Presented, Sources},
    exchange::Exchanges,
    settings::Settings,
    snapshot::{Freshness, Needs, Snapshot},
    target::{Target, TargetFault},
    time::Millis,
};

/// What is known of a request before its body.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// The method, as it came.
    pub method: String,
    /// The absolute URL, as the runtime has it.
    pub url: String,
    /// The names of all headers.
    pub names: Vec<String>,
    /// `Authorization`, several joined with commas.
    pub authorization: Option<String>,
    /// `Cookie`.
    pub cookie: Option<String>,
    /// `X-API-Key`, several joined with commas.
    pub api_key: Option<String>,
    /// `Origin`.
    pub origin: Option<String>,
    /// `Sec-Fetch-Site`, several joined with commas.
    pub fetch_site: Option<String>,
    /// Whether `Referer` has a link in it, which would be told to whoever is asked.
    pub refers_to_link: bool,
    /// `Access-Control-Request-Method`.
    pub asked_method: Option<String>,
    /// `Access-Control-Request-Headers`.
    pub asked_headers: Option<String>,
    /// The client's address, as the platform knows it.
    pub client_ip: Option<String>,
    /// The client's country, as the platform knows it.
    pub country: Option<String>,
    /// What the request is called in logs, here and behind.
    pub request_id: String,
}

/// The rules in force.
#[derive(Debug)]
pub struct Config {
    /// Which request goes where.
    pub table: RouteTable,
    /// The variables.
    pub settings: Settings,
}

impl Config {
    /// Whether what `rule` refuses is only reported.
    pub fn reports(&self, rule: &Rule) -> bool {
        rule.mode == Mode::Report || (self.settings.all_report && !rule.is_edge_s_own())
    }
}

/// What earlier requests have left, so that less is to be done for this one.
#[derive(Debug)]
pub struct Memory {
    /// Tokens whose signature has been checked.
    pub tokens: TokenCache,
    /// The tokens for which API keys stand.
    pub exchanges: Exchanges,
}

impl Memory {
    /// Nothing yet. The verified tokens will take so many bytes at most.
    pub fn new(token_bytes: usize) -> Self {
        Self {
            tokens: TokenCache::new(token_bytes),
            exchanges: Exchanges::default(),
        }
    }
}

/// What [`plan`] found.
#[derive(Debug)]
pub enum Plan<'a> {
    /// It is decided.
    Ruled(Ruling),
    /// A token is to be judged.
    Judge(Case<'a>),
}

/// A request with a token on a route that asks for one.
#[derive(Debug)]
pub struct Case<'a> {
    head: &'a Head,
    config: &'a Config,
    target: Target<'a>,
    rule: &'a Rule,
    demand: &'a Demand,
    presented: Presented<'a>,
    /// Where the token is one of another issuer.
    foreign: Option<Foreign<'a>>,
}

/// What [`judge`] says.
#[derive(Debug)]
pub enum Verdict {
    /// It is decided.
    Ruled(Ruling),
    /// The token names a key that is not in the set, which may be too old.
    UnknownKey(KeyId),
    /// The API key has to be exchanged for a token first.
    Exchange,
    /// The runtime has to check the signature of a foreign token first; see [`conclude`].
    CheckSignature(Box<SignatureCheck>),
}

/// What `Allow` says where no rule was asked.
const USUAL_METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";

/// Methods that change nothing (RFC 9110 §9.2.1).
const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// Decides what can be decided without keys and revocations.
pub fn plan<'a>(head: &'a Head, config: &'a Config) -> Plan<'a> {
    let target = match Target::parse(&head.url) {
        Ok(target) => target,
        Err(fault) => {
            let code = match fault {
                TargetFault::Url => Code::InvalidRequest,
                TargetFault::Ambiguous => Code::AmbiguousPath,
            };
            let reason = Reason::from(&fault);
            return Plan::Ruled(Ruling::refuse(Answer::problem(code), reason));
        }
    };
    if NEVER_FORWARDED.contains(&head.method.as_str()) {
        let answer = Answer::method_not_allowed(USUAL_METHODS.to_owned());
        return Plan::Ruled(Ruling::refuse(answer, Reason::ForbiddenMethod));
    }
    if target.path == built_in::EDGE_METRICS {
        return metrics(head, config, target);
    }
    if built_in::covers(target.path) {
        return Plan::Ruled(Ruling::forward(forward::built_in(head, config, &target)));
    }
    if let Some(ruling) = preflight(head, config, &target) {
        return Plan::Ruled(ruling);
    }
    match config.table.find(target.host, target.path, &head.method) {
        Found::Rule(rule) => with_rule(head, config, target, rule),
        Found::MethodNotAllowed { allow } => {
            Plan::Ruled(method_not_allowed(head, config, &target, &allow))
        }
        Found::NotFound => Plan::Ruled(Ruling::refuse(
            Answer::problem(Code::NotFound),
            Reason::NoRoute,
        )),
    }
}

/// The edge's own path. Whoever is no administrator is told no more than that a token is needed.
fn metrics<'a>(head: &'a Head, config: &'a Config, target: Target<'a>) -> Plan<'a> {
    if ["GET", "HEAD"].contains(&head.method.as_str()) {
        return with_rule(head, config, target, &config.settings.own_rule);
    }
    let answer = Answer::method_not_allowed("GET, HEAD".to_owned());
    Plan::Ruled(Ruling::refuse(answer, Reason::MethodNotAllowed))
}

/// A path is known, but only for the methods of `allow`. Where all its rules only report, it goes
/// where the first of them leads.
fn method_not_allowed(head: &Head, config: &Config, target: &Target<'_>, allow: &str) -> Ruling {
    let answer = Answer::method_not_allowed(allow.to_owned());
    let find = |method| match config.table.find(target.host, target.path, method) {
        Found::Rule(rule) => Some(rule),
        Found::MethodNotAllowed { .. } | Found::NotFound => None,
    };
    let rules: Vec<&Rule> = allow.split(", ").filter_map(find).collect();
    // A page that may read the path's answers may read this one.
    let with_cors = rules.iter().find(|rule| rule.cors.is_some());
    match (with_cors, rules.first()) {
        (_, Some(rule)) if rules.iter().all(|rule| config.reports(rule)) => {
            refused(head, config, target, rule, answer, Reason::MethodNotAllowed)
        }
        (Some(rule), _) => Ruling::refuse(
            answer_with_cors(head, rule, answer),
            Reason::MethodNotAllowed,
        ),
        (None, _) => Ruling::refuse(answer, Reason::MethodNotAllowed),
    }
}

/// The answer to a preflight, if the request is one for a route with `cors`.
fn preflight(head: &Head, config: &Config, target: &Target<'_>) -> Option<Ruling> {
    let asked = head
        .asked_method
        .as_deref()
        .filter(|_| head.method == "OPTIONS")?;
    let origin = Some(head.origin.as_deref()?);
    let Found::Rule(rule) = config.table.find(target.host, target.path, asked) else {
        return None;
    };
    let cors = rule.cors.as_ref()?;
    let methods = config.table.methods_of(rule);
    let asked_headers = head.asked_headers.as_deref();
    let ruling = match cors::preflight(cors, origin, methods, asked_headers) {
        // Whoever only reports leaves the answer to the upstream.
        Some(_) if config.reports(rule) => {
            Ruling::forward(forward::as_it_came(head, config, target, rule))
        }
        Some(answer) => Ruling::answer(answer),
        None => {
            let answer = Answer::problem(Code::Forbidden);
            refused(head, config, target, rule, answer, Reason::PreflightOrigin)
        }
    };
    Some(ruling.by(rule))
}

fn with_rule<'a>(
    head: &'a Head,
    config: &'a Config,
    target: Target<'a>,
    rule: &'a Rule,
) -> Plan<'a> {
    let refuse = |answer, reason| Plan::Ruled(refused(head, config, &target, rule, answer, reason));
    let anonymous =
        || Plan::Ruled(Ruling::forward(forward::anonymous(head, config, &target, rule)).by(rule));
    let Some(demand) = rule.access.demand() else {
        return anonymous();
    };
    let sources = Sources {
        authorization: head.authorization.as_deref(),
        cookie: head.cookie.as_deref(),
        api_key: head.api_key.as_deref(),
        query: target.query(),
    };
    match credential::find(&sources, &demand.credentials) {
        Ok(Some(presented)) if needs_page(presented.credential, head, &target) => {
            refuse(Answer::problem(Code::CrossSite), Reason::CrossSite)
        }
        Ok(Some(presented)) => Plan::Judge(Case {
            head,
            config,
            target,
            rule,
            demand,
            foreign: foreign::find(&config.table, demand, presented.credential),
            presented,
        }),
        Ok(None) if matches!(rule.access, Access::Optional(_)) => anonymous(),
        Ok(None) => refuse(Answer::authentication_required(), Reason::NoCredential),
        Err(fault) => {
            let answer = match fault {
                CredentialFault::Several => Answer::invalid_request(),
                CredentialFault::Kind => Answer::authentication_required(),
                CredentialFault::Malformed => Answer::invalid_token(),
            };
            refuse(answer, Reason::from(fault))
        }
    }
}

/// Whether a credential that browsers send unasked comes with a request that may change something,
/// and nothing shows that a page of this site sent it.
fn needs_page(credential: Credential<'_>, head: &Head, target: &Target<'_>) -> bool {
    match credential {
        Credential::Bearer(_) | Credential::ApiKey(_) | Credential::Link(_) => false,
        Credential::Cookie(_) => {
            let page = Page {
                fetch_site: head.fetch_site.as_deref(),
                origin: head.origin.as_deref(),
            };
            let is_safe = SAFE_METHODS.contains(&head.method.as_str());
            let upgrades = head.names.iter().any(|name| name == "upgrade");
            (!is_safe || upgrades) && !page.is_of(target.scheme, target.authority)
        }
    }
}

/// A refusal under a rule: with its CORS headers, or, where the rule only reports, no refusal.
fn refused(
    head: &Head,
    config: &Config,
    target: &Target<'_>,
    rule: &Rule,
    answer: Answer,
    reason: Reason,
) -> Ruling {
    let ruling = if config.reports(rule) {
        let forward = forward::as_it_came(head, config, target, rule);
        Ruling::report(forward, answer.status, reason)
    } else {
        Ruling::refuse(answer_with_cors(head, rule, answer), reason)
    };
    ruling.by(rule)
}

fn answer_with_cors(head: &Head, rule: &Rule, mut answer: Answer) -> Answer {
    if let Some(cors) = &rule.cors {
        answer
            .headers
            .extend(cors::headers(cors, head.origin.as_deref()));
    }
    answer
}

impl Case<'_> {
    /// The rule that governs the request.
    pub fn rule(&self) -> &Rule {
        self.rule
    }

    /// What the rule asks of the token.
    pub fn demand(&self) -> &Demand {
        self.demand
    }

    /// What has to be known before it is judged.
    pub fn needs(&self) -> Needs {
        match self.foreign {
            Some(foreign) => Needs::Foreign(foreign.number),
            None => Needs::Ours(self.demand.revocations),
        }
    }

    /// The declaration of the foreign issuer that the token is held against, if it is.
    pub fn foreign_issuer(&self) -> Option<&Issuer> {
        self.foreign.map(|foreign| foreign.issuer)
    }

    /// What the token must satisfy besides its signature; nothing where the rule takes no tokens of
    /// its issuer.
    fn policy(&self) -> Option<Policy<'_>> {
        let Some(Foreign { issuer, .. }) = self.foreign else {
            let settings = &self.config.settings;
            return self.takes_our_issuer().then_some(Policy {
                issuer: &settings.issuer,
                audience: &self.demand.audience,
                max_lifetime: settings.token_max_lifetime,
            });
        };
        Some(Policy {
            issuer: issuer.name(),
            audience: issuer.audience(&self.demand.audience)?,
            max_lifetime: issuer.max_lifetime(),
        })
    }

    /// Refuses what cannot be a token or a key, whatever the origin may know. To be asked before
    /// anything is fetched for the credential's sake.
    pub fn screen(&self) -> Option<Ruling> {
        let reason = match self.presented.credential {
            Credential::Bearer(token) if let Some(foreign) = self.foreign => {
                foreign::screen(foreign, token)
            }
            Credential::Bearer(token) | Credential::Cookie(token) => {
                Unverified::parse(token).err().as_ref().map(Reason::from)
            }
            Credential::ApiKey(key) => key.parsed().is_none().then_some(Reason::NotAnApiKey),
            Credential::Link(link) => link::screen(link),
        };
        reason.map(|reason| self.refused(reason))
    }

    /// Whether the decision is only reported. What is forwarded then does not depend on it, and
    /// need not wait for it: see [`Self::as_it_came`].
    pub fn reports(&self) -> bool {
        self.config.reports(self.rule)
    }

    /// The request as it came, for a rule that only reports.
    pub fn as_it_came(&self) -> Forward {
        forward::as_it_came(self.head, self.config, &self.target, self.rule)
    }

    /// Whether the rule takes what our own issuer signed.
    fn takes_our_issuer(&self) -> bool {
        let issuer = &self.config.settings.issuer;
        let issuers = self.demand.issuers.as_ref();
        issuers.is_none_or(|issuers| issuers.contains(issuer))
    }

    /// The keys to verify with, where keys and revocations are fresh enough to be worked with.
    fn keys<'s>(&self, snapshot: &'s Snapshot, now: Millis) -> Option<&'s KeySet> {
        let feed = snapshot.feed_freshness(self.demand.revocations, now);
        let gone = feed == Freshness::Gone || snapshot.keys_freshness(now) == Freshness::Gone;
        snapshot.keys().filter(|_| !gone)
    }

    fn refused(&self, reason: Reason) -> Ruling {
        self.refused_with(Answer::invalid_token(), reason)
    }

    fn refused_with(&self, answer: Answer, reason: Reason) -> Ruling {
        refused(
            self.head,
            self.config,
            &self.target,
            self.rule,
            answer,
            reason,
        )
    }
}

#[cfg(test)]
mod tests;
