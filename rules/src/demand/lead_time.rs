//! Lead time learned from a key's own orders and receipts, with its supplier's or the configured one as prior.

use schemas::row::{RowError, RowReader, RowWriter};

/// 0.5^(1/20): half-life 20 receipts.
const DECAY: f64 = 0.965_936_328_924_845_6;
/// Receipts a prior is worth: the configured lead time of a supplier, the supplier's of an item.
const PRIOR_RECEIPTS: f64 = 3.0;

/// Lead times observed or expected: how many, after weighting, their mean in days and variance in days².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeadTimes {
    pub weight: f64,
    pub mean_days: f64,
    pub variance: f64,
}

impl LeadTimes {
    /// The lead time somebody configured: worth three receipts, without spread of its own.
    #[must_use]
    pub fn configured(days: f64) -> Self {
        Self { weight: PRIOR_RECEIPTS, mean_days: days, variance: 0.0 }
    }

    /// Both together. The distance of their means is spread: a supplier who keeps missing the configured lead time
    /// is a variable one.
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
        }
    }
}

/// Exponentially weighted mean and variance of days from order to first receipt
/// (incremental form: Finch 2009, "Incremental calculation of weighted mean and variance").
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LeadTimeState {
    receipts: u32,
    weight: f32,
    mean: f32,
    variance: f32,
}

impl LeadTimeState {
    /// One observation, in days ≥ 0.
    pub fn learn(&mut self, days: f64) {
        let weight = f64::from(self.weight) * DECAY + 1.0;
        let off = days - f64::from(self.mean);
        let step = off / weight;
        self.variance = ((1.0 - 1.0 / weight) * (f64::from(self.variance) + off * step)) as f32;
        self.mean = (f64::from(self.mean) + step) as f32;
        self.weight = weight as f32;
        self.receipts = self.receipts.saturating_add(1);
    }

    /// Orders whose first receipt has been seen.
    #[must_use]
    pub fn receipts(&self) -> u32 {
        self.receipts
    }

    /// Own observations, and those the key knows of from elsewhere: exponentially weighted, with the weight of at
    /// most three of them, as prior. `None` if there are neither.
    #[must_use]
    pub fn with_prior(&self, prior: Option<LeadTimes>) -> Option<LeadTimes> {
        let own = LeadTimes {
            weight: f64::from(self.weight),
            mean_days: f64::from(self.mean),
            variance: f64::from(self.variance),
        };
        match prior {
            Some(prior) if self.receipts == 0 => Some(prior),
            Some(prior) => Some(own.joined(LeadTimes { weight: PRIOR_RECEIPTS, ..prior })),
            None => (self.receipts > 0).then_some(own),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.receipts == 0
    }

    pub(crate) fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(u64::from(self.receipts));
        for figure in [self.weight, self.mean, self.variance] {
            w.f32(figure);
        }
    }

    pub(crate) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        Ok(Self { receipts: r.unsigned()? as u32, weight: r.f32()?, mean: r.f32()?, variance: r.f32()? })
    }
}

#[cfg(test)]
mod tests {
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
}
