//! The rules in force, indexed: which one decides about a subject.
//!
//! For each kind and mode exactly one rule decides: the most specific that covers the subject
//! ([`Specificity`]). Equally specific rules: the one of the document that took effect later, then
//! of the greater document id, then the one further down in its document. Nothing depends on the
//! order in which documents were read (invariant I11). Active and shadow rules are resolved apart
//! (invariant I12).

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemas::{AlertKind, Day, Mode, Timestamp};

use super::document::{Rule, RuleDocument};
use super::kinds::DETECTED;
use super::promotions::{Promotion, Promotions};
use super::scope::{Specificity, Subject};
use crate::stable_hash::stable_hash;

/// A compiled set of documents. Cheap to resolve, immutable.
#[derive(Clone, Debug)]
pub struct RuleBook {
    /// Weakest tie-break first: see [`RuleBook::from_documents`].
    rules: Vec<Rule>,
    /// Rules that name their SKUs, by SKU.
    by_sku: BTreeMap<String, Vec<RuleIx>>,
    /// All other rules.
    others: Vec<RuleIx>,
    promotions: Promotions,
    generation: u64,
}

/// A rule's place in its [`RuleBook`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIx(NonZeroU32);

/// Those of a SKU at a location: a key remembers nothing of `feed_stale`, the last kind, which is about none.
const KEY_KINDS: usize = DETECTED.len() - 1;

/// The rules in force for one subject. Valid for the generation it was made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    generation: u64,
    /// By kind, active and shadow.
    rules: [[Option<RuleIx>; 2]; KEY_KINDS],
}

impl Resolved {
    #[must_use]
    pub fn get(&self, kind: AlertKind, mode: Mode) -> Option<RuleIx> {
        slot(kind, mode).and_then(|(kind, mode)| self.rules[kind][mode])
    }

    /// The active and the shadow rule of each kind of a SKU at a location, in the order of [`DETECTED`].
    #[must_use]
    pub fn by_kind(&self) -> &[[Option<RuleIx>; 2]; KEY_KINDS] {
        &self.rules
    }

    /// Whether it was made from this book. The default never was.
    #[must_use]
    pub fn is_current(&self, book: &RuleBook) -> bool {
        self.generation == book.generation()
    }
}

impl RuleBook {
    /// The book without rules: nothing raises an alert.
    #[must_use]
    pub fn empty() -> Self {
        Self::from_documents(&[])
    }

    /// Compiles documents; of several versions of one id the last to take effect counts.
    #[must_use]
    pub fn from_documents(documents: &[RuleDocument]) -> Self {
        Self::compile(documents.iter())
    }

    /// The documents that have taken effect by `at`.
    #[must_use]
    pub fn in_force(documents: &[RuleDocument], at: Timestamp) -> Self {
        Self::compile(documents.iter().filter(|d| d.effective_at.is_none_or(|t| t <= at)))
    }

    /// When, after `at`, the next document takes effect.
    #[must_use]
    pub fn next_switch(documents: &[RuleDocument], at: Timestamp) -> Option<Timestamp> {
        documents.iter().filter_map(|d| d.effective_at).filter(|&t| t > at).min()
    }

