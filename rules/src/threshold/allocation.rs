//! How a promised service level is shared out among items: who may run out more often, so that others need not.
//!
//! A service level is promised to all orders under a rule together. Least stock for that promise lets the risk of
//! an item be proportional to what holding its stock costs, and to what one order of it moves (the Lagrange
//! condition of Teunter, Babai & Syntetos 2010, Production and Operations Management 19, 343–352):
//! P(demand > reorder point) = (1 − service level) × weight, the weight's mean over orders being 1.

use super::{Figures, order_quantity};

/// Part of the holding cost that goes with the money an item ties up; the rest is the same for every item.
const MONEY_SHARE: f64 = 0.2;
/// Halves of the undershoot that one order moves beyond its lot.
const UNDERSHOOT_SHARE: f64 = 2.0;
const WEIGHT_MAX: f64 = 30.0;
/// Nobody is let run out more often than this for the sake of others.
const RISK_MAX: f64 = 0.8;

/// Weight before it is divided by the mean over orders. `revenue` is what the item turns over in a day, as a
/// multiple of the mean item's.
#[must_use]
pub fn weight(figures: &Figures, revenue: f64) -> f64 {
    let lot = figures.velocity * order_quantity::TARGET_DAYS;
    let undershoot = figures.undershoot();
    if lot <= 0.0 || undershoot <= 0.0 {
        return 1.0;
    }
    let money = 1.0 + MONEY_SHARE * revenue.max(0.0);
    (money * (1.0 + UNDERSHOOT_SHARE * undershoot / lot)).min(WEIGHT_MAX)
}

/// Orders an item gives in a day: one a lot, and never more than it sells.
#[must_use]
pub fn orders_per_day(velocity: f64) -> f64 {
    velocity.clamp(0.0, 1.0 / order_quantity::TARGET_DAYS)
}

/// The chance of running out before the order comes that is allowed an item, under a promised service level.
#[must_use]
pub fn risk(figures: &Figures, service_level: f64) -> f64 {
    let promised = 1.0 - service_level;
    (promised * figures.weight * figures.calibration).min(RISK_MAX.max(promised))
}
