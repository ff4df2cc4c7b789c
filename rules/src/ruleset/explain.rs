//! Why this rule and not that one: what a planner sees for an item at a place.

use std::fmt;

use schemas::{AlertKind, Day, Mode, RuleRef};

use super::book::{RuleBook, RuleIx};
use super::document::Rule;
use super::promotions::Promotion;
use super::scope::{Mismatch, Specificity, Subject};

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
    OutOfScope(Mismatch),
    /// The winner is more specific, first in this dimension.
    LessSpecific {
        winner: RuleRef,
        dimension: &'static str,
    },
    /// As specific as the winner, which stands in a document that is newer, or has the greater id,
    /// or stands further down in the same document.
    Earlier {
        winner: RuleRef,
    },
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", Name(&self.rule), self.mode.name(), self.verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InForce(specificity) => {
                let by: Vec<&str> = specificity.dimensions().collect();
                write!(f, "in force, {}", if by.is_empty() { "for everything".to_owned() } else { by.join(", ") })
            }
            Self::OutOfScope(mismatch) => write!(f, "out of scope: {mismatch}"),
            Self::LessSpecific { winner, dimension } => {
                write!(f, "less specific than {}, which is narrower by {dimension}", Name(winner))
            }
            Self::Earlier { winner } => {
                write!(f, "as specific as {}, which is newer or further down", Name(winner))
            }
        }
    }
}

/// A planned promotion, and what becomes of it for a subject on a day.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCandidate {
    pub promotion: Promotion,
    pub verdict: PlanVerdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanVerdict {
    /// Its uplift counts.
    InForce,
    /// Another of the day has a greater uplift.
    Outdone {
        by: RuleRef,
    },
    Ahead,
    Over,
    OutOfScope(Mismatch),
}

impl PlannedCandidate {
    /// In which order they are told.
    fn rank(&self) -> (u8, Day, Day, String) {
        let rank = match self.verdict {
            PlanVerdict::InForce => 0,
            PlanVerdict::Outdone { .. } => 1,
            PlanVerdict::Ahead => 2,
            PlanVerdict::Over => 3,
            PlanVerdict::OutOfScope(_) => 4,
        };
        let Promotion { from, until, reference, .. } = &self.promotion;
        (rank, *from, *until, Name(reference).to_string())
    }
}

impl fmt::Display for PlannedCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Promotion { reference, from, until, uplift, .. } = &self.promotion;
        write!(f, "{} ({uplift} times the usual, {from} to {until}): ", Name(reference))?;
        match &self.verdict {
            PlanVerdict::InForce => f.write_str("in force"),
            PlanVerdict::Outdone { by } => write!(f, "{} has a greater uplift", Name(by)),
            PlanVerdict::Ahead => f.write_str("still ahead"),
            PlanVerdict::Over => f.write_str("over"),
            PlanVerdict::OutOfScope(mismatch) => write!(f, "out of scope: {mismatch}"),
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
        let of_kind = self.indexed().filter(|(_, rule)| rule.kind == kind);
        let mut found: Vec<_> = of_kind.map(|(ix, rule)| (rule.scope.matches(subject).ok(), ix)).collect();
        found.sort_by_key(|&found| std::cmp::Reverse(found));
        found.into_iter().map(|(_, ix)| self.candidate(ix, subject)).collect()
    }

    fn candidate(&self, ix: RuleIx, subject: &Subject<'_>) -> Candidate {
        let rule = self.rule(ix);
        let verdict = match (rule.scope.matches(subject), self.deciding(rule.kind, rule.mode, subject)) {
            (Err(dimension), _) => Verdict::OutOfScope(rule.scope.mismatch(dimension, subject)),
            (Ok(own), Some(winner)) if winner != ix => lost(own, self.rule(winner), subject),
            (Ok(own), _) => Verdict::InForce(own),
        };
        Candidate { ix, rule: RuleRef::clone(&rule.reference), mode: rule.mode, verdict }
    }

    /// Every promotion planned for everything or for the subject's SKU: what counts on a local day first, then what is
    /// planned for later, what is over and what is for others.
    #[must_use]
    pub fn explain_promotions(&self, subject: &Subject<'_>, day: Day) -> Vec<PlannedCandidate> {
        let winner = self
            .promotions_for(subject)
            .filter(|p| p.covers(subject, day))
            .max_by(|a, b| a.uplift.total_cmp(&b.uplift));
        let planned = |promotion: &Promotion| {
            let verdict = match promotion.scope.matches(subject) {
                Err(dimension) => PlanVerdict::OutOfScope(promotion.scope.mismatch(dimension, subject)),
                Ok(_) if day < promotion.from => PlanVerdict::Ahead,
                Ok(_) if promotion.until < day => PlanVerdict::Over,
                Ok(_) => match winner.filter(|winner| winner.uplift > promotion.uplift) {
                    Some(winner) => PlanVerdict::Outdone { by: RuleRef::clone(&winner.reference) },
                    None => PlanVerdict::InForce,
                },
            };
            PlannedCandidate { promotion: promotion.clone(), verdict }
        };
        let mut all: Vec<PlannedCandidate> = self.promotions_for(subject).map(planned).collect();
        all.sort_by_key(PlannedCandidate::rank);
        all
    }
}

fn lost(own: Specificity, winner: &Rule, subject: &Subject<'_>) -> Verdict {
    let reference = RuleRef::clone(&winner.reference);
    match winner.scope.matches(subject).ok().and_then(|best| best.beats_in(own)) {
        Some(dimension) => Verdict::LessSpecific { winner: reference, dimension },
        None => Verdict::Earlier { winner: reference },
    }
}
