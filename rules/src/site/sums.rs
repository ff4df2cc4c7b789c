//! One partition's contribution to the site level: integer sums of one epoch.
//!
//! Integers only: floating sums would depend on the number of partitions.

use schemas::Quantity;

use crate::position::StockEffect;

/// A bulk order counts as this many units at most.
const UNITS_MAX: Quantity = Quantity::from_units(200);
/// Width of a bin of surge scores (−log₁₀ p).
pub(super) const BIN_WIDTH: f64 = 0.25;
/// Bins from 0 on; the last one is open.
pub(super) const BINS: usize = 64;
/// Dispersions are averaged in logs, counted in millionths and clipped here.
const LN_DISPERSION_MAX: f64 = 7.0;
const MILLION: f64 = 1e6;

/// Sums since the last [`SiteSums::take`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteSums {
    pub(super) lines: i64,
    pub(super) units_thousandths: i64,
    pub(super) sku_days: i64,
    pub(super) dispersions: i64,
    pub(super) ln_dispersion_millionths: i64,
    pub(super) surge_scores: [i64; BINS],
}

impl Default for SiteSums {
    fn default() -> Self {
        Self {
            lines: 0,
            units_thousandths: 0,
            sku_days: 0,
            dispersions: 0,
            ln_dispersion_millionths: 0,
            surge_scores: [0; BINS],
        }
    }
}

impl SiteSums {
    /// A customer's demand. Dependent demand is no sign of how the site is doing.
    pub fn record_demand(&mut self, effect: &StockEffect) {
        if effect.dependent {
            return;
        }
        self.lines += i64::from(effect.lines);
        self.units_thousandths += effect.demand.clamp(-UNITS_MAX, UNITS_MAX).thousandths();
    }

    /// The highest surge score of one SKU-day.
    pub fn record_surge_score(&mut self, score: f64) {
        // The cast saturates, and takes NaN to 0.
        let bin = ((score / BIN_WIDTH) as usize).min(BINS - 1);
        self.surge_scores[bin] += 1;
    }

    /// One SKU-day of the population, and the dispersion of its daily lines where that is known.
    pub fn record_sku_day(&mut self, dispersion: Option<f64>) {
        self.sku_days += 1;
        if let Some(dispersion) = dispersion.filter(|d| *d > 0.0) {
            self.dispersions += 1;
            let ln = libm::log(dispersion).clamp(-LN_DISPERSION_MAX, LN_DISPERSION_MAX);
            self.ln_dispersion_millionths += libm::round(ln * MILLION) as i64;
        }
    }

    /// Takes the sums of the epoch that ends, leaving zeros. Empty when there was nothing.
    pub fn take(&mut self) -> Vec<i64> {
        let taken = std::mem::take(self);
        if taken == Self::default() {
            return Vec::new();
        }
        let head =
            [taken.lines, taken.units_thousandths, taken.sku_days, taken.dispersions, taken.ln_dispersion_millionths];
        let mut sums: Vec<i64> = head.into_iter().chain(taken.surge_scores).collect();
        while sums.last() == Some(&0) {
            sums.pop();
        }
        sums
    }

    /// Reads what [`Self::take`] gave, summed over partitions; what is missing is zero.
    #[must_use]
    pub fn from_totals(totals: &[i64]) -> Self {
        let mut totals = totals.iter().copied();
        let mut next = || totals.next().unwrap_or(0);
        Self {
            lines: next(),
            units_thousandths: next(),
            sku_days: next(),
            dispersions: next(),
            ln_dispersion_millionths: next(),
            surge_scores: std::array::from_fn(|_| next()),
        }
    }

    /// The mean of ln dispersion times its count.
    pub(super) fn ln_dispersion(&self) -> f64 {
        self.ln_dispersion_millionths as f64 / MILLION
    }
}
