//! A1 `low_stock`: the inventory position is at or below the reorder point.
//!
//! Resolves when the position exceeds the reorder point by the rule's hysteresis, a fraction of the
//! reorder point (default 10 %). While on hand is unknown nothing is judged. An item nobody orders any more is
//! never low, nor is an empty shelf where nothing sells: a computed reorder point of zero is reached when
//! something is owed. Severity, from how long available stock lasts against the lead time of an order placed now:
//!
//! | severity | available stock lasts |
//! |---|---|
//! | high | less than the lead time: it runs out before the order arrives |
//! | medium | up to twice the lead time, or no lead time is known |
//! | low | longer, or nothing sells |

use schemas::{AlertKind, AlertState, Evidence, Message, Mode, Quantity, Severity};

use super::{Detector, Facts, Sight, Verdict, transfer};
use crate::alerts::messages;
use crate::ruleset::{Params, Rule, Threshold};
use crate::threshold::{self, Figures, allocation, dynamic, order_quantity};

pub const DETECTOR: Detector = Detector {
    kind: AlertKind::LowStock,
    description: "Inventory position (available + on order) at or below the reorder point.",
    superseded_by: Some(AlertKind::StockOut),
    judge,
    describe,
};

fn judge(sight: &Sight<'_>, rule: &Rule) -> Verdict {
    if !sight.env.item.is_replenished() {
        return Verdict::Lapsed;
    }
    let (Some(position), Some(reorder_point)) = (sight.inventory_position(), reorder_point(sight, rule)) else {
        return Verdict::Hold;
    };
    if position.is_zero() && nearest(reorder_point).is_zero() && !is_fixed(rule) {
        return Verdict::Lapsed;
    }
    if position <= nearest(reorder_point) {
        Verdict::Breach(severity(sight))
    } else if position > nearest(reorder_point * (1.0 + rule.lifecycle.hysteresis)) {
        Verdict::Clear
    } else {
        Verdict::Hold
    }
}

/// The reorder point under a rule: an active rule's is the plan's, a shadow rule's is made of the same figures.
fn reorder_point(sight: &Sight<'_>, rule: &Rule) -> Option<f64> {
    match rule.mode {
        Mode::Active => sight.state.plan.reorder_point(),
        Mode::Shadow => threshold::reorder_point(threshold(rule)?, &figures(sight, rule)),
    }
}

/// The plan's figures; a shadow rule's own service level has a calibration of its own.
fn figures(sight: &Sight<'_>, rule: &Rule) -> Figures {
    let figures = sight.state.plan.figures();
    match service_level(rule).filter(|_| rule.mode == Mode::Shadow) {
        Some(level) => Figures { calibration: sight.env.site.service_factor(level), ..figures },
        None => figures,
    }
}

/// The threshold of a `low_stock` rule.
#[must_use]
pub fn threshold(rule: &Rule) -> Option<&Threshold> {
    match &rule.params {
        Params::LowStock(params) => Some(&params.threshold),
        _ => None,
    }
}

fn is_fixed(rule: &Rule) -> bool {
    matches!(threshold(rule), Some(Threshold::Fixed { .. }))
}

/// Stock counts in thousandths: so does the comparison.
fn nearest(units: f64) -> Quantity {
    Quantity::from_thousandths((units * 1000.0).round() as i64)
}

fn severity(sight: &Sight<'_>) -> Severity {
    let figures = sight.state.plan.figures();
    let Some(cover) = days_of_cover(sight, figures.velocity) else { return Severity::Low };
    match figures.lead_time {
        Some(l) if cover < l.mean_days => Severity::High,
        Some(l) if cover > 2.0 * l.mean_days => Severity::Low,
        _ => Severity::Medium,
    }
}

/// Days available stock lasts; `None` when nothing sells or stock is unknown.
fn days_of_cover(sight: &Sight<'_>, velocity: f64) -> Option<f64> {
    let available = sight.state.position.available()?.as_f64().max(0.0);
    (velocity > 0.0).then(|| available / velocity)
}

