//! Lead time learned from a key's own orders and receipts, with the configured one as prior.

use schemas::row::{RowError, RowReader, RowWriter};

/// 0.5^(1/20): half-life 20 receipts.
const DECAY: f64 = 0.965_936_328_924_845_6;
/// Receipts the configured lead time is worth.
const PRIOR_RECEIPTS: f64 = 3.0;

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

    /// Days; `None` if nothing is configured and nothing learned.
    #[must_use]
    pub fn mean_days(&self, configured: Option<f64>) -> Option<f64> {
        let (weight, mean) = (f64::from(self.weight), f64::from(self.mean));
        match configured {
            Some(days) => Some((weight * mean + PRIOR_RECEIPTS * days) / (weight + PRIOR_RECEIPTS)),
            None => (self.receipts > 0).then_some(mean),
        }
    }

    /// Days: the standard deviation of prior and observations taken together, so that a supplier
    /// who keeps missing the configured lead time is a variable one. Zero until something is learned.
    #[must_use]
    pub fn sd_days(&self, configured: Option<f64>) -> f64 {
        let (weight, variance) = (f64::from(self.weight), f64::from(self.variance));
        let prior = if configured.is_some() { PRIOR_RECEIPTS } else { 0.0 };
        let total = weight + prior;
        if self.receipts == 0 {
            return 0.0;
        }
        let off = configured.map_or(0.0, |days| f64::from(self.mean) - days);
        ((weight * variance + weight * prior / total * off * off) / total).sqrt()
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
    fn without_receipts_the_configured_lead_time_stands() {
        let none = LeadTimeState::default();
        assert_eq!((none.mean_days(Some(5.0)), none.mean_days(None), none.sd_days(Some(5.0))), (Some(5.0), None, 0.0));
    }

    #[test]
    fn receipts_outweigh_the_configuration() {
        let mut learned = LeadTimeState::default();
        for days in [9.0, 11.0].repeat(30) {
            learned.learn(days);
        }
        assert!((learned.mean_days(None).unwrap() - 10.0).abs() < 0.1);
        assert!((learned.sd_days(None) - 1.0).abs() < 0.05);
        let mean = learned.mean_days(Some(5.0)).unwrap();
        assert!(mean > 9.3 && mean < 10.0, "{mean}");
        assert!(learned.sd_days(Some(5.0)) > 1.0);
    }
}
