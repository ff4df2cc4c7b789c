//! Order lines per trading day: what demand surges are measured against.
//!
//! A bulk buyer is one line, so lines tell many customers from much. A day is a trading day if the
//! site sold anything on it. The last two trading days are held unfolded: windows of one and two
//! days need their lines, and the rate before them.

use schemas::Day;
use schemas::row::{RowError, RowReader, RowWriter};

/// 0.5^(1/90): half-life 90 trading days. The fast one, of 10, decays as its ninth power.
const SLOW_DECAY: f64 = 0.992_327_946_262_943_7;
const FAST_DECAY: f64 = 0.933_032_991_536_807_4;
/// Share of the fast mean in the rate.
const FAST_SHARE: f64 = 0.7;
/// One day moves the rate by no more than this many times the rate, plus [`CLIP_LINES`].
const CLIP_RATES: f64 = 4.0;
const CLIP_LINES: f64 = 3.0;
/// Trading days before the dispersion is believed.
const DISPERSION_DAYS: f64 = 10.0;
/// Windows reach this many closed trading days back.
pub const WINDOW_DAYS: usize = 2;
const NO_DAY: Day = Day(i32::MIN);

/// Bias-corrected exponentially weighted means of daily lines at two half-lives, and their mean square at the
/// slow one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Moments {
    mean: f32,
    squared: f32,
    /// Of the slow half-life: (1 − decay^n) ÷ (1 − decay) after n days.
    weight: f32,
    fast: f32,
}

impl Moments {
    fn with_day(self, lines: u32) -> Self {
        let mean = f64::from(self.mean);
        let x = f64::from(lines).min(CLIP_RATES * mean + CLIP_LINES);
        let weight = f64::from(self.weight) * SLOW_DECAY + 1.0;
        let towards = |from: f32, to: f64, weight: f64| (f64::from(from) + (to - f64::from(from)) / weight) as f32;
        Self {
            mean: towards(self.mean, x, weight),
            squared: towards(self.squared, x * x, weight),
            weight: weight as f32,
            fast: towards(self.fast, x, fast_weight(weight)),
        }
    }

    fn per_day(self) -> f64 {
        FAST_SHARE * f64::from(self.fast) + (1.0 - FAST_SHARE) * f64::from(self.mean)
    }
}

/// The fast half-life's weight after the days that give the slow one this weight.
fn fast_weight(slow_weight: f64) -> f64 {
    let slow = (1.0 - slow_weight * (1.0 - SLOW_DECAY)).max(0.0);
    let cubed = slow * slow * slow;
    (1.0 - cubed * cubed * cubed) / (1.0 - FAST_DECAY)
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
        self.lagged(lag).per_day()
    }

    pub(super) fn days(&self) -> f64 {
        f64::from(self.lagged(0).weight)
    }

    /// Variance ÷ mean of daily lines without the last `lag` trading days; 1 (Poisson) while that is not known.
    pub(super) fn dispersion(&self, lag: usize) -> f64 {
        let Moments { mean, squared, weight, .. } = self.lagged(lag);
        let (mean, squared) = (f64::from(mean), f64::from(squared));
        if f64::from(weight) < DISPERSION_DAYS || mean <= 0.0 {
            return 1.0;
        }
        (squared - mean * mean).max(0.0) / mean
    }

    /// Layout: presence bits (moments, held days), then what is there; days relative to `base`. Version 1 has one
    /// mean, of half-life 30 days: it stands for both.
    pub(super) fn encode(&self, w: &mut RowWriter<'_>, base: Day) {
        let present = self.held.iter().filter(|h| h.day != NO_DAY).count();
        let folded = self.folded != Moments::default();
        w.u8(u8::from(folded) | (present as u8) << 1);
        if folded {
            for moment in [self.folded.mean, self.folded.squared, self.folded.weight, self.folded.fast] {
                w.f32(moment);
            }
        }
        for held in &self.held[..present] {
            w.signed(i64::from(base.0) - i64::from(held.day.0));
            w.unsigned(u64::from(held.lines));
        }
    }

    pub(super) fn decode(r: &mut RowReader<'_>, base: Day, version: u8) -> Result<Self, RowError> {
        let bits = r.u8()?;
        let mut rate = Self::default();
        if bits & 1 != 0 {
            rate.folded = Moments { mean: r.f32()?, squared: r.f32()?, weight: r.f32()?, fast: 0.0 };
            rate.folded.fast = if version > 1 { r.f32()? } else { rate.folded.mean };
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
        assert!((at(2) - 4.0).abs() < 0.03 && at(1) > at(2) && at(0) > at(1), "{} {} {}", at(2), at(1), at(0));
    }

    #[test]
    fn both_half_lives_are_weighted_means_of_the_days() {
        let lines = [2, 0, 3, 1, 5, 4, 0, 2, 6, 3, 1, 1];
        let mut rate = LineRate::default();
        (0..).zip(lines).for_each(|(day, lines)| rate.close(Day(day), lines));
        let mean = |decay: f64| {
            let weights = (0..lines.len() as i32).rev().map(|age| decay.powi(age));
            let sum: f64 = weights.clone().zip(lines).map(|(w, lines)| w * f64::from(lines)).sum();
            sum / weights.sum::<f64>()
        };
        let by_hand = 0.7 * mean(FAST_DECAY) + 0.3 * mean(SLOW_DECAY);
        assert!((rate.per_day(0) - by_hand).abs() < 1e-5, "{} not {by_hand}", rate.per_day(0));
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
        assert!((rate.dispersion(0) - 2.0).abs() < 0.1, "{}", rate.dispersion(0));
        assert_eq!(LineRate::default().dispersion(0), 1.0);
    }
}
