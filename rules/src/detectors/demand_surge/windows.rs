//! The windows in which a surge may have begun, and what they say together.
//!
//! score = log₁₀ (Σ_w 10^(−0.2 w) B_w + 0.1 Σ_j B_j), at least 0, over the windows "today and the w trading days
//! before it", w = 0, 1, 2, and "since the j-th last line", all of today, that hold the rule's minimum of lines and
//! more than expected: when it began is not known, and summing over the possible instants is the idea of Shiryaev
//! (1963) and Roberts (1966). A surge that begins in the afternoon is seen in the hours since, while the day as a
//! whole still looks usual. B: see `score`.
//! A window of days has mean rate × (share of today gone by × factor + w + 0.3) + 0.1, one since a line
//! rate × (share since then × factor + 0.1), and counts once the site's hours are known: the last terms keep the first minutes of a day, and lines that happen
//! to come together, from being a surprise. The factor is the site's for today or, if it is greater, the uplift of
//! a promotion planned for the item; days of planned promotions are in no rate and in no later window.

use schemas::Timestamp;

use super::MIN_TRADING_DAYS;
use super::score::Expectation;
use crate::demand::WINDOW_DAYS;
use crate::environment::Environment;
use crate::position::LINES_MAX;
use crate::state::KeyState;

/// Keeps logs finite.
const MIN_DISPERSION: f64 = 1e-3;
const MIN_RATE: f64 = 1e-3;
/// A window of days holds this part of a day, and this part of a line, more than have gone by.
const EXTRA_DAYS: f64 = 0.3;
const EXTRA_LINES: f64 = 0.1;
/// One since a line holds this part of a day more.
const EXTRA_DAYS_SINCE_A_LINE: f64 = 0.1;
/// What each day before today costs, in decades: surges are rarely noticed late.
const PENALTY_PER_DAY: f64 = 0.2;
/// What a window since a line weighs: there are several, and they overlap.
const WEIGHT_SINCE_A_LINE: f64 = 0.1;
/// Of three windows of days and those since a line that hold the minimum of lines.
const WINDOWS_MAX: usize = WINDOW_DAYS + 1 + LINES_MAX;
/// Beyond this a score says no more.
const HIGHEST: f64 = 300.0;

/// Where a window begins. All end now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// With the day so many trading days before today.
    DaysBefore(usize),
    /// With a line of today; `share`: of a mean trading day's lines, expected since.
    Line { at: Timestamp, share: f64 },
}

impl Default for Start {
    fn default() -> Self {
        Self::DaysBefore(0)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    pub start: Start,
    pub lines: u32,
    /// Lines a day before the window.
    pub rate: f64,
    /// Variance ÷ mean of daily lines before the window, shrunk to the population's.
    pub dispersion: f64,
    pub expected: Expectation,
    /// [`Expectation::bayes_factor`].
    pub bayes_factor: f64,
}

impl Window {
    /// What the window adds to the sum whose logarithm is the score.
    fn weight(&self) -> f64 {
        let weight = match self.start {
            Start::DaysBefore(days) => libm::pow(10.0, -PENALTY_PER_DAY * days as f64),
            Start::Line { .. } => WEIGHT_SINCE_A_LINE,
        };
        weight * self.bayes_factor
    }

    pub(super) fn days_before(&self) -> usize {
        match self.start {
            Start::DaysBefore(days) => days,
            Start::Line { .. } => 0,
        }
    }

    /// Its first line, where it begins with one.
    pub(super) fn since(&self) -> Option<Timestamp> {
        match self.start {
            Start::DaysBefore(_) => None,
            Start::Line { at, .. } => Some(at),
        }
    }

    /// How many times as much as usual is sold: observed ÷ expected lines. An hour does not last: its lines beyond the
    /// expected ones come on top of a usual day.
    pub(super) fn factor(&self) -> f64 {
        let (lines, expected) = (f64::from(self.lines), self.expected.mean);
        match self.start {
            Start::DaysBefore(_) => lines / expected,
            Start::Line { .. } => 1.0 + (lines - expected) / self.rate.max(1.0),
        }
    }
}

/// The site on the key's open day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Today {
    /// Of a mean trading day's lines, expected so far.
    pub(super) expected_share: f64,
    pub(super) site_factor: f64,
    /// Of a promotion that is planned for today.
    pub(super) planned_uplift: Option<f64>,
}

impl Today {
    /// Expected until `at`, or until the day's end: its lines may still come during the grace.
    pub(super) fn at(env: &Environment<'_>, state: &KeyState, at: Timestamp) -> Self {
        let (start, at) = (state.demand.day_start(), at.min(state.demand.day_close()));
        Self {
            expected_share: env.site.expected_share(start, at),
            site_factor: env.site.factor_today(start, at),
            planned_uplift: env.planned_uplift(&state.demand),
        }
    }

