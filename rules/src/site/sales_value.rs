//! How the site's sales value is spread over its items: where the boundaries between classes A, B and C are.
//!
//! Every item adds its sales value a day once a day, at its close, to the bin it falls into. What came in one UTC day
//! counts: closes of all time zones fall into it once.

use schemas::row::{RowError, RowReader, RowWriter};

use super::EPOCHS_PER_DAY;
use crate::class::Boundaries;

/// Bins of a quarter of an octave from a thousandth a day on; the last one is open.
pub(super) const BINS: usize = 128;
const BINS_PER_OCTAVE: f64 = 4.0;
const LOWEST: f64 = 0.001;
/// Shares of the site's sales that A, and A and B together, stand for.
const A_SHARE: f64 = 0.80;
const AB_SHARE: f64 = 0.95;

/// Sales value in thousandths by bin.
pub(super) type ValueBins = [i64; BINS];

/// The bin of a value a day, and what it adds to it; `None` for what is not worth a thousandth a day.
pub(super) fn bin(value_per_day: f64) -> Option<(usize, i64)> {
    if !value_per_day.is_finite() || value_per_day < LOWEST {
        return None;
    }
    let bin = (BINS_PER_OCTAVE * libm::log2(value_per_day / LOWEST)) as usize;
    Some((bin.min(BINS - 1), libm::round(value_per_day.min(1e12) * 1000.0) as i64))
}

fn lower_edge(bin: usize) -> f64 {
    LOWEST * libm::exp2(bin as f64 / BINS_PER_OCTAVE)
}

/// The open UTC day, and the boundaries of the last one with closes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SalesValue {
    today: Box<ValueBins>,
    boundaries: Option<Boundaries>,
}

impl Default for SalesValue {
    fn default() -> Self {
        Self { today: Box::new([0; BINS]), boundaries: None }
    }
}

impl SalesValue {
    pub(super) fn apply(&mut self, epoch: i64, values: &ValueBins) {
        for (sum, value) in self.today.iter_mut().zip(values) {
            *sum = sum.saturating_add(*value);
        }
        if epoch.rem_euclid(EPOCHS_PER_DAY) == EPOCHS_PER_DAY - 1 && self.today.iter().any(|sum| *sum > 0) {
            self.boundaries = Some(boundaries(&self.today));
            *self.today = [0; BINS];
        }
    }

    pub(super) fn boundaries(&self) -> Option<&Boundaries> {
        self.boundaries.as_ref()
    }

    /// Layout: boundaries if known; number of bins up to the last that is not empty, bins.
    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.option(self.boundaries, |w, boundaries| {
            w.f64(boundaries.a_from);
            w.f64(boundaries.b_from);
        });
        let used = self.today.iter().rposition(|sum| *sum != 0).map_or(0, |last| last + 1);
        w.unsigned(used as u64);
        self.today[..used].iter().for_each(|sum| w.signed(*sum));
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let boundaries = r.option(|r| Ok(Boundaries { a_from: r.f64()?, b_from: r.f64()? }))?;
        let mut values = Self { boundaries, ..Self::default() };
        let used = r.unsigned()? as usize;
        for bin in 0..used {
            *values.today.get_mut(bin).ok_or_else(|| r.invalid("number of value bins"))? = r.signed()?;
        }
        Ok(values)
    }
}

/// From the most valuable bin down, the one with which the share is reached belongs to the class.
fn boundaries(bins: &ValueBins) -> Boundaries {
    let total: f64 = bins.iter().map(|sum| *sum as f64).sum();
    let from = |share: f64| {
        let mut reached = 0.0;
        let within = (0..BINS).rev().find(|bin| {
            reached += bins[*bin] as f64;
            reached >= share * total
        });
        lower_edge(within.unwrap_or(0))
    };
    Boundaries { a_from: from(A_SHARE), b_from: from(AB_SHARE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(values: &[f64]) -> ValueBins {
        let mut bins = [0; BINS];
        for (bin, thousandths) in values.iter().filter_map(|value| bin(*value)) {
            bins[bin] += thousandths;
        }
        bins
    }

    #[test]
    fn a_has_80_percent_and_b_the_next_15() {
        // 82 + 6 + 5 + 2.5 + 16 × 0.28 = 99.98: the first has 80 %, the first four have 95 %.
        let mut values = vec![82.0, 6.0, 5.0, 2.5];
        values.extend([0.28; 16]);
        let Boundaries { a_from, b_from } = boundaries(&bins(&values));
        assert!(a_from <= 82.0 && a_from > 6.0, "{a_from}");
        assert!(b_from <= 2.5 && b_from > 0.28, "{b_from}");
    }

    #[test]
    fn values_fall_into_the_bin_of_their_lower_edge() {
        for edge in [0, 1, 60, 127] {
            assert_eq!(bin(lower_edge(edge) * 1.001).map(|(bin, _)| bin), Some(edge));
        }
        assert_eq!((bin(0.0), bin(f64::NAN), bin(-1.0)), (None, None, None));
        assert_eq!(bin(1e300).map(|(bin, _)| bin), Some(BINS - 1));
    }

    #[test]
    fn boundaries_are_those_of_the_last_day_with_sales() {
        let mut values = SalesValue::default();
        values.apply(0, &bins(&[8.0, 1.0]));
        assert_eq!(values.boundaries(), None);
        values.apply(95, &bins(&[]));
        let known = values.boundaries().copied();
        assert!(known.is_some());
        values.apply(95 + 96, &bins(&[]));
        assert_eq!(values.boundaries().copied(), known);
    }
}
