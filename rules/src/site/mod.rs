//! What every partition knows of the whole site.
//!
//! Partitions add up integers ([`SiteSums`]) and publish them once per epoch of stream time; the
//! totals of all partitions are folded, in order of epoch, into a [`SiteLevel`]. In epoch e a
//! partition knows the totals through e − 2: figures about "now" compare like with like, up to
//! there. The same totals give the same bits on every partition, whatever their number.

mod blind;
mod keyed_sums;
mod outbound;
mod population;
mod profile;
mod recent;
mod sales_value;
mod season;
mod service;
mod sums;
mod suppliers;
mod surge_budget;
mod write_offs;

pub use keyed_sums::{CATEGORY_SCOPE, SUPPLIER_SCOPE};
pub use outbound::{OutboundLevel, OutboundSums};
pub use season::Season;
pub use sums::{ItemDay, SiteSums};
pub use write_offs::{WriteOffSums, WriteOffs};

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::DAY_MS;
use schemas::{Day, Money, Timestamp};

use crate::class::Boundaries;
use crate::codec;
use crate::demand::LeadTimes;
use crate::item::Item;
use crate::outbound::Kind;
use blind::Blind;
use population::Population;
use profile::Profile;
use recent::RecentLines;
use sales_value::SalesValue;
use season::Weeks;
use service::ServiceRecord;
use suppliers::Suppliers;
use surge_budget::SurgeBudget;

/// Length of an epoch: 15 minutes of stream time.
pub const EPOCH_MS: i64 = 900_000;

const ROW_VERSION: u8 = 2;
const EPOCHS_PER_DAY: i64 = DAY_MS / EPOCH_MS;
/// An epoch knows those before the one before it.
const LAG_EPOCHS: i64 = 2;
/// Lines added to both sides of today's factor, and its bounds.
const FACTOR_PRIOR_LINES: f64 = 30.0;
const FACTOR_RANGE: (f64, f64) = (0.3, 4.0);
/// A day on which the site sold less than this share of a mean trading day is none.
const TRADING_DAY_SHARE: f64 = 0.02;
/// 0.5^(1/14), 0.5^(1/90): half-lives of the two levels, in days.
const LEVEL_FAST: f64 = 0.951_695_153_010_619_6;
const LEVEL_SLOW: f64 = 0.992_327_946_262_943_7;
/// Days before the ratio of the levels means anything.
const LEVEL_DAYS_MIN: u32 = 28;
const LEVEL_RANGE: (f64, f64) = (0.2, 5.0);
/// 0.5^(1/5760): half-life 60 days of 96 epochs.
const DISPERSION_FADE: f64 = 0.999_879_669_188_152_4;
/// Weight of the prior in the population's dispersion: so many SKU-days at dispersion 1.5.
const DISPERSION_PRIOR_DAYS: f64 = 100.0;
const LN_DISPERSION_PRIOR: f64 = 0.405_465_108_108_164_4;

/// Site-wide figures, from the totals of the epochs applied so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SiteLevel {
    /// Newest epoch applied.
    through: Option<i64>,
    recent: RecentLines,
    profile: Profile,
    surge: SurgeBudget,
    level: UnitLevel,
    ln_dispersion: f64,
    dispersions: f64,
    write_offs: WriteOffs,
    population: Population,
    service: ServiceRecord,
    blind: Blind,
    values: SalesValue,
    suppliers: Suppliers,
    weeks: Weeks,
    outbound: OutboundLevel,
}

/// Bias-corrected exponentially weighted mean units a day, at two half-lives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct UnitLevel {
    days: u32,
    today_thousandths: i64,
    fast: f64,
    slow: f64,
}

