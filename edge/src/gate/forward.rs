//! What is forwarded: where to, and with which headers changed. The body is not seen here.
//!
//! Invariant: whatever the route, no reserved header of the client passes; and a header that tells
//! an identity is written from a [`Verified`] token only, or from a link's [`link::Verified`]. No
//! link goes further than this, but as a proof.

use portcullis_shared::{
    link::{self, ResponseHeaders},
    routes::{Cache, CredentialKind, Rule, built_in},
    time::UnixSeconds,
    token::Verified,
};
use serde::{Deserialize, Serialize};

use crate::{
    cors,
    credential::{self, Credential},
    headers,
    settings::Settings,
    target::Target,
};

use super::{Case, Config, Head};

/// What caches may do, on the way to the upstream and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CacheUse {
    /// The edge has no say in it: the origin's own paths.
    Untouched,
    /// Fetched past every cache, answered as private.
    Private,
    /// As the upstream says; it was told no identity, and its answer sets no cookie.
    Shared,
}

/// What the answer to a link gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkAnswer {
    /// For how many seconds it may be kept: as long as the link works.
    pub max_age: i64,
    /// Headers in place of the upstream's.
    pub headers: Vec<(&'static str, String)>,
}

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Where to.
    pub url: String,
    /// Request headers that are removed.
    pub remove: Vec<String>,
    /// Request headers that are set, after the removal.
    pub set: Vec<(&'static str, String)>,
    /// What caches may do.
    pub cache: CacheUse,
    /// Whether the answer may set our cookies: only those of the origin's sign-in may.
    pub may_set_own_cookies: bool,
    /// The request headers that a private answer depends on, for `Vary`.
    pub vary: &'static str,
    /// For a request that came by a link.
    pub link: Option<LinkAnswer>,
    /// On a route with `cors`, the headers that stand for whatever the upstream says about it.
    pub cors: Option<Vec<(&'static str, String)>>,
}

/// A request for the origin's own paths: untouched but for reserved headers and links, and for our
/// cookies where the origin has no use for them.
pub(super) fn built_in(head: &Head, config: &Config, target: &Target<'_>) -> Forward {
    let signs_in = target.path.starts_with(built_in::AUTH_PREFIX);
    let mut remove = not_passed_on(head, &config.settings);
    let mut set = vec![("portcullis-request-id", head.request_id.clone())];
    set.extend(edge_channel(head, &config.settings));
    if !signs_in {
        set.extend(cookies(head, &mut remove));
    }
    Forward {
        url: config.settings.origin.join(&target.without_links()),
        remove,
        set,
        cache: CacheUse::Untouched,
        may_set_own_cookies: signs_in,
        vary: "",
        link: None,
        cors: None,
    }
}

/// A request without a credential that counts: no bearer token passes, because nobody has looked
/// whether it is revoked. The origin, which looks for itself, gets it.
pub(super) fn anonymous(head: &Head, config: &Config, target: &Target<'_>, rule: &Rule) -> Forward {
    if config.reports(rule) {
        return as_it_came(head, config, target, rule);
    }
    let mut forward = base(head, config, target, rule);
    let holds = |held: fn(&str) -> bool| head.authorization.as_deref().is_some_and(held);
    let is_bearer = holds(credential::holds_bearer) && !rule.upstream.is_origin();
    if is_bearer || holds(credential::holds_api_key) {
        forward.remove.push("authorization".to_owned());
    }
    forward
}

/// A request on a route that only reports, whatever the decision: less reserved headers, our cookies
/// and API keys, and the upstream's own word on other origins' pages stands.
///
/// The upstream learns who asks, as it did before, so an answer may be kept by caches only if the
/// request holds nothing of anybody.
pub(super) fn as_it_came(
    head: &Head,
    config: &Config,
    target: &Target<'_>,
    rule: &Rule,
) -> Forward {
    let credentials = [&head.authorization, &head.cookie, &head.api_key];
    let is_anybodys = credentials.iter().all(|held| held.is_none());
    let keep = rule.cache == Cache::Shared && is_anybodys;
    let mut forward = told(head, config, target, rule, keep);
    let authorization = head.authorization.as_deref();
    if authorization.is_some_and(credential::holds_api_key) {
        forward.remove.push("authorization".to_owned());
    }
    forward.cors = None;
    forward
}

/// A request with an identity: that of `verified`, whose text is `token`.
pub(super) fn identified(case: &Case<'_>, verified: Verified<'_>, token: &str) -> Forward {
    let Case {
        head, config, rule, ..
    } = *case;
    if config.reports(rule) {
        return as_it_came(head, config, &case.target, rule);
    }
    let mut forward = base(head, config, &case.target, rule);
    if rule.cache == Cache::Shared {
        return forward;
    }
    match case.presented.credential {
        Credential::Bearer(_) => (),
        // Behind the edge, whichever way it came, it is a bearer token.
        Credential::Cookie(_) | Credential::ApiKey(_) => {
            let bearer = ("authorization", format!("Bearer {token}"));
            forward.set.push(bearer);
        }
        // See `linked`; an access token is none.
        Credential::Link(_) => return forward,
    }
    let claims = verified.claims();
    // Base64 and dots: it has been verified.
    let proof = ("portcullis-proof", token.to_owned());
    forward.set.push(proof);
    let mut set = |name, text: &str| {
        // What a header cannot carry, the upstream can still read in the proof.
        if let Some(text) = headers::value(text) {
            forward.set.push((name, text.to_owned()));
        }
    };
    set("portcullis-issuer", &claims.iss);
    set("portcullis-subject", &claims.sub);
    set(
        "portcullis-session",
        claims.sid.as_deref().unwrap_or_default(),
    );
    set("portcullis-scope", &claims.scope.to_string());
    // A role with a space in it would read as two.
    let word = |role: &&String| role.bytes().all(|byte| byte.is_ascii_graphic());
    let roles: Vec<&str> = claims
        .roles
        .iter()
        .filter(word)
        .map(String::as_str)
        .collect();
    set("portcullis-roles", &roles.join(" "));
    set("portcullis-expires", &claims.exp.0.to_string());
    forward
}

/// A request that came by a link. The upstream learns who had it signed and gets the link as the
/// proof; scopes, roles and session it has none.
pub(super) fn linked(
    case: &Case<'_>,
    verified: link::Verified<'_>,
    text: &str,
    now: UnixSeconds,
) -> Forward {
    let Case {
        head, config, rule, ..
    } = *case;
    if config.reports(rule) {
        return as_it_came(head, config, &case.target, rule);
    }
    let mut forward = base(head, config, &case.target, rule);
    let claims = verified.claims();
    let headers = claims.headers.iter().flat_map(ResponseHeaders::iter);
    forward.link = Some(LinkAnswer {
        max_age: claims.exp.since(now).max(0),
        headers: headers
            .map(|(name, value)| (name, value.to_owned()))
            .collect(),
    });
    // It stands in the URL, whatever the headers are.
    forward.vary = "";
    let expires = claims.exp.0.to_string();
    let told = [
        ("portcullis-proof", text),
        ("portcullis-issuer", &claims.iss),
        ("portcullis-subject", &claims.sub),
        ("portcullis-expires", &expires),
    ];
    let told = told
        .into_iter()
        .filter_map(|(name, text)| Some((name, headers::value(text)?)));
    forward
        .set
        .extend(told.map(|(name, text)| (name, text.to_owned())));
    forward
}

/// What all routes of the table have in common.
fn base(head: &Head, config: &Config, target: &Target<'_>, rule: &Rule) -> Forward {
    let shared = rule.cache == Cache::Shared;
    told(head, config, target, rule, shared)
}

/// A request that tells nobody's identity when it is `shared`.
fn told(head: &Head, config: &Config, target: &Target<'_>, rule: &Rule, shared: bool) -> Forward {
    let settings = &config.settings;
    let upstream = settings
        .upstream(&rule.upstream.variable())
        .unwrap_or(&settings.origin);
    let mut remove = not_passed_on(head, settings);
    let api_key = head.api_key.as_deref();
    if api_key.is_some_and(|value| shared || credential::holds_api_key(value)) {
        remove.push("x-api-key".to_owned());
    }
    let mut set = vec![
        ("portcullis-request-id", head.request_id.clone()),
        ("x-forwarded-proto", target.scheme.to_owned()),
        ("x-forwarded-host", target.authority.to_owned()),
    ];
    if shared {
        remove.extend(["authorization", "cookie"].map(str::to_owned));
    } else {
        set.extend(own_address(head));
        set.extend(cookies(head, &mut remove));
    }
    if rule.upstream.is_origin() {
        set.extend(edge_channel(head, settings));
    }
    Forward {
        url: upstream.join(&target.without_links()),
        remove,
        set,
        cache: if shared {
            CacheUse::Shared
        } else {
            CacheUse::Private
        },
        may_set_own_cookies: false,
        vary: vary(rule),
        link: None,
        cors: rule
            .cors
            .as_ref()
            .map(|cors| cors::headers(cors, head.origin.as_deref())),
    }
}

/// Where credentials of the kinds that a rule takes stand.
fn vary(rule: &Rule) -> &'static str {
    let demand = rule.access.demand();
    let takes = |kind| demand.is_some_and(|demand| demand.credentials.contains(&kind));
    match (takes(CredentialKind::Cookie), takes(CredentialKind::ApiKey)) {
        (false, false) => "authorization",
        (true, false) => "authorization, cookie",
        (false, true) => "authorization, x-api-key",
        (true, true) => "authorization, cookie, x-api-key",
    }
}

