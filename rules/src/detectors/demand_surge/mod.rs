//! A7 `demand_surge`: more order lines than the seasonal expectation allows.
//!
//! On every line, and hourly while a window is conspicuous, the score says in decades how much better a surge
//! that began with one of today's last lines, today, or one or two trading days before explains the lines than the
//! usual demand does (`windows`, `score`). Expected lines are the item's own rate before the window × the share of the day gone by × the site's
//! factor for today: a good Saturday is no surge. An alert opens when the score reaches what, by the site's
//! histogram of daily peaks, keeps false alarms within the rule's budget. It resolves at a day close after its
//! cool-down, when the day's peak stayed below half of that. Severity, from available stock at the surged rate:
//!
//! | severity | available stock lasts |
//! |---|---|
//! | critical | less than a day |
//! | high | less than the lead time |
//! | medium | longer, or stock is unknown |

mod score;
mod watch;
mod windows;

use schemas::time::HOUR_MS;
use schemas::{AlertKind, AlertState, Evidence, Message, Mode, Severity, Timestamp};

pub use score::Expectation;
pub use watch::SurgeWatch;
pub use windows::{Start, Window};

use super::{Detector, Facts, Sight, Trigger, Verdict};
use crate::alerts::{Phase, messages};
use crate::demand::DayClosed;
use crate::environment::Environment;
use crate::ruleset::{Params, Rule, SurgeParams};
use crate::state::KeyState;
use windows::{Today, Windows};

pub const DETECTOR: Detector = Detector {
    kind: AlertKind::DemandSurge,
    description: "Order lines well above the seasonal expectation, within a budget of false alarms.",
    superseded_by: None,
    judge,
    describe,
};

/// Trading days behind the rate (after weighting) before anything can be unexpected.
pub const MIN_TRADING_DAYS: f64 = 10.0;

/// A day with a high score was no false alarm if the next trading day, whose windows hold it, still scores this high.
const LASTING: f64 = 1.3;

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
    let windows = minimum.and_then(|minimum| Windows::look(env, state, at, minimum));
    let score = windows.map_or(0.0, |w| w.score());
    let conspicuous = score > 0.0 && rules(env, state).any(|p| score >= 0.5 * threshold(env, p));
    state.surge.set(conspicuous.then(|| next_hour(at)));
    state.demand.note_surge_score(score);
    score
}

fn next_hour(at: Timestamp) -> Timestamp {
    Timestamp::from_millis((at.millis().div_euclid(HOUR_MS) + 1).saturating_mul(HOUR_MS))
}

/// What a closed day adds to the site's histogram, of items in scope that are real: the highest score of the
/// trading day before it. 0 where this one shows that it was the beginning of a surge, or an alert was open
/// before it began (it could not have raised another).
pub(crate) fn peak_for_site(
    env: &Environment<'_>,
    state: &mut KeyState,
    day_start: Timestamp,
    closed: &DayClosed,
) -> Option<f64> {
    let counts = rules(env, state).next().is_some() && !env.item.stand_in() && env.item.is_replenished();
    if !closed.trading {
        return counts.then_some(0.0);
    }
    let held = state.episodes.slots().iter().any(|s| {
        let lasted = s.phase == Phase::Open || s.cool_until.max(s.since) > day_start;
        s.kind == AlertKind::DemandSurge && s.opened_at < day_start && lasted
    });
    let before = state.demand.exchange_waiting_score(if held { 0.0 } else { closed.surge_score });
    counts.then_some(if closed.surge_score >= LASTING { 0.0 } else { before })
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
    match Windows::look(sight.env, sight.state, sight.at, params.minimum_lines) {
        Some(windows) if windows.score() >= threshold => Verdict::Breach(severity(sight, windows.strongest())),
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

/// Units a day while the surge lasts: the present velocity × the uplift planned for today × the surge's factor.
fn surged_velocity(sight: &Sight<'_>, window: &Window) -> f64 {
    let demand = &sight.state.demand;
    let planned = sight.env.planned_uplift(demand).unwrap_or(1.0);
    demand.velocity_per_day().max(0.0) * planned * window.factor()
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
    let Some(windows) = Windows::look(sight.env, sight.state, sight.at, params.minimum_lines) else {
        return (facts.done(), messages::demand_surge(sight, state, None));
    };
    let window = windows.strongest();
    let days_left = days_left(sight, window);
    let today = Today::at(sight.env, sight.state, sight.at);
    let evidence = facts
        .number("score", windows.score())
        .integer("lines", i64::from(window.lines))
        .integer("window_days_before_today", window.days_before() as i64)
        .text("window_since", window.since().map(|at| at.to_string()))
        .number("expected_lines", window.expected.mean)
        .number("expected_variance", window.expected.variance)
        .number("lines_per_day", window.rate)
        .number("dispersion", window.dispersion)
        .number("expected_share_of_day", today.expected_share)
        .number("site_factor_today", today.site_factor)
        .number("planned_uplift", today.planned_uplift)
        .number("p_value_log10", window.expected.p_value_log10(window.lines))
        .text("windows", named(windows.as_slice()))
        .number("surge_factor", window.factor())
        .number("surged_velocity_per_day", surged_velocity(sight, window))
        .number("available", sight.state.position.available().map(schemas::Quantity::as_f64))
        .number("days_to_stock_out", days_left)
        .text("runs_out_on", days_left.and_then(|days| messages::day_after(sight, days)))
        .done();
    let words = messages::Surge { lines: window.lines, expected: window.expected.mean, days_left };
    (evidence, messages::demand_surge(sight, state, Some(&words)))
}

/// `days before: lines, lines a day, dispersion, expected, variance, Bayes factor`, today's window first, then those
/// since a line, with the share of a day expected since: with today's share and the site's factor, all the score is
/// made of.
fn named(windows: &[Window]) -> String {
    let each = windows.iter().map(|w| {
        let Window { start, lines, rate, dispersion, expected, bayes_factor } = w;
        let (mean, variance) = (expected.mean, expected.variance);
        let begins = match start {
            Start::DaysBefore(days) => format!("{days} days before: {lines} lines"),
            Start::Line { at, share } => format!("since {at}: {lines} lines in {share:.6} of a day"),
        };
        format!(
            "{begins}, {rate:.6} a day, dispersion {dispersion:.6}, expected {mean:.6}, variance {variance:.6}, \
             Bayes factor {bayes_factor:.4e}"
        )
    });
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
