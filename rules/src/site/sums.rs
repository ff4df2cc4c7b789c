//! One partition's contribution to the site level: integer sums of one epoch.
//!
//! Integers only: floating sums would depend on the number of partitions.

use schemas::Quantity;
use schemas::row::{RowError, RowReader, RowWriter};

use super::keyed_sums::KeyedSums;
use super::outbound::OutboundSums;
use super::population::{PRICE_EXPONENT, Sum};
use super::sales_value::{self, ValueBins};
use super::service;
use super::write_offs::WriteOffSums;
use crate::position::StockEffect;

/// A bulk order counts as this many units at most.
const UNITS_MAX: Quantity = Quantity::from_units(200);
/// Width of a bin of surge scores (−log₁₀ p).
pub(super) const BIN_WIDTH: f64 = 0.25;
/// Bins from 0 on; the last one is open.
pub(super) const BINS: usize = 64;
/// Dispersions are averaged in logs, counted in millionths and clipped here.
const LN_DISPERSION_MAX: f64 = 7.0;
pub(super) const MILLION: f64 = 1e6;
/// Rates and prices below these count as these, so that logarithms stay in bounds.
const RATE_MIN: f64 = 0.002;
const MEAN_MIN: f64 = 0.005;
/// Money a day beyond which an item counts as this.
const REVENUE_MAX: f64 = 1e6;
/// Days of exposure behind a rate, and behind a spread, that make it one of the population's.
const RATE_DAYS_MIN: f64 = 5.0;
const SPREAD_DAYS_MIN: f64 = 30.0;

/// Sums since the last [`SiteSums::take`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteSums {
    pub(super) lines: i64,
    pub(super) units_thousandths: i64,
    pub(super) sku_days: i64,
    pub(super) dispersions: i64,
    pub(super) ln_dispersion_millionths: i64,
    pub(super) surge_scores: [i64; BINS],
    pub write_offs: WriteOffSums,
    pub(super) values: ValueBins,
    pub(super) population: [i64; Sum::COUNT],
    pub outbound: OutboundSums,
    pub(super) trial_scores: [i64; service::BINS],
    pub(super) keyed: KeyedSums,
}

/// What one SKU-day tells of its population.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ItemDay<'a> {
    pub category: Option<&'a str>,
    /// ln of the price.
    pub ln_price: f64,
    /// Units a day, over the days of `exposure_days`.
    pub per_day: f64,
    pub exposure_days: f64,
    /// Variance ÷ mean of daily units.
    pub variance_to_mean: f64,
    /// Orders it is expected to give in a day, and the weight of each in the allocation of service.
    pub orders_per_day: f64,
    pub weight: f64,
}

impl Default for SiteSums {
    fn default() -> Self {
        Self {
            lines: 0,
            units_thousandths: 0,
            sku_days: 0,
            dispersions: 0,
            ln_dispersion_millionths: 0,
            surge_scores: [0; BINS],
            write_offs: WriteOffSums::default(),
            values: [0; sales_value::BINS],
            population: [0; Sum::COUNT],
            outbound: OutboundSums::default(),
            trial_scores: [0; service::BINS],
            keyed: KeyedSums::default(),
        }
    }
}

impl SiteSums {
    /// A customer's demand. Dependent demand is no sign of how the site is doing.
    pub fn record_demand(&mut self, effect: &StockEffect) {
        if effect.dependent {
            return;
        }
        self.lines += i64::from(effect.lines);
        self.units_thousandths += effect.demand.clamp(-UNITS_MAX, UNITS_MAX).thousandths();
    }

    /// The highest surge score of one SKU-day.
    pub fn record_surge_score(&mut self, score: f64) {
        // The cast saturates, and takes NaN to 0.
        let bin = ((score / BIN_WIDTH) as usize).min(BINS - 1);
        self.surge_scores[bin] += 1;
    }

    /// One SKU-day of the population, and the dispersion of its daily lines where that is known.
    pub fn record_sku_day(&mut self, dispersion: Option<f64>) {
        self.sku_days += 1;
        if let Some(dispersion) = dispersion.filter(|d| *d > 0.0) {
            self.dispersions += 1;
            let ln = libm::log(dispersion).clamp(-LN_DISPERSION_MAX, LN_DISPERSION_MAX);
            self.ln_dispersion_millionths += libm::round(ln * MILLION) as i64;
        }
    }

    /// The sales value a day of one item at one location.
    pub fn record_sales_value(&mut self, value_per_day: f64) {
        if let Some((bin, thousandths)) = sales_value::bin(value_per_day) {
            self.values[bin] += thousandths;
        }
    }