fn describe(sight: &Sight<'_>, rule: &Rule, state: AlertState) -> (Evidence, Message) {
    let position = &sight.state.position;
    let figures = figures(sight, rule);
    let reorder_point = reorder_point(sight, rule);
    let cover = days_of_cover(sight, figures.velocity);
    let season = sight.env.season(&sight.state.demand, figures.lead_time.map_or(1.0, |l| l.mean_days));
    let run_out = cover.and_then(|days| messages::day_after(sight, days));
    let order = sight
        .inventory_position()
        .zip(reorder_point)
        .map(|(held, wanted)| order_quantity::recommended(figures.velocity, sight.env.item, held, wanted));
    let transfer = reorder_point.and_then(|wanted| missing(sight, wanted)).and_then(|m| transfer::suggested(sight, m));
    let facts = threshold_evidence(Facts::default(), rule)
        .number("velocity_per_day", figures.velocity)
        .number("velocity_sd_per_day", figures.velocity_sd)
        .number("lost_sales_per_day", Some(sight.state.demand.lost_per_day()).filter(|lost| *lost > 0.0))
        .number("planned_uplift", planned_uplift(sight))
        .number("seasonal_factor", season.map(|season| season.factor()))
        .number("site_last_year_ahead_per_day", season.map(|season| season.ahead_per_day))
        .number("site_last_year_behind_per_day", season.map(|season| season.behind_per_day))
        .number("observed_days", figures.observed_days)
        .number("lead_time_days", figures.lead_time.map(|l| l.mean_days))
        .number("lead_time_sd_days", figures.lead_time.map(|l| l.sd_days))
        .number("lead_time_skew", figures.lead_time.map(|l| l.skew))
        .number("lead_time_demand", figures.lead_time_demand())
        .number("lead_time_demand_sd", figures.lead_time_demand_variance().map(f64::sqrt))
        .number("lead_time_demand_skew", figures.lead_time_demand_skew())
        .number("undershoot", of_dynamic(rule, figures.undershoot()))
        .number("allocation_weight", of_dynamic(rule, figures.weight))
        .number("calibration_factor", of_dynamic(rule, figures.calibration))
        .number("virtual_orders", of_dynamic(rule, sight.env.site.virtual_orders()))
        .number("virtual_orders_late", service_level(rule).map(|level| sight.env.site.virtual_orders_late(level)))
        .number("stock_out_risk", service_level(rule).map(|level| allocation::risk(&figures, level)))
        .number("safety_factor", reorder_point.and_then(|r| safety_factor(r, &figures)))
        .number("safety_stock", reorder_point.and_then(|r| threshold::safety_stock(r, &figures)))
        .number("reorder_point", reorder_point)
        .number("on_hand", position.on_hand().map(Quantity::as_f64))
        .number("reserved", position.reserved().as_f64())
        .number("available", position.available().map(Quantity::as_f64))
        .number("on_order", position.on_order().as_f64())
        .number("overdue", overdue(sight))
        .number("inventory_position", sight.inventory_position().map(Quantity::as_f64))
        .number("resolves_above", reorder_point.map(|r| r * (1.0 + rule.lifecycle.hysteresis)))
        .number("days_of_cover", cover)
        .text("runs_out_on", run_out.clone())
        .number("recommended_order_quantity", order.map(Quantity::as_f64));
    let evidence = transfer::evidence(facts, transfer.as_ref()).done();
    (evidence, messages::low_stock(sight, state, &messages::LowStock { reorder_point, order, run_out, transfer }))
}

/// Units that lift the inventory position to the reorder point and cover the demand of one lot.
fn missing(sight: &Sight<'_>, reorder_point: f64) -> Option<f64> {
    let lot = sight.state.plan.figures().velocity * order_quantity::TARGET_DAYS;
    sight.inventory_position().map(|held| reorder_point + lot - held.as_f64())
}

fn service_level(rule: &Rule) -> Option<f64> {
    match threshold(rule) {
        Some(Threshold::Dynamic { service_level }) => Some(*service_level),
        _ => None,
    }
}

/// Figures that only a service level is made of.
fn of_dynamic(rule: &Rule, figure: f64) -> Option<f64> {
    service_level(rule).map(|_| figure)
}

/// Mean uplift of the promotions planned within the lead time, which is in the velocity; `None` without any.
fn planned_uplift(sight: &Sight<'_>) -> Option<f64> {
    let days = sight.state.plan.figures().lead_time.map_or(1.0, |l| l.mean_days);
    let uplift = sight.env.mean_planned_uplift(&sight.state.demand, days);
    (uplift != 1.0).then_some(uplift)
}

/// The textbook's k: reorder point = lead-time demand + k × its standard deviation.
fn safety_factor(reorder_point: f64, figures: &Figures) -> Option<f64> {
    let (mean, variance) = figures.lead_time_demand().zip(figures.lead_time_demand_variance())?;
    (variance > 0.0).then(|| (reorder_point - mean) / variance.sqrt())
}

/// Units of orders that should have come by now; the inventory position counts them for less and less.
fn overdue(sight: &Sight<'_>) -> Option<f64> {
    let lead_time = sight.state.plan.figures().lead_time.map(|l| l.mean_days);
    Some(sight.state.position.overdue(sight.at, lead_time)).filter(|q| q.is_positive()).map(Quantity::as_f64)
}

/// The threshold's type and parameter, as the rule says.
fn threshold_evidence(facts: Facts, rule: &Rule) -> Facts {
    let Some(threshold) = threshold(rule) else { return facts };
    let facts = facts.text("threshold", threshold.name().to_owned());
    match *threshold {
        Threshold::Fixed { quantity } => facts.number("quantity", quantity.as_f64()),
        Threshold::DaysOfCover { days } => facts.number("days", days),
        Threshold::Dynamic { service_level } => {
            facts.number("service_level", service_level).number("z", dynamic::z(service_level))
        }
        Threshold::Forecast { quantile } => facts.number("quantile", quantile),
    }
}
