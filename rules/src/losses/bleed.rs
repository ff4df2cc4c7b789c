//! Small losses that add up: a Bernoulli CUSUM over days with a loss (Reynolds & Stoumbos 1999, "A CUSUM chart for
//! monitoring a proportion when inspecting continuously").
//!
//! ```text
//! S = k ln(p₁/p₀) + q ln((1 − p₁)/(1 − p₀))      k days with a loss, q without, since the run began
//! p₀ = (e + 60 s) / (d + 60), 0.001 to 0.5       e earlier loss days of the item, d days it was known, s share of the site
//! p₁ = 4 p₀, 0.2 to 0.9                          what a bleed is taken for
//! ```
//!
//! p₀ is taken when a run begins and stays, so that S can be worked out by hand. A run ends when S is back at zero, when
//! as much was found as was lost, or when it has been quiet for long.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{Day, Quantity};

/// Days that the site's share of loss days is worth against an item's own.
const PRIOR_DAYS: f64 = 60.0;
const USUAL_RANGE: (f64, f64) = (0.001, 0.5);
/// A bleed has this many times the usual share of loss days, within the range.
const BLEED_TIMES: f64 = 4.0;
const BLEED_RANGE: (f64, f64) = (0.2, 0.9);
/// Loss days from which a run has a gap that is usual for it.
pub const LOSS_DAYS_MIN: u16 = 3;
/// It is over after a silence of this many such gaps, at least a week.
const QUIET_GAPS: i32 = 3;
const QUIET_DAYS_MIN: i32 = 7;

/// A run of days on which losses come more often than usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bleed {
    /// The days of the first and the last loss.
    pub since: Day,
    pub last: Day,
    pub loss_days: u16,
    /// Days without a loss on which there was something to lose.
    pub quiet_days: u16,
    /// What was lost less what was found again.
    pub units: Quantity,
    /// p₀.
    usual_share: f32,
}

/// p₀ of an item with so many earlier loss days in `days_known` days.
pub(super) fn usual_share(earlier_loss_days: u16, days_known: i32, site_share: f64) -> f64 {
    let days = f64::from(days_known.max(0));
    let share = (f64::from(earlier_loss_days) + PRIOR_DAYS * site_share) / (days + PRIOR_DAYS);
    share.clamp(USUAL_RANGE.0, USUAL_RANGE.1)
}

impl Bleed {
    pub(super) fn begin(day: Day, lost: Quantity, usual_share: f64) -> Self {
        Self { since: day, last: day, loss_days: 1, quiet_days: 0, units: lost, usual_share: usual_share as f32 }
    }

    /// A day that ended with this net loss: zero or less is none.
    pub(super) fn close_day(&mut self, day: Day, lost: Quantity) {
        self.units += lost;
        if lost.is_positive() {
            self.last = day;
            self.loss_days = self.loss_days.saturating_add(1);
        } else {
            self.quiet_days = self.quiet_days.saturating_add(1);
        }
    }

    /// Share of days with a loss that is usual, p₀.
    #[must_use]
    pub fn usual_share(&self) -> f64 {
        f64::from(self.usual_share)
    }

    /// Share of days with a loss from which it is a bleed, p₁.
    #[must_use]
    pub fn bleed_share(&self) -> f64 {
        (BLEED_TIMES * self.usual_share()).clamp(BLEED_RANGE.0, BLEED_RANGE.1)
    }

    /// S.
    #[must_use]
    pub fn score(&self) -> f64 {
        let (usual, bleed) = (self.usual_share(), self.bleed_share());
        let of_losses = f64::from(self.loss_days) * libm::log(bleed / usual);
        of_losses + f64::from(self.quiet_days) * (libm::log1p(-bleed) - libm::log1p(-usual))
    }

    /// Losses no more frequent than usual, after all.
    pub(super) fn is_usual(&self) -> bool {
        self.score() <= 0.0
    }

    /// Nothing is missing any more, or nothing has been lost for long, on the day that ends.
    pub(super) fn is_over(&self, day: Day) -> bool {
        let silence = day.0.saturating_sub(self.last.0);
        !self.units.is_positive() || self.loss_days >= LOSS_DAYS_MIN && silence >= self.silence_to_end()
    }

    fn silence_to_end(&self) -> i32 {
        let gaps = i32::from(self.loss_days) - 1;
        let span = self.last.0.saturating_sub(self.since.0);
        (span.saturating_mul(QUIET_GAPS) / gaps.max(1)).max(QUIET_DAYS_MIN)
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.signed(i64::from(self.since.0));
        w.unsigned(u64::from(self.last.0.abs_diff(self.since.0)));
        w.unsigned(u64::from(self.loss_days));
        w.unsigned(u64::from(self.quiet_days));
        w.quantity(self.units);
        w.f32(self.usual_share);
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let since = Day(r.signed()? as i32);
        Ok(Self {
            since,
            last: Day(since.0.wrapping_add(r.unsigned()? as i32)),
            loss_days: r.unsigned()? as u16,
            quiet_days: r.unsigned()? as u16,
            units: r.quantity()?,
            usual_share: r.f32()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A run that began on day 0, with a loss of one on the days of `losses`, until the end of day `until`.
    fn run(usual: f64, losses: impl Fn(i32) -> bool, until: i32) -> Bleed {
        let mut bleed = Bleed::begin(Day(0), Quantity::from_units(1), usual);
        for day in 1..=until {
            bleed.close_day(Day(day), Quantity::from_units(i64::from(losses(day))));
        }
        bleed
    }

    #[test]
    fn the_score_computed_by_hand() {
        // Three loss days and two quiet ones at p₀ = 0.005, p₁ = 0.2: 3 ln 40 + 2 ln(0.8 ÷ 0.995).
        let bleed = run(0.005, |day| day <= 2, 4);
        assert!((bleed.score() - 10.630_324).abs() < 1e-4, "{}", bleed.score());
        assert_eq!((bleed.loss_days, bleed.quiet_days, bleed.units), (3, 2, Quantity::from_units(3)));
    }

    #[test]
    fn one_a_day_is_found_in_days_and_one_a_week_in_weeks() {
        let found = |every: i32| (1..200).find(|day| run(0.005, |d| d % every == 0, *day).score() >= 9.21);
        assert_eq!((found(1), found(7)), (Some(2), Some(21)));
        assert_eq!(found(30), None, "twelve a year are no more than may happen");
    }

    #[test]
    fn a_run_ends_when_it_is_usual_or_quiet_or_found_again() {
        assert!(!run(0.005, |_| false, 16).is_usual() && run(0.005, |_| false, 17).is_usual());
        let daily = |until| run(0.005, |day| day < 10, until).is_over(Day(until));
        assert!(!daily(15) && daily(16));
        let weekly = |until| run(0.005, |day| day % 7 == 0 && day <= 70, until).is_over(Day(until));
        assert!(!weekly(90) && weekly(91));
        let mut found = run(0.005, |_| true, 5);
        found.close_day(Day(6), Quantity::from_units(-6));
        assert!(found.is_over(Day(6)));
    }

    proptest! {
        #[test]
        fn more_losses_never_lower_the_score(usual in 0.0_f64..1.0, losses in 1_u16..300, quiet in 0_u16..300) {
            let share = usual_share(0, 0, usual) as f32;
            let of = |loss_days, quiet_days| Bleed {
                loss_days,
                quiet_days,
                ..Bleed::begin(Day(0), Quantity::from_units(1), f64::from(share))
            }.score();
            prop_assert!(of(losses + 1, quiet) > of(losses, quiet));
            prop_assert!(of(losses, quiet + 1) < of(losses, quiet));
        }
    }
}
