//! `fixed`: a reorder point somebody decided.

use schemas::Quantity;

/// In units, as given; needs no velocity and no lead time.
#[must_use]
pub fn reorder_point(quantity: Quantity) -> f64 {
    quantity.as_f64()
}
