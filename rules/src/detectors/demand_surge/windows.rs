//! The windows in which a surge may have begun, and what they say together.
//!
//! score = log₁₀ Σ_w 10^(−0.2 w) B_w, at least 0, over the windows "today and the w trading days before it",
//! w = 0, 1, 2, that hold the rule's minimum of lines and more than expected: when it began is not known, and
//! summing over the possible days is the idea of Shiryaev (1963) and Roberts (1966). B_w: see `score`.
//! A window's mean is its rate × (share of today gone by × factor + w + 0.05): the last term keeps the first
//! minutes of a day from being a surprise. The factor is the site's for today or, if it is greater, the uplift of
//! a promotion planned for the item; days of planned promotions are in no rate and in no later window.

use schemas::Timestamp;

use super::MIN_TRADING_DAYS;
use super::score::Expectation;
use crate::demand::WINDOW_DAYS;
use crate::environment::Environment;
use crate::state::KeyState;

/// Keeps logs finite.
const MIN_DISPERSION: f64 = 1e-3;
const MIN_RATE: f64 = 1e-3;
/// Every window holds this part of a day more than has gone by.
const EXTRA_DAYS: f64 = 0.05;
/// What each day before today costs, in decades: surges are rarely noticed late.
const PENALTY_PER_DAY: f64 = 0.2;
/// Beyond this a score says no more.
const HIGHEST: f64 = 300.0;

/// Today and so many trading days before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    pub days_before: usize,
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
        libm::pow(10.0, -PENALTY_PER_DAY * self.days_before as f64) * self.bayes_factor
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
    list: [Window; WINDOW_DAYS + 1],
    count: usize,
}

impl Windows {
    pub(super) fn look(env: &Environment<'_>, state: &KeyState, at: Timestamp, minimum: u32) -> Option<Self> {
        let demand = &state.demand;
        if demand.lines_in_window(WINDOW_DAYS) < minimum || demand.line_days() < MIN_TRADING_DAYS {
            return None;
        }
        let today = Today::at(env, state, at);
        let mut windows = Self { list: [Window::default(); WINDOW_DAYS + 1], count: 0 };
        for days_before in 0..=WINDOW_DAYS {
            if demand.lines_in_window(days_before) < minimum {
                continue;
            }
            let window = window(env, state, today, days_before);
            if window.bayes_factor > 0.0 {
                windows.list[windows.count] = window;
                windows.count += 1;
            }
        }
        (windows.count > 0).then_some(windows)
    }

    pub(super) fn as_slice(&self) -> &[Window] {
        &self.list[..self.count]
    }

    /// 0 … 300.
    pub(super) fn score(&self) -> f64 {
        let sum: f64 = self.as_slice().iter().map(Window::weight).sum();
        if sum > 1.0 { libm::log10(sum).min(HIGHEST) } else { 0.0 }
    }

    /// The one that says most; of equals the shorter.
    pub(super) fn strongest(&self) -> &Window {
        let first = &self.list[0];
        self.as_slice().iter().fold(first, |best, window| if window.weight() > best.weight() { window } else { best })
    }
}

fn window(env: &Environment<'_>, state: &KeyState, today: Today, days_before: usize) -> Window {
    let demand = &state.demand;
    let rate = demand.line_rate_per_day(days_before).max(MIN_RATE);
    let dispersion = dispersion(env, state, days_before);
    let days = days_before as f64 + today.expected_share * today.factor() + EXTRA_DAYS;
    let expected = Expectation::new(rate * days, rate, dispersion);
    let lines = demand.lines_in_window(days_before);
    Window { days_before, lines, rate, dispersion, expected, bayes_factor: expected.bayes_factor(lines) }
}

/// The item's dispersion of daily lines, shrunk to the population's by 0.3 in logs.
fn dispersion(env: &Environment<'_>, state: &KeyState, days_before: usize) -> f64 {
    let own = state.demand.dispersion(days_before).max(MIN_DISPERSION);
    let population = env.site.population_dispersion().max(MIN_DISPERSION);
    libm::exp(0.7 * libm::log(own) + 0.3 * libm::log(population))
}