    /// The day of one item at one location.
    pub fn record_item(&mut self, item: &ItemDay<'_>) {
        if item.exposure_days <= RATE_DAYS_MIN || item.per_day < 0.0 {
            return;
        }
        let z = item.ln_price;
        let rate = libm::log(item.per_day.max(RATE_MIN)) + PRICE_EXPONENT * z;
        self.add(Sum::Days, 1.0);
        self.add(Sum::Rate, rate);
        self.add(Sum::Revenue, (item.per_day * libm::exp(z)).min(REVENUE_MAX));
        self.add(Sum::Orders, item.orders_per_day);
        self.add(Sum::Weight, item.orders_per_day * item.weight);
        if let Some(category) = item.category {
            self.keyed.record_category(category, millionths(rate));
        }
        if item.exposure_days > SPREAD_DAYS_MIN && item.per_day > 0.0 {
            let (x, y) = (libm::log(item.per_day.max(MEAN_MIN)), libm::log(item.variance_to_mean.max(1.0)));
            let sums = [(Sum::Spreads, 1.0), (Sum::Mean, x), (Sum::Price, z), (Sum::Spread, y)];
            let products = [(Sum::Mean2, x * x), (Sum::MeanPrice, x * z), (Sum::Price2, z * z)];
            let with_spread = [(Sum::SpreadMean, x * y), (Sum::SpreadPrice, z * y)];
            sums.into_iter().chain(products).chain(with_spread).for_each(|(of, value)| self.add(of, value));
        }
    }

    fn add(&mut self, of: Sum, value: f64) {
        self.population[of as usize] += millionths(value);
    }

    /// The score of a virtual order.
    pub fn record_trial(&mut self, score: f64) {
        self.trial_scores[service::bin(score)] += 1;
    }

    /// A supplier's lead time, in days.
    pub fn record_receipt(&mut self, supplier: &str, lead_days: f64) {
        self.keyed.record_receipt(supplier, lead_days);
    }

    /// Takes the sums by category and supplier of the epoch that ends: scope, name and sums of each.
    pub fn take_keyed(&mut self) -> Vec<(&'static str, String, Vec<i64>)> {
        self.keyed.take()
    }

    /// Writes the open sums by category and supplier; the others are what [`Self::take`] gives.
    pub fn encode_keyed(&self, w: &mut RowWriter<'_>) {
        self.keyed.encode(w);
    }

    /// Reads what [`Self::encode_keyed`] wrote.
    pub fn decode_keyed(&mut self, r: &mut RowReader<'_>) -> Result<(), RowError> {
        self.keyed = KeyedSums::decode(r)?;
        Ok(())
    }

    /// Takes the site's sums of the epoch that ends, leaving zeros. Empty when there was nothing.
    pub fn take(&mut self) -> Vec<i64> {
        let keyed = std::mem::take(&mut self.keyed);
        let taken = std::mem::replace(self, Self { keyed, ..Self::default() });
        if taken == Self::default() {
            return Vec::new();
        }
        let head =
            [taken.lines, taken.units_thousandths, taken.sku_days, taken.dispersions, taken.ln_dispersion_millionths];
        let histograms = taken.surge_scores.into_iter().chain(taken.write_offs.values());
        let mut sums: Vec<i64> = head
            .into_iter()
            .chain(histograms)
            .chain(taken.values)
            .chain(taken.population)
            .chain(taken.outbound.values())
            .chain(taken.write_offs.values_by_size())
            .chain(taken.trial_scores)
            .collect();
        while sums.last() == Some(&0) {
            sums.pop();
        }
        sums
    }

    /// Reads what [`Self::take`] gave, summed over partitions; what is missing is zero.
    #[must_use]
    pub fn from_totals(totals: &[i64]) -> Self {
        let mut totals = totals.iter().copied();
        let mut next = || totals.next().unwrap_or(0);
        let mut sums = Self {
            lines: next(),
            units_thousandths: next(),
            sku_days: next(),
            dispersions: next(),
            ln_dispersion_millionths: next(),
            surge_scores: std::array::from_fn(|_| next()),
            write_offs: WriteOffSums::from_totals(&mut next),
            values: std::array::from_fn(|_| next()),
            population: std::array::from_fn(|_| next()),
            outbound: OutboundSums::from_totals(&mut next),
            trial_scores: [0; service::BINS],
            keyed: KeyedSums::default(),
        };
        sums.write_offs.by_size_from_totals(&mut next);
        sums.trial_scores = std::array::from_fn(|_| next());
        sums
    }

    /// The mean of ln dispersion times its count.
    pub(super) fn ln_dispersion(&self) -> f64 {
        self.ln_dispersion_millionths as f64 / MILLION
    }
}

/// Never NaN: the cast saturates, and takes it to 0.
fn millionths(value: f64) -> i64 {
    libm::round(value.clamp(-1e9, 1e9) * MILLION) as i64
}
