//! Judges the alerts of a run by the simulation's books: what was caught, missed, false.
//!
//! Pure: planted problems, alerts and truth in, figures out. The judgement, for every alert that was
//! opened in the live weeks and did not catch a planted problem:
//! - *follow-up*: true, of an item with a planted problem (the stores run dry behind the warehouse);
//! - *true, unplanned*: its condition held in the books all the same;
//! - *early* (low stock only): what there was and what was coming would have lasted the true lead time
//!   at 99 %, but not twice over;
//! - *false*: everything else: a stock-out with stock on the shelf, a surge while demand was ordinary, low
//!   stock with more than twice the need.

use std::collections::BTreeMap;

use schemas::{Alert, AlertKind, AlertState, Mode, Timestamp, time::DAY_MS};
use uuid::Uuid;

use super::wms::{
    Planted,
    truth::{KeyTruth, Truth},
};

/// Demand at or above this multiple of the ordinary is a surge in the books (a promotion counts).
const SURGE_FACTOR: f64 = 1.4;
/// A surge alert may look back over its longest window.
const SURGE_LOOK_BACK_MS: i64 = 2 * DAY_MS;
/// Slower items may run out without anybody having to be called.
const SELLING_UNITS_PER_DAY: f64 = 0.5;

/// How a run went.
#[derive(Clone, Debug)]
pub struct Report {
    pub outcomes: Vec<Outcome>,
    pub others: Tally,
    /// Times an item that sells ran out in the live weeks, and how many of them had a stock-out alert.
    pub stock_outs: (usize, usize),
}

/// What became of one planted problem.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub planted: Planted,
    pub caught: Option<Caught>,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caught {
    pub alert_id: Uuid,
    /// When it was known, in stream time.
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Caught,
    /// An alert came, but no longer in time to be of use.
    Late,
    Missed,
    /// The problem never came true in the books of this run.
    Absent,
}

/// Alerts that did not catch a planted problem, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(pub BTreeMap<AlertKind, Counts>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub follow_up: usize,
    pub unplanned: usize,
    pub early: usize,
    pub wrong: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    FollowUp,
    Unplanned,
    Early,
    False,
}

/// The alert that a planted problem waits for, as far as kind, place and time tell.
#[must_use]
pub fn catches(problem: &Planted, alert: &Alert) -> bool {
    alert.state == AlertState::Opened
        && alert.mode == Mode::Active
        && alert.kind == problem.kind
        && alert.sku.as_deref() == Some(problem.sku.as_str())
        && alert.location.as_deref() == Some(problem.location.as_str())
        && alert.occurred_at >= problem.begun_at
}

/// Scores all alerts of a run, in any order. Only alerts in state `opened` count, each problem's first.
#[must_use]
pub fn score(planted: &[Planted], alerts: &[Alert], truth: &Truth) -> Report {
    let mut opened: Vec<&Alert> = alerts
        .iter()
        .filter(|a| a.state == AlertState::Opened && a.mode == Mode::Active)
        .filter(|a| a.occurred_at >= truth.live_from && a.occurred_at < truth.end)
        .collect();
    opened.sort_by_key(|a| (a.detected_at, a.alert_id, a.revision));
    let outcomes: Vec<Outcome> = planted.iter().map(|problem| outcome(problem, &opened)).collect();
    let mut others = Tally::default();
    for alert in &opened {
        let caught_something = outcomes.iter().any(|o| o.caught.is_some_and(|c| c.alert_id == alert.alert_id));
        if !caught_something {
            others.add(alert.kind, judge(alert, truth));
        }
    }
    Report { outcomes, others, stock_outs: stock_outs(&opened, truth) }
}

fn outcome(problem: &Planted, opened: &[&Alert]) -> Outcome {
    let first = opened.iter().find(|alert| catches(problem, alert));
    let caught = first.map(|alert| Caught { alert_id: alert.alert_id, at: alert.detected_at });
    let verdict = match (caught, problem.detect_by) {
        _ if problem.from.is_none() => Verdict::Absent,
        (None, _) => Verdict::Missed,
        (Some(caught), Some(due)) if caught.at > due => Verdict::Late,
        (Some(_), _) => Verdict::Caught,
    };
    Outcome { planted: problem.clone(), caught, verdict }
}

