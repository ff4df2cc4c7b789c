//! A2 `stock_out`: on hand is zero or less while the item sells.
//!
//! It sells when its velocity reaches the rule's minimum; a rule that names none also counts what sold within
//! [`SOLD_WITHIN_DAYS`]. Until its first day has closed, its velocity is what it has sold so far. It resolves
//! when there is stock again, and expires when the item stops selling or nobody orders it any more. Severity
//! is the worse of
//!
//! | severity | velocity, units a day | at risk, velocity × price a day |
//! |---|---|---|
//! | critical | ≥ 10 | ≥ 1000 |
//! | high | ≥ 1 | ≥ 100 |
//! | medium | less | less, or no price |

use schemas::{AlertKind, AlertState, Evidence, Message, Quantity, Severity};

use super::{Detector, Facts, Sight, Verdict, transfer};
use crate::alerts::messages;
use crate::ruleset::{Params, Rule, StockOutParams};
use crate::threshold::{Figures, order_quantity};

pub const DETECTOR: Detector = Detector {
    kind: AlertKind::StockOut,
    description: "On hand at zero or below while the item sells.",
    superseded_by: None,
    judge,
    describe,
};

/// An item that sold this recently sells, however slowly.
pub const SOLD_WITHIN_DAYS: i32 = 28;

fn judge(sight: &Sight<'_>, rule: &Rule) -> Verdict {
    let Params::StockOut(params) = &rule.params else { return Verdict::Hold };
    if !sight.env.item.is_replenished() {
        return Verdict::Lapsed;
    }
    // Unknown is not zero (invariant I14).
    let Some(on_hand) = sight.state.position.on_hand() else { return Verdict::Hold };
    if on_hand.is_positive() {
        return Verdict::Clear;
    }
    if sells(sight, params) {
        Verdict::Breach(severity(velocity(sight), money_at_risk(sight)))
    } else {
        Verdict::Lapsed
    }
}

fn sells(sight: &Sight<'_>, params: &StockOutParams) -> bool {
    let (velocity, demand) = (velocity(sight), &sight.state.demand);
    let sold_lately = || demand.last_sale_day().is_some() && demand.idle_days(sight.at) < SOLD_WITHIN_DAYS;
    match params.minimum_velocity_per_day {
        Some(minimum) => velocity > 0.0 && velocity >= minimum,
        None => velocity >= StockOutParams::MINIMUM_VELOCITY || sold_lately(),
    }
}

fn severity(velocity: f64, money_per_day: Option<f64>) -> Severity {
    let money = money_per_day.unwrap_or(0.0);
    if velocity >= 10.0 || money >= 1000.0 {
        Severity::Critical
    } else if velocity >= 1.0 || money >= 100.0 {
        Severity::High
    } else {
        Severity::Medium
    }
}

/// Units a day: of the plan, which knows closed days; before the first of them, what today has sold so far.
fn velocity(sight: &Sight<'_>) -> f64 {
    let figures = sight.state.plan.figures();
    if is_first_day(&figures) { sight.state.demand.sold_today().as_f64() } else { figures.velocity }
}

/// No day in stock is behind the plan.
fn is_first_day(figures: &Figures) -> bool {
    figures.observed_days <= 0.0
}

/// Sales lost a day, in money.
fn money_at_risk(sight: &Sight<'_>) -> Option<f64> {
    sight.env.item.unit_price.map(|price| price.as_f64() * velocity(sight))
}

/// Lots that lift the inventory position above the reorder point; `None` when enough is on order.
fn recommended_order(sight: &Sight<'_>) -> Option<Quantity> {
    let held = sight.inventory_position()?;
    let wanted = sight.state.plan.reorder_point().unwrap_or(0.0);
    (held.as_f64() <= wanted).then(|| order_quantity::recommended(velocity(sight), sight.env.item, held, wanted))
}

fn describe(sight: &Sight<'_>, rule: &Rule, state: AlertState) -> (Evidence, Message) {
    let position = &sight.state.position;
    let plan = &sight.state.plan;
    let money_per_day = money_at_risk(sight);
    let order = recommended_order(sight);
    let minimum = match &rule.params {
        Params::StockOut(params) => Some(params.minimum_velocity_per_day.unwrap_or(StockOutParams::MINIMUM_VELOCITY)),
        _ => None,
    };
    let transfer = transfer::suggested(sight, bridge(sight));
    let facts = Facts::default()
        .number("on_hand", position.on_hand().map(Quantity::as_f64))
        .number("reserved", position.reserved().as_f64())
        .number("on_order", position.on_order().as_f64())
        .number("velocity_per_day", velocity(sight))
        .number("minimum_velocity_per_day", minimum)
        .number("sold_today", sight.state.demand.sold_today().as_f64())
        .number("sold_7d", sight.state.demand.sold_7d().as_f64())
        .text("last_sale_on", sight.state.demand.last_sale_day().map(messages::iso))
        .number("unit_price", sight.env.item.unit_price.map(schemas::Money::as_f64))
        .number("money_at_risk_per_day", money_per_day)
        .number("reorder_point", plan.reorder_point())
        .number("recommended_order_quantity", order.map(Quantity::as_f64));
    let evidence = transfer::evidence(facts, transfer.as_ref()).done();
    let (velocity, first_day) = (velocity(sight), is_first_day(&plan.figures()));
    let told = messages::StockOut { velocity, first_day, money_per_day, order, transfer };
    (evidence, messages::stock_out(sight, state, &told))
}

/// Units that fill what is owed and sell until an order of today arrives; without a lead time, within the days of a lot.
fn bridge(sight: &Sight<'_>) -> f64 {
    let lead_time = sight.state.plan.figures().lead_time.map_or(order_quantity::TARGET_DAYS, |l| l.mean_days);
    let available = sight.state.position.available().map_or(0.0, Quantity::as_f64);
    velocity(sight) * lead_time - available
}
