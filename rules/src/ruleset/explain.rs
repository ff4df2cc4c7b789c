//! Why this rule and not that one: what a planner sees for an item at a place.

use std::fmt;

use schemas::{AlertKind, Mode, RuleRef};

use super::book::{RuleBook, RuleIx};
use super::document::Rule;
use super::scope::{Specificity, Subject};

/// One rule of a kind, and what became of it for a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub ix: RuleIx,
    pub rule: RuleRef,
    pub mode: Mode,
    pub verdict: Verdict,
}

/// Shadow rules compete among themselves, active rules among themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It decides.
    InForce(Specificity),
    /// The subject is outside its scope in this dimension.
    OutOfScope(&'static str),
    /// The winner is more specific, first in this dimension.
    LessSpecific { winner: RuleRef, dimension: &'static str },
    /// As specific as the winner, which stands in a document that is newer, or has the greater id,
    /// or stands further down in the same document.
    Earlier { winner: RuleRef },
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", Name(&self.rule), self.mode.name(), self.verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InForce(_) => f.write_str("in force"),
            Self::OutOfScope(dimension) => write!(f, "out of scope: {dimension} does not match"),
            Self::LessSpecific { winner, dimension } => {
                write!(f, "less specific than {}, which is narrower by {dimension}", Name(winner))
            }
            Self::Earlier { winner } => {
                write!(f, "as specific as {}, which is newer or further down", Name(winner))
            }
        }
    }
}

struct Name<'a>(&'a RuleRef);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{}", self.0.document, self.0.version, self.0.rule)
    }
}

impl RuleBook {
    /// Every rule of the kind, strongest first, those out of scope last.
    #[must_use]
    pub fn explain(&self, kind: AlertKind, subject: &Subject<'_>) -> Vec<Candidate> {
        let resolved = self.resolve(subject);
        let mut found: Vec<_> = self
            .indexed()
            .filter(|(_, rule)| rule.kind == kind)
            .map(|(ix, rule)| (rule.scope.matches(subject), ix))
            .collect();
        found.sort_by_key(|&(matched, ix)| std::cmp::Reverse((matched.ok(), ix)));
        let verdict = |matched: Result<Specificity, &'static str>, ix: RuleIx| {
            let winner = resolved.get(kind, self.rule(ix).mode);
            match (matched, winner) {
                (Err(dimension), _) => Verdict::OutOfScope(dimension),
                (Ok(own), Some(winner)) if winner != ix => lost(own, self.rule(winner), subject),
                (Ok(own), _) => Verdict::InForce(own),
            }
        };
        let candidate = |(matched, ix)| {
            let rule = self.rule(ix);
            Candidate { ix, rule: RuleRef::clone(&rule.reference), mode: rule.mode, verdict: verdict(matched, ix) }
        };
        found.into_iter().map(candidate).collect()
    }
}

fn lost(own: Specificity, winner: &Rule, subject: &Subject<'_>) -> Verdict {
    let reference = RuleRef::clone(&winner.reference);
    match winner.scope.matches(subject).ok().and_then(|best| best.beats_in(own)) {
        Some(dimension) => Verdict::LessSpecific { winner: reference, dimension },
        None => Verdict::Earlier { winner: reference },
    }
}