impl UnitLevel {
    fn apply(&mut self, epoch: i64, thousandths: i64) {
        self.today_thousandths += thousandths;
        if epoch.rem_euclid(EPOCHS_PER_DAY) != EPOCHS_PER_DAY - 1 {
            return;
        }
        self.days = self.days.saturating_add(1);
        let units = self.today_thousandths.max(0) as f64 / 1000.0;
        let towards = |mean: f64, decay: f64| {
            let weight = (1.0 - libm::pow(decay, f64::from(self.days))) / (1.0 - decay);
            mean + (units - mean) / weight
        };
        (self.fast, self.slow) = (towards(self.fast, LEVEL_FAST), towards(self.slow, LEVEL_SLOW));
        self.today_thousandths = 0;
    }
}

impl SiteLevel {
    /// Folds in one epoch's totals over all partitions. Epochs come in order; those left out were
    /// empty; one applied before changes nothing.
    pub fn apply_epoch(&mut self, epoch: i64, totals: &[i64]) {
        let first = self.through.map_or(epoch, |through| through + 1);
        for empty in first..epoch {
            self.apply(empty, &SiteSums::default());
        }
        if epoch >= first {
            self.apply(epoch, &SiteSums::from_totals(totals));
        }
    }

    fn apply(&mut self, epoch: i64, sums: &SiteSums) {
        self.through = Some(epoch);
        self.recent.apply(epoch, sums.lines);
        self.profile.apply(epoch, &self.recent);
        self.surge.apply(sums);
        self.level.apply(epoch, sums.units_thousandths);
        self.weeks.apply(epoch, sums.units_thousandths);
        self.values.apply(epoch, &sums.values);
        self.ln_dispersion = self.ln_dispersion * DISPERSION_FADE + sums.ln_dispersion();
        self.dispersions = self.dispersions * DISPERSION_FADE + sums.dispersions as f64;
        self.write_offs.apply(&sums.write_offs);
        self.population.apply(sums);
        self.outbound.apply(epoch, &sums.outbound);
        self.service.apply(sums);
    }

    /// Folds in one epoch's totals of a category over all partitions.
    pub fn apply_category(&mut self, epoch: i64, category: &str, totals: &[i64]) {
        self.population.apply_category(epoch, category, totals);
    }

    /// Folds in one epoch's totals of a supplier over all partitions.
    pub fn apply_supplier(&mut self, supplier: &str, totals: &[i64]) {
        self.suppliers.apply(supplier, totals);
    }

    /// Lines expected in `[day_start, at)`, as a share of a mean trading day's: more than 1 by the
    /// end of a strong weekday. Uniform until the site has been watched for nine days.
    #[must_use]
    pub fn expected_share(&self, day_start: Timestamp, at: Timestamp) -> f64 {
        if self.profile.is_learned() {
            (self.profile.expected(day_start, at) / self.profile.per_trading_day()).max(0.0)
        } else {
            at.since(day_start).max(0) as f64 / DAY_MS as f64
        }
    }

    /// Whether it is known in which hours the site sells: after it has been watched for nine days.
    #[must_use]
    pub fn knows_hours(&self) -> bool {
        self.profile.is_learned()
    }

    /// How the site is doing on the local day that began at `day_start`: (lines + 30) ÷
    /// (expected lines + 30), clipped to 0.3–4; 1 until the site has been watched for nine days.
    #[must_use]
    pub fn factor_today(&self, day_start: Timestamp, at: Timestamp) -> f64 {
        let known_until = Timestamp::from_millis((at.millis().div_euclid(EPOCH_MS) - LAG_EPOCHS + 1) * EPOCH_MS);
        if !self.profile.is_learned() || known_until <= day_start {
            return 1.0;
        }
        let lines = self.recent.between(day_start, known_until) as f64;
        let expected = self.profile.expected(day_start, known_until);
        ((lines + FACTOR_PRIOR_LINES) / (expected + FACTOR_PRIOR_LINES)).clamp(FACTOR_RANGE.0, FACTOR_RANGE.1)
    }

