//! Asks the gate again and again, each time as if what failed had not.

use portcullis_shared::{
    foreign::PublicKeys,
    inspect::{StandIn, foreign_stand_ins, keys_of, nobody_s_keys},
    keys::KeySet,
    revocation::Revocations,
    routes::{Demand, RouteTable},
    scope::ScopeSet,
    time::UnixSeconds,
};

use crate::{
    credential::Credential,
    exchange::Next,
    gate::{self, Case, Config, Head, Memory, Plan, Reason, Ruling, Verdict},
    snapshot::Snapshot,
    time::Millis,
};

use super::{Known, said::Said};

/// What a credential says of itself, as far as it helps to satisfy a check.
#[derive(Debug, Clone, Default)]
pub(super) struct Says {
    issuer: Option<String>,
    audience: Option<String>,
    valid_at: Option<UnixSeconds>,
}

impl Says {
    pub(super) fn new(said: &Said<'_>, audience: Option<&str>) -> Self {
        Self {
            issuer: Some(said.issuer().to_owned()),
            audience: audience.map(str::to_owned),
            valid_at: Some(said.valid_at()),
        }
    }
}

/// What came of asking.
pub(super) struct Findings {
    /// About the request as it is, but for a signature and revocations that could not be looked at.
    pub(super) verdict: Ruling,
    /// Why it would be refused, the first reason first.
    pub(super) failed: Vec<Reason>,
    /// Whether nothing was left that could fail: else the last failure hides what would come after it.
    pub(super) is_complete: bool,
}

/// Asks until the gate is satisfied, or what it refuses cannot be thought away.
pub(super) fn ask(
    head: &Head,
    config: &Config,
    known: &Known,
    case: &Case<'_>,
    says: &Says,
) -> Findings {
    if let Some(ruling) = case.screen() {
        return Findings::of_one(ruling);
    }
    let Some(mut question) = Question::new(head, config, known, case) else {
        return Findings::of_one(judged(case, &Snapshot::default(), Millis(0)));
    };
    let verdict = question.ask();
    let mut failed: Vec<Reason> = Vec::new();
    let mut next = verdict.reason;
    while let Some(reason) = next {
        let is_new = !failed.contains(&reason);
        if is_new {
            failed.push(reason);
        }
        if !is_new || !question.think_away(reason, says) {
            return Findings {
                verdict,
                failed,
                is_complete: false,
            };
        }
        next = question.ask().reason;
    }
    Findings {
        verdict,
        failed,
        is_complete: true,
    }
}

impl Findings {
    /// Of a decision behind which nobody can look.
    fn of_one(verdict: Ruling) -> Self {
        Self {
            failed: verdict.reason.into_iter().collect(),
            verdict,
            is_complete: false,
        }
    }
}

/// What the gate says where nothing can be fetched. A foreign signature, which only the Worker's runtime
/// can check, is taken to hold.
fn judged(case: &Case<'_>, snapshot: &Snapshot, now: Millis) -> Ruling {
    let mut memory = Memory::new(0);
    let mut verdict = gate::judge(case, snapshot, &mut memory, now);
    if let Verdict::CheckSignature(check) = verdict {
        verdict = gate::conclude(case, *check, true, snapshot, &mut memory, now);
    }
    match verdict {
        Verdict::Ruled(ruling) => ruling,
        Verdict::UnknownKey(key) => gate::refuse_unknown_key(case, &key),
        Verdict::Exchange | Verdict::CheckSignature(_) => case.not_exchanged(Next::Unavailable),
    }
}

/// A request, and by what it is judged.
struct Question<'a> {
    head: Head,
    /// Which rule governs it is not in question.
    as_it_is: &'a Config,
    config: Config,
    demand: Demand,
    keys: KeySet,
    /// Of the foreign issuer that the token says it is of.
    foreign: Option<(usize, PublicKeys)>,
    revocations: Revocations,
    now: Millis,
    has_stand_ins: bool,
}

impl<'a> Question<'a> {
    fn new(head: &Head, config: &'a Config, known: &Known, case: &Case<'_>) -> Option<Self> {
        let (text, issuer) = (token_of(case), case.foreign_issuer());
        let foreign_keys = issuer.and_then(|issuer| foreign_stand_ins(text?, issuer));
        let foreign = case.foreign_number().zip(foreign_keys);
        let (head, keys, has_stand_ins) = match &known.keys {
            Some(keys) => (head.clone(), keys.clone(), false),
            // Ours verify nothing of it.
            None if foreign.is_some() => (head.clone(), nobody_s_keys()?, true),
            None => {
                let (head, keys) = stood_in(head, case)?;
                (head, keys, true)
            }
        };
        let settings = config.settings.clone();
        let table = RouteTable::default();
        Some(Self {
            head,
            as_it_is: config,
            config: Config { table, settings },
            demand: case.demand().clone(),
            keys,
            foreign,
            revocations: known.revocations.clone().unwrap_or_default(),
            now: Millis(known.now.0.saturating_mul(1000)),
            has_stand_ins,
        })
    }

