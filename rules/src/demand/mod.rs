//! How fast one SKU sells at one location: windows and estimators with O(1) updates.
//!
//! The open local day collects demand; closing it folds it into the estimators. The last closed
//! day is held apart, so that a cancellation within 24 h takes its sale back exactly. Demand that
//! arrives for a day already closed is kept out. Censoring: hours known to be out of stock are no
//! exposure, unless the day sold what was expected of a whole one all the same; of the order that
//! emptied the shelf more is counted than there was to sell.

mod figures;
mod lead_time;
mod lines;
mod lost_sales;
mod rate;
mod row;
mod sale_days;
mod windows;

pub use lead_time::{LeadTimeState, LeadTimes};
pub use lines::WINDOW_DAYS;
pub use rate::Prior;
pub use sale_days::SaleHistory;
pub use windows::AHEAD_DAYS_MAX;

use schemas::time::{DAY_MS, HOUR_MS};
use schemas::{Day, Quantity, Timestamp, Zone};

use crate::class::Class;
use crate::position::StockEffect;
use lines::LineRate;
use rate::DemandRate;
use sale_days::SaleDays;
use windows::{Ahead, DayWindow, OlderDays};

/// A whole day in stock.
const WHOLE: u32 = 1_000_000;
const NEVER: Day = Day(i32::MIN);

/// Windows and estimators of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct DemandState {
    /// The open local day.
    day: Day,
    day_length_ms: u32,
    day_close: Timestamp,
    first_day: Day,
    /// Highest surge score of the open day.
    surge_score: f32,
    /// ABC and XYZ, of the last day close.
    pub class: Class,
    /// That of the trading day before, until the next one has shown whether it lasted.
    waiting_score: f32,
    today: DayWindow,
    /// The day before the open one; not in the estimators yet.
    last_units: Quantity,
    /// In stock, in millionths of that day.
    last_exposure: u32,
    /// Units expected of the order that emptied the shelf, beyond what was there; 0 if none did.
    last_rest: f32,
    /// Last day with demand, before the last closed one.
    earlier_sale: Day,
    /// Since when it is known to be out of stock; `Timestamp::MAX` if it is not.
    out_since: Timestamp,
    rate: DemandRate,
    lines: LineRate,
    sale_days: SaleDays,
    /// `None` when all zero.
    older: Option<Box<OlderDays>>,
    ahead: Option<Box<Ahead>>,
}

/// A day that was closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DayClosed {
    pub day: Day,
    pub units: Quantity,
    pub lines: u32,
    /// Days of exposure it counts as, in [0, 1].
    pub exposure_days: f64,
    /// Days it was known to be out of stock, in [0, 1].
    pub out_days: f64,
    /// Units expected of the order that emptied the shelf, beyond what was there.
    pub lost_units: f64,
    /// Highest score noted on that day; 0 if none.
    pub surge_score: f64,
    /// The site or the key sold something on it.
    pub trading: bool,
}

/// What a day that closes teaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayKind {
    /// The site sold something on it.
    Trading,
    /// It did not, as far as is known. A day on which the key sold is a trading day all the same.
    Idle,
    /// A promotion was planned for it: its demand says nothing about usual days.
    Promoted,
}

impl DemandState {
    /// A key first seen at `at`. Its first local day counts whole: it was chosen by its first
    /// event, and counting from that instant would overstate the rate.
    #[must_use]
    pub fn first_seen(at: Timestamp, zone: &Zone) -> Self {
        let day = zone.day_of(at);
        let mut state = Self {
            day,
            day_length_ms: 0,
            day_close: at,
            first_day: day,
            surge_score: 0.0,
            class: Class::default(),
            waiting_score: 0.0,
            today: DayWindow::default(),
            last_units: Quantity::ZERO,
            last_exposure: WHOLE,
            last_rest: 0.0,
            earlier_sale: NEVER,
            out_since: Timestamp::MAX,
            rate: DemandRate::default(),
            lines: LineRate::default(),
            sale_days: SaleDays::default(),
            older: None,
            ahead: None,
        };
        state.set_zone(zone);
        state
    }

