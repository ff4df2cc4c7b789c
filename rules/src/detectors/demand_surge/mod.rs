//! A7 `demand_surge`: more order lines than the seasonal expectation allows.
//!
//! On every line, and hourly while a window is conspicuous, the score is the highest over the windows
//! "today" and "today and the one or two days before" of −log₁₀ P(X ≥ lines) − 0.3 · days before, of
//! windows with the rule's minimum of lines. Expected lines are the item's own rate before the window ×
//! the share of the day gone by × the site's factor for today: a good Saturday is no surge. An alert
//! opens when the score reaches what, by the site's histogram of daily peaks, keeps false alarms
//! within the rule's budget. It resolves at a day close after its cool-down, when the day's peak
//! stayed below half of that. Severity, from available stock at the surged rate:
//!
//! | severity | available stock lasts |
//! |---|---|
//! | critical | less than a day |
//! | high | less than the lead time |
//! | medium | longer, or stock is unknown |

mod score;
mod watch;

use schemas::time::HOUR_MS;
use schemas::{AlertKind, AlertState, Evidence, Message, Mode, Severity, Timestamp};

pub use score::Expectation;
pub use watch::SurgeWatch;

use super::{Detector, Facts, Sight, Trigger, Verdict};
use crate::alerts::messages;
use crate::demand::WINDOW_DAYS;
use crate::environment::Environment;
use crate::ruleset::{Params, Rule, SurgeParams};
use crate::state::KeyState;

pub const DETECTOR: Detector = Detector {
    kind: AlertKind::DemandSurge,
    description: "Order lines well above the seasonal expectation, within a budget of false alarms.",
    superseded_by: None,
    judge,
    describe,
};

/// Trading days behind the rate (after weighting) before anything can be unexpected.
pub const MIN_TRADING_DAYS: f64 = 10.0;

/// Keeps logs finite.
const MIN_DISPERSION: f64 = 1e-3;

/// What a longer window costs: it is a second and third look at the same lines.
const PENALTY_PER_DAY: f64 = 0.3;

/// The most surprising window.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    days_before: usize,
    lines: u32,
    rate: f64,
    expected: Expectation,
    score: f64,
}

/// The site on the key's open day.
#[derive(Clone, Copy, Debug)]
struct Today {
    /// Of a mean trading day's lines, expected so far.
    expected_share: f64,
    site_factor: f64,
}

impl Today {
    /// Expected until `at`, or until the day's end: its lines may still come during the grace.
    fn at(env: &Environment<'_>, state: &KeyState, at: Timestamp) -> Self {
        let (start, at) = (state.demand.day_start(), at.min(state.demand.day_close()));
        Self { expected_share: env.site.expected_share(start, at), site_factor: env.site.factor_today(start, at) }
    }
}

/// The item's dispersion of daily lines, shrunk to the population's by 0.3 in logs.
fn dispersion(env: &Environment<'_>, state: &KeyState) -> f64 {
    let own = state.demand.dispersion().max(MIN_DISPERSION);
    let population = env.site.population_dispersion().max(MIN_DISPERSION);
    libm::exp(0.7 * libm::log(own) + 0.3 * libm::log(population))
}

/// The window with the highest score among those with `minimum` lines.
fn best_window(env: &Environment<'_>, state: &KeyState, at: Timestamp, minimum: u32) -> Option<Window> {
    let demand = &state.demand;
    if demand.lines_in_window(WINDOW_DAYS) < minimum || demand.line_days() < MIN_TRADING_DAYS {
        return None;
    }
    let today = Today::at(env, state, at);
    let dispersion = dispersion(env, state);
    let window = |days_before: usize| {
        let lines = demand.lines_in_window(days_before);
        let rate = demand.line_rate_per_day(days_before);
        let days = days_before as f64 + today.expected_share * today.site_factor;
        let expected = Expectation::new(rate * days, rate, dispersion);
        let score = expected.score(lines) - PENALTY_PER_DAY * days_before as f64;
        Window { days_before, lines, rate, expected, score }
    };
    let windows = (0..=WINDOW_DAYS).map(window).filter(|w| w.lines >= minimum);
    windows.max_by(|a, b| a.score.total_cmp(&b.score).then(b.days_before.cmp(&a.days_before)))
}

/// The surge rules that decide about the key.
fn rules<'a>(env: &Environment<'a>, state: &KeyState) -> impl Iterator<Item = &'a SurgeParams> {
    let book = env.rules;
    let in_force = [Mode::Active, Mode::Shadow].map(|mode| state.resolved.get(AlertKind::DemandSurge, mode));
    in_force.into_iter().flatten().filter_map(|ix| match &book.rule(ix).params {
        Params::DemandSurge(params) => Some(params),
        _ => None,
    })
}

/// Takes a look at `at`: returns the score over the laxest rule's windows, keeps the day's highest, and asks
/// for another look at the next full hour while it is conspicuous.
pub(crate) fn observe(env: &Environment<'_>, state: &mut KeyState, at: Timestamp) -> f64 {
    let minimum = rules(env, state).map(|p| p.minimum_lines).min();
    let window = minimum.and_then(|minimum| best_window(env, state, at, minimum));
    let score = window.map_or(0.0, |w| w.score.max(0.0));
    let conspicuous = score > 0.0 && rules(env, state).any(|p| score >= 0.5 * threshold(env, p));
    state.surge.set(conspicuous.then(|| next_hour(at)));
    state.demand.note_surge_score(score);
    score
}

