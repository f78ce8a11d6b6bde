//! A decision, and what there is to say about it in logs and counters.
//!
//! Invariant: nothing of a credential is in it. A subject is told only by a token that has been
//! verified.

use portcullis_shared::{foreign::Issuer, ids::KeyId, routes::Rule};

use crate::answer::Answer;

use super::{Forward, Reason};

/// What is done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It goes on.
    Forward(Forward),
    /// The edge answers.
    Answer(Answer),
    /// The edge answers with what it has counted, which the gate does not know.
    Metrics,
}

/// A decision and, for the log, why; never anything of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// What is done.
    pub decision: Decision,
    /// Why it was refused, or would have been.
    pub reason: Option<Reason>,
    /// On a route that only reports, the status that it would have been refused with.
    pub would_be: Option<u16>,
    /// The place in the table of the rule that governs the request, from 1.
    pub rule: Option<usize>,
    /// Whose the request is; filled in where the decision may be logged.
    pub subject: Option<Box<Subject>>,
    /// The signing key that is not known.
    pub key: Option<KeyId>,
}

/// Whose a request is, by a token that has been verified: issuer and subject together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its `sub`.
    pub name: String,
    /// The issuer, where it is not our own.
    pub issuer: Option<String>,
}

/// How a decision came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Forwarded by a rule.
    Passed,
    /// Not forwarded.
    Refused,
    /// Forwarded although it does not satisfy its rule, which only reports.
    Reported,
    /// Answered by the edge itself, as preflights are.
    Answered,
    /// Forwarded to the origin, for whose own paths no rule is asked.
    BuiltIn,
}

impl Outcome {
    /// Every outcome, in the order of their declaration.
    pub const ALL: [Self; 5] = [
        Self::Passed,
        Self::Refused,
        Self::Reported,
        Self::Answered,
        Self::BuiltIn,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Reported => "reported",
            Self::Answered => "answered",
            Self::BuiltIn => "built_in",
        }
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl Subject {
    /// Of a token of this issuer, or of our own.
    pub(super) fn boxed(name: &str, issuer: Option<&Issuer>) -> Box<Self> {
        Box::new(Self {
            name: name.to_owned(),
            issuer: issuer.map(|issuer| issuer.name().to_owned()),
        })
    }
}

impl Ruling {
    pub(super) fn forward(forward: Forward) -> Self {
        Self::of(Decision::Forward(forward), None)
    }

    pub(super) fn answer(answer: Answer) -> Self {
        Self::of(Decision::Answer(answer), None)
    }

    pub(super) fn metrics() -> Self {
        Self::of(Decision::Metrics, None)
    }

    pub(super) fn refuse(answer: Answer, reason: Reason) -> Self {
        Self::of(Decision::Answer(answer), Some(reason))
    }

    pub(super) fn report(forward: Forward, would_be: u16, reason: Reason) -> Self {
        Self {
            would_be: Some(would_be),
            ..Self::of(Decision::Forward(forward), Some(reason))
        }
    }

    fn of(decision: Decision, reason: Option<Reason>) -> Self {
        Self {
            decision,
            reason,
            would_be: None,
            rule: None,
            subject: None,
            key: None,
        }
    }

    /// The ruling, made under `rule`.
    #[must_use]
    pub(super) fn by(mut self, rule: &Rule) -> Self {
        self.rule = Some(rule.number);
        self
    }

    /// The `sub` of whose the request is, where it is told.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_ref().map(|subject| subject.name.as_str())
    }

    /// How it came out.
    pub fn outcome(&self) -> Outcome {
        match (&self.decision, self.reason) {
            (Decision::Answer(_) | Decision::Metrics, Some(_)) => Outcome::Refused,
            (Decision::Answer(_) | Decision::Metrics, None) => Outcome::Answered,
            (Decision::Forward(_), Some(_)) => Outcome::Reported,
            (Decision::Forward(_), None) if self.rule.is_none() => Outcome::BuiltIn,
            (Decision::Forward(_), None) => Outcome::Passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_stands_at_its_index() {
        for (index, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(outcome.index(), index);
        }
    }
}