    fn ask(&self) -> Ruling {
        let case = match gate::plan(&self.head, self.as_it_is) {
            Plan::Judge(case) => case,
            Plan::Ruled(ruling) => return ruling,
        };
        let case = case.under(&self.config, &self.demand);
        let (keys, revocations) = (self.keys.clone(), self.revocations.clone());
        let snapshot = Snapshot::assumed(keys, revocations, self.foreign.clone(), self.now);
        judged(&case, &snapshot, self.now)
    }

    /// Satisfies what was refused for this reason, if that can be done.
    fn think_away(&mut self, reason: Reason, says: &Says) -> bool {
        match reason {
            Reason::Signature | Reason::UnknownKey => return self.stand_in(),
            Reason::Contradiction => self.head.cookie = None,
            Reason::Issuer => {
                self.demand.issuers = None;
                return put(&mut self.config.settings.issuer, says.issuer.clone());
            }
            // By its declaration, which is not in question.
            Reason::Lifetime | Reason::Audience if self.foreign.is_some() => return false,
            Reason::Lifetime => self.config.settings.token_max_lifetime = i64::MAX,
            Reason::Expired | Reason::NotYetValid => {
                let then = says
                    .valid_at
                    .map(|time| Millis(time.0.saturating_mul(1000)));
                return put(&mut self.now, then);
            }
            Reason::Audience => return put(&mut self.demand.audience, says.audience.clone()),
            Reason::RevokedSession
            | Reason::RevokedApiKey
            | Reason::RevokedSigningKey
            | Reason::RevokedUser => self.revocations = Revocations::default(),
            Reason::Scope => self.demand.scopes = ScopeSet::default(),
            Reason::Role => self.demand.roles.clear(),
            // With an upgrade no link counts, whatever its methods.
            Reason::LinkMethod => {
                let before = self.head.names.len();
                self.head.names.retain(|name| name != "upgrade");
                return self.head.names.len() < before;
            }
            _ => return false,
        }
        true
    }

    fn stand_in(&mut self) -> bool {
        if self.has_stand_ins {
            return false;
        }
        let stood_in = match gate::plan(&self.head, self.as_it_is) {
            Plan::Judge(case) => stood_in(&self.head, &case),
            Plan::Ruled(_) => None,
        };
        let Some((head, keys)) = stood_in else {
            return false;
        };
        (self.head, self.keys, self.has_stand_ins) = (head, keys, true);
        true
    }
}

/// The access token that a case is about.
fn token_of<'a>(case: &Case<'a>) -> Option<&'a str> {
    match case.presented().credential {
        Credential::Bearer(text) | Credential::Cookie(text) => Some(text),
        Credential::ApiKey(_) | Credential::Link(_) => None,
    }
}

/// Puts a value, if there is one.
fn put<T>(place: &mut T, value: Option<T>) -> bool {
    let is_there = value.is_some();
    if let Some(value) = value {
        *place = value;
    }
    is_there
}

/// The request with stand-ins for its tokens or its link, and the keys under which they count.
fn stood_in(head: &Head, case: &Case<'_>) -> Option<(Head, KeySet)> {
    let presented = case.presented();
    let (text, stand_in) = match presented.credential {
        Credential::Bearer(text) | Credential::Cookie(text) => (text, StandIn::of_token(text)?),
        Credential::Link(text) => (text, StandIn::of_link(text)?),
        Credential::ApiKey(_) => return None,
    };
    let mut head = head.clone();
    let mut replace = |text: &str, stand_in: &StandIn| {
        let places = [&mut head.authorization, &mut head.cookie];
        for held in places.into_iter().flatten() {
            *held = held.replace(text, stand_in.text());
        }
        head.url = head.url.replace(text, stand_in.text());
    };
    replace(text, &stand_in);
    let mut all = vec![stand_in];
    // One that cannot be a token contradicts the other as it is.
    if let Some(beside) = presented.beside
        && let Some(stand_in) = StandIn::of_token(beside)
    {
        replace(beside, &stand_in);
        all.push(stand_in);
    }
    Some((head, keys_of(&all)?))
}
