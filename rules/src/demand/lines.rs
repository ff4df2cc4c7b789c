//! Order lines per trading day: what demand surges are measured against.
//!
//! A bulk buyer is one line, so lines tell many customers from much. A day is a trading day if the
//! site sold anything on it. The last two trading days are held unfolded: windows of one and two
//! days need their lines, and the rate before them.

use schemas::Day;
use schemas::row::{RowError, RowReader, RowWriter};

/// 0.5^(1/30): half-life 30 trading days.
const DECAY: f64 = 0.977_159_968_434_245_9;
/// One day moves the rate by no more than this many times the rate, plus [`CLIP_LINES`].
const CLIP_RATES: f64 = 4.0;
const CLIP_LINES: f64 = 3.0;
/// Trading days before the dispersion is believed.
const DISPERSION_DAYS: f64 = 10.0;
/// Windows reach this many closed trading days back.
pub const WINDOW_DAYS: usize = 2;
const NO_DAY: Day = Day(i32::MIN);

/// Bias-corrected exponentially weighted mean and mean square of daily lines.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Moments {
    mean: f32,
    squared: f32,
    weight: f32,
}

impl Moments {
    fn with_day(self, lines: u32) -> Self {
        let mean = f64::from(self.mean);
        let x = f64::from(lines).min(CLIP_RATES * mean + CLIP_LINES);
        let weight = f64::from(self.weight) * DECAY + 1.0;
        let towards = |from: f64, to: f64| (from + (to - from) / weight) as f32;
        Self { mean: towards(mean, x), squared: towards(f64::from(self.squared), x * x), weight: weight as f32 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct TradingDay {
    day: Day,
    lines: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LineRate {
    /// Of the trading days before the held ones.
    folded: Moments,
    /// The latest first.
    held: [TradingDay; WINDOW_DAYS],
}

impl Default for LineRate {
    fn default() -> Self {
        Self { folded: Moments::default(), held: [TradingDay { day: NO_DAY, lines: 0 }; WINDOW_DAYS] }
    }
}

impl LineRate {
    pub(super) fn close(&mut self, day: Day, lines: u32) {
        if let [.., TradingDay { day, lines }] = self.held
            && day != NO_DAY
        {
            self.folded = self.folded.with_day(lines);
        }
        self.held.rotate_right(1);
        self.held[0] = TradingDay { day, lines };
    }

    /// Takes lines of a closed day back, while it is held.
    pub(super) fn take_back(&mut self, day: Day, lines: u32) {
        if let Some(held) = self.held.iter_mut().find(|h| h.day == day) {
            held.lines = held.lines.saturating_sub(lines);
        }
    }

    /// Lines of the last `days` trading days, at most [`WINDOW_DAYS`].
    pub(super) fn held_lines(&self, days: usize) -> u32 {
        self.held.iter().take(days).fold(0, |sum, h| sum.saturating_add(h.lines))
    }

    /// The moments without the last `lag` trading days.
    fn lagged(&self, lag: usize) -> Moments {
        let days = self.held.iter().skip(lag).rev().filter(|h| h.day != NO_DAY);
        days.fold(self.folded, |moments, h| moments.with_day(h.lines))
    }

    pub(super) fn per_day(&self, lag: usize) -> f64 {
        f64::from(self.lagged(lag).mean)
    }

    pub(super) fn days(&self) -> f64 {
        f64::from(self.lagged(0).weight)
    }

    /// Variance ÷ mean of daily lines; 1 (Poisson) while that is not known.
    pub(super) fn dispersion(&self) -> f64 {
        let Moments { mean, squared, weight } = self.lagged(0);
        let (mean, squared) = (f64::from(mean), f64::from(squared));
        if f64::from(weight) < DISPERSION_DAYS || mean <= 0.0 {
            return 1.0;
        }
        (squared - mean * mean).max(0.0) / mean
    }

    /// Layout: presence bits (moments, held days), then what is there; days relative to `base`.
    pub(super) fn encode(&self, w: &mut RowWriter<'_>, base: Day) {
        let present = self.held.iter().filter(|h| h.day != NO_DAY).count();
        let folded = self.folded != Moments::default();
        w.u8(u8::from(folded) | (present as u8) << 1);
        if folded {
            for moment in [self.folded.mean, self.folded.squared, self.folded.weight] {
                w.f32(moment);
            }
        }
        for held in &self.held[..present] {
            w.signed(i64::from(base.0) - i64::from(held.day.0));
            w.unsigned(u64::from(held.lines));
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>, base: Day) -> Result<Self, RowError> {
        let bits = r.u8()?;
        let mut rate = Self::default();
        if bits & 1 != 0 {
            rate.folded = Moments { mean: r.f32()?, squared: r.f32()?, weight: r.f32()? };
        }
        let present = usize::from(bits >> 1);
        let held = rate.held.get_mut(..present).ok_or_else(|| r.invalid("count of trading days"))?;
        for held in held {
            held.day = Day((i64::from(base.0) - r.signed()?) as i32);
            held.lines = r.unsigned()? as u32;
        }
        Ok(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lagged_rate_has_not_seen_its_window() {
        let mut rate = LineRate::default();
        for day in 0..60 {
            rate.close(Day(day), 4);
        }
        rate.close(Day(60), 15);
        rate.close(Day(61), 15);
        assert_eq!([rate.held_lines(0), rate.held_lines(1), rate.held_lines(2)], [0, 15, 30]);
        let at = |lag| rate.per_day(lag);
        // The first day was clipped to 3.
        assert!((at(2) - 4.0).abs() < 0.02 && at(1) > at(2) && at(0) > at(1), "{} {} {}", at(2), at(1), at(0));
    }

    #[test]
    fn one_day_moves_the_rate_only_so_far() {
        let (mut wild, mut clipped) = (LineRate::default(), LineRate::default());
        for day in 0..30 {
            wild.close(Day(day), 1);
            clipped.close(Day(day), 1);
        }
        wild.close(Day(30), 1_000_000);
        clipped.close(Day(30), 7);
        assert_eq!(wild.per_day(0), clipped.per_day(0));
    }

    #[test]
    fn lines_taken_back_leave_no_trace() {
        let mut rate = LineRate::default();
        rate.close(Day(1), 3);
        rate.close(Day(3), 2);
        let without = rate;
        rate.held[1].lines += 5;
        rate.take_back(Day(1), 5);
        assert_eq!(rate, without);
        rate.take_back(Day(2), 1);
        assert_eq!(rate, without, "not a day that is held");
    }

    #[test]
    fn dispersion_is_that_of_daily_lines() {
        let mut rate = LineRate::default();
        for day in 0..600 {
            rate.close(Day(day), if day % 2 == 0 { 0 } else { 4 });
        }
        assert!((rate.dispersion() - 2.0).abs() < 0.1, "{}", rate.dispersion());
        assert_eq!(LineRate::default().dispersion(), 1.0);
    }
}