    /// How today compares with a usual day, so far: the site's factor has other promotions of the day in it, so
    /// the greater of the two counts.
    fn factor(&self) -> f64 {
        self.planned_uplift.map_or(self.site_factor, |uplift| uplift.max(self.site_factor))
    }
}

/// Those with the minimum of lines and more than expected, today's first; at least one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    list: [Window; WINDOWS_MAX],
    count: usize,
}

impl Windows {
    pub(super) fn look(env: &Environment<'_>, state: &KeyState, at: Timestamp, minimum: u32) -> Option<Self> {
        let demand = &state.demand;
        if demand.lines_in_window(WINDOW_DAYS) < minimum || demand.line_days() < MIN_TRADING_DAYS {
            return None;
        }
        let today = Today::at(env, state, at);
        let mut windows = Self { list: [Window::default(); WINDOWS_MAX], count: 0 };
        for days_before in 0..=WINDOW_DAYS {
            let lines = demand.lines_in_window(days_before);
            if lines >= minimum {
                let usual = Usual::before(env, state, days_before);
                let days = days_before as f64 + today.expected_share * today.factor() + EXTRA_DAYS;
                windows.add(usual.window(Start::DaysBefore(days_before), lines, days, EXTRA_LINES));
            }
        }
        if demand.lines_in_window(0) >= minimum && env.site.knows_hours() {
            windows.add_those_since_a_line(env, state, (today, at), minimum);
        }
        (windows.count > 0).then_some(windows)
    }

    /// Of lines up to now: others of the day may be there already when one source is behind another.
    fn add_those_since_a_line(
        &mut self,
        env: &Environment<'_>,
        state: &KeyState,
        (today, now): (Today, Timestamp),
        minimum: u32,
    ) {
        let (start, end) = (state.demand.day_start(), state.demand.day_close().min(now.plus_ms(1)));
        let latest = state.position.latest_lines(start, end);
        let usual = Usual::before(env, state, 0);
        for (lines, line) in (1..=state.demand.lines_in_window(0)).zip(latest.as_slice()) {
            if lines >= minimum {
                let share = (today.expected_share - env.site.expected_share(start, *line)).max(0.0);
                let days = share * today.factor() + EXTRA_DAYS_SINCE_A_LINE;
                self.add(usual.window(Start::Line { at: *line, share }, lines, days, 0.0));
            }
        }
    }

    fn add(&mut self, window: Window) {
        if window.bayes_factor > 0.0 {
            self.list[self.count] = window;
            self.count += 1;
        }
    }

    pub(super) fn as_slice(&self) -> &[Window] {
        &self.list[..self.count]
    }

    /// 0 … 300.
    pub(super) fn score(&self) -> f64 {
        let sum: f64 = self.as_slice().iter().map(Window::weight).sum();
        if sum > 1.0 { libm::log10(sum).min(HIGHEST) } else { 0.0 }
    }

    /// The window of days that says most, of equals the shorter; where no day is above expectation, the one since a
    /// line. What an alert tells of should last: an hour is little to go by.
    pub(super) fn strongest(&self) -> &Window {
        let days = self.as_slice().iter().filter(|w| matches!(w.start, Start::DaysBefore(_))).count();
        let among = &self.list[..if days > 0 { days } else { self.count }];
        among.iter().fold(&self.list[0], |best, window| if window.weight() > best.weight() { window } else { best })
    }
}

/// What the key sold before a window.
struct Usual {
    rate: f64,
    dispersion: f64,
}

impl Usual {
    fn before(env: &Environment<'_>, state: &KeyState, days_before: usize) -> Self {
        let rate = state.demand.line_rate_per_day(days_before).max(MIN_RATE);
        Self { rate, dispersion: dispersion(env, state, days_before) }
    }

    fn window(&self, start: Start, lines: u32, days: f64, extra_lines: f64) -> Window {
        let &Self { rate, dispersion } = self;
        let expected = Expectation::new(rate * days + extra_lines, rate, dispersion);
        Window { start, lines, rate, dispersion, expected, bayes_factor: expected.bayes_factor(lines) }
    }
}

/// The item's dispersion of daily lines, shrunk to the population's by 0.3 in logs.
fn dispersion(env: &Environment<'_>, state: &KeyState, days_before: usize) -> f64 {
    let own = state.demand.dispersion(days_before).max(MIN_DISPERSION);
    let population = env.site.population_dispersion().max(MIN_DISPERSION);
    libm::exp(0.7 * libm::log(own) + 0.3 * libm::log(population))
}
