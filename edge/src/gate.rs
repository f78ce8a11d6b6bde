//! The decision about a request, from its head alone.
//!
//! It is made in two parts, so that what needs no keys never waits for them: [`plan`] chooses the
//! rule and finds the credential; [`judge`] holds the token against keys, revocations and the
//! rule. Between them the adapter brings the [`Snapshot`] up to date as far as it is needed.
//!
//! Invariant: [`Decision::Forward`] with an identity comes from one place only, after signature,
//! issuer, audience, time, revocation, scopes and roles have all been satisfied; of a link from
//! [`link`] only, after whatever there is to a link.

mod exchanging;
#[cfg(feature = "explain")]
mod explained;
mod foreign;
mod forward;
mod link;
mod reason;
mod ruling;

use std::rc::Rc;

use portcullis_shared::{
    foreign::{Issuer, SignatureCheck},
    ids::KeyId,
    keys::KeySet,
    problem::Code,
    routes::{Access, Demand, Found, Mode, NEVER_FORWARDED, RouteTable, Rule, built_in},
    token::{Authentic, Policy, Refusal, Unverified, Verified},
};

pub use exchanging::ExchangeRequest;
pub use foreign::conclude;
pub use forward::{CacheUse, Forward, LinkAnswer};
pub use reason::Reason;
pub use ruling::{Decision, Outcome, Ruling, Subject};

use foreign::Foreign;

use crate::{
    answer::Answer,
    cache::TokenCache,
    cors,
    credential::{self, Credential, CredentialFault, Page, Presented, Sources},
    exchange::{Exchanges, Known},
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

enum Unauthentic {
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
fn weigh(
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

#[cfg(test)]
mod tests;
