//! Exponentially weighted demand of closed days.
//!
//! Sums are kept at single precision and computed at double: their relative error stays below
//! 10⁻⁵, and the state of ten million keys at half the size. All sums count back from the same
//! instant; dividing by the summed weights removes the bias of a short history.

use schemas::row::{RowError, RowReader, RowWriter};

use super::lost_sales;

/// 0.5^(1/21): half-life 21 days.
const FAST: f64 = 0.967_531_778_523_891_6;
/// 0.5^(1/120): half-life 120 days.
const SLOW: f64 = 0.994_240_423_817_547_3;
/// Days of exposure the slow rate is worth as the fast one's prior.
const PRIOR_DAYS: f64 = 10.0;
/// Share of the fast rate in the velocity.
const FAST_SHARE: f64 = 0.6;

/// What is known of an item's rate before it has sold: units a day, and the days of exposure that is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    pub per_day: f64,
    pub days: f64,
}

/// Demand sums of the days folded in. Units; exposure in days in stock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct DemandRate {
    fast_demand: f32,
    fast_exposure: f32,
    slow_demand: f32,
    slow_squared: f32,
    slow_exposure: f32,
    /// Part of the slow demand that was not sold.
    slow_lost: f32,
}

impl DemandRate {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Folds in one day that was in stock for `exposure` of it, sold so many units, and would have sold `lost` more
    /// ([`lost_sales`]). A day without exposure says nothing.
    #[must_use]
    pub(super) fn with_day(&self, units: f64, lost: f64, exposure: f64) -> Self {
        let (units, lost) = if exposure > 0.0 { (units + lost, lost) } else { (0.0, 0.0) };
        // The square a whole day would have had (variance grows with time, the mean's square with
        // its square).
        let squared =
            units * units + exposure * (1.0 - exposure) * self.slow() * self.slow() + lost_sales::variance(lost);
        let fold = |sum: f32, decay: f64, value: f64| (f64::from(sum) * decay + value) as f32;
        Self {
            fast_demand: fold(self.fast_demand, FAST, units),
            fast_exposure: fold(self.fast_exposure, FAST, exposure),
            slow_demand: fold(self.slow_demand, SLOW, units),
            slow_squared: fold(self.slow_squared, SLOW, squared),
            slow_exposure: fold(self.slow_exposure, SLOW, exposure),
            slow_lost: fold(self.slow_lost, SLOW, lost),
        }
    }

    /// Units a day: the fast rate, shrunk to the slow one, which is shrunk to the prior.
    pub(super) fn with_prior(&self, prior: Option<Prior>) -> f64 {
        let Prior { per_day, days } = prior.unwrap_or(Prior { per_day: 0.0, days: 0.0 });
        let exposure = f64::from(self.slow_exposure) + days;
        let slow = if exposure > 0.0 { (f64::from(self.slow_demand) + days * per_day) / exposure } else { per_day };
        (f64::from(self.fast_demand) + PRIOR_DAYS * slow) / (f64::from(self.fast_exposure) + PRIOR_DAYS)
    }

    /// Variance ÷ mean of daily demand in the slow window; `None` while nothing has sold.
    pub(super) fn variance_to_mean(&self) -> Option<f64> {
        let mean = self.slow();
        (mean > 0.0).then(|| (ratio(self.slow_squared, self.slow_exposure) - mean * mean).max(0.0) / mean)
    }

    pub(super) fn slow(&self) -> f64 {
        ratio(self.slow_demand, self.slow_exposure)
    }

    /// Units a day of the slow rate that are taken for lost.
    pub(super) fn lost(&self) -> f64 {
        ratio(self.slow_lost, self.slow_exposure)
    }

    /// Units a day: the slow rate, and the fast one shrunk to it (gamma–Poisson shrinkage: a prior
    /// worth so many days of exposure).
    pub(super) fn per_day(&self) -> f64 {
        let slow = self.slow();
        let fast = (f64::from(self.fast_demand) + PRIOR_DAYS * slow) / (f64::from(self.fast_exposure) + PRIOR_DAYS);
        FAST_SHARE * fast + (1.0 - FAST_SHARE) * slow
    }

    /// Units² a day: the variance-to-mean ratio of the slow window times the velocity, so that the
    /// spread moves with the level.
    pub(super) fn variance_per_day(&self) -> f64 {
        self.variance_to_mean().unwrap_or(0.0) * self.per_day()
    }

    /// Days in stock behind the slow rate, after weighting.
    pub(super) fn exposure_days(&self) -> f64 {
        f64::from(self.slow_exposure)
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        let Self { fast_demand, fast_exposure, slow_demand, slow_squared, slow_exposure, slow_lost: _ } = *self;
        for sum in [fast_demand, fast_exposure, slow_demand, slow_squared, slow_exposure] {
            w.f32(sum);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        Ok(Self {
            fast_demand: r.f32()?,
            fast_exposure: r.f32()?,
            slow_demand: r.f32()?,
            slow_squared: r.f32()?,
            slow_exposure: r.f32()?,
            slow_lost: 0.0,
        })
    }

    pub(super) fn has_lost(&self) -> bool {
        self.slow_lost != 0.0
    }

    pub(super) fn encode_lost(&self, w: &mut RowWriter<'_>) {
        w.f32(self.slow_lost);
    }

    pub(super) fn decode_lost(&mut self, r: &mut RowReader<'_>) -> Result<(), RowError> {
        self.slow_lost = r.f32()?;
        Ok(())
    }
}

fn ratio(sum: f32, weight: f32) -> f64 {
    if weight > 0.0 { f64::from(sum) / f64::from(weight) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(of: &[(f64, f64)]) -> DemandRate {
        of.iter().fold(DemandRate::default(), |rate, (units, exposure)| rate.with_day(*units, 0.0, *exposure))
    }

    #[test]
    fn a_constant_rate_is_found_at_once_and_has_no_variance() {
        let rate = days(&[(7.0, 1.0); 40]);
        assert!((days(&[(7.0, 1.0)]).per_day() - 7.0).abs() < 1e-5);
        assert!((rate.per_day() - 7.0).abs() < 1e-5 && rate.variance_per_day() < 1e-3);
    }

    #[test]
    fn days_without_stock_say_nothing_and_part_days_count_by_their_hours() {
        let mut mixed = vec![(8.0, 1.0); 30];
        mixed.extend([(0.0, 0.0); 30]);
        mixed.extend([(4.0, 0.5); 30]);
        assert!((days(&mixed).per_day() - 8.0).abs() < 1e-4);
        assert!(days(&mixed).variance_per_day() < 1e-2);
    }

    #[test]
    fn the_fast_rate_follows_a_change_first() {
        let mut changed = vec![(2.0, 1.0); 200];
        changed.extend([(10.0, 1.0); 14]);
        let v = days(&changed).per_day();
        assert!(v > 3.5 && v < 8.0, "{v}");
    }
}
