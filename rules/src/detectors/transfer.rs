//! L5: who else has what is missing here.

use super::{Facts, Sight};
use crate::network::{self, Transfer};

/// The location that best gives `wanted` units, if one can spare any. An item that nobody orders any more is
/// still moved.
pub(super) fn suggested<'e>(sight: &Sight<'e>, wanted: f64) -> Option<Transfer<'e>> {
    network::source(sight.elsewhere, wanted.max(1.0), sight.env.place.region.as_deref())
}

/// Who gives, how much, and why it can: `transfer_spare` = `transfer_available` − `transfer_keeps`, which is that
/// location's reorder point and 14 days of its demand.
pub(super) fn evidence(facts: Facts, transfer: Option<&Transfer<'_>>) -> Facts {
    let Some(Transfer { elsewhere, quantity }) = transfer else { return facts };
    facts
        .text("transfer_from", elsewhere.location.clone())
        .number("transfer_quantity", quantity.as_f64())
        .number("transfer_available", elsewhere.available)
        .number("transfer_reorder_point", elsewhere.reorder_point)
        .number("transfer_velocity_per_day", elsewhere.velocity)
        .number("transfer_keeps", elsewhere.keeps())
        .number("transfer_spare", elsewhere.spare())
}
