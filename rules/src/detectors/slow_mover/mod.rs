//! A3 `slow_mover`: stock that hardly sells, and what to do with it.
//!
//! Three things make stock slow, each against its limit in the rule: the chance of no sale within the horizon, days of
//! cover, idle days. The alert opens when one of them reaches its limit, and resolves when all have fallen below by
//! the rule's hysteresis, or nothing is left. Items known for less than the minimum age are new, not slow. Looks at every
//! day close and every change that is no sale; at a sale only while an alert is open. Severity, by the money in it
//! (on hand at cost, else at price):
//!
//! | severity | money at risk |
//! |---|---|
//! | high | ≥ 1000 |
//! | medium | ≥ 100 |
//! | low | less, or no cost or price is known |

mod suggestion;
mod words;

use schemas::{AlertKind, AlertState, Evidence, Message, Money, Quantity, Severity};

use super::{Detector, Facts, Sight, Trigger, Verdict};
use crate::alerts::messages;
use crate::ruleset::{Params, Rule, SlowMoverParams};
use suggestion::Suggestion;

pub const DETECTOR: Detector = Detector {
    kind: AlertKind::SlowMover,
    description: "Stock that hardly sells: no sale to be expected, too much cover, or idle for too long.",
    superseded_by: None,
    judge,
    describe,
};

fn judge(sight: &Sight<'_>, rule: &Rule) -> Verdict {
    let Params::SlowMover(params) = &rule.params else { return Verdict::Hold };
    let Some(on_hand) = sight.state.position.on_hand() else { return Verdict::Hold };
    let open = sight.state.episodes.is_open(AlertKind::SlowMover, rule.mode);
    if matches!(sight.trigger, Trigger::Lines { .. }) && !open {
        return Verdict::Hold;
    }
    let lowest = 1.0 - rule.lifecycle.hysteresis;
    let money = money_at_risk(sight);
    let worth = |share: f64| money.is_none_or(|money| money >= share * params.minimum_money_at_risk);
    let known_long_enough = sight.state.demand.age_days() >= params.minimum_age_days;
    if !on_hand.is_positive() || !known_long_enough || !worth(lowest) {
        return Verdict::Clear;
    }
    let slowness = Slowness::of(sight, params).of_limit(params).1;
    if slowness >= 1.0 && worth(1.0) {
        Verdict::Breach(severity(money))
    } else if slowness < lowest {
        Verdict::Clear
    } else {
        Verdict::Hold
    }
}

/// How slow the stock is.
#[derive(Clone, Copy, Debug)]
struct Slowness {
    /// Of no sale within the horizon.
    no_sale_probability: f64,
    /// On hand ÷ velocity; infinite when nothing sells.
    days_of_cover: f64,
    idle_days: i32,
}

/// What makes it slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    NoSaleProbability,
    DaysOfCover,
    IdleDays,
}

impl Reason {
    const fn name(self) -> &'static str {
        match self {
            Self::NoSaleProbability => "no_sale_probability",
            Self::DaysOfCover => "days_of_cover",
            Self::IdleDays => "idle_days",
        }
    }
}

impl Slowness {
    fn of(sight: &Sight<'_>, params: &SlowMoverParams) -> Self {
        let demand = &sight.state.demand;
        let velocity = demand.velocity_per_day();
        let on_hand = on_hand(sight);
        Self {
            no_sale_probability: demand.no_sale_probability(sight.at, f64::from(params.horizon_days)),
            days_of_cover: if velocity > 0.0 { on_hand / velocity } else { f64::INFINITY },
            idle_days: demand.idle_days(sight.at),
        }
    }

    /// The figure that is furthest beyond its limit, or nearest to it, and its share of that limit.
    fn of_limit(&self, params: &SlowMoverParams) -> (Reason, f64) {
        let share = |figure: f64, limit: Option<f64>| limit.map_or(0.0, |limit| figure / limit);
        let shares = [
            (Reason::NoSaleProbability, self.no_sale_probability / params.no_sale_probability),
            (Reason::DaysOfCover, share(self.days_of_cover, params.maximum_days_of_cover)),
            (Reason::IdleDays, share(f64::from(self.idle_days), params.maximum_idle_days)),
        ];
        // The first of equals: a probability says more than what it is computed from.
        shares.into_iter().reduce(|most, next| if next.1 > most.1 { next } else { most }).unwrap_or(shares[0])
    }
}

/// Units, 0 when less or unknown.
fn on_hand(sight: &Sight<'_>) -> f64 {
    sight.state.position.on_hand().map_or(0.0, Quantity::as_f64).max(0.0)
}

/// What one unit is worth: its cost, else its price.
fn unit_value(sight: &Sight<'_>) -> Option<f64> {
    sight.env.item.unit_cost.or(sight.env.item.unit_price).map(Money::as_f64)
}

fn money_at_risk(sight: &Sight<'_>) -> Option<f64> {
    unit_value(sight).map(|value| value * on_hand(sight))
}

fn severity(money: Option<f64>) -> Severity {
    match money {
        Some(money) if money >= 1000.0 => Severity::High,
        Some(money) if money >= 100.0 => Severity::Medium,
        _ => Severity::Low,
    }
}

fn describe(sight: &Sight<'_>, rule: &Rule, state: AlertState) -> (Evidence, Message) {
    let Params::SlowMover(params) = &rule.params else { return Default::default() };
    let slowness = Slowness::of(sight, params);
    let reason = slowness.of_limit(params).0;
    let suggestion = Suggestion::of(sight, params, slowness.idle_days);
    let facts = Facts::default()
        .text("reason", reason.name().to_owned())
        .number("on_hand", sight.state.position.on_hand().map(Quantity::as_f64))
        .number("unit_value", unit_value(sight))
        .number("money_at_risk", money_at_risk(sight))
        .number("minimum_money_at_risk", params.minimum_money_at_risk);
    let facts = history(facts, sight, params, &slowness);
    let facts = suggestion.evidence(facts, sight, params).number("hysteresis", rule.lifecycle.hysteresis);
    let told = words::Told { slowness, reason, horizon_days: params.horizon_days, money: money_at_risk(sight) };
    (facts.done(), words::message(sight, state, &told, &suggestion))
}

/// The figures, their limits, and what the probability is computed from (docs/decisions.md, "Slow movers").
fn history(facts: Facts, sight: &Sight<'_>, params: &SlowMoverParams, slowness: &Slowness) -> Facts {
    let demand = &sight.state.demand;
    let history = demand.sale_history(sight.at);
    facts
        .integer("horizon_days", i64::from(params.horizon_days))
        .number("no_sale_probability", slowness.no_sale_probability)
        .number("no_sale_probability_limit", params.no_sale_probability)
        .number("weighted_sale_days", history.weighted_sale_days)
        .number("weighted_days", history.weighted_days)
        .integer("sale_days", history.sale_days)
        .number("age_days", history.age_days)
        .integer("corrected_since_sale", i64::from(history.corrected))
        .integer("idle_days", i64::from(slowness.idle_days))
        .number("idle_days_limit", params.maximum_idle_days)
        .text("last_sale_on", demand.last_sale_day().map(messages::iso))
        .number("velocity_per_day", demand.velocity_per_day())
        .number("days_of_cover", slowness.days_of_cover)
        .number("days_of_cover_limit", params.maximum_days_of_cover)
}
