//! The part of a key's row that holds its demand.
//!
//! Layout: presence bits; open day; its length unless 24 h; its close relative to that UTC day;
//! first day relative to the open one; then, each only if its bit is set: length, open window,
//! last closed day, surge score, earlier sale, out-of-stock since, rate, older days, days ahead;
//! always lines and sale days at the end, which are sparse themselves, and if their bits are set the day of
//! the last correction, the classes, the score that waits, the rest of the order that emptied the shelf on the last
//! closed day, and what such orders have lost.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::time::DAY_MS;
use schemas::{Day, Quantity, Timestamp};

use super::lines::LineRate;
use super::rate::DemandRate;
use super::sale_days::SaleDays;
use super::windows::{Ahead, DayWindow, OlderDays};
use super::{DemandState, NEVER, WHOLE};
use crate::class::Class;

fn midnight(day: Day) -> Timestamp {
    Timestamp::from_millis(i64::from(day.0).saturating_mul(DAY_MS))
}

impl DemandState {
    fn presence(&self) -> [bool; 14] {
        [
            i64::from(self.day_length_ms) != DAY_MS,
            self.today != DayWindow::default(),
            !self.last_units.is_zero() || self.last_exposure != WHOLE,
            self.surge_score != 0.0,
            self.earlier_sale != NEVER,
            self.out_since != Timestamp::MAX,
            !self.rate.is_empty(),
            self.older.is_some(),
            self.ahead.is_some(),
            self.sale_days.corrected > 0,
            self.class != Class::default(),
            self.waiting_score != 0.0,
            self.last_rest != 0.0,
            self.rate.has_lost(),
        ]
    }

    pub(crate) fn encode(&self, w: &mut RowWriter<'_>) {
        let has = self.presence();
        w.unsigned(has.iter().enumerate().fold(0, |bits, (i, bit)| bits | u64::from(*bit) << i));
        w.signed(i64::from(self.day.0));
        w.signed(self.day_close.since(midnight(self.day)));
        w.signed(i64::from(self.day.0) - i64::from(self.first_day.0));
        if has[0] {
            w.unsigned(u64::from(self.day_length_ms));
        }
        if has[1] {
            self.today.encode(w);
        }
        if has[2] {
            w.quantity(self.last_units);
            w.unsigned(u64::from(self.last_exposure));
        }
        if has[3] {
            w.f32(self.surge_score);
        }
        if has[4] {
            w.signed(i64::from(self.day.0) - i64::from(self.earlier_sale.0));
        }
        if has[5] {
            w.signed(self.day_close.since(self.out_since));
        }
        if has[6] {
            self.rate.encode(w);
        }
        if let Some(older) = &self.older {
            older.encode(w);
        }
        if let Some(ahead) = &self.ahead {
            ahead.encode(w, self.day);
        }
        self.lines.encode(w, self.day);
        self.sale_days.encode(w);
        if has[9] {
            w.unsigned(u64::from(self.sale_days.corrected));
        }
        if has[10] {
            w.u8(self.class.to_byte());
        }
        if has[11] {
            w.f32(self.waiting_score);
        }
        if has[12] {
            w.f32(self.last_rest);
        }
        if has[13] {
            self.rate.encode_lost(w);
        }
    }

    pub(crate) fn decode(r: &mut RowReader<'_>, version: u8) -> Result<Self, RowError> {
        let bits = r.unsigned()?;
        let has = |i: u32| bits >> i & 1 == 1;
        let day = Day(r.signed()? as i32);
        let before = |days: i64| Day((i64::from(day.0) - days) as i32);
        let day_close = midnight(day).plus_ms(r.signed()?);
        let mut state = Self {
            day,
            day_close,
            first_day: before(r.signed()?),
            day_length_ms: if has(0) { r.unsigned()? as u32 } else { DAY_MS as u32 },
            today: if has(1) { DayWindow::decode(r, version)? } else { DayWindow::default() },
            last_units: if has(2) { r.quantity()? } else { Quantity::ZERO },
            last_rest: 0.0,
            last_exposure: if has(2) { r.unsigned()? as u32 } else { WHOLE },
            surge_score: if has(3) { r.f32()? } else { 0.0 },
            waiting_score: 0.0,
            earlier_sale: if has(4) { before(r.signed()?) } else { NEVER },
            out_since: if has(5) { day_close.minus_ms(r.signed()?) } else { Timestamp::MAX },
            rate: if has(6) { DemandRate::decode(r)? } else { DemandRate::default() },
            older: if has(7) { Some(Box::new(OlderDays::decode(r)?)) } else { None },
            ahead: if has(8) { Some(Box::new(Ahead::decode(r, day, version)?)) } else { None },
            class: Class::default(),
            lines: LineRate::decode(r, day, version)?,
            sale_days: SaleDays::decode(r)?,
        };
        if has(9) {
            state.sale_days.corrected = r.unsigned()?.min(u64::from(u16::MAX)) as u16;
        }
        if has(10) {
            state.class = Class::from_byte(r.u8()?).ok_or_else(|| r.invalid("class"))?;
        }
        if has(11) {
            state.waiting_score = r.f32()?;
        }
        if has(12) {
            state.last_rest = r.f32()?;
        }
        if has(13) {
            state.rate.decode_lost(r)?;
        }
        Ok(state)
    }
}