    /// Whether the site traded in `[start, end)`, a local day that is ending. Taken for granted
    /// while nothing is known of the site.
    #[must_use]
    pub fn is_trading_day(&self, start: Timestamp, end: Timestamp) -> bool {
        if self.through.is_none() {
            return true;
        }
        let least = if self.profile.is_learned() { TRADING_DAY_SHARE * self.profile.per_trading_day() } else { 0.0 };
        self.recent.between(start, end) as f64 > least
    }

    /// The surge score that is expected to be exceeded on so many of 1000 SKU-days.
    #[must_use]
    pub fn surge_score_for_budget(&self, false_alarms_per_1000_sku_days: f64) -> f64 {
        self.surge.score(false_alarms_per_1000_sku_days)
    }

    /// Geometric mean of the dispersion of daily lines over the population.
    #[must_use]
    pub fn population_dispersion(&self) -> f64 {
        let weight = self.dispersions + DISPERSION_PRIOR_DAYS;
        libm::exp((self.ln_dispersion + DISPERSION_PRIOR_DAYS * LN_DISPERSION_PRIOR) / weight)
    }

    /// ln of an item's price; of the population's geometric mean price, if it has none.
    #[must_use]
    pub fn ln_price(&self, item: &Item) -> f64 {
        let price = item.unit_price.map(Money::micros).filter(|micros| *micros > 0);
        price.map_or_else(|| self.population.ln_price(), |micros| libm::log(micros as f64 / 1e6))
    }

    /// Units a day of an item of which nothing is known but category and price; `None` until items are known.
    #[must_use]
    pub fn rate_of(&self, item: &Item) -> Option<f64> {
        self.population.rate(item.category.as_deref(), self.ln_price(item))
    }

    /// ln(variance ÷ mean) of the daily demand of items with this ln mean and ln price; `None` until it is known.
    #[must_use]
    pub fn ln_variance_to_mean(&self, ln_mean: f64, ln_price: f64) -> Option<f64> {
        self.population.ln_variance_to_mean(ln_mean, ln_price)
    }

    /// Money an item turns over in a day, on average over items; `None` until items are known.
    #[must_use]
    pub fn revenue_per_day(&self) -> Option<f64> {
        self.population.revenue_per_day()
    }

    /// Mean over orders of their weight in the allocation of service; `None` until items are known.
    #[must_use]
    pub fn mean_weight(&self) -> Option<f64> {
        self.population.mean_weight()
    }

    /// What the risk a service level allows is to be multiplied by, so that the level is kept: what virtual orders
    /// have shown.
    #[must_use]
    pub fn service_factor(&self, service_level: f64) -> f64 {
        self.service.factor(service_level)
    }

    /// Virtual orders behind that, weighted at half-life 60 days.
    #[must_use]
    pub fn virtual_orders(&self) -> f64 {
        self.service.orders()
    }

    /// Share of them that came too late by the uncorrected risk, in [0, 1].
    #[must_use]
    pub fn virtual_orders_late(&self, service_level: f64) -> f64 {
        self.service.late(service_level)
    }

    /// Lead times of a supplier; `None` while nothing has come from it.
    #[must_use]
    pub fn supplier_lead_times(&self, supplier: &str) -> Option<LeadTimes> {
        self.suppliers.lead_times(supplier)
    }

    /// Units a day at half-life 14 days ÷ at 90 days, clipped to 0.2–5; 1 for the first four weeks.
    #[must_use]
    pub fn level_ratio(&self) -> f64 {
        if self.level.days < LEVEL_DAYS_MIN || self.level.slow <= 0.0 {
            return 1.0;
        }
        (self.level.fast / self.level.slow).clamp(LEVEL_RANGE.0, LEVEL_RANGE.1)
    }

    /// How the site's level changed a year ago in the `days` days from `first` on, looked at for 7 to 182; `None` before
    /// it has been watched for a year and five weeks.
    #[must_use]
    pub fn season(&self, first: Day, days: f64) -> Option<Season> {
        self.weeks.season(first, days)
    }

