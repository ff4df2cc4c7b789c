//! On which days anything sold at all: how likely the next weeks are to see no sale.
//!
//! While an item lives, its days with a sale are a Poisson process whose rate has a gamma posterior; since its
//! last sale it may have left the assortment. After Schmittlein, Morrison & Colombo (1987), "Counting your
//! customers". How likely it has left is a logistic regression on what is known of the gap: its length, how
//! surprising it is at the rate before it, whether somebody has corrected the stock since the last sale (who
//! clears a shelf writes off what is left), and how long the item has been around.
//!
//! ```text
//! P(no sale in H days) = d + (1 − d) (1 + μH/k)^−k        d left, μ sale days a day, k the gamma's shape
//! μ = (e + 45·0.035) / (x + 45)                           e, x: sale days and days at half-life 60 days
//! k = 3 (1 + e)
//! ln d/(1−d) = −5.4 + 0.6 ln(s + 0.35) + 0.9 ln(1 + s r/0.35) + 2 c − 0.7 ln(a/100)
//! s idle days, r sale days a day before the gap, c 1 once corrected, else 0, a age in days, 28 to 365
//! ```

use schemas::row::{RowError, RowReader, RowWriter};

/// 0.5^(1/60): half-life 60 days.
const DECAY: f64 = 0.988_514_020_352_896_2;
/// Days with a sale per day of a typical item, and the days that this prior is worth.
const PRIOR_RATE: f64 = 0.035;
const PRIOR_DAYS: f64 = 45.0;
/// Shape of the gamma of an item without sales, and what each weighted sale day adds to it.
const SHAPE: f64 = 3.0;
/// Log-odds of having left, by the terms of the formula above.
const LEFT: f64 = -5.4;
const LEFT_PER_LN_GAP: f64 = 0.6;
const GAP_DAYS_MIN: f64 = 0.35;
const LEFT_PER_SURPRISE: f64 = 0.9;
const SURPRISE_SHAPE: f64 = 0.35;
const LEFT_IF_CORRECTED: f64 = 2.0;
const LEFT_PER_LN_AGE: f64 = -0.7;
const AGE_DAYS: f64 = 100.0;
const AGE_RANGE: (f64, f64) = (28.0, 365.0);

/// What is known of the days since an item's last sale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gap {
    /// Closed days since the item was first seen.
    pub(super) age_days: f64,
    /// Whole days without a sale.
    pub(super) idle_days: f64,
    /// Somebody has corrected the stock on a later day than that of the last sale.
    pub(super) corrected: bool,
}

/// What the chance of no sale is computed from, in the letters of the formula above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SaleHistory {
    /// e: days with a sale, weighted at half-life 60 days.
    pub weighted_sale_days: f64,
    /// x: days since the item was first seen, weighted alike.
    pub weighted_days: f64,
    /// n: all days with a sale.
    pub sale_days: i64,
    /// a
    pub age_days: f64,
    /// c
    pub corrected: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SaleDays {
    /// Exponentially weighted count.
    recent: f32,
    /// All there ever were.
    total: u16,
    /// Last day on which somebody corrected the stock, counted from 1 on the day the item was first seen; 0 once
    /// a sale has followed.
    pub(super) corrected: u16,
}

impl SaleDays {
    /// Days with a sale, weighted at half-life 60 days.
    pub(super) fn recent(self) -> f64 {
        f64::from(self.recent)
    }

    #[must_use]
    pub(super) fn with_day(self, sold: bool) -> Self {
        Self {
            recent: (f64::from(self.recent) * DECAY + f64::from(u8::from(sold))) as f32,
            total: self.total.saturating_add(u16::from(sold)),
            ..self
        }
    }

    /// The chance that the next `days` days see no sale. In [0, 1].
    pub(super) fn no_sale_probability(self, gap: Gap, days: f64) -> f64 {
        let exposure = weighted_days(gap);
        let recent = f64::from(self.recent);
        let rate = (recent + PRIOR_DAYS * PRIOR_RATE) / (exposure + PRIOR_DAYS);
        let shape = SHAPE * (1.0 + recent);
        let stays_silent = libm::exp(-shape * libm::log1p(rate * days.max(0.0) / shape));
        let left = self.left_probability(gap);
        (left + (1.0 - left) * stays_silent).clamp(0.0, 1.0)
    }

