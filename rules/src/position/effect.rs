//! What one stock change means beyond the new figures.

use schemas::{Quantity, Timestamp};

/// The consequences of one stock change for demand, lead time and checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StockEffect {
    /// Demand this change adds: positive for a sale, negative for a cancellation, zero for the rest.
    pub demand: Quantity,
    /// Order lines it adds to demand: +1, −1 (a sale cancelled whole, or an unknown one) or 0.
    pub lines: i32,
    /// The instant whose window the demand belongs to: a cancellation within 24 h of its sale
    /// carries the sale's instant, everything else its own.
    pub demand_at: Timestamp,
    /// The demand is a warehouse's outbound transfer, not a customer's.
    pub dependent: bool,
    /// The first receipt of a purchase order, or a receipt of none.
    pub receipt: Option<Receipt>,
    /// How far the new on hand is from the book, where nothing accounts for it.
    pub unexplained: Quantity,
    /// Counted − book, of a stocktake that says what the book was when it was frozen.
    pub variance: Option<Quantity>,
    /// Goods came in: thresholds are to be computed again.
    pub reconsider: bool,
}

impl StockEffect {
    /// A change without consequences at `at`.
    pub(crate) fn none(at: Timestamp) -> Self {
        Self {
            demand: Quantity::ZERO,
            lines: 0,
            demand_at: at,
            dependent: false,
            receipt: None,
            unexplained: Quantity::ZERO,
            variance: None,
            reconsider: false,
        }
    }
}

/// Goods received.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Receipt {
    /// Days from order to receipt: of the first receipt of a known purchase order only, so that
    /// one order is one observation however many parts it comes in.
    pub lead_days: Option<f64>,
}