    /// What the site usually loses.
    #[must_use]
    pub fn write_offs(&self) -> &WriteOffs {
        &self.write_offs
    }

    /// What usually leaves the site.
    #[must_use]
    pub fn outbound(&self) -> &OutboundLevel {
        &self.outbound
    }

    /// Share of outbound lines of a kind in hours of the week as quiet as that of `at`; 1 until the site has been
    /// watched for nine days.
    #[must_use]
    pub fn share_as_quiet(&self, kind: Kind, at: Timestamp) -> f64 {
        self.outbound.share_as_quiet(kind, at, &self.profile)
    }

    /// Where classes A and B begin; `None` before the site's first whole day.
    #[must_use]
    pub fn class_boundaries(&self) -> Option<&Boundaries> {
        self.values.boundaries()
    }

    /// A location has become blind (+1), or is heard again (−1).
    pub fn apply_blind(&mut self, location: &str, by: i64) {
        self.blind.apply(location, by);
    }

    /// Whether nothing is heard from a location that should be: what is known of it may no longer be so.
    #[must_use]
    pub fn is_blind(&self, location: &str) -> bool {
        self.blind.has(location)
    }

    /// Layout: version, newest epoch, recent lines, profile, surge scores, unit level, dispersion; from version 2 on
    /// the blind locations and the suppliers, before everything else that may be absent, and at the end write-offs,
    /// sales values, population, the weeks of the last year, outbound lines and the scores of virtual orders.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        w.u8(ROW_VERSION);
        self.blind.encode(&mut w);
        self.suppliers.encode(&mut w);
        w.option(self.through, RowWriter::signed);
        if self.through.is_none() {
            return;
        }
        self.recent.encode(&mut w);
        self.profile.encode(&mut w);
        self.surge.encode(&mut w);
        w.unsigned(u64::from(self.level.days));
        w.signed(self.level.today_thousandths);
        for figure in [self.level.fast, self.level.slow, self.ln_dispersion, self.dispersions] {
            w.f64(figure);
        }
        self.write_offs.encode(&mut w);
        self.values.encode(&mut w);
        self.population.encode(&mut w);
        self.weeks.encode(&mut w);
        self.outbound.encode(&mut w);
        self.service.encode(&mut w);
    }

    pub fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut r = RowReader::new(row);
        let version = codec::version(&mut r, ROW_VERSION)?;
        let blind = if version >= 2 { Blind::decode(&mut r)? } else { Blind::default() };
        let suppliers = if version >= 2 { Suppliers::decode(&mut r)? } else { Suppliers::default() };
        let Some(through) = r.option(RowReader::signed)? else {
            return Ok(Self { blind, suppliers, ..Self::default() });
        };
        let site = Self {
            through: Some(through),
            recent: RecentLines::decode(&mut r)?,
            profile: Profile::decode(&mut r)?,
            surge: SurgeBudget::decode(&mut r, version)?,
            level: UnitLevel {
                days: r.unsigned()? as u32,
                today_thousandths: r.signed()?,
                fast: r.f64()?,
                slow: r.f64()?,
            },
            ln_dispersion: r.f64()?,
            dispersions: r.f64()?,
            write_offs: if version >= 2 { WriteOffs::decode(&mut r)? } else { WriteOffs::default() },
            blind,
            values: if version >= 2 { SalesValue::decode(&mut r)? } else { SalesValue::default() },
            population: if version >= 2 { Population::decode(&mut r)? } else { Population::default() },
            suppliers,
            weeks: if version >= 2 { Weeks::decode(&mut r)? } else { Weeks::default() },
            outbound: if version >= 2 { OutboundLevel::decode(&mut r)? } else { OutboundLevel::default() },
            service: if version >= 2 { ServiceRecord::decode(&mut r)? } else { ServiceRecord::default() },
        };
        codec::end(&r)?;
        Ok(site)
    }
}

#[cfg(test)]
mod tests;
