//! On which days anything sold at all: how likely the next weeks are to see no sale.
//!
//! While an item lives, the days with a sale are a Poisson process whose rate has a gamma
//! posterior; in the gap since the last sale it may have died. After Schmittlein, Morrison &
//! Colombo (1987), "Counting your customers", with a constant hazard per day of silence.

use schemas::row::{RowError, RowReader, RowWriter};

/// 0.5^(1/60): half-life 60 days.
const DECAY: f64 = 0.988_514_020_352_896_2;
/// Days with a sale per day of a typical item: the mean of the prior.
const PRIOR_RATE: f64 = 0.1;
/// Weight of the prior, in days with a sale.
const PRIOR_DAYS: f64 = 0.5;
/// Chance per silent day that the item has left the assortment, and its bound.
const HAZARD: f64 = 0.0015;
const HAZARD_MAX: f64 = 0.9;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SaleDays {
    /// Exponentially weighted count.
    recent: f32,
    /// All there ever were.
    total: u32,
}

impl SaleDays {
    #[must_use]
    pub(super) fn with_day(self, sold: bool) -> Self {
        Self {
            recent: (f64::from(self.recent) * DECAY + f64::from(u8::from(sold))) as f32,
            total: self.total.saturating_add(u32::from(sold)),
        }
    }

    /// The chance that the next `days` days see no sale, of an item first seen `age` closed days
    /// ago whose last sale day lies `silent` whole days back. In [0, 1].
    pub(super) fn no_sale_probability(self, age: f64, silent: f64, days: f64) -> f64 {
        let exposure = (1.0 - libm::pow(DECAY, age)) / (1.0 - DECAY);
        let shape = f64::from(self.recent) + PRIOR_DAYS;
        let rate = exposure + PRIOR_DAYS / PRIOR_RATE;
        let alive_and_silent = libm::pow(rate / (rate + days.max(0.0)), shape);
        let dead = self.dead_probability(age, silent);
        (dead + (1.0 - dead) * alive_and_silent).clamp(0.0, 1.0)
    }

    /// Bayes: a dead item is silent for certain, a living one with the chance of so long a gap at
    /// the rate it had before the gap.
    fn dead_probability(self, age: f64, silent: f64) -> f64 {
        let total = f64::from(self.total);
        let before_gap = (total + 1.0) / ((age - silent).max(0.0) + 1.0 / PRIOR_RATE + 1.0);
        let shape = total + PRIOR_DAYS;
        let gap_if_alive = libm::exp(-shape * libm::log1p((silent * before_gap).max(0.0) / shape));
        let died = (HAZARD * silent).clamp(0.0, HAZARD_MAX);
        died / (died + (1.0 - died) * gap_if_alive)
    }

    pub(super) fn encode(self, w: &mut RowWriter<'_>) {
        w.unsigned(u64::from(self.total));
        if self.total > 0 {
            w.f32(self.recent);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let total = r.unsigned()? as u32;
        Ok(Self { total, recent: if total > 0 { r.f32()? } else { 0.0 } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pattern: impl Iterator<Item = bool>) -> SaleDays {
        pattern.fold(SaleDays::default(), SaleDays::with_day)
    }

    #[test]
    fn the_longer_silent_and_the_rarer_sold_the_less_likely_a_sale() {
        let often = after((0..120).map(|d| d % 2 == 0));
        let rarely = after((0..120).map(|d| d % 20 == 0));
        let p = |days: SaleDays, silent, ahead| days.no_sale_probability(120.0, silent, ahead);
        assert!(p(often, 1.0, 30.0) < 0.01);
        assert!(p(rarely, 5.0, 30.0) > p(often, 5.0, 30.0));
        assert!(p(rarely, 60.0, 30.0) > p(rarely, 5.0, 30.0));
        assert!(p(rarely, 5.0, 90.0) < p(rarely, 5.0, 30.0));
        assert!(p(often, 90.0, 30.0) > 0.9, "a good seller silent for a quarter is gone");
    }

    #[test]
    fn it_is_a_probability_whatever_is_asked() {
        let days = after([true, false].into_iter());
        for (age, silent, ahead) in [(0.0, 0.0, 0.0), (1e6, 1e6, 1e6), (2.0, 0.0, 365.0), (0.0, 9.0, 1.0)] {
            let p = days.no_sale_probability(age, silent, ahead);
            assert!((0.0..=1.0).contains(&p), "{p}");
        }
    }
}
