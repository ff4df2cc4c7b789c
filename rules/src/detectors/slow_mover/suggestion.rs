//! What to do with slow stock: move it to where it sells, take the item off the range, or mark it down.

use crate::detectors::{Facts, Sight};
use crate::network::{self, Transfer};
use crate::ruleset::SlowMoverParams;

/// After so many days without a sale a markdown comes too late.
const DELIST_IDLE_DAYS: i32 = 90;

/// The first of them that applies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Suggestion<'e> {
    /// Another location sells what will not sell here.
    Relocate(Transfer<'e>),
    /// Nobody orders it any more, or nothing has been sold for a quarter.
    Delist,
    /// It still sells now and then.
    Promote,
}

impl<'e> Suggestion<'e> {
    pub(super) fn of(sight: &Sight<'e>, params: &SlowMoverParams, idle_days: i32) -> Self {
        let region = sight.env.place.region.as_deref();
        let horizon = f64::from(params.horizon_days);
        if let Some(transfer) = network::destination(sight.elsewhere, surplus(sight, params), horizon, region) {
            Self::Relocate(transfer)
        } else if idle_days >= DELIST_IDLE_DAYS || !sight.env.item.is_replenished() {
            Self::Delist
        } else {
            Self::Promote
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Relocate(_) => "relocation",
            Self::Delist => "delisting",
            Self::Promote => "promotion",
        }
    }

    /// The suggestion, and why it is this one.
    pub(super) fn evidence(&self, facts: Facts, sight: &Sight<'_>, params: &SlowMoverParams) -> Facts {
        let facts = facts
            .text("suggestion", self.name().to_owned())
            .number("surplus", surplus(sight, params))
            .integer("other_locations", sight.elsewhere.len() as i64);
        let Self::Relocate(Transfer { elsewhere, quantity }) = self else {
            let limit = (*self == Self::Delist && sight.env.item.is_replenished()).then_some(DELIST_IDLE_DAYS);
            return facts.integer("delisting_idle_days", limit.map(i64::from));
        };
        facts
            .text("relocate_to", elsewhere.location.clone())
            .number("relocate_quantity", quantity.as_f64())
            .number("relocate_to_velocity_per_day", elsewhere.velocity)
            .number("relocate_to_available", elsewhere.available)
            .number("relocate_to_on_order", elsewhere.on_order)
            .number("relocate_to_room", elsewhere.room(f64::from(params.horizon_days)))
    }
}

/// Units available beyond what sells here within the horizon.
fn surplus(sight: &Sight<'_>, params: &SlowMoverParams) -> f64 {
    let available = sight.state.position.available().map_or(0.0, schemas::Quantity::as_f64);
    (available - sight.state.demand.velocity_per_day() * f64::from(params.horizon_days)).max(0.0)
}