fn next_hour(at: Timestamp) -> Timestamp {
    Timestamp::from_millis((at.millis().div_euclid(HOUR_MS) + 1).saturating_mul(HOUR_MS))
}

/// What a closed day adds to the site's histogram: its highest score, of items in scope that are real; 0 for
/// a day an alert was open before it began (it could not have raised another).
pub(crate) fn peak_for_site(env: &Environment<'_>, state: &KeyState, day_start: Timestamp, peak: f64) -> Option<f64> {
    let counts = rules(env, state).next().is_some() && !env.item.stand_in() && env.item.is_replenished();
    let held =
        state.episodes.slots().iter().any(|s| {
            s.kind == AlertKind::DemandSurge && s.opened_at < day_start && s.cool_until.max(s.since) > day_start
        });
    counts.then_some(if held { 0.0 } else { peak })
}

/// The score that keeps to the budget.
fn threshold(env: &Environment<'_>, params: &SurgeParams) -> f64 {
    env.site.surge_score_for_budget(params.false_alarms_per_1000_sku_days)
}

fn judge(sight: &Sight<'_>, rule: &Rule) -> Verdict {
    let Params::DemandSurge(params) = &rule.params else { return Verdict::Hold };
    if !sight.env.item.is_replenished() {
        return Verdict::Lapsed;
    }
    match sight.trigger {
        Trigger::Lines { surge_score } => judge_lines(sight, params, surge_score),
        Trigger::DayClose { surge_peak } => judge_day(sight, rule, params, surge_peak),
        Trigger::Stock | Trigger::Other => Verdict::Hold,
    }
}

fn judge_lines(sight: &Sight<'_>, params: &SurgeParams, score: f64) -> Verdict {
    let threshold = threshold(sight.env, params);
    // The score is over the laxest rule's windows: no rule's own can be higher.
    if score < threshold {
        return Verdict::Hold;
    }
    match best_window(sight.env, sight.state, sight.at, params.minimum_lines) {
        Some(window) if window.score >= threshold => Verdict::Breach(severity(sight, &window)),
        _ => Verdict::Hold,
    }
}

fn judge_day(sight: &Sight<'_>, rule: &Rule, params: &SurgeParams, peak: f64) -> Verdict {
    let cooling =
        sight.state.episodes.slot(AlertKind::DemandSurge, rule.mode).is_some_and(|slot| sight.at < slot.cool_until);
    let quiet = peak < 0.5 * threshold(sight.env, params);
    if quiet && !cooling { Verdict::Clear } else { Verdict::Hold }
}

/// Days until available stock is gone at the surged rate.
fn days_left(sight: &Sight<'_>, window: &Window) -> Option<f64> {
    let available = sight.state.position.available()?.as_f64().max(0.0);
    let velocity = surged_velocity(sight, window);
    (velocity > 0.0).then(|| available / velocity)
}

/// Units a day while the surge lasts: the present velocity × observed ÷ expected lines.
fn surged_velocity(sight: &Sight<'_>, window: &Window) -> f64 {
    sight.state.demand.velocity_per_day().max(0.0) * f64::from(window.lines) / window.expected.mean
}

fn severity(sight: &Sight<'_>, window: &Window) -> Severity {
    let lead_time = sight.state.plan.figures().lead_time.map_or(0.0, |l| l.mean_days);
    match days_left(sight, window) {
        Some(days) if days < 1.0 => Severity::Critical,
        Some(days) if days < lead_time => Severity::High,
        _ => Severity::Medium,
    }
}

fn describe(sight: &Sight<'_>, rule: &Rule, state: AlertState) -> (Evidence, Message) {
    let Params::DemandSurge(params) = &rule.params else { return Default::default() };
    let facts = Facts::default()
        .number("false_alarms_per_1000_sku_days", params.false_alarms_per_1000_sku_days)
        .number("score_threshold", threshold(sight.env, params));
    let Some(window) = best_window(sight.env, sight.state, sight.at, params.minimum_lines) else {
        return (facts.done(), messages::demand_surge(sight, state, None));
    };
    let days_left = days_left(sight, &window);
    let today = Today::at(sight.env, sight.state, sight.at);
    let evidence = facts
        .number("score", window.score)
        .integer("lines", i64::from(window.lines))
        .integer("window_days_before_today", window.days_before as i64)
        .number("expected_lines", window.expected.mean)
        .number("expected_variance", window.expected.variance)
        .number("lines_per_day", window.rate)
        .number("dispersion", dispersion(sight.env, sight.state))
        .number("expected_share_of_day", today.expected_share)
        .number("site_factor_today", today.site_factor)
        .number("p_value_log10", -window.expected.score(window.lines))
        .number("surge_factor", f64::from(window.lines) / window.expected.mean)
        .number("surged_velocity_per_day", surged_velocity(sight, &window))
        .number("available", sight.state.position.available().map(schemas::Quantity::as_f64))
        .number("days_to_stock_out", days_left)
        .text("runs_out_on", days_left.and_then(|days| messages::day_after(sight, days)))
        .done();
    let words = messages::Surge { lines: window.lines, expected: window.expected.mean, days_left };
    (evidence, messages::demand_surge(sight, state, Some(&words)))
}
