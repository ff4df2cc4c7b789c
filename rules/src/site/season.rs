//! What the site sold in each week of the last year: how its level usually changes from here on.
//!
//! The weeks ahead sell as much more or less than the weeks behind as they did a year ago, damped to the square root: next
//! year is never quite like the last, and one year cannot say how much (compare Silver, Pyke & Thomas 2017, §4.3, whose
//! seasonal indices need several). Of the whole site: one item's year is noise. Until all weeks that are compared were
//! watched whole, nothing is said.

use schemas::Day;
use schemas::row::{RowError, RowReader, RowWriter};

use super::EPOCHS_PER_DAY;

/// Kept: a year, the weeks behind, the open one, and some for keys that are behind.
const WEEKS: usize = 60;
const WEEK_DAYS: i64 = 7;
/// Of whole weeks, so that weekdays are compared with their like.
const YEAR_DAYS: f64 = 364.0;
/// The days that the estimate of demand rests on most.
const BEHIND_DAYS: f64 = 28.0;
/// Days ahead that are looked at, at least and at most.
const AHEAD_DAYS: (f64, f64) = (7.0, 182.0);
/// What demand is at most multiplied or divided by, squared.
const RATIO_RANGE: (f64, f64) = (0.25, 4.0);

/// The same weeks a year ago, units a day over the site.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Season {
    /// In the days that are ahead now.
    pub ahead_per_day: f64,
    /// In the four weeks before them.
    pub behind_per_day: f64,
}

impl Season {
    /// What demand is expected to be multiplied by: (ahead ÷ behind)^½, at least a half and at most two.
    #[must_use]
    pub fn factor(&self) -> f64 {
        (self.ahead_per_day / self.behind_per_day).clamp(RATIO_RANGE.0, RATIO_RANGE.1).sqrt()
    }
}

/// Units sold, week by week of stream time since 1970.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Weeks {
    /// `None`: nothing was watched.
    watched: Option<Watched>,
}

#[derive(Clone, Debug, PartialEq)]
struct Watched {
    /// The first week that was watched from its beginning, and the one that is open.
    first: i64,
    open: i64,
    /// By week modulo their number.
    units_thousandths: Box<[i64; WEEKS]>,
}

impl Weeks {
    /// Epochs come in order.
    pub(super) fn apply(&mut self, epoch: i64, thousandths: i64) {
        let week = epoch.div_euclid(EPOCHS_PER_DAY * WEEK_DAYS);
        let begins = epoch.rem_euclid(EPOCHS_PER_DAY * WEEK_DAYS) == 0;
        let nothing =
            || Watched { first: week + i64::from(!begins), open: week, units_thousandths: Box::new([0; WEEKS]) };
        let watched = self.watched.get_or_insert_with(nothing);
        while watched.open < week {
            watched.open += 1;
            watched.units_thousandths[index(watched.open)] = 0;
        }
        watched.units_thousandths[index(week)] += thousandths;
    }

    /// The season of the `days` days from `first` on; `None` while the weeks to compare are not known, or nothing was sold in them.
    pub(super) fn season(&self, first: Day, days: f64) -> Option<Season> {
        let from = f64::from(first.0) - YEAR_DAYS;
        let ahead = days.clamp(AHEAD_DAYS.0, AHEAD_DAYS.1);
        let watched = self.watched.as_ref()?;
        let season = Season {
            ahead_per_day: watched.per_day(from, from + ahead)?,
            behind_per_day: watched.per_day(from - BEHIND_DAYS, from)?,
        };
        (season.ahead_per_day > 0.0 && season.behind_per_day > 0.0).then_some(season)
    }

    pub(super) fn encode(&self, w: &mut RowWriter<'_>) {
        w.option(self.watched.as_ref(), |w, watched| {
            w.signed(watched.first);
            w.signed(watched.open);
            watched.kept().for_each(|week| w.signed(watched.units_thousandths[index(week)]));
        });
    }

    pub(super) fn decode(r: &mut RowReader<'_>) -> Result<Self, RowError> {
        let watched = r.option(|r| {
            let mut watched =
                Watched { first: r.signed()?, open: r.signed()?, units_thousandths: Box::new([0; WEEKS]) };
            for week in watched.kept() {
                watched.units_thousandths[index(week)] = r.signed()?;
            }
            Ok(watched)
        })?;
        Ok(Self { watched })
    }
}

impl Watched {
    /// Weeks of which there is anything.
    fn kept(&self) -> std::ops::RangeInclusive<i64> {
        let oldest = self.open.saturating_sub(WEEKS as i64 - 1);
        oldest.max(self.first.saturating_sub(1)).min(self.open)..=self.open
    }

    /// Mean units a day in `[from, until)`, in days since 1970, each week's spread evenly over it; `None`: not all of
    /// it is known.
    fn per_day(&self, from: f64, until: f64) -> Option<f64> {
        let week = |day: f64| (day as i64).div_euclid(WEEK_DAYS);
        let (first, last) = (week(from.floor()), week(until.ceil() - 1.0));
        if first < self.first || first < self.open - (WEEKS as i64 - 1) || last >= self.open {
            return None;
        }
        let in_week = |week: i64| {
            let begins = (week * WEEK_DAYS) as f64;
            let days = until.min(begins + WEEK_DAYS as f64) - from.max(begins);
            self.units_thousandths[index(week)].max(0) as f64 / 1000.0 * days / WEEK_DAYS as f64
        };
        Some((first..=last).map(in_week).sum::<f64>() / (until - from))
    }
}

