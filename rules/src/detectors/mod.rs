//! Detectors: what is wrong with a key, judged under one rule.
//!
//! A detector looks at the state of one key and says so in a [`Verdict`]; it never changes state,
//! never emits, and knows nothing of episodes. One folder per kind, one line in [`registry`].

pub mod abnormal_outbound;
pub mod data_quality;
pub mod demand_surge;
pub mod expiry_risk;
pub mod low_stock;
pub mod registry;
pub mod shrinkage;
pub mod slow_mover;
pub mod stock_out;
mod transfer;
mod worth;

use schemas::{Alert, AlertKind, AlertState, Evidence, EvidenceValue, Message, Quantity, Severity, Timestamp};

use crate::class::{self, Class};
use crate::decide::rounded;
use crate::environment::Environment;
use crate::network::Elsewhere;
use crate::ruleset::Rule;
use crate::state::KeyState;

/// What a detector says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The problem is there, this bad.
    Breach(Severity),
    /// It is not there, and would have to come anew.
    Clear,
    /// Neither proven nor disproven: whatever holds, goes on.
    Hold,
    /// The question no longer arises: an open alert expires.
    Lapsed,
}

/// Why detectors look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trigger {
    /// Order lines of the open day, or an hour in which those that came may have become less
    /// expected; the surge score of the moment.
    Lines { surge_score: f64 },
    /// Any other stock change.
    Stock,
    /// The local day ended; the highest surge score of it.
    DayClose { surge_peak: f64 },
    /// Item, place or rules changed, or a wait ended.
    Other,
}

/// What a detector may look at.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    pub env: &'a Environment<'a>,
    pub state: &'a KeyState,
    /// The time it is: of the record, or stream time if that is later; due time of the timer.
    pub at: Timestamp,
    pub trigger: Trigger,
    /// The item at its other locations. Looked up only to describe an alert that [asks](asks_elsewhere) for it:
    /// no verdict may depend on it.
    pub elsewhere: &'a [Elsewhere],
}

impl Sight<'_> {
    /// Available + on order, overdue orders discounted. `None` while on hand is unknown.
    #[must_use]
    pub fn inventory_position(&self) -> Option<Quantity> {
        let lead_time = self.state.plan.figures().lead_time;
        self.state.position.inventory_position(self.at, lead_time.map(|l| l.mean_days))
    }
}

/// Whether an alert line is better told with the item's other locations in sight.
#[must_use]
pub fn asks_elsewhere(alert: &Alert) -> bool {
    matches!(alert.kind, AlertKind::LowStock | AlertKind::StockOut | AlertKind::SlowMover)
        && matches!(alert.state, AlertState::Opened | AlertState::Updated)
}

/// One kind of alert: how it is judged and put into words.
pub struct Detector {
    pub kind: AlertKind,
    /// For the reference, one sentence.
    pub description: &'static str,
    /// While an alert of that kind is open, this one says nothing new.
    pub superseded_by: Option<AlertKind>,
    pub judge: fn(&Sight<'_>, &Rule) -> Verdict,
    pub describe: fn(&Sight<'_>, &Rule, AlertState) -> (Evidence, Message),
}

/// The classes of the item, and where a rule asks for them what they were made of.
pub(crate) fn class_evidence(sight: &Sight<'_>, rule: &Rule) -> Evidence {
    let Class { abc, xyz } = sight.state.demand.class;
    let facts = Facts::default()
        .text("abc", abc.map(|class| class.name().to_owned()))
        .text("xyz", xyz.map(|class| class.name().to_owned()));
    if !rule.scope.names_class() {
        return facts.done();
    }
    let (demand, boundaries) = (&sight.state.demand, sight.env.site.class_boundaries());
    facts
        .number("sales_value_per_day", class::sales_value_per_day(demand, sight.env.item))
        .number("a_from_sales_value_per_day", boundaries.map(|b| b.a_from))
        .number("b_from_sales_value_per_day", boundaries.map(|b| b.b_from))
        .number("weekly_variation", class::weekly_variation(demand))
        .done()
}

/// Collects named figures in the order a person would check them.
#[derive(Default)]
pub(crate) struct Facts(Evidence);

impl Facts {
    /// A figure to six decimals; absent figures are left out.
    pub(crate) fn number(mut self, name: &str, value: impl Into<Option<f64>>) -> Self {
        if let Some(value) = value.into().filter(|v| v.is_finite()) {
            self.0.0.push((name.to_owned(), EvidenceValue::Number(rounded(value))));
        }
        self
    }

    pub(crate) fn integer(mut self, name: &str, value: impl Into<Option<i64>>) -> Self {
        if let Some(value) = value.into() {
            self.0.0.push((name.to_owned(), EvidenceValue::Integer(value)));
        }
        self
    }

    pub(crate) fn text(mut self, name: &str, value: impl Into<Option<String>>) -> Self {
        if let Some(value) = value.into() {
            self.0.0.push((name.to_owned(), EvidenceValue::Text(value)));
        }
        self
    }

    /// Those figures, then `others`.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.0.extend(others.0.0);
        self
    }

    pub(crate) fn done(self) -> Evidence {
        self.0
    }
}
