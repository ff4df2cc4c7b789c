//! What goods that are gone are worth, and how bad that is.

use schemas::{Money, Quantity, Severity};

use super::Sight;

/// What one unit is worth: its cost, else its price.
pub(super) fn unit_value(sight: &Sight<'_>) -> Option<f64> {
    sight.env.item.unit_cost.or(sight.env.item.unit_price).map(Money::as_f64)
}

pub(super) fn money(sight: &Sight<'_>, quantity: Quantity) -> Option<f64> {
    unit_value(sight).map(|value| value * quantity.as_f64())
}

/// As many units and as much money as a rule asks for; worth that is not known is no reason to be silent.
pub(super) fn is_worth_it(sight: &Sight<'_>, quantity: Quantity, minimum: f64, minimum_money: f64) -> bool {
    quantity.as_f64() >= minimum && money(sight, quantity).is_none_or(|money| money >= minimum_money)
}

/// Critical from 1000 on, high from 100; medium for less, or if no cost or price is known.
pub(super) fn severity(money: Option<f64>) -> Severity {
    match money.unwrap_or(0.0) {
        money if money >= 1000.0 => Severity::Critical,
        money if money >= 100.0 => Severity::High,
        _ => Severity::Medium,
    }
}

/// In English and in Chinese, where there is anything to say.
pub(super) fn worth(money: Option<f64>) -> (String, String) {
    let worth = money.filter(|money| *money >= 0.005);
    worth.map_or_else(Default::default, |money| (format!(", worth {money:.2}"), format!(",价值约 {money:.2}")))
}
