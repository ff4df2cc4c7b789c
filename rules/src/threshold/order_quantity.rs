//! How much to order: days-of-cover lots in whole packs.
//!
//! The lot is [`TARGET_DAYS`] of demand, at least the minimum order quantity, rounded up to whole
//! packs. An alert recommends the smallest number of lots that lifts the inventory position above
//! the reorder point: the (s, nQ) policy (Hadley & Whitin 1963).

use schemas::Quantity;

use crate::item::Item;

/// Demand one lot covers.
pub const TARGET_DAYS: f64 = 14.0;

/// Pack of an item whose pack size is not known.
const SINGLE: Quantity = Quantity::from_units(1);

/// The lot for an item that sells `velocity` units a day. Always positive.
#[must_use]
pub fn lot(velocity: f64, item: &Item) -> Quantity {
    let demand = quantity_up(velocity * TARGET_DAYS);
    let minimum = item.minimum_order_quantity.unwrap_or_default();
    whole_packs(demand.max(minimum), item)
}

/// The lots to order now: enough to lift `position` above `reorder_point`. Always positive.
#[must_use]
pub fn recommended(velocity: f64, item: &Item, position: Quantity, reorder_point: f64) -> Quantity {
    let lot = lot(velocity, item);
    let short = (quantity_up(reorder_point) - position).thousandths().max(0);
    let lots = short / lot.thousandths() + 1;
    Quantity::from_thousandths(lot.thousandths().saturating_mul(lots))
}

fn whole_packs(quantity: Quantity, item: &Item) -> Quantity {
    let pack = item.pack_size.filter(|p| p.is_positive()).unwrap_or(SINGLE).thousandths();
    let packs =
        quantity.thousandths().max(1).div_euclid(pack) + i64::from(quantity.thousandths().max(1).rem_euclid(pack) != 0);
    Quantity::from_thousandths(packs.saturating_mul(pack))
}

/// Units rounded up to thousandths; the cast saturates. A millionth of the figure is noise.
fn quantity_up(units: f64) -> Quantity {
    Quantity::from_thousandths((units * (1000.0 - 1e-3)).ceil() as i64).min(Quantity::LIMIT)
}