    /// The location's zone changed: the open day ends where it ends there.
    pub fn set_zone(&mut self, zone: &Zone) {
        let start = zone.start_of(self.day);
        self.day_close = zone.start_of(Day(self.day.0.saturating_add(1))).max(start.plus_ms(HOUR_MS));
        self.day_length_ms = self.day_close.since(start) as u32;
    }

    /// The open local day.
    #[must_use]
    pub fn day(&self) -> Day {
        self.day
    }

    #[must_use]
    pub fn day_start(&self) -> Timestamp {
        self.day_close.minus_ms(i64::from(self.day_length_ms))
    }

    /// When the open day ends.
    #[must_use]
    pub fn day_close(&self) -> Timestamp {
        self.day_close
    }

    #[must_use]
    pub fn is_open_day(&self, at: Timestamp) -> bool {
        at >= self.day_start() && at < self.day_close
    }

    /// Puts the demand of one change into its window. `at` is the change's own instant: only a
    /// change of an open day may still correct the last closed one. `false`: its window is closed.
    pub fn record(&mut self, effect: &StockEffect, at: Timestamp, zone: &Zone) -> bool {
        if effect.demand.is_zero() && effect.lines == 0 {
            return true;
        }
        let demand_at = effect.demand_at;
        if self.is_open_day(demand_at) {
            self.today.record(effect);
        } else if demand_at >= self.day_close {
            let day = zone.day_of(demand_at);
            self.ahead.get_or_insert_default().window(day).record(effect);
        } else if effect.demand.is_negative() && at >= self.day_start() && zone.day_of(demand_at) == self.last_day() {
            self.last_units = (self.last_units + effect.demand).max(Quantity::ZERO);
            self.lines.take_back(self.last_day(), effect.lines.unsigned_abs());
        } else {
            if effect.demand.is_positive() {
                self.earlier_sale = self.earlier_sale.max(zone.day_of(demand_at));
            }
            return false;
        }
        true
    }

    /// Tells whether the key is out of stock from `at` on. Unknown stock is not out of stock.
    pub fn note_stock(&mut self, at: Timestamp, out: bool, zone: &Zone) {
        let is_out = self.out_since != Timestamp::MAX;
        if out && !is_out {
            self.out_since = at.max(self.day_start());
        } else if !out && is_out {
            self.add_outage(self.out_since, at, zone);
            self.out_since = Timestamp::MAX;
        }
    }

    fn add_outage(&mut self, from: Timestamp, until: Timestamp, zone: &Zone) {
        let overlap = |start: Timestamp, end: Timestamp| until.min(end).since(from.max(start));
        self.today.add_out(overlap(self.day_start(), self.day_close));
        let mut start = self.day_close;
        for days in (1..).take(AHEAD_DAYS_MAX) {
            if until <= start {
                break;
            }
            let day = Day(self.day.0.saturating_add(days));
            let end = zone.start_of(Day(day.0.saturating_add(1)));
            self.ahead.get_or_insert_default().window(day).add_out(overlap(start, end));
            start = end;
        }
    }

    /// Somebody corrected the stock at `at`. One that comes late is of a window that has closed.
    pub fn note_correction(&mut self, at: Timestamp, zone: &Zone) {
        if at >= self.day_start() {
            let days = zone.day_of(at).0.saturating_sub(self.first_day.0).saturating_add(1);
            self.sale_days.corrected = self.sale_days.corrected.max(days.clamp(0, i32::from(u16::MAX)) as u16);
        }
    }

    /// Since when it is known to be out of stock.
    #[must_use]
    pub fn out_of_stock_since(&self) -> Option<Timestamp> {
        (self.out_since != Timestamp::MAX).then_some(self.out_since)
    }

    /// Nothing is heard from the place: a day without sales is no exposure, since nobody knows what it sold.
    pub fn hide_day(&mut self) {
        if self.today.units.is_zero() {
            self.today.add_out(i64::from(self.day_length_ms));
        }
    }

