//! What the site usually loses: the yardstick of `shrinkage`.
//!
//! On how many SKU-days something is lost, how much of what was handled stocktakes find missing, and how far that is
//! from what was expected of each: losses come in lots, so their variance exceeds their mean.

use schemas::Quantity;
use schemas::row::{RowError, RowReader, RowWriter};

/// 0.5^(1/17280): half-life 180 days of 96 epochs.
const FADE: f64 = 0.999_959_888_120_442_8;
/// One loss counts as this many units at most.
const UNITS_MAX: Quantity = Quantity::from_units(1000);
const FIGURES: usize = 5;
/// Those of [`FIGURES`] that sums count in thousandths.
const IN_THOUSANDTHS: [usize; 3] = [2, 3, 4];
/// Stocktakes by units expected to be missing: below each of these, and the rest. The more is handled, the more items
/// differ from what is expected of them beyond the lots that losses come in.
const SIZES_BELOW: [f64; 3] = [1.0, 4.0, 16.0];
const SIZES: usize = SIZES_BELOW.len() + 1;

/// What a stocktake says about the variance is clipped at this many times its mean (at least 1): theft is not the rule.
const DISPERSION_MAX: f64 = 25.0;

/// Prior of the share of SKU-days with a loss: 0.5 % of so many.
const PRIOR_SKU_DAYS: f64 = 2000.0;
const PRIOR_LOSS_DAYS: f64 = 10.0;
/// Prior of missing units against units handled: 1 % of so many.
const PRIOR_UNITS: f64 = 1000.0;
const PRIOR_MISSING: f64 = 10.0;
/// Prior of variance ÷ mean, and the missing units it is worth; the site's is worth as many to each size.
const PRIOR_LUMPINESS: f64 = 3.0;
const PRIOR_LUMPS: f64 = 50.0;

/// One partition's sums of one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOffSums {
    sku_days: i64,
    loss_days: i64,
    handled_thousandths: i64,
    missing_thousandths: i64,
    squared_thousandths: i64,
    /// Expected units, and squares, of the stocktakes of each size.
    by_size: [[i64; 2]; SIZES],
}

/// Which of the sizes a stocktake has.
fn size_of(expected: f64) -> usize {
    SIZES_BELOW.iter().filter(|bound| expected >= **bound).count()
}

impl WriteOffSums {
    /// A SKU-day on which there was something to lose, and whether any of it was lost.
    pub fn record_day(&mut self, lost: bool) {
        self.sku_days += 1;
        self.loss_days += i64::from(lost);
    }

    /// A stocktake that found so much less than the book (or more: then nothing is missing) of so many units
    /// handled since the last one, where this many were expected to be missing.
    pub fn record_stocktake(&mut self, handled: f64, missing: Quantity, expected: f64) {
        let missing = missing.clamp(Quantity::ZERO, UNITS_MAX);
        // The cast saturates.
        self.handled_thousandths = self.handled_thousandths.saturating_add((handled.max(0.0) * 1000.0) as i64);
        self.missing_thousandths += missing.thousandths();
        // Rounded, so that sums stay integers.
        let off = missing.as_f64() - expected;
        let squared = libm::round(1000.0 * (off * off).min(DISPERSION_MAX * expected.max(1.0))) as i64;
        self.squared_thousandths += squared;
        let [expected_thousandths, squared_thousandths] = &mut self.by_size[size_of(expected)];
        *expected_thousandths = expected_thousandths.saturating_add((expected.max(0.0) * 1000.0) as i64);
        *squared_thousandths += squared;
    }

    pub(super) fn values(&self) -> [i64; FIGURES] {
        [self.sku_days, self.loss_days, self.handled_thousandths, self.missing_thousandths, self.squared_thousandths]
    }

    pub(super) fn from_totals(mut next: impl FnMut() -> i64) -> Self {
        Self {
            sku_days: next(),
            loss_days: next(),
            handled_thousandths: next(),
            missing_thousandths: next(),
            squared_thousandths: next(),
            by_size: Default::default(),
        }
    }

    /// Those by size stand behind all other sums: they came last.
    pub(super) fn values_by_size(&self) -> impl Iterator<Item = i64> {
        self.by_size.into_iter().flatten()
    }

    pub(super) fn by_size_from_totals(&mut self, mut next: impl FnMut() -> i64) {
        self.by_size.as_flattened_mut().iter_mut().for_each(|sum| *sum = next());
    }
}

/// Faded totals of all partitions; units where sums count thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WriteOffs {
    figures: [f64; FIGURES],
    by_size: [[f64; 2]; SIZES],
}

