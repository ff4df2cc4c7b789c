//! Lead time learned from a key's own orders and receipts, with its supplier's or the configured one as prior.

use schemas::row::{RowError, RowReader, RowWriter};

/// 0.5^(1/20): half-life 20 receipts.
const DECAY: f64 = 0.965_936_328_924_845_6;
/// Receipts a prior is worth: the configured lead time of a supplier, the supplier's of an item.
const PRIOR_RECEIPTS: f64 = 3.0;

/// Skews are kept inside ± this.
const SKEW_MAX: f64 = 30.0;
/// Variances below this, in days², are of a lead time that hardly varies, and its skew would be that of rounded sums: three
/// hours are no spread.
const VARIANCE_MIN: f64 = 0.02;

/// Lead times observed or expected: how many, after weighting, their mean in days, variance in days² and third central
/// moment in days³.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeadTimes {
    pub weight: f64,
    pub mean_days: f64,
    pub variance: f64,
    pub third_moment: f64,
}

impl LeadTimes {
    /// The lead time somebody configured: worth three receipts, without spread of its own.
    #[must_use]
    pub fn configured(days: f64) -> Self {
        Self { weight: PRIOR_RECEIPTS, mean_days: days, variance: 0.0, third_moment: 0.0 }
    }

    /// Both together. The distance of their means is spread: a supplier who keeps missing the configured lead time
    /// is a variable one, and one who rarely misses it by much a skewed one. The moments are those of the mixture.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        let weight = self.weight + other.weight;
        if weight <= 0.0 {
            return self;
        }
        let (one, two) = (self.weight / weight, other.weight / weight);
        let off = self.mean_days - other.mean_days;
        Self {
            weight,
            mean_days: one * self.mean_days + two * other.mean_days,
            variance: one * self.variance + two * other.variance + one * two * off * off,
            third_moment: one * self.third_moment
                + two * other.third_moment
                + one * two * off * (3.0 * (self.variance - other.variance) + (two - one) * off * off),
        }
    }

    /// Third central moment ÷ cube of the standard deviation; 0 without spread.
    #[must_use]
    pub fn skew(&self) -> f64 {
        if self.variance < VARIANCE_MIN {
            return 0.0;
        }
        (self.third_moment / (self.variance * self.variance.sqrt())).clamp(-SKEW_MAX, SKEW_MAX)
    }
}

/// Exponentially weighted mean, variance and third central moment of days from order to first receipt
/// (incremental form: Finch 2009, "Incremental calculation of weighted mean and variance"; the third moment after
/// Pébay 2008, Sandia report SAND2008-6212).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LeadTimeState {
    /// Of the receipts seen; 0 before the first.
    weight: f32,
    mean: f32,
    variance: f32,
    third: f32,
}

impl LeadTimeState {
    /// One observation, in days ≥ 0.
    pub fn learn(&mut self, days: f64) {
        let weight = f64::from(self.weight) * DECAY + 1.0;
        let off = days - f64::from(self.mean);
        let step = off / weight;
        let (rest, variance) = (1.0 - 1.0 / weight, f64::from(self.variance));
        // The observation joined to what there was: a set of its own, without spread.
        let third = rest * (f64::from(self.third) + step * (off * off * (2.0 * rest - 1.0) - 3.0 * variance));
        self.third = third as f32;
        self.variance = ((1.0 - 1.0 / weight) * (f64::from(self.variance) + off * step)) as f32;
        self.mean = (f64::from(self.mean) + step) as f32;
        self.weight = weight as f32;
    }

