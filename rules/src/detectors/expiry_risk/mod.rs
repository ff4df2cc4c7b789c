//! A5 `expiry_risk`: lots that will not sell through before they expire, or have expired already.
//!
//! Looks at every day close, receipt and other change that is no sale: sales alone never add to the risk. It opens when the
//! quantity at risk reaches the rule's minimum, and resolves when it falls below half of that. Severity, by
//! the money at risk (at cost, else at price) and the dates:
//!
//! | severity | at risk |
//! |---|---|
//! | critical | ≥ 1000 |
//! | high | ≥ 100, or expired already, or expires within two days |
//! | medium | less, or no cost or price is known |

mod projection;
mod words;

use schemas::{AlertKind, AlertState, Evidence, Message, Money, Severity};

use super::{Detector, Facts, Sight, Trigger, Verdict};
use crate::alerts::messages;
use crate::ruleset::{ExpiryParams, Params, Rule};
use projection::{LotAtRisk, Projection};

pub const DETECTOR: Detector = Detector {
    kind: AlertKind::ExpiryRisk,
    description: "Lots that will not sell through before they expire, or have expired already.",
    superseded_by: None,
    judge,
    describe,
};

/// Days to expiry from which it is urgent whatever the money.
const URGENT_DAYS: i32 = 2;
/// Lots that evidence names; the quantity at risk counts all of them.
const LOTS_NAMED: usize = 10;

fn judge(sight: &Sight<'_>, rule: &Rule) -> Verdict {
    let Params::ExpiryRisk(params) = &rule.params else { return Verdict::Hold };
    if matches!(sight.trigger, Trigger::Lines { .. }) {
        return Verdict::Hold;
    }
    let projection = project(sight, params);
    let at_risk = projection.at_risk();
    if at_risk.is_positive() && at_risk.as_f64() >= params.minimum_quantity {
        Verdict::Breach(severity(sight, &projection))
    } else if at_risk.as_f64() * 2.0 < params.minimum_quantity || at_risk.is_zero() {
        Verdict::Clear
    } else {
        Verdict::Hold
    }
}

fn project<'a>(sight: &Sight<'a>, params: &ExpiryParams) -> Projection<'a> {
    let today = sight.env.place.zone.day_of(sight.at);
    Projection::new(sight.state.position.lots(), velocity(sight), today, params.warning_days)
}

/// Units a day, of the plan.
fn velocity(sight: &Sight<'_>) -> f64 {
    sight.state.plan.figures().velocity.max(0.0)
}

/// What one unit is worth: its cost, else its price.
fn unit_value(sight: &Sight<'_>) -> Option<f64> {
    sight.env.item.unit_cost.or(sight.env.item.unit_price).map(Money::as_f64)
}

fn severity(sight: &Sight<'_>, projection: &Projection<'_>) -> Severity {
    let money = unit_value(sight).map_or(0.0, |value| value * projection.at_risk().as_f64());
    let urgent = projection.lots().first().is_some_and(|first| first.days_left <= URGENT_DAYS);
    if money >= 1000.0 {
        Severity::Critical
    } else if money >= 100.0 || urgent {
        Severity::High
    } else {
        Severity::Medium
    }
}

fn describe(sight: &Sight<'_>, rule: &Rule, state: AlertState) -> (Evidence, Message) {
    let Params::ExpiryRisk(params) = &rule.params else { return Default::default() };
    let projection = project(sight, params);
    let (at_risk, value) = (projection.at_risk().as_f64(), unit_value(sight));
    let first = projection.lots().first();
    let evidence = Facts::default()
        .integer("warning_days", i64::from(params.warning_days))
        .number("minimum_quantity", params.minimum_quantity)
        .number("velocity_per_day", velocity(sight))
        .number("quantity_at_risk", at_risk)
        .number("quantity_expired", projection.expired().as_f64())
        .integer("lots_at_risk", projection.lots().len() as i64)
        .text("first_expiry", first.map(|lot| messages::iso(lot.expires_on)))
        .text("lots", first.map(|_| named(projection.lots())))
        .number("unit_value", value)
        .number("money_at_risk", value.map(|value| value * at_risk))
        .done();
    (evidence, words::message(sight, state, &projection))
}

/// `lot: at risk of quantity, expires day`, first expired first.
fn named(lots: &[LotAtRisk<'_>]) -> String {
    let each = lots.iter().take(LOTS_NAMED).map(|lot| {
        let day = messages::iso(lot.expires_on);
        format!("{}: {} of {}, expires {day}", lot.lot, lot.at_risk, lot.quantity)
    });
    let more = lots.len().checked_sub(LOTS_NAMED + 1).map(|others| format!("and {} more", others + 1));
    each.chain(more).collect::<Vec<_>>().join("; ")
}