    fn compile<'d>(documents: impl Iterator<Item = &'d RuleDocument>) -> Self {
        let mut newest: BTreeMap<&str, &RuleDocument> = BTreeMap::new();
        for document in documents {
            let seat = newest.entry(&document.id).or_insert(document);
            if age(document) > age(seat) {
                *seat = document;
            }
        }
        let mut documents: Vec<&RuleDocument> = newest.into_values().collect();
        documents.sort_by_key(|d| (d.effective_at, d.id.clone()));
        let generation = content_hash(&documents);
        let promotions = documents.iter().flat_map(|d| &d.promotions).collect();
        let mut book = Self { rules: Vec::new(), by_sku: BTreeMap::new(), others: Vec::new(), promotions, generation };
        for rule in documents.iter().flat_map(|d| &d.rules) {
            book.insert(rule);
        }
        book
    }

    fn insert(&mut self, rule: &Rule) {
        let Some(ix) = u32::try_from(self.rules.len()).ok().and_then(|n| NonZeroU32::MIN.checked_add(n)).map(RuleIx)
        else {
            return; // four thousand million rules do not fit into memory either
        };
        self.rules.push(rule.clone());
        if rule.scope.sku.is_empty() {
            self.others.push(ix);
        }
        for sku in &rule.scope.sku {
            let named = self.by_sku.entry(sku.clone()).or_default();
            if named.last() != Some(&ix) {
                named.push(ix);
            }
        }
    }

    /// Hash of the content: equal books, equal generations. Never 0.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A rule this book resolved to.
    #[must_use]
    pub fn rule(&self, ix: RuleIx) -> &Rule {
        &self.rules[ix.0.get() as usize - 1]
    }

    /// The rules that decide about a subject, for every kind and mode.
    #[must_use]
    pub fn resolve(&self, subject: &Subject<'_>) -> Resolved {
        let mut best = [[Specificity::default(); 2]; KEY_KINDS];
        let mut resolved = Resolved { generation: self.generation, rules: [[None; 2]; KEY_KINDS] };
        for ix in self.candidates(subject) {
            let rule = self.rule(ix);
            let (Some((kind, mode)), Ok(specificity)) = (slot(rule.kind, rule.mode), rule.scope.matches(subject))
            else {
                continue;
            };
            // Indices ascend by tie-break, but the two lists do not interleave in order.
            if resolved.rules[kind][mode].is_none_or(|held| (specificity, ix) > (best[kind][mode], held)) {
                best[kind][mode] = specificity;
                resolved.rules[kind][mode] = Some(ix);
            }
        }
        resolved
    }

    /// The rule of a kind and mode that decides about a subject, looked for among all.
    #[must_use]
    pub fn deciding(&self, kind: AlertKind, mode: Mode, subject: &Subject<'_>) -> Option<RuleIx> {
        let of_kind = self.candidates(subject).filter(|ix| self.rule(*ix).kind == kind && self.rule(*ix).mode == mode);
        let matched = of_kind.filter_map(|ix| Some((self.rule(ix).scope.matches(subject).ok()?, ix)));
        matched.max().map(|(_, ix)| ix)
    }

    /// What demand is planned to be multiplied by on a local day; `None`: nothing is planned.
    #[must_use]
    pub fn planned_uplift(&self, subject: &Subject<'_>, day: Day) -> Option<f64> {
        self.promotions.uplift(subject, day)
    }

    /// The promotions planned for everything or for the subject's SKU.
    pub(super) fn promotions_for(&self, subject: &Subject<'_>) -> impl Iterator<Item = &Promotion> {
        self.promotions.candidates(subject)
    }

    /// The mean of it over `days` days from `first` on, at least one; 1 where nothing is planned.
    #[must_use]
    pub fn mean_planned_uplift(&self, subject: &Subject<'_>, first: Day, days: f64) -> f64 {
        self.promotions.mean_uplift(subject, first, days)
    }

    fn candidates(&self, subject: &Subject<'_>) -> impl Iterator<Item = RuleIx> + '_ {
        let named = self.by_sku.get(&subject.item.sku).map_or(&[][..], Vec::as_slice);
        named.iter().chain(&self.others).copied()
    }

    /// Every rule of the book with its place.
    pub(super) fn indexed(&self) -> impl Iterator<Item = (RuleIx, &Rule)> {
        (1..).map_while(NonZeroU32::new).map(RuleIx).zip(&self.rules)
    }
}

fn slot(kind: AlertKind, mode: Mode) -> Option<(usize, usize)> {
    let kind = DETECTED.iter().position(|&k| k == kind).filter(|kind| *kind < KEY_KINDS)?;
    Some((kind, usize::from(mode == Mode::Shadow)))
}

/// Later is newer: by effective time, then by version. The content decides between twins, so that
/// even they cannot make the order of reading matter.
fn age(document: &RuleDocument) -> (Option<Timestamp>, i32, u64) {
    (document.effective_at, document.version, content_hash(&[document]))
}

/// Of everything the documents say, through their derived `Debug`: no field can be forgotten.
fn content_hash(documents: &[&RuleDocument]) -> u64 {
    stable_hash(&format!("{documents:?}")).max(1)
}
