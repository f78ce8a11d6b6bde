//! Why the edge decides as it does, for people who ask before a request does.
//!
//! Nothing is decided here: [`gate::plan`] and [`gate::judge`] are asked, as the Worker asks them, and
//! what they answer is told step by step. Where a check fails, they are asked again as if it had not,
//! so that whatever else is wrong comes to light too. Of a token whose signature cannot be checked a
//! stand-in is judged ([`portcullis_shared::inspect`]).
//!
//! Invariant: the verdict is the gate's own about the request as it is; and nothing of a credential
//! is in any text but what a token says, and the id of an API key.

mod asking;
mod checks;
mod link;
mod routing;
mod said;
mod token;

use portcullis_shared::{keys::KeySet, revocation::Revocations, time::UnixSeconds};

use crate::{
    credential::Credential,
    gate::{self, Config, Head, Plan, Ruling},
};

use routing::Way;

/// What is known of keys, revocations and time.
#[derive(Debug, Clone)]
pub struct Known {
    /// The issuer's keys, if they are known.
    pub keys: Option<KeySet>,
    /// What is revoked, if that is known.
    pub revocations: Option<Revocations>,
    /// The time of the request.
    pub now: UnixSeconds,
    /// How times are written.
    pub written: fn(UnixSeconds) -> String,
}

/// How a step came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// It is open.
    NotChecked,
    /// There is nothing to hold; it is as well to know.
    Noted,
}

impl Mark {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotChecked => "not_checked",
            Self::Noted => "noted",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What; a stable name.
    pub check: &'static str,
    /// How it came out.
    pub mark: Mark,
    /// What was found, in words that may change. Parts of it come from the request.
    pub text: String,
}

impl Step {
    fn new(check: &'static str, mark: Mark, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { check, mark, text }
    }
}

/// What the edge would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This.
    Ruled(Ruling),
    /// Exchange the API key at the origin, which alone knows what it is worth, and go by the token that
    /// it stands for.
    Exchange {
        /// Where the request goes if that token satisfies the rule.
        url: String,
        /// Whether it goes there in any case, because its rule only reports.
        reports: bool,
    },
}

/// What the edge would do, and the steps to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// In the order in which they are taken.
    pub steps: Vec<Step>,
    /// What the edge would do, if whatever is [`open`](Self::open) came out well.
    pub verdict: Verdict,
    /// The checks that could not be made for want of something to compare with.
    pub open: Vec<&'static str>,
}

/// Says what the edge would do with a request, and why.
pub fn explain(head: &Head, config: &Config, known: &Known) -> Explanation {
    let case = match gate::plan(head, config) {
        Plan::Ruled(ruling) => {
            return Explanation {
                steps: routing::steps(head, config, &Way::Ruled(&ruling)),
                verdict: Verdict::Ruled(ruling),
                open: Vec::new(),
            };
        }
        Plan::Judge(case) => case,
    };
    let mut steps = routing::steps(head, config, &Way::Judged(&case));
    let told = match case.presented().credential {
        Credential::Bearer(text) | Credential::Cookie(text) => {
            token::explain(head, config, known, &case, text)
        }
        Credential::Link(text) => link::explain(head, config, known, &case, text),
        Credential::ApiKey(key) => checks::of_api_key(&case, key),
    };
    steps.extend(told.steps);
    Explanation { steps, ..told }
}

#[cfg(test)]
mod tests;