    /// Own observations, and those the key knows of from elsewhere: exponentially weighted, with the weight of at
    /// most three of them, as prior. `None` if there are neither.
    #[must_use]
    pub fn with_prior(&self, prior: Option<LeadTimes>) -> Option<LeadTimes> {
        let own = LeadTimes {
            weight: f64::from(self.weight),
            mean_days: f64::from(self.mean),
            variance: f64::from(self.variance),
            third_moment: f64::from(self.third),
        };
        match prior {
            Some(prior) if self.is_empty() => Some(prior),
            Some(prior) => Some(own.joined(LeadTimes { weight: PRIOR_RECEIPTS, ..prior })),
            None => (!self.is_empty()).then_some(own),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.weight <= 0.0
    }

    pub(crate) fn encode(&self, w: &mut RowWriter<'_>) {
        for figure in [self.weight, self.mean, self.variance, self.third] {
            w.f32(figure);
        }
    }

    /// Version 1 counted receipts, and did not know the third moment: 0.
    pub(crate) fn decode(r: &mut RowReader<'_>, version: u8) -> Result<Self, RowError> {
        if version < 2 {
            r.unsigned()?;
        }
        let (weight, mean, variance) = (r.f32()?, r.f32()?, r.f32()?);
        Ok(Self { weight, mean, variance, third: if version >= 2 { r.f32()? } else { 0.0 } })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_receipts_the_prior_stands() {
        let (none, configured) = (LeadTimeState::default(), LeadTimes::configured(5.0));
        assert_eq!((none.with_prior(Some(configured)), none.with_prior(None)), (Some(configured), None));
    }

    #[test]
    fn receipts_outweigh_the_prior() {
        let mut learned = LeadTimeState::default();
        for days in [9.0, 11.0].repeat(30) {
            learned.learn(days);
        }
        let own = learned.with_prior(None).unwrap();
        assert!((own.mean_days - 10.0).abs() < 0.1 && (own.variance - 1.0).abs() < 0.1, "{own:?}");
        let joined = learned.with_prior(Some(LeadTimes::configured(5.0))).unwrap();
        assert!(joined.mean_days > 9.3 && joined.mean_days < 10.0 && joined.variance > 1.0, "{joined:?}");
    }

    #[test]
    fn a_supplier_who_is_rarely_very_late_is_skewed() {
        assert_eq!(LeadTimes::configured(5.0).joined(LeadTimes::configured(5.0)).skew(), 0.0);
        let mut learned = LeadTimeState::default();
        for days in [4.0, 5.0, 4.0, 5.0, 20.0].repeat(12) {
            learned.learn(days);
        }
        let skew = learned.with_prior(None).unwrap().skew();
        assert!(skew > 1.2 && skew < 1.7, "{skew}");
    }

    /// Weight, days of each observation.
    fn observations() -> impl Strategy<Value = Vec<(f64, f64)>> {
        proptest::collection::vec((0.1_f64..5.0, 0.0_f64..60.0), 1..12)
    }

    /// Moments of weighted observations, from their definition.
    fn direct(of: &[(f64, f64)]) -> LeadTimes {
        let weight: f64 = of.iter().map(|(w, _)| w).sum();
        let mean = |f: &dyn Fn(f64) -> f64| of.iter().map(|(w, days)| w * f(*days)).sum::<f64>() / weight;
        let mean_days = mean(&|days| days);
        LeadTimes {
            weight,
            mean_days,
            variance: mean(&|days| (days - mean_days).powi(2)),
            third_moment: mean(&|days| (days - mean_days).powi(3)),
        }
    }

    fn alike(a: LeadTimes, b: LeadTimes, tolerance: f64) -> bool {
        let close = |a: f64, b: f64, scale: f64| (a - b).abs() <= tolerance * scale.max(1.0);
        close(a.weight, b.weight, b.weight)
            && close(a.mean_days, b.mean_days, 60.0)
            && close(a.variance, b.variance, 3600.0)
            && close(a.third_moment, b.third_moment, 216_000.0)
    }

    proptest! {
        #[test]
        fn what_is_joined_has_the_moments_of_all_of_it(one in observations(), other in observations()) {
            let both: Vec<_> = one.iter().chain(&other).copied().collect();
            let (joined, expected) = (direct(&one).joined(direct(&other)), direct(&both));
            prop_assert!(alike(joined, expected, 1e-9), "{joined:?}, not {expected:?}");
        }

        #[test]
        fn what_is_learned_has_the_moments_of_what_was_seen(seen in proptest::collection::vec(0.0_f64..60.0, 1..60)) {
            let mut learned = LeadTimeState::default();
            for days in &seen {
                learned.learn(*days);
            }
            let ages = (0..seen.len()).rev();
            let weighted: Vec<_> = ages.zip(&seen).map(|(age, days)| (DECAY.powi(age as i32), *days)).collect();
            let (own, expected) = (learned.with_prior(None).unwrap(), direct(&weighted));
            prop_assert!(alike(own, expected, 1e-5), "{own:?}, not {expected:?}");
        }
    }
}
