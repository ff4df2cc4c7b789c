//! What the items of a site have in common: how demand spreads with its mean, what a category sells, what a
//! SKU-day turns over.
//!
//! Every SKU-day counts once, so that the weight of an item does not depend on what it sells. Sums fade at
//! half-life 7 days: they follow the assortment, and one week is a whole week.

use std::collections::BTreeMap;

use schemas::row::{RowError, RowReader, RowWriter};

use super::sums::{MILLION, SiteSums};

/// 0.5^(1/672): half-life 7 days of 96 epochs.
const FADE: f64 = 0.998_969_068_818_787_4;
/// How far a rate is taken to fall with its item's price: ln rate = category − 0.7 ln price.
pub(super) const PRICE_EXPONENT: f64 = 0.7;
/// SKU-days by which a category's mean is shrunk to that of all.
const CATEGORY_PRIOR_DAYS: f64 = 50.0;
/// Half the variance of ln rate within a category: from the median of a lognormal to its mean.
const HALF_VARIANCE: f64 = 0.5;
/// The power law before anything is known of it, and the ridge that holds it there, in SKU-days.
const EXPONENTS_PRIOR: (f64, f64) = (0.55, -0.2);
const RIDGE: f64 = 200.0;
const MEAN_EXPONENT_RANGE: (f64, f64) = (0.0, 1.0);
const PRICE_EXPONENT_RANGE: (f64, f64) = (-0.6, 0.2);
/// Fewer SKU-days are no population: some twenty items, of which all are known.
const SKU_DAYS_MIN: f64 = 200.0;

/// What is summed over SKU-days, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    /// SKU-days with a known rate, their ln rate + 0.7 ln price, and the money they turn over.
    Days,
    Rate,
    Revenue,
    /// Orders a day, and their allocation weights.
    Orders,
    Weight,
    /// SKU-days with a known spread: x = ln mean, z = ln price, y = ln (variance ÷ mean), and products.
    Spreads,
    Mean,
    Price,
    Mean2,
    MeanPrice,
    Price2,
    Spread,
    SpreadMean,
    SpreadPrice,
}

impl Sum {
    pub(super) const COUNT: usize = Self::SpreadPrice as usize + 1;
}

/// Faded sums over SKU-days.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Population {
    sums: [f64; Sum::COUNT],
    categories: BTreeMap<String, Category>,
    /// Derived from the sums.
    law: Option<PowerLaw>,
}

/// ln(variance ÷ mean) = a + b ln mean + g ln price (Taylor 1961, Nature 189, 732–735, with a term for price).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct PowerLaw {
    a: f64,
    b: f64,
    g: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Category {
    epoch: i64,
    sku_days: f64,
    sum: f64,
}

impl Population {
    /// One epoch's totals.
    pub(super) fn apply(&mut self, sums: &SiteSums) {
        for (faded, new) in self.sums.iter_mut().zip(sums.population) {
            *faded = *faded * FADE + new as f64 / MILLION;
        }
        // However little has changed: whoever reads the sums from a row derives from them as they are.
        self.derive();
    }

    /// One epoch's totals of a category.
    pub(super) fn apply_category(&mut self, epoch: i64, category: &str, totals: &[i64]) {
        let &[sku_days @ 1..=i64::MAX, millionths] = totals else { return };
        let known = self.categories.entry(category.to_owned()).or_insert(Category { epoch, ..Category::default() });
        let fade = libm::pow(FADE, epoch.saturating_sub(known.epoch).max(0) as f64);
        *known = Category {
            epoch,
            sku_days: known.sku_days * fade + sku_days as f64,
            sum: known.sum * fade + millionths as f64 / MILLION,
        };
    }

    fn sum(&self, of: Sum) -> f64 {
        self.sums[of as usize]
    }

    /// Ridge regression by the normal equations of the two centred regressors.
    fn derive(&mut self) {
        use Sum::{Price, Price2, Spread, SpreadMean, SpreadPrice};
        let n = self.sum(Sum::Spreads);
        if n < SKU_DAYS_MIN {
            self.law = None;
            return;
        }
        let (x, z, y) = (self.sum(Sum::Mean), self.sum(Price), self.sum(Spread));
        let centred = |product: Sum, one: f64, other: f64| self.sum(product) - one * other / n;
        let xx = centred(Sum::Mean2, x, x) + RIDGE;
        let zz = centred(Price2, z, z) + RIDGE;
        let xz = centred(Sum::MeanPrice, x, z);
        let xy = centred(SpreadMean, y, x) + RIDGE * EXPONENTS_PRIOR.0;
        let zy = centred(SpreadPrice, y, z) + RIDGE * EXPONENTS_PRIOR.1;
        let determinant = xx * zz - xz * xz;
        let within = |exponent: f64, range: (f64, f64)| exponent.clamp(range.0, range.1);
        let b = within((xy * zz - zy * xz) / determinant, MEAN_EXPONENT_RANGE);
        let g = within((xx * zy - xz * xy) / determinant, PRICE_EXPONENT_RANGE);
        self.law = Some(PowerLaw { a: (y - b * x - g * z) / n, b, g });
    }

    /// ln(variance ÷ mean) of daily demand of an item with these logs of mean and price.
    pub(super) fn ln_variance_to_mean(&self, ln_mean: f64, ln_price: f64) -> Option<f64> {
        self.law.map(|law| law.a + law.b * ln_mean + law.g * ln_price)
    }

    /// Units a day of an item of which nothing is known but category and price.
    pub(super) fn rate(&self, category: Option<&str>, ln_price: f64) -> Option<f64> {
        let days = self.days()?;
        let all = self.sum(Sum::Rate) / days;
        let own = category.and_then(|name| self.categories.get(name)).copied().unwrap_or_default();
        let mean = (own.sum + CATEGORY_PRIOR_DAYS * all) / (own.sku_days + CATEGORY_PRIOR_DAYS);
        Some(libm::exp(mean - PRICE_EXPONENT * ln_price + HALF_VARIANCE))
    }

    /// Geometric mean of prices, as a logarithm; 0 until one is known.
    pub(super) fn ln_price(&self) -> f64 {
        let n = self.sum(Sum::Spreads);
        if n > 0.0 { self.sum(Sum::Price) / n } else { 0.0 }
    }

    /// Money an item turns over in a day.
    pub(super) fn revenue_per_day(&self) -> Option<f64> {
        let days = self.days()?;
        Some(self.sum(Sum::Revenue) / days).filter(|revenue| *revenue > 0.0)
    }

    /// Mean allocation weight over orders.
    pub(super) fn mean_weight(&self) -> Option<f64> {
        self.days()?;
        Some(self.sum(Sum::Weight) / self.sum(Sum::Orders)).filter(|weight| *weight > 0.0)
    }

    /// SKU-days, if they are a population.
    fn days(&self) -> Option<f64> {
        Some(self.sum(Sum::Days)).filter(|days| *days >= SKU_DAYS_MIN)
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        self.sums.iter().for_each(|sum| w.f64(*sum));
        w.unsigned(self.categories.len() as u64);
        for (name, category) in &self.categories {
            w.text(name);
            w.signed(category.epoch);
            w.f64(category.sku_days);
            w.f64(category.sum);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut population = Self::default();
        for sum in &mut population.sums {
            *sum = r.f64()?;
        }
        for _ in 0..r.unsigned()? {
            let name = r.text()?.to_owned();
            let category = Category { epoch: r.signed()?, sku_days: r.f64()?, sum: r.f64()? };
            population.categories.insert(name, category);
        }
        population.derive();
        Ok(population)
    }
}