impl WriteOffs {
    pub(super) fn apply(&mut self, sums: &WriteOffSums) {
        for (i, (faded, new)) in self.figures.iter_mut().zip(sums.values()).enumerate() {
            let unit = if IN_THOUSANDTHS.contains(&i) { 1000.0 } else { 1.0 };
            *faded = *faded * FADE + new as f64 / unit;
        }
        for (faded, new) in self.by_size.as_flattened_mut().iter_mut().zip(sums.by_size.as_flattened()) {
            *faded = *faded * FADE + *new as f64 / 1000.0;
        }
    }

    /// Share of SKU-days with a loss: 0.5 % until the site is known.
    #[must_use]
    pub fn loss_day_share(&self) -> f64 {
        let [sku_days, loss_days, ..] = self.figures;
        (loss_days + PRIOR_LOSS_DAYS) / (sku_days + PRIOR_SKU_DAYS)
    }

    /// Units that stocktakes find missing per unit handled: 1 % until the site is known.
    #[must_use]
    pub fn missing_share(&self) -> f64 {
        let [_, _, handled, missing, _] = self.figures;
        (missing + PRIOR_MISSING) / (handled + PRIOR_UNITS)
    }

    /// Variance ÷ mean of what a stocktake finds missing of which so many units are expected, at least 1; 3 until the site
    /// is known.
    #[must_use]
    pub fn lumpiness(&self, expected: f64) -> f64 {
        let [_, _, _, missing, squared] = self.figures;
        let of_site = (squared + PRIOR_LUMPINESS * PRIOR_LUMPS) / (missing + PRIOR_LUMPS);
        let [expected, squared] = self.by_size[size_of(expected)];
        ((squared + of_site * PRIOR_LUMPS) / (expected + PRIOR_LUMPS)).max(1.0)
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        self.figures.iter().chain(self.by_size.as_flattened()).for_each(|figure| w.f64(*figure));
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut read = Self::default();
        for figure in read.figures.iter_mut().chain(read.by_size.as_flattened_mut()) {
            *figure = r.f64()?;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(record: impl FnOnce(&mut WriteOffSums)) -> WriteOffs {
        let (mut sums, mut site) = (WriteOffSums::default(), WriteOffs::default());
        record(&mut sums);
        site.apply(&sums);
        site
    }

    #[test]
    fn rates_start_at_their_priors_and_move_to_the_data() {
        let none = WriteOffs::default();
        assert_eq!((none.loss_day_share(), none.missing_share(), none.lumpiness(0.5)), (0.005, 0.01, 3.0));
        let site = learned(|sums| {
            (0..100_000).for_each(|i| sums.record_day(i % 50 == 0));
            (0..5000).for_each(|i| sums.record_stocktake(80.0, Quantity::from_units(2 * (i % 2)), 1.0));
        });
        assert!((site.loss_day_share() - 0.02).abs() < 0.001, "{}", site.loss_day_share());
        assert!((site.missing_share() - 0.0125).abs() < 1e-4, "{}", site.missing_share());
        assert!((site.lumpiness(1.0) - 1.0).abs() < 0.02, "{}", site.lumpiness(1.0));
    }

    #[test]
    fn each_size_has_its_own_variance() {
        let site = learned(|sums| {
            // 40 expected, 20 too many or too few; half a unit expected, one or none missing.
            (0..1000).for_each(|i| sums.record_stocktake(4000.0, Quantity::from_units(20 + 40 * (i % 2)), 40.0));
            (0..1000).for_each(|i| sums.record_stocktake(50.0, Quantity::from_units(i % 2), 0.5));
        });
        assert!((site.lumpiness(40.0) - 10.0).abs() < 0.1, "{}", site.lumpiness(40.0));
        assert!((0.99..2.0).contains(&site.lumpiness(0.5)), "{}", site.lumpiness(0.5));
        assert!((site.lumpiness(2.0) - 9.9).abs() < 0.2, "of a size that was never counted: the site's");
    }

    #[test]
    fn one_giant_loss_is_not_the_rule_and_a_surplus_is_no_loss() {
        let site = learned(|sums| {
            sums.record_stocktake(1e6, Quantity::from_units(1_000_000_000), 1.0);
            sums.record_stocktake(1e6, Quantity::from_units(-9), 1.0);
        });
        assert!(site.lumpiness(1.0) < 3.1, "{}", site.lumpiness(1.0));
        assert!(site.missing_share() < 0.01, "{}", site.missing_share());
    }
}
