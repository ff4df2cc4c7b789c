//! Rule documents: parsed, checked, compiled into the book that says which rule decides.
//!
//! A document is YAML text; [`parse`] turns it into a [`RuleDocument`] or into every error it has,
//! each with its line and what to do. A [`RuleBook`] holds the documents in force. Nothing here
//! reads files or decides about stock.

mod book;
mod document;
mod explain;
mod kinds;
mod parse;
mod promotions;
mod scope;

#[cfg(test)]
mod tests;

pub use book::{Resolved, RuleBook, RuleIx};
pub use document::{
    ExpiryParams, FeedStaleParams, Lifecycle, LowStockParams, OutboundParams, Params, Rule, RuleDocument,
    ShrinkageParams, SlowMoverParams, StockOutParams, SurgeParams, Threshold,
};
pub use explain::{Candidate, PlanVerdict, PlannedCandidate, Verdict};
pub use kinds::{DETECTED, KINDS, KindSpec};
pub use parse::parse;
pub use promotions::Promotion;
pub use schemas::document::DocumentError as RuleError;
pub use scope::{DIMENSIONS, Mismatch, Scope, Specificity, Subject};

/// The rule packs that ship: `(file name, YAML text)`.
pub const PACKS: [(&str, &str); 3] = [
    ("retail.yaml", include_str!("../packs/retail.yaml")),
    ("fresh-food.yaml", include_str!("../packs/fresh-food.yaml")),
    ("fashion.yaml", include_str!("../packs/fashion.yaml")),
];