    pub(super) fn history(self, gap: Gap) -> SaleHistory {
        SaleHistory {
            weighted_sale_days: f64::from(self.recent),
            weighted_days: weighted_days(gap),
            sale_days: i64::from(self.total),
            age_days: gap.age_days,
            corrected: gap.corrected,
        }
    }

    /// The chance that the item has left the assortment.
    fn left_probability(self, gap: Gap) -> f64 {
        let Gap { age_days, idle_days, corrected } = gap;
        let idle_days = idle_days.max(0.0);
        let before = (age_days - idle_days).max(0.0);
        let rate_before = (f64::from(self.total) + PRIOR_DAYS * PRIOR_RATE) / (before + PRIOR_DAYS);
        let log_odds = LEFT
            + LEFT_PER_LN_GAP * libm::log(idle_days + GAP_DAYS_MIN)
            + LEFT_PER_SURPRISE * libm::log1p(idle_days * rate_before / SURPRISE_SHAPE)
            + if corrected { LEFT_IF_CORRECTED } else { 0.0 }
            + LEFT_PER_LN_AGE * libm::log(age_days.clamp(AGE_RANGE.0, AGE_RANGE.1) / AGE_DAYS);
        1.0 / (1.0 + libm::exp(-log_odds))
    }

    pub(super) fn encode(self, w: &mut RowWriter<'_>) {
        w.unsigned(u64::from(self.total));
        if self.total > 0 {
            w.f32(self.recent);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let total = r.unsigned()?.min(u64::from(u16::MAX)) as u16;
        Ok(Self { total, recent: if total > 0 { r.f32()? } else { 0.0 }, corrected: 0 })
    }
}

fn weighted_days(gap: Gap) -> f64 {
    (1.0 - libm::pow(DECAY, gap.age_days)) / (1.0 - DECAY)
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
        let gap = |idle_days| Gap { age_days: 120.0, idle_days, corrected: false };
        let p = |days: SaleDays, idle, ahead| days.no_sale_probability(gap(idle), ahead);
        assert!(p(often, 1.0, 30.0) < 0.01);
        assert!(p(rarely, 5.0, 30.0) > p(often, 5.0, 30.0));
        assert!(p(rarely, 60.0, 30.0) > p(rarely, 5.0, 30.0));
        assert!(p(rarely, 5.0, 90.0) < p(rarely, 5.0, 30.0));
        assert!(p(often, 90.0, 30.0) > 0.75, "a good seller silent for a quarter is gone");
        let corrected = Gap { corrected: true, ..gap(20.0) };
        assert!(rarely.no_sale_probability(corrected, 30.0) > p(rarely, 20.0, 30.0));
    }

    #[test]
    fn it_is_a_probability_whatever_is_asked() {
        let days = after([true, false].into_iter());
        for (age, silent, ahead) in [(0.0, 0.0, 0.0), (1e6, 1e6, 1e6), (2.0, 0.0, 365.0), (0.0, 9.0, 1.0)] {
            let gap = Gap { age_days: age, idle_days: silent, corrected: true };
            let p = days.no_sale_probability(gap, ahead);
            assert!((0.0..=1.0).contains(&p), "{p}");
        }
    }

    #[test]
    fn the_formula_computed_by_hand() {
        // Two sale days, the later 10 days ago, 40 days after it was first seen:
        // e = 0.5^(10/60) + 0.5^(39/60) = 1.5282, x = (1 − 0.5^(40/60)) / (1 − 0.5^(1/60)) = 32.217.
        let days = after((0..40).map(|day| day == 0 || day == 29));
        let gap = Gap { age_days: 40.0, idle_days: 10.0, corrected: false };
        // μ = 0.040190, k = 7.5846; r = 3.575/75 = 0.047667; ln d/(1−d) = −2.5829, d = 0.07023.
        assert!((days.no_sale_probability(gap, 30.0) - 0.3739).abs() < 5e-4, "{}", days.no_sale_probability(gap, 30.0));
    }
}
