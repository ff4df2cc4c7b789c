//! What risk a promised service level really allows.
//!
//! Nobody's nominal 95 % is 95 %: distributions have other tails than they should, rates change. Every virtual order
//! (`threshold::trial`) ends with a score: the logarithm of the risk it would have needed to come just in time, before its
//! allocation weight. If the model were exact, the share of orders with a score below ln r would be r; the histogram of scores says
//! what that share is, and one histogram serves every service level. That is a correction of the distribution by its probability
//! integral transform (Dawid 1984, Journal of the Royal Statistical Society A 147, 278–292; Kuleshov, Fenner &
//! Ermon 2018, ICML). The model counts as so many orders that kept to it.

use schemas::row::{RowError, RowReader, RowWriter};

use super::sums::SiteSums;

/// Width of a bin of scores (natural logarithms), and where the first one ends. The first and the last are open.
const BIN_WIDTH: f64 = 0.25;
const FIRST_EDGE: f64 = -11.75;
/// Bins up to 4.
pub(super) const BINS: usize = 64;
/// 0.5^(1/5760): half-life 60 days of 96 epochs.
const FADE: f64 = 0.999_879_669_188_152_4;
/// Virtual orders after which what was seen weighs as much as the model.
const PRIOR_ORDERS: f64 = 2500.0;
/// The factor never leaves these bounds.
const FACTOR_RANGE: (f64, f64) = (0.1, 3.0);

/// Faded counts of virtual orders, by score.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ServiceRecord {
    scores: [f64; BINS],
    /// Derived: share of scores below the upper edge of each bin, the model's included.
    below: [f64; BINS],
}

impl Default for ServiceRecord {
    fn default() -> Self {
        let mut record = Self { scores: [0.0; BINS], below: [0.0; BINS] };
        record.derive();
        record
    }
}

/// The bin of a score. The cast saturates, and takes NaN to 0.
pub(super) fn bin(score: f64) -> usize {
    (((score - FIRST_EDGE) / BIN_WIDTH + 1.0) as usize).min(BINS - 1)
}

fn upper_edge(bin: usize) -> f64 {
    FIRST_EDGE + BIN_WIDTH * bin as f64
}

impl ServiceRecord {
    pub(super) fn apply(&mut self, sums: &SiteSums) {
        for (faded, new) in self.scores.iter_mut().zip(sums.trial_scores) {
            *faded = *faded * FADE + new as f64;
        }
        self.derive();
    }

    fn derive(&mut self) {
        let total = self.orders() + PRIOR_ORDERS;
        let mut seen = 0.0;
        for i in 0..BINS {
            seen += self.scores[i];
            self.below[i] = (seen + PRIOR_ORDERS * libm::exp(upper_edge(i)).min(1.0)) / total;
        }
    }

    /// Virtual orders behind the factor.
    pub(super) fn orders(&self) -> f64 {
        self.scores.iter().sum()
    }

    /// Share of them that came too late by the uncorrected risk; 0 where there are none.
    pub(super) fn late(&self, service_level: f64) -> f64 {
        let orders = self.orders();
        if orders <= 0.0 {
            return 0.0;
        }
        let position = (libm::log(promised_risk(service_level)) - FIRST_EDGE) / BIN_WIDTH + 1.0;
        let whole = position.clamp(0.0, (BINS - 1) as f64) as usize;
        let part = (position - whole as f64).clamp(0.0, 1.0);
        let below: f64 = self.scores[..whole].iter().sum();
        (below + part * self.scores[whole]) / orders
    }

    /// What the risk (1 − service level) is to be multiplied by.
    pub(super) fn factor(&self, service_level: f64) -> f64 {
        let promised = promised_risk(service_level);
        let upper = self.below.partition_point(|share| *share < promised).min(BINS - 1);
        let lower = upper.checked_sub(1).map_or(0.0, |i| self.below[i]);
        // Logarithms of shares lie on lines: the model's exactly.
        let span = libm::log(self.below[upper] / lower);
        let part =
            if span.is_finite() && span > 0.0 { (libm::log(promised / lower) / span).clamp(0.0, 1.0) } else { 1.0 };
        let score = upper_edge(upper) - BIN_WIDTH * (1.0 - part);
        (libm::exp(score) / promised).clamp(FACTOR_RANGE.0, FACTOR_RANGE.1)
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        let used = self.scores.iter().rposition(|count| *count != 0.0).map_or(0, |last| last + 1);
        w.unsigned(used as u64);
        self.scores[..used].iter().for_each(|count| w.f64(*count));
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut record = Self::default();
        let used = r.unsigned()? as usize;
        let scores = record.scores.get_mut(..used).ok_or_else(|| r.invalid("count of score bins"))?;
        for count in scores {
            *count = r.f64()?;
        }
        record.derive();
        Ok(record)
    }
}

fn promised_risk(service_level: f64) -> f64 {
    (1.0 - service_level).max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many orders, whose risk is under p in a share of them of p^exponent.
    fn learned(orders: u32, exponent: f64) -> ServiceRecord {
        let mut sums = SiteSums::default();
        for i in 0..orders {
            sums.record_trial(libm::log((f64::from(i) + 0.5) / f64::from(orders)) / exponent);
        }
        let mut record = ServiceRecord::default();
        record.apply(&sums);
        record
    }

    #[test]
    fn the_model_stands_until_there_is_data() {
        for level in [0.5, 0.9, 0.95, 0.99, 0.999] {
            let factor = ServiceRecord::default().factor(level);
            assert!((factor - 1.0).abs() < 1e-9, "{level}: {factor}");
        }
        assert_eq!((ServiceRecord::default().orders(), ServiceRecord::default().late(0.95)), (0.0, 0.0));
    }

    #[test]
    fn it_finds_the_risk_that_keeps_the_promise() {
        for (exponent, level) in [(1.0, 0.95), (0.8, 0.95), (0.8, 0.9), (1.3, 0.98)] {
            let record = learned(300_000, exponent);
            let exact = libm::pow(1.0 - level, 1.0 / exponent - 1.0);
            let factor = record.factor(level);
            assert!((factor / exact - 1.0).abs() < 0.05, "{exponent} {level}: {factor} not {exact}");
            let late = libm::pow(1.0 - level, exponent);
            assert!((record.late(level) / late - 1.0).abs() < 0.05, "{} not {late}", record.late(level));
        }
    }

    #[test]
    fn a_restart_changes_nothing_however_long_ago_the_last_order_was() {
        let mut record = learned(5_000, 0.7);
        for _ in 0..50 {
            record.apply(&SiteSums::default());
            let mut row = Vec::new();
            record.encode(&mut RowWriter::new(&mut row));
            assert_eq!(ServiceRecord::decode(&mut RowReader::new(&row)).unwrap(), record);
        }
    }

    #[test]
    fn it_cannot_run_away_and_a_higher_level_never_allows_more_risk() {
        for record in [learned(300_000, 0.1), learned(300_000, 9.0), learned(50, 0.5)] {
            let levels = (1..1000).map(|i| f64::from(i) / 1000.0);
            let risks: Vec<f64> = levels.map(|level| (1.0 - level) * record.factor(level)).collect();
            assert!(risks.windows(2).all(|pair| pair[0] >= pair[1] - 1e-12));
            assert!(record.factor(0.999_999) >= 0.1 && record.factor(0.999_999) <= 3.0);
        }
    }
}