fn judge(alert: &Alert, truth: &Truth) -> Judgement {
    let (Some(sku), Some(location)) = (&alert.sku, &alert.location) else { return Judgement::False };
    let Some(key) = truth.key(sku, location) else { return Judgement::False };
    match condition(alert, key) {
        Judgement::Unplanned if truth.planted_skus.contains(sku) => Judgement::FollowUp,
        judgement => judgement,
    }
}

/// Whether what the alert says held in the books at the instant it speaks of.
fn condition(alert: &Alert, key: &KeyTruth) -> Judgement {
    let at = alert.occurred_at;
    let Some(books) = key.books_at(at) else { return Judgement::False };
    match alert.kind {
        AlertKind::StockOut if books.on_hand <= 0 => Judgement::Unplanned,
        AlertKind::LowStock => {
            let (there, need) = (f64::from(books.inventory_position), key.need_at(at));
            if there <= need {
                Judgement::Unplanned
            } else if there <= 2.0 * need + 1.0 {
                Judgement::Early
            } else {
                Judgement::False
            }
        }
        AlertKind::DemandSurge if surging(key, at) => Judgement::Unplanned,
        _ => Judgement::False,
    }
}

fn surging(key: &KeyTruth, at: Timestamp) -> bool {
    let recently = |s: &&super::wms::truth::Surging| s.from <= at && at < s.until.plus_ms(SURGE_LOOK_BACK_MS);
    key.surges.iter().filter(recently).any(|s| s.factor >= SURGE_FACTOR)
}

/// Stock-outs of items that sell, in the live weeks: all, and those with an alert while they lasted.
fn stock_outs(opened: &[&Alert], truth: &Truth) -> (usize, usize) {
    let mut alerted: BTreeMap<(&str, &str), Vec<Timestamp>> = BTreeMap::new();
    for alert in opened.iter().filter(|a| a.kind == AlertKind::StockOut) {
        if let (Some(sku), Some(location)) = (&alert.sku, &alert.location) {
            alerted.entry((sku, location)).or_default().push(alert.occurred_at);
        }
    }
    let (mut all, mut with_alert) = (0, 0);
    for ((sku, location), key) in &truth.keys {
        if key.units_per_day < SELLING_UNITS_PER_DAY {
            continue;
        }
        let times = alerted.get(&(sku.as_str(), location.as_str()));
        for run in key.stock_outs(truth.live_from, truth.end) {
            all += 1;
            with_alert += usize::from(times.is_some_and(|t| t.iter().any(|&at| run.from <= at && at < run.until)));
        }
    }
    (all, with_alert)
}

impl Tally {
    fn add(&mut self, kind: AlertKind, judgement: Judgement) {
        let counts = self.0.entry(kind).or_default();
        let count = match judgement {
            Judgement::FollowUp => &mut counts.follow_up,
            Judgement::Unplanned => &mut counts.unplanned,
            Judgement::Early => &mut counts.early,
            Judgement::False => &mut counts.wrong,
        };
        *count += 1;
    }
}

impl Report {
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.outcomes.iter().filter(|o| o.verdict == verdict).count()
    }

    /// Milliseconds from the problem coming true to the alert, median over what was caught of a kind.
    #[must_use]
    pub fn median_delay_ms(&self, kind: AlertKind) -> Option<i64> {
        let caught = self.caught_of(kind);
        median(caught.filter_map(|(p, c)| p.from.map(|from| c.at.since(from).max(0))).collect())
    }

    /// Milliseconds from a low-stock alert to the empty shelf (or to the help that came first).
    #[must_use]
    pub fn median_warning_ms(&self) -> Option<i64> {
        let caught = self.caught_of(AlertKind::LowStock);
        median(caught.filter_map(|(p, c)| p.detect_by.map(|due| due.since(c.at))).collect())
    }

    fn caught_of(&self, kind: AlertKind) -> impl Iterator<Item = (&Planted, Caught)> {
        let caught = self.outcomes.iter().filter(|o| o.verdict == Verdict::Caught);
        caught.filter(move |o| o.planted.kind == kind).filter_map(|o| o.caught.map(|c| (&o.planted, c)))
    }
}

fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
