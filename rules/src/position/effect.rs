//! What one stock change means beyond the new figures.

use schemas::{Quantity, Timestamp};

/// The consequences of one stock change for demand, lead time and checks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, each of use to another part")]
pub struct StockEffect {
    /// Demand this change adds: positive for a sale, negative for a cancellation, zero for the rest.
    pub demand: Quantity,
    /// Order lines it adds to demand: +1, −1 (a sale cancelled whole, or an unknown one) or 0. Several
    /// sales to one buyer within 24 hours are one line.
    pub lines: i32,
    /// The instant whose window the demand belongs to: a cancellation within 24 h of its sale
    /// carries the sale's instant, everything else its own.
    pub demand_at: Timestamp,
    /// A sale that took all there was on hand: how much more was wanted nobody knows. One of more than there was
    /// was served all the same.
    pub emptied: bool,
    /// The demand is a warehouse's outbound transfer, not a customer's.
    pub dependent: bool,
    /// The first receipt of a purchase order, or a receipt of none.
    pub receipt: Option<Receipt>,
    /// How far the new on hand is from the book, where nothing accounts for it.
    pub unexplained: Quantity,
    /// Counted − book, of a stocktake that says what the book was when it was frozen.
    pub variance: Option<Quantity>,
    /// What a balance or a count is to be held against: the frozen book, else on hand before it unless in doubt.
    pub book: Option<Quantity>,
    /// That balance, or that frozen book, is far from what the movements account for.
    pub far: bool,
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
            emptied: false,
            dependent: false,
            receipt: None,
            unexplained: Quantity::ZERO,
            variance: None,
            book: None,
            far: false,
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
