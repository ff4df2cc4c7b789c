//! Demand of days that are not closed yet, and the units of those closed last.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{Day, Quantity};

use crate::codec::{insert, list};
use crate::position::StockEffect;

/// Local days after the open one that can hold demand already: a source partition may run ahead of
/// stream time, and a day stays open for the grace. Beyond it demand goes to the furthest of them.
pub const AHEAD_DAYS_MAX: usize = 8;
/// Closed days before the last one whose units are kept.
const OLDER_DAYS: usize = 6;
/// Longer than any local day.
const OUT_MS_MAX: i64 = 1 << 30;

/// Demand of one open local day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct DayWindow {
    pub units: Quantity,
    pub lines: u32,
    /// Twice the milliseconds known to be out of stock, and one more if the last sale took all there was.
    out: u32,
}

impl DayWindow {
    /// Puts the demand of one change in.
    pub(super) fn record(&mut self, effect: &StockEffect) {
        self.add(effect.demand, effect.lines);
        if effect.demand.is_positive() {
            self.set_emptied(effect.emptied);
        }
    }

    /// Milliseconds known to be out of stock.
    pub(super) fn out_ms(&self) -> u32 {
        self.out >> 1
    }

    /// Whether its last sale took all there was.
    pub(super) fn emptied(&self) -> bool {
        self.out & 1 == 1
    }

    fn set_emptied(&mut self, emptied: bool) {
        self.out = self.out & !1 | u32::from(emptied);
    }

    /// Cancellations never take more than is there.
    pub(super) fn add(&mut self, units: Quantity, lines: i32) {
        self.units = (self.units + units).max(Quantity::ZERO);
        self.set_emptied(self.emptied() && self.units.is_positive());
        self.lines = self.lines.saturating_add_signed(lines);
    }

    pub(super) fn add_out(&mut self, ms: i64) {
        let ms = i64::from(self.out_ms()).saturating_add(ms.max(0)).min(OUT_MS_MAX);
        self.out = (ms as u32) << 1 | u32::from(self.emptied());
    }

    fn join(&mut self, other: Self) {
        self.add(other.units, 0);
        self.lines = self.lines.saturating_add(other.lines);
        self.add_out(i64::from(other.out_ms()));
        if other.units.is_positive() {
            self.set_emptied(other.emptied());
        }
    }

    /// Layout: units, lines, twice the milliseconds out of stock and one more if it was emptied; in version 1 those
    /// milliseconds.
    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.quantity(self.units);
        w.unsigned(u64::from(self.lines));
        w.unsigned(u64::from(self.out));
    }

    pub(super) fn decode(r: &mut RowReader<'_>, version: u8) -> Result<Self, RowError> {
        let (units, lines, out) = (r.quantity()?, r.unsigned()? as u32, r.unsigned()? as u32);
        Ok(Self { units, lines, out: if version == 1 { out << 1 } else { out } })
    }
}

/// Days after the open one, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ahead(Vec<(Day, DayWindow)>);

impl Ahead {
    pub(super) fn window(&mut self, day: Day) -> &mut DayWindow {
        let mut i = self.0.partition_point(|(d, _)| *d < day);
        if self.0.get(i).is_none_or(|(d, _)| *d != day) {
            if self.0.len() < AHEAD_DAYS_MAX {
                insert(&mut self.0, i, (day, DayWindow::default()));
            } else {
                i = i.min(AHEAD_DAYS_MAX - 1);
            }
        }
        &mut self.0[i].1
    }

    /// Takes what is there for `day` and days before it.
    pub(super) fn take_through(&mut self, day: Day) -> DayWindow {
        let mut taken = DayWindow::default();
        let due = self.0.partition_point(|(d, _)| *d <= day);
        self.0.drain(..due).for_each(|(_, window)| taken.join(window));
        taken
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>, base: Day) {
        w.unsigned(self.0.len() as u64);
        for (day, window) in &self.0 {
            w.signed(i64::from(day.0) - i64::from(base.0));
            window.encode(w);
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>, base: Day, version: u8) -> Result<Self, RowError> {
        list(r, |r| Ok((Day(i64::from(base.0).wrapping_add(r.signed()?) as i32), DayWindow::decode(r, version)?)))
            .map(Self)
    }
}

/// Units of the closed days before the last one, the latest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OlderDays([Quantity; OLDER_DAYS]);

impl OlderDays {
    pub(super) fn push(&mut self, units: Quantity) {
        self.0.rotate_right(1);
        self.0[0] = units;
    }

    pub(super) fn sum(&self) -> Quantity {
        self.0.iter().fold(Quantity::ZERO, |sum, units| sum + *units)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|units| units.is_zero())
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        self.0.iter().for_each(|units| w.quantity(*units));
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let mut days = Self::default();
        for units in &mut days.0 {
            *units = r.quantity()?;
        }
        Ok(days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_demand_goes_to_the_furthest_day_and_the_sum_stays_right() {
        let mut ahead = Ahead::default();
        for day in [9, 3, 5, 1, 7, 2, 8, 4, 6, 20, 0] {
            ahead.window(Day(day)).add(Quantity::from_units(1), 1);
        }
        assert_eq!(ahead.0.len(), AHEAD_DAYS_MAX);
        let all = ahead.take_through(Day(99));
        assert_eq!((all.units, all.lines), (Quantity::from_units(11), 11));
    }

    #[test]
    fn a_window_is_never_negative() {
        let mut window = DayWindow::default();
        window.add(Quantity::from_units(2), 1);
        window.add(Quantity::from_units(-5), -3);
        assert_eq!(window, DayWindow::default());
    }
}
