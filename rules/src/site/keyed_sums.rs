//! One partition's contribution to what is known of categories and suppliers: integer sums of one epoch.

use std::collections::BTreeMap;

use schemas::row::{RowError, RowReader, RowWriter};

/// Scope of the sums of a category: SKU-days, and their rates.
pub const CATEGORY_SCOPE: &str = "category";
/// Scope of the sums of a supplier: receipts, and their lead times.
pub const SUPPLIER_SCOPE: &str = "supplier";
/// Lead times are clipped here, in days.
const LEAD_DAYS_MAX: f64 = 1000.0;
/// Lead times count in thousandths of a day.
pub(super) const LEAD_SCALE: f64 = 1000.0;
/// Their cubes count in thousandths of a cubic day: nine million of the greatest fit.
pub(super) const CUBE_SCALE: f64 = 1000.0;
/// Cubes of thousandths in a thousandth of a cubic day.
const CUBES_IN_ONE: i64 = 1_000_000;

/// SKU-days, and the sum of their values in millionths.
pub(super) type CategorySums = [i64; 2];
/// Receipts, the sum of their lead times, of the squares and of the cubes.
pub(super) type SupplierSums = [i64; 4];

/// Sums by name since the last [`KeyedSums::take`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyedSums {
    categories: BTreeMap<String, CategorySums>,
    suppliers: BTreeMap<String, SupplierSums>,
}

impl KeyedSums {
    pub(super) fn record_category(&mut self, category: &str, millionths: i64) {
        add(&mut self.categories, category, [1, millionths]);
    }

    pub(super) fn record_receipt(&mut self, supplier: &str, lead_days: f64) {
        let lead = libm::round(lead_days.clamp(0.0, LEAD_DAYS_MAX) * LEAD_SCALE) as i64;
        let cube = (lead * lead * lead + CUBES_IN_ONE / 2) / CUBES_IN_ONE;
        add(&mut self.suppliers, supplier, [1, lead, lead * lead, cube]);
    }

    /// Takes the sums of the epoch that ends, by scope and name, leaving nothing.
    pub(super) fn take(&mut self) -> Vec<(&'static str, String, Vec<i64>)> {
        let taken = std::mem::take(self);
        let categories = taken.categories.into_iter().map(|(id, sums)| (CATEGORY_SCOPE, id, sums.to_vec()));
        let suppliers = taken.suppliers.into_iter().map(|(id, sums)| (SUPPLIER_SCOPE, id, sums.to_vec()));
        categories.chain(suppliers).collect()
    }

    /// Layout: count, then name and sums of each category; the same of suppliers.
    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        encode(&self.categories, w);
        encode(&self.suppliers, w);
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        Ok(Self { categories: decode(r)?, suppliers: decode(r)? })
    }
}

fn add<const N: usize>(all: &mut BTreeMap<String, [i64; N]>, name: &str, more: [i64; N]) {
    // A name is a string of its own only when it is new.
    match all.get_mut(name) {
        Some(sums) => sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more),
        None => {
            all.insert(name.to_owned(), more);
        }
    }
}

fn encode<const N: usize>(all: &BTreeMap<String, [i64; N]>, w: &mut RowWriter<'_>) {
    w.unsigned(all.len() as u64);
    for (name, sums) in all {
        w.text(name);
        for sum in sums {
            w.signed(*sum);
        }
    }
}

fn decode<const N: usize>(r: &mut RowReader<'_>) -> Result<BTreeMap<String, [i64; N]>, RowError> {
    let mut all = BTreeMap::new();
    for _ in 0..r.unsigned()? {
        let name = r.text()?.to_owned();
        let mut sums = [0; N];
        for sum in &mut sums {
            *sum = r.signed()?;
        }
        all.insert(name, sums);
    }
    Ok(all)
}