    /// Closes the open day and opens the next. `dispersion`: variance ÷ mean of daily demand, of the key and its like.
    pub fn close_day(&mut self, zone: &Zone, kind: DayKind, dispersion: f64) -> DayClosed {
        if self.out_since < self.day_close {
            let from = self.out_since.max(self.day_start());
            self.today.add_out(self.day_close.since(from));
            self.out_since = self.day_close;
        }
        let exposure = if kind == DayKind::Promoted { 0 } else { self.exposure_of_today() };
        let rest = if self.today.emptied() { lost_sales::rest_of_order(dispersion) } else { 0.0 };
        let closed = DayClosed {
            day: self.day,
            units: self.today.units,
            lines: self.today.lines,
            exposure_days: days(exposure),
            out_days: days(WHOLE - self.in_stock_today()),
            lost_units: lost_sales::bounded(rest, self.today.units.as_f64()),
            surge_score: f64::from(self.surge_score),
            trading: kind != DayKind::Idle || self.today.lines > 0,
        };
        self.fold_last();
        self.last_units = closed.units;
        self.last_exposure = exposure;
        self.last_rest = rest as f32;
        if closed.trading && kind != DayKind::Promoted {
            self.lines.close(closed.day, closed.lines);
        }
        self.open_next(zone);
        closed
    }

    fn exposure_of_today(&self) -> u32 {
        let sold = self.today.units;
        if sold.is_positive() && sold.as_f64() >= self.velocity_per_day() { WHOLE } else { self.in_stock_today() }
    }

    /// In millionths of the open day.
    fn in_stock_today(&self) -> u32 {
        let length = u64::from(self.day_length_ms.max(1));
        let out = u64::from(self.today.out_ms()).min(length);
        (u64::from(WHOLE) * (length - out) / length) as u32
    }

    /// Puts the last closed day into the estimators for good.
    fn fold_last(&mut self) {
        if !self.has_last() {
            return;
        }
        self.rate = self.settled_rate();
        self.sale_days = self.settled_sale_days();
        if self.last_units.is_positive() {
            self.earlier_sale = self.earlier_sale.max(self.last_day());
        }
        if !self.corrected_since_sale() {
            self.sale_days.corrected = 0;
        }
        let mut older = self.older.take().unwrap_or_default();
        older.push(self.last_units);
        self.older = (!older.is_empty()).then_some(older);
    }

    fn open_next(&mut self, zone: &Zone) {
        let closed_at = self.day_close;
        self.day = Day(self.day.0.saturating_add(1));
        self.set_zone(zone);
        // A zone that was changed may end the new day before the old one ended.
        self.day_close = self.day_close.max(closed_at.plus_ms(HOUR_MS));
        self.day_length_ms = self.day_close.since(closed_at).clamp(HOUR_MS, 2 * DAY_MS) as u32;
        self.today = DayWindow::default();
        self.surge_score = 0.0;
        if let Some(ahead) = &mut self.ahead {
            self.today = ahead.take_through(self.day);
            if ahead.is_empty() {
                self.ahead = None;
            }
        }
    }

    fn has_last(&self) -> bool {
        self.day > self.first_day
    }

    fn last_day(&self) -> Day {
        if self.has_last() { Day(self.day.0 - 1) } else { NEVER }
    }

    /// The estimators with the last closed day in them.
    fn settled_rate(&self) -> DemandRate {
        if !self.has_last() {
            return self.rate;
        }
        let units = self.last_units.as_f64();
        let lost = lost_sales::bounded(f64::from(self.last_rest), units);
        self.rate.with_day(units, lost, days(self.last_exposure))
    }

    fn settled_sale_days(&self) -> SaleDays {
        if self.has_last() { self.sale_days.with_day(self.last_units.is_positive()) } else { self.sale_days }
    }

    /// Keeps the open day's highest surge score, which is what the false-alarm budget is drawn on.
    pub fn note_surge_score(&mut self, score: f64) {
        self.surge_score = self.surge_score.max(score as f32);
    }

    /// Keeps the highest score of a closed trading day until the next one, and returns that of the one before.
    pub fn exchange_waiting_score(&mut self, score: f64) -> f64 {
        f64::from(std::mem::replace(&mut self.waiting_score, score as f32))
    }
}

fn days(millionths: u32) -> f64 {
    f64::from(millionths) / f64::from(WHOLE)
}

#[cfg(test)]
mod tests;
