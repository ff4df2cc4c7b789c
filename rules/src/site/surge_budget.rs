//! What score a demand surge must reach so that false alarms stay within their budget.
//!
//! p-values of sparse counts are not uniform and a SKU is looked at many times a day, so a nominal
//! threshold misses the budget by far. The histogram of each SKU-day's highest score says what is
//! really exceeded how often: the idea of Benjamini & Hochberg (1995), made local. Surges that lasted
//! are left out of it (`demand_surge::peak_for_site`): it is about false alarms, and true ones would push
//! the score up (the empirical null of Efron 2004). Beyond the data the tail is continued log-linearly.

use schemas::row::{RowError, RowReader, RowWriter};

use super::sums::{BIN_WIDTH, BINS, SiteSums};

/// 0.5^(1/35040): half-life 365 days of 96 epochs. What happens on one SKU-day in a thousand takes long to learn.
const FADE: f64 = 0.999_980_218_598_035_8;
/// SKU-days after which data weigh as much as the nominal threshold.
const PRIOR_SKU_DAYS: f64 = 1000.0;
/// SKU-days beyond a score that make its frequency believable.
const TAIL_MIN: f64 = 20.0;
/// The tail's slope is taken between this many times [`TAIL_MIN`] and it.
const TAIL_SPAN: f64 = 10.0;
/// Decades of frequency per decade of p, where the tail is continued: 1 if p-values were exact.
const SLOPE_MIN: f64 = 0.2;
const SLOPE_MAX: f64 = 1.5;

/// Faded counts of SKU-days, by their highest surge score.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SurgeBudget {
    sku_days: f64,
    scores: [f64; BINS],
    /// Derived from the two: log₁₀ frequency of a score in bin i or a higher one, for the bins whose
    /// frequency is believable, and the bin its slope at the end is taken from.
    frequency: [f64; BINS],
    believable: usize,
    slope_from: usize,
}

impl Default for SurgeBudget {
    fn default() -> Self {
        Self { sku_days: 0.0, scores: [0.0; BINS], frequency: [0.0; BINS], believable: 0, slope_from: 0 }
    }
}

impl SurgeBudget {
    pub(super) fn apply(&mut self, sums: &SiteSums) {
        self.sku_days = self.sku_days * FADE + sums.sku_days as f64;
        for (faded, new) in self.scores.iter_mut().zip(sums.surge_scores) {
            *faded = *faded * FADE + new as f64;
        }
        self.derive();
    }

    fn derive(&mut self) {
        let mut tail = self.scores;
        for i in (0..BINS - 1).rev() {
            tail[i] += tail[i + 1];
        }
        self.believable = tail.partition_point(|count| *count >= TAIL_MIN);
        (self.frequency, self.slope_from) = ([0.0; BINS], 0);
        let Some(end) = self.believable.checked_sub(1) else { return };
        let days = self.sku_days.max(tail[0]);
        for (frequency, count) in self.frequency.iter_mut().zip(&tail[..=end]) {
            *frequency = libm::log10((count / days).min(1.0));
        }
        let many = tail.partition_point(|count| *count >= TAIL_SPAN * tail[end]);
        self.slope_from = many.saturating_sub(1).min(end);
    }

    /// The score that `false_alarms_per_1000_sku_days` / 1000 of SKU-days exceed. Falls as the
    /// budget grows.
    pub(super) fn score(&self, false_alarms_per_1000_sku_days: f64) -> f64 {
        let wanted = (false_alarms_per_1000_sku_days / 1000.0).clamp(1e-12, 1.0);
        let nominal = -libm::log10(wanted);
        match self.empirical(-nominal) {
            Some(score) => (self.sku_days * score + PRIOR_SKU_DAYS * nominal) / (self.sku_days + PRIOR_SKU_DAYS),
            None => nominal,
        }
    }

    /// The score whose log₁₀ frequency of being exceeded is `wanted`.
    fn empirical(&self, wanted: f64) -> Option<f64> {
        let frequency = &self.frequency[..self.believable];
        let (end, last) = (self.believable.checked_sub(1)?, *frequency.last()?);
        let edge = |i: usize| i as f64 * BIN_WIDTH;
        if last > wanted {
            let run = edge(end) - edge(self.slope_from);
            let slope = if run > 0.0 { (frequency[self.slope_from] - last) / run } else { 1.0 };
            return Some(edge(end) + (last - wanted) / slope.clamp(SLOPE_MIN, SLOPE_MAX));
        }
        // The first edge that is exceeded rarely enough, and how far before it the wanted point lies.
        let above = frequency.partition_point(|f| *f > wanted);
        let Some(below) = above.checked_sub(1) else { return Some(0.0) };
        let part = (frequency[below] - wanted) / (frequency[below] - frequency[above]);
        Some(edge(below) + part * BIN_WIDTH)
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.f64(self.sku_days);
        let used = self.scores.iter().rposition(|count| *count != 0.0).map_or(0, |last| last + 1);
        w.unsigned(used as u64);
        self.scores[..used].iter().for_each(|count| w.f64(*count));
    }

    /// In version 1 scores were logarithms of p-values: they are not kept.
    pub(super) fn decode(r: &mut RowReader<'_>, version: u8) -> Result<Self, RowError> {
        let mut budget = Self { sku_days: r.f64()?, ..Self::default() };
        let used = r.unsigned()? as usize;
        let scores = budget.scores.get_mut(..used).ok_or_else(|| r.invalid("count of score bins"))?;
        for count in scores {
            *count = r.f64()?;
        }
        if version == 1 {
            return Ok(Self::default());
        }
        budget.derive();
        Ok(budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `days` SKU-days whose scores exceed s with frequency 10^(−slope·s).
    fn learned(days: u32, slope: f64) -> SurgeBudget {
        let mut sums = SiteSums::default();
        for i in 0..days {
            sums.record_sku_day(None);
            sums.record_surge_score(-libm::log10((f64::from(i) + 0.5) / f64::from(days)) / slope);
        }
        let mut budget = SurgeBudget::default();
        budget.apply(&sums);
        budget
    }

    #[test]
    fn nominal_until_there_is_data() {
        assert!((SurgeBudget::default().score(1.0) - 3.0).abs() < 1e-9);
        assert!((SurgeBudget::default().score(10.0) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn it_finds_what_is_really_exceeded_and_continues_the_tail() {
        for slope in [0.5, 0.8, 1.2] {
            let budget = learned(200_000, slope);
            for per_1000 in [0.01, 0.25, 1.0, 5.0, 40.0] {
                let (score, exact) = (budget.score(per_1000), -libm::log10(per_1000 / 1000.0) / slope);
                assert!((score - exact).abs() < 0.12 * exact, "slope {slope} budget {per_1000}: {score} not {exact}");
            }
        }
    }

    #[test]
    fn a_larger_budget_never_asks_for_a_higher_score() {
        for days in [0, 10, 300, 5000, 200_000] {
            let budget = learned(days, 0.7);
            let scores: Vec<f64> = (1..400).map(|i| budget.score(f64::from(i) * 0.1)).collect();
            assert!(scores.windows(2).all(|pair| pair[0] >= pair[1] - 1e-12), "{days}");
        }
    }
}
