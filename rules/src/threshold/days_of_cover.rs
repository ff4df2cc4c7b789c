//! `days_of_cover`: enough for so many days at the present velocity.

use super::Figures;

/// In units; needs no lead time.
#[must_use]
pub fn reorder_point(figures: &Figures, days: f64) -> f64 {
    figures.velocity * days
}
