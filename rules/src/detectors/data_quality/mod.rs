//! A8 `data_quality`: what is told about a key's stock does not fit together.
//!
//! The book below zero, a balance or count far from what the movements account for, or two of one instant far apart
//! (see `position::Doubt`): the key is suspect, and no alert of it resolves until a balance or a count near the book says so.
//! Estimators and figures go on. A date that cannot be was left out; that makes no key suspect, and is over a day
//! later. Unknown stock is never negative (invariant I14). Severity, by what the contradiction is worth
//! (at cost, else at price):
//!
//! | severity | worth |
//! |---|---|
//! | high | ≥ 1000 |
//! | medium | less, or no cost or price is known |
//! | low | nothing but a date |

mod words;

use schemas::{AlertKind, AlertState, Evidence, Message, Money, Quantity, Severity};

use super::{Detector, Facts, Sight, Verdict};
use crate::position::{Doubt, Fault};
use crate::ruleset::Rule;

pub const DETECTOR: Detector = Detector {
    kind: AlertKind::DataQuality,
    description: "Stock figures that contradict each other: the key is suspect, and nothing of it resolves.",
    superseded_by: None,
    judge,
    describe,
};

fn judge(sight: &Sight<'_>, _: &Rule) -> Verdict {
    let position = &sight.state.position;
    match position.doubt() {
        Some(doubt) => Verdict::Breach(severity(sight, doubt)),
        None if position.impossible_date().is_some() => Verdict::Breach(Severity::Low),
        None => Verdict::Clear,
    }
}

/// Units by which the figures differ.
fn gap(doubt: &Doubt) -> Quantity {
    (doubt.stated - doubt.book).abs()
}

fn unit_value(sight: &Sight<'_>) -> Option<f64> {
    sight.env.item.unit_cost.or(sight.env.item.unit_price).map(Money::as_f64)
}

fn severity(sight: &Sight<'_>, doubt: &Doubt) -> Severity {
    let money = unit_value(sight).map_or(0.0, |value| value * gap(doubt).as_f64());
    if money >= 1000.0 { Severity::High } else { Severity::Medium }
}

/// As evidence names it.
const fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::BelowZero => "book_below_zero",
        Fault::Movements => "contradicts_movements",
        Fault::Statements => "conflicting_balances",
    }
}

fn describe(sight: &Sight<'_>, _: &Rule, state: AlertState) -> (Evidence, Message) {
    let position = &sight.state.position;
    let doubt = position.doubt();
    let date = position.impossible_date();
    let value = unit_value(sight);
    let fault = doubt.map(|d| name(d.fault)).or(date.map(|_| "impossible_date"));
    let stated = doubt.filter(|d| d.fault != Fault::BelowZero).map(|d| d.stated.as_f64());
    let evidence = Facts::default()
        .text("fault", fault.map(str::to_owned))
        .text("since", doubt.map(|d| d.since).or(date).map(|at| at.to_string()))
        .number("stated", stated)
        .number("book", doubt.map(|d| d.book.as_f64()))
        .number("gap", doubt.map(|d| gap(d).as_f64()))
        .number("unit_value", value)
        .number("money", value.zip(doubt).map(|(value, d)| value * gap(d).as_f64()))
        .number("on_hand", position.on_hand().map(Quantity::as_f64))
        .done();
    (evidence, words::message(sight, state, doubt))
}
