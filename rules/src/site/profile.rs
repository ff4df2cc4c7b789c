//! Lines the site sells in each hour of the week (UTC).
//!
//! An hour enters two days after it ended: what is expected of today must not have seen today.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::{DAY_MS, HOUR_MS};
use schemas::{Timestamp, Zone};

use super::EPOCH_MS;
use super::recent::RecentLines;

/// 0.5^(1/6): half-life 6 weeks.
const DECAY: f64 = 0.890_898_718_140_339_3;
pub(super) const HOURS: usize = 168;
const WEEK_MS: i64 = 7 * DAY_MS;
const EPOCHS_PER_HOUR: i64 = HOUR_MS / EPOCH_MS;
/// Hours an hour waits before it enters.
const LAG_HOURS: i64 = 48;
/// A weekday on which the site trades sells at least this share of the best one.
const TRADING_WEEKDAY: f64 = 0.1;
/// 1970-01-05 was a Monday.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

/// Exponentially weighted mean lines by hour of the week.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Profile {
    /// The first hour (since 1970) that was watched whole.
    first_hour: Option<i64>,
    hours_seen: u64,
    mean: [f64; HOURS],
    /// `before[h]`: lines expected in the week before hour h. Derived from `mean`.
    before: [f64; HOURS + 1],
}

impl Default for Profile {
    fn default() -> Self {
        Self { first_hour: None, hours_seen: 0, mean: [0.0; HOURS], before: [0.0; HOURS + 1] }
    }
}

impl Profile {
    /// `epoch` is the newest in `recent`.
    pub(super) fn apply(&mut self, epoch: i64, recent: &RecentLines) {
        let hour = epoch.div_euclid(EPOCHS_PER_HOUR);
        let begins = epoch.rem_euclid(EPOCHS_PER_HOUR) == 0;
        let first = *self.first_hour.get_or_insert(if begins { hour } else { hour + 1 });
        let ends = epoch.rem_euclid(EPOCHS_PER_HOUR) == EPOCHS_PER_HOUR - 1;
        if ends && hour - LAG_HOURS >= first {
            let start = Timestamp::from_millis((hour - LAG_HOURS) * HOUR_MS);
            let lines = recent.between(start, start.plus_ms(HOUR_MS));
            self.close_hour(Zone::UTC.hour_of_week(start), lines);
        }
    }

    fn close_hour(&mut self, hour: usize, lines: i64) {
        let weeks = (self.hours_seen / HOURS as u64) as f64;
        let weight = (1.0 - libm::pow(DECAY, weeks + 1.0)) / (1.0 - DECAY);
        self.mean[hour] += (lines as f64 - self.mean[hour]) / weight;
        self.hours_seen += 1;
        self.derive();
    }

    fn derive(&mut self) {
        for (hour, mean) in self.mean.iter().enumerate() {
            self.before[hour + 1] = self.before[hour] + mean;
        }
    }

    /// A whole week has entered, and something was sold in it.
    pub(super) fn is_learned(&self) -> bool {
        self.hours_seen >= HOURS as u64 && self.before[HOURS] > 0.0
    }

    /// Lines by hour of the week, of the weeks behind the mean, the latest weighted most.
    pub(super) fn lines_by_hour(&self) -> [f64; HOURS] {
        let weeks = (self.hours_seen / HOURS as u64) as f64;
        let weight = (1.0 - libm::pow(DECAY, weeks)) / (1.0 - DECAY);
        self.mean.map(|lines| lines * weight)
    }

    /// Lines expected in `[from, until)`.
    pub(super) fn expected(&self, from: Timestamp, until: Timestamp) -> f64 {
        let monday = from.millis() - (from.millis() - FIRST_MONDAY_MS).rem_euclid(WEEK_MS);
        self.since_monday(until.millis() - monday) - self.since_monday(from.millis() - monday)
    }

    fn since_monday(&self, ms: i64) -> f64 {
        let weeks = ms.div_euclid(WEEK_MS);
        let in_week = ms.rem_euclid(WEEK_MS);
        let hour = (in_week / HOUR_MS) as usize;
        let part = (in_week % HOUR_MS) as f64 / HOUR_MS as f64;
        weeks as f64 * self.before[HOURS] + self.before[hour] + part * self.mean[hour]
    }

    /// Lines of a mean trading day.
    pub(super) fn per_trading_day(&self) -> f64 {
        let weekdays: [f64; 7] = std::array::from_fn(|day| self.before[24 * (day + 1)] - self.before[24 * day]);
        let best = weekdays.iter().copied().fold(0.0, f64::max);
        let trading = weekdays.iter().filter(|lines| **lines > 0.0 && **lines >= TRADING_WEEKDAY * best).count();
        self.before[HOURS] / trading.max(1) as f64
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.option(self.first_hour, RowWriter::signed);
        w.unsigned(self.hours_seen);
        let seen = if self.hours_seen > 0 { &self.mean[..] } else { &[] };
        for mean in seen {
            w.f64(*mean);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let first_hour = r.option(RowReader::signed)?;
        let mut profile = Self { first_hour, hours_seen: r.unsigned()?, ..Self::default() };
        if profile.hours_seen > 0 {
            for mean in &mut profile.mean {
                *mean = r.f64()?;
            }
        }
        profile.derive();
        Ok(profile)
    }
}
