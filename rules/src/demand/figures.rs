//! What the windows and estimators of a key say.

use schemas::time::DAY_MS;
use schemas::{Day, Quantity, Timestamp};

use super::sale_days::{Gap, SaleHistory};
use super::{DemandState, NEVER, Prior};

impl DemandState {
    /// Units a day over the closed days: 0.6 of the rate at half-life 21 days, which is shrunk to
    /// the one at 120 days with the weight of 10 days, and 0.4 of the latter.
    #[must_use]
    pub fn velocity_per_day(&self) -> f64 {
        self.settled_rate().per_day()
    }

    /// Units a day to expect, where a prior is known: the rate at half-life 21 days, shrunk to the one at 120 days
    /// with the weight of 10 days, and that to the prior.
    #[must_use]
    pub fn expected_per_day(&self, prior: Option<Prior>) -> f64 {
        self.settled_rate().with_prior(prior)
    }

    /// Units a day at half-life 120 days.
    #[must_use]
    pub fn slow_per_day(&self) -> f64 {
        self.settled_rate().slow()
    }

    /// Variance ÷ mean of daily units at half-life 120 days; `None` while nothing has sold.
    #[must_use]
    pub fn variance_to_mean(&self) -> Option<f64> {
        self.settled_rate().variance_to_mean()
    }

    /// Units a day of [`Self::slow_per_day`] that were not sold: the rest of orders that emptied the shelf.
    #[must_use]
    pub fn lost_per_day(&self) -> f64 {
        self.settled_rate().lost()
    }

    /// Days with a sale, weighted at half-life 60 days.
    #[must_use]
    pub fn recent_sale_days(&self) -> f64 {
        self.settled_sale_days().recent()
    }

    /// Units² a day.
    #[must_use]
    pub fn variance_per_day(&self) -> f64 {
        self.settled_rate().variance_per_day()
    }

    /// Days in stock behind the velocity, weighted at half-life 120 days.
    #[must_use]
    pub fn exposure_days(&self) -> f64 {
        self.settled_rate().exposure_days()
    }

    /// Units of the last seven closed local days.
    #[must_use]
    pub fn sold_7d(&self) -> Quantity {
        self.last_units + self.older.as_ref().map_or(Quantity::ZERO, |older| older.sum())
    }

    /// Units of the open day.
    #[must_use]
    pub fn sold_today(&self) -> Quantity {
        self.today.units
    }

    /// Lines of the open day and the last `days` closed trading days, at most [`WINDOW_DAYS`].
    #[must_use]
    pub fn lines_in_window(&self, days: usize) -> u32 {
        self.today.lines.saturating_add(self.lines.held_lines(days))
    }

    /// Lines per trading day before the window of `lag` closed trading days, at most [`WINDOW_DAYS`]: 0.7 of the
    /// exponentially weighted mean at half-life 10 trading days and 0.3 of that at 90, each day clipped at 4 × the
    /// latter + 3.
    #[must_use]
    pub fn line_rate_per_day(&self, lag: usize) -> f64 {
        self.lines.per_day(lag)
    }

    /// Trading days behind the line rate, weighted at half-life 90.
    #[must_use]
    pub fn line_days(&self) -> f64 {
        self.lines.days()
    }

    /// Variance ÷ mean of daily lines before the window of `lag` closed trading days; 1 while fewer than ten trading
    /// days are known.
    #[must_use]
    pub fn dispersion(&self, lag: usize) -> f64 {
        self.lines.dispersion(lag)
    }

    /// The last local day with demand that was not cancelled.
    #[must_use]
    pub fn last_sale_day(&self) -> Option<Day> {
        let day = if self.today.units.is_positive() {
            self.day
        } else if self.last_units.is_positive() {
            self.last_day()
        } else {
            self.earlier_sale
        };
        (day != NEVER).then_some(day)
    }

    /// Whole local days without a sale up to `at`: 0 on the day of a sale and the day after it.
    /// Counted from the first day for a key that never sold.
    #[must_use]
    pub fn idle_days(&self, at: Timestamp) -> i32 {
        let since = self.last_sale_day().map_or(self.first_day.0, |day| day.0.saturating_add(1));
        self.day_at(at).saturating_sub(since).max(0)
    }

    /// Whether somebody corrected the stock on a later day than that of the last sale.
    #[must_use]
    pub fn corrected_since_sale(&self) -> bool {
        let since_first = |day: Day| day.0.saturating_sub(self.first_day.0).saturating_add(1);
        i32::from(self.sale_days.corrected) > self.last_sale_day().map_or(0, since_first)
    }

    /// The chance that the `days` days after `at` see no sale.
    #[must_use]
    pub fn no_sale_probability(&self, at: Timestamp, days: f64) -> f64 {
        self.settled_sale_days().no_sale_probability(self.gap(at), days)
    }

    /// What that chance is computed from.
    #[must_use]
    pub fn sale_history(&self, at: Timestamp) -> SaleHistory {
        self.settled_sale_days().history(self.gap(at))
    }

    /// Closed local days since the key was first seen.
    #[must_use]
    pub fn age_days(&self) -> i32 {
        self.day.0.saturating_sub(self.first_day.0)
    }

    fn gap(&self, at: Timestamp) -> Gap {
        Gap {
            age_days: f64::from(self.age_days()),
            idle_days: f64::from(self.idle_days(at)),
            corrected: self.corrected_since_sale(),
        }
    }

    /// The local day of an instant in the open day or after it, at 24 h a day.
    fn day_at(&self, at: Timestamp) -> i32 {
        if at < self.day_close {
            return self.day.0;
        }
        let days = at.since(self.day_close) / DAY_MS + 1;
        self.day.0.saturating_add(i32::try_from(days).unwrap_or(i32::MAX))
    }
}