fn not_passed_on(head: &Head, settings: &Settings) -> Vec<String> {
    let forged = |name: &str| settings.platform.is_forged(name);
    let tells_link = |name: &str| head.refers_to_link && name == "referer";
    head.names
        .iter()
        .filter(|name| headers::is_removed_from_requests(name) || forged(name) || tells_link(name))
        .cloned()
        .collect()
}

fn own_address(head: &Head) -> Option<(&'static str, String)> {
    let address = headers::value(head.client_ip.as_deref()?)?;
    Some(("x-forwarded-for", address.to_owned()))
}

/// The cookies that are not ours; the header goes when there are no others.
fn cookies(head: &Head, remove: &mut Vec<String>) -> Option<(&'static str, String)> {
    let others = headers::without_own_cookies(head.cookie.as_deref()?);
    if others.is_none() {
        remove.push("cookie".to_owned());
    }
    others
        .filter(|others| Some(others) != head.cookie.as_ref())
        .map(|others| ("cookie", others))
}

/// What the origin believes, because the secret says that it comes from here.
pub(super) fn edge_channel(head: &Head, settings: &Settings) -> Vec<(&'static str, String)> {
    let Some(secret) = &settings.edge_secret else {
        return Vec::new();
    };
    let told = [
        ("portcullis-edge-secret", Some(secret.reveal())),
        ("portcullis-client-ip", head.client_ip.as_deref()),
        ("portcullis-client-country", head.country.as_deref()),
    ];
    let told = told
        .into_iter()
        .filter_map(|(name, text)| Some((name, headers::value(text?)?)));
    told.map(|(name, text)| (name, text.to_owned())).collect()
}
