//! Lead times of suppliers, over all items and locations.

use std::collections::BTreeMap;

use schemas::row::{RowError, RowReader, RowWriter};

use super::keyed_sums::{CUBE_SCALE, LEAD_SCALE};
use crate::demand::LeadTimes;

/// 0.5^(1/20): half-life 20 deliveries.
const DECAY: f64 = 0.965_936_328_924_845_6;

/// By supplier, exponentially weighted lead times. What a supplier delivers in one epoch is one delivery: fifty
/// lines of one lorry tell no more of the next than one does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Suppliers(BTreeMap<String, Deliveries>);

/// Weighted sums over deliveries, in days, days² and days³.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Deliveries {
    weight: f64,
    sum: f64,
    squares: f64,
    cubes: f64,
}

impl Suppliers {
    /// One epoch's totals of a supplier.
    pub(super) fn apply(&mut self, supplier: &str, totals: &[i64]) {
        let &[receipts @ 1..=i64::MAX, sum, squares, cubes] = totals else { return };
        let known = self.0.entry(supplier.to_owned()).or_default();
        let mean = |total: i64, scale: f64| total as f64 / scale / receipts as f64;
        known.weight = known.weight * DECAY + 1.0;
        known.sum = known.sum * DECAY + mean(sum, LEAD_SCALE);
        known.squares = known.squares * DECAY + mean(squares, LEAD_SCALE * LEAD_SCALE);
        known.cubes = known.cubes * DECAY + mean(cubes, CUBE_SCALE);
    }

    /// `None`: nothing came from it yet.
    pub(super) fn lead_times(&self, supplier: &str) -> Option<LeadTimes> {
        let known = self.0.get(supplier)?;
        let [mean, square, cube] = [known.sum, known.squares, known.cubes].map(|sum| sum / known.weight);
        Some(LeadTimes {
            weight: known.weight,
            mean_days: mean,
            variance: (square - mean * mean).max(0.0),
            third_moment: cube - 3.0 * mean * square + 2.0 * mean * mean * mean,
        })
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.unsigned(self.0.len() as u64);
        for (supplier, known) in &self.0 {
            w.text(supplier);
            for sum in [known.weight, known.sum, known.squares, known.cubes] {
                w.f64(sum);
            }
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut suppliers = Self::default();
        for _ in 0..r.unsigned()? {
            let supplier = r.text()?.to_owned();
            let known = Deliveries { weight: r.f64()?, sum: r.f64()?, squares: r.f64()?, cubes: r.f64()? };
            suppliers.0.insert(supplier, known);
        }
        Ok(suppliers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_counts_once_however_many_lines_it_has() {
        let mut suppliers = Suppliers::default();
        suppliers.apply("ACME", &[50, 50 * 4000, 50 * 16_000_000, 50 * 64_000]);
        suppliers.apply("ACME", &[1, 8000, 64_000_000, 512_000]);
        let known = suppliers.lead_times("ACME").unwrap();
        assert!((known.mean_days - 6.0).abs() < 0.1 && (known.variance - 4.0).abs() < 0.1, "{known:?}");
        assert!(known.skew().abs() < 0.1, "{known:?}");
        suppliers.apply("ACME", &[]);
        assert_eq!((suppliers.lead_times("ACME"), suppliers.lead_times("B")), (Some(known), None));
    }

    #[test]
    fn a_supplier_has_the_moments_of_what_it_delivered() {
        let (mut suppliers, mut one_by_one) = (Suppliers::default(), crate::demand::LeadTimeState::default());
        for days in [4.0, 5.25, 3.5, 21.125, 5.0, 0.0, 6.0, 1000.0, 4.5, 40.0] {
            let mut sums = crate::site::keyed_sums::KeyedSums::default();
            for _ in 0..3 {
                sums.record_receipt("ACME", days);
            }
            for (_, supplier, totals) in sums.take() {
                suppliers.apply(&supplier, &totals);
            }
            one_by_one.learn(days);
            let (known, expected) = (suppliers.lead_times("ACME").unwrap(), one_by_one.with_prior(None).unwrap());
            assert!((known.variance - expected.variance).abs() <= 1e-4 * expected.variance.max(1.0), "{known:?}");
            assert!((known.skew() - expected.skew()).abs() < 1e-3, "{known:?}, not {expected:?}");
        }
    }
}