fn index(week: i64) -> usize {
    week.rem_euclid(WEEKS as i64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EPOCHS_PER_WEEK: i64 = EPOCHS_PER_DAY * WEEK_DAYS;
    /// The first of the weeks that are watched.
    const FIRST: i64 = 2_900;

    /// So many units in each week from [`FIRST`] on; the one after them is open.
    fn watched(units: &[i64]) -> Weeks {
        let mut weeks = Weeks::default();
        for (week, units) in (FIRST..).zip(units) {
            weeks.apply(week * EPOCHS_PER_WEEK, units * 600);
            weeks.apply(week * EPOCHS_PER_WEEK + 300, units * 400);
        }
        weeks.apply((FIRST + units.len() as i64) * EPOCHS_PER_WEEK, 0);
        weeks
    }

    fn first_day(week: usize) -> Day {
        Day(((FIRST + week as i64) * WEEK_DAYS) as i32)
    }

    fn factor(weeks: &Weeks, first: Day, days: f64) -> Option<f64> {
        weeks.season(first, days).map(|season| season.factor())
    }

    #[test]
    fn nothing_is_said_before_a_year_and_the_weeks_behind_were_watched_whole() {
        let year: Vec<i64> = (0..56).map(|_| 70).collect();
        assert_eq!(factor(&watched(&year), first_day(56), 7.0), Some(1.0));
        assert_eq!(factor(&watched(&year[1..]), first_day(55), 7.0), None);
        assert_eq!(factor(&watched(&year), Day(first_day(56).0 - 1), 7.0), None, "a day more behind");
        assert_eq!(Weeks::default().season(first_day(56), 7.0), None);
        let mut late = Weeks::default();
        late.apply(FIRST * EPOCHS_PER_WEEK + 1, 70_000);
        (1..57).for_each(|week| late.apply((FIRST + week) * EPOCHS_PER_WEEK, 70_000));
        assert_eq!(factor(&late, first_day(56), 7.0), None, "the first week was not watched from its beginning");
    }

    #[test]
    fn the_weeks_ahead_are_compared_with_those_behind_a_year_ago() {
        // Week 4 and 5 sold four times as much, week 6 half.
        let mut units = vec![70; 60];
        (units[4], units[5], units[6]) = (280, 280, 35);
        let of = |now: usize, days| factor(&watched(&units[..now]), first_day(now), days).unwrap();
        let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
        close(of(56, 7.0), 2.0);
        close(of(56, 14.0), 2.0);
        close(of(56, 1.0), 2.0);
        close(of(56, 21.0), (595.0_f64 / 210.0).sqrt());
        close(of(58, 7.0), (35.0_f64 / 175.0).max(0.25).sqrt());
        // In the middle of a week: a part of each.
        let mid = factor(&watched(&units[..57]), Day(first_day(56).0 + 3), 12.0).unwrap();
        close(mid, ((11.0_f64 * 40.0 + 5.0) / 12.0 / ((25.0 * 10.0 + 3.0 * 40.0) / 28.0)).sqrt());
    }

    #[test]
    fn what_is_too_far_away_is_not_guessed() {
        let weeks = watched(&[70; 70]);
        assert_eq!(factor(&weeks, first_day(70), 500.0), Some(1.0));
        assert!(factor(&weeks, first_day(67), 7.0).is_some(), "a key three weeks behind");
        assert_eq!(factor(&weeks, first_day(65), 7.0), None);
        assert_eq!(factor(&weeks, first_day(70 + 53), 7.0), None);
        assert_eq!(factor(&watched(&[0; 60]), first_day(60), 7.0), None, "nothing was sold");
    }

    proptest! {
        #[test]
        fn the_factor_is_bounded_and_its_row_is_read_back(
            units in prop::collection::vec(0_i64..100_000, 0..130), days in 0.0_f64..400.0, back in 0_i32..10,
        ) {
            let weeks = watched(&units);
            let first = Day(first_day(units.len()).0 - back);
            if let Some(factor) = factor(&weeks, first, days) {
                prop_assert!((0.5..=2.0).contains(&factor) && units.len() >= 56);
            }
            let mut row = Vec::new();
            weeks.encode(&mut RowWriter::new(&mut row));
            let mut r = RowReader::new(&row);
            let read = Weeks::decode(&mut r).unwrap();
            prop_assert_eq!(read.season(first, days), weeks.season(first, days));
        }

        /// A site ten times as large has the same season.
        #[test]
        fn the_factor_knows_no_scale(units in prop::collection::vec(1_i64..1_000, 60), days in 0.0_f64..200.0) {
            let larger: Vec<i64> = units.iter().map(|units| units * 10).collect();
            let of = |units: &[i64]| factor(&watched(units), first_day(60), days).unwrap();
            prop_assert!((of(&units) - of(&larger)).abs() < 1e-9);
        }
    }
}
