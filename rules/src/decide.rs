//! The four entry points: a stock change, a timer, a change around the key, and the public figures.
//!
//! Everything a key does happens here, in one fixed order: duplicate check, fold, estimators,
//! threshold if due, detectors, alert lines. Never a clock, never I/O; the same calls give the same
//! alerts.

use schemas::{Alert, AlertKind, AlertState, Evidence, InventoryEvent, Message, Mode, Position, Timestamp};

use crate::alerts::{self, Judgement, Occurrence, messages};
use crate::detectors::demand_surge::{self, SurgeWatch};
use crate::detectors::{Sight, Trigger, Verdict, low_stock, registry};
use crate::environment::Environment;
use crate::item::Item;
use crate::ruleset::Subject;
use crate::site::SiteSums;
use crate::state::KeyState;
use crate::threshold::{Figures, LeadTime, Plan};

/// One SKU at one location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    pub sku: &'a str,
    pub location: &'a str,
}

/// What became of a stock change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    Ok,
    /// Its event id was seen lately: nothing changed.
    Duplicate,
    /// Folded into stock, kept out of windows that have closed.
    Late,
}

/// A stock change of the key. `sums` are the partition's open sums of the site.
pub fn apply(
    env: &Environment<'_>,
    key: Key<'_>,
    state: &mut KeyState,
    event: &InventoryEvent<'_>,
    sums: &mut SiteSums,
    out: &mut Vec<Alert>,
) -> Applied {
    if state.recent.seen_or_insert(&event.event_id) {
        return Applied::Duplicate;
    }
    let at = event.occurred_at;
    let late = at < env.now.closed_before;
    let effect = state.fold(event, env.place);
    if !late && !env.item.stand_in() {
        sums.record_demand(&effect);
    }
    resolve(env, state);
    if effect.reconsider || !state.plan.is_made() {
        make_plan(env, state);
    }
    let now = at.max(env.now.stream_time);
    let trigger = if effect.lines > 0 && state.demand.is_open_day(effect.demand_at) {
        Trigger::Lines { surge_score: demand_surge::observe(env, state, now) }
    } else {
        Trigger::Stock
    };
    judge(env, key, state, Instant { at, now, detected_at: now, trigger }, out);
    if late { Applied::Late } else { Applied::Ok }
}

/// A timer of the key: whatever is due at `due`, in the order expiries, day close, hourly look.
pub fn on_timer(
    env: &Environment<'_>,
    key: Key<'_>,
    state: &mut KeyState,
    due: Timestamp,
    sums: &mut SiteSums,
    out: &mut Vec<Alert>,
) {
    resolve(env, state);
    state.expire_reservations(due);
    let detected_at = due.max(env.now.stream_time);
    let mut instant = Instant { at: due, now: due, detected_at, trigger: Trigger::Other };
    if state.demand.day_close() <= due {
        return close_day(env, key, state, instant, sums, out);
    }
    if state.surge.next_due().is_some_and(|next| next <= due) {
        instant.trigger = Trigger::Lines { surge_score: demand_surge::observe(env, state, due) };
    }
    judge(env, key, state, instant, out);
}

/// Item, place or rules have changed. `at` is the stream time of the change; while there is none, because
/// a source has yet to be heard of, it counts as made at the start of the key's open day.
pub fn on_environment_change(
    env: &Environment<'_>,
    key: Key<'_>,
    state: &mut KeyState,
    at: Timestamp,
    out: &mut Vec<Alert>,
) {
    state.set_zone(&env.place.zone);
    state.resolved = env.rules.resolve(&Subject { item: env.item, place: env.place });
    make_plan(env, state);
    let at = at.max(state.demand.day_start());
    let detected_at = at.max(env.now.stream_time);
    judge(env, key, state, Instant { at, now: at, detected_at, trigger: Trigger::Other }, out);
}

/// The public figures of a key at `at`.
#[must_use]
pub fn snapshot<'k>(key: Key<'k>, state: &KeyState, item: &Item, at: Timestamp) -> Position<'k> {
    let Key { sku, location } = key;
    let (position, demand, plan) = (&state.position, &state.demand, &state.plan);
    let velocity = demand.velocity_per_day();
    let cover = position.on_hand().filter(|_| velocity > 0.0).map(|q| q.as_f64().max(0.0) / velocity);
    Position {
        sku: sku.into(),
        location: location.into(),
        at,
        on_hand: position.on_hand(),
        reserved: position.reserved(),
        available: position.available(),
        on_order: position.on_order(),
        velocity_per_day: rounded(velocity),
        sold_7d: demand.sold_7d(),
        reorder_point: plan.reorder_point().map(rounded),
        safety_stock: plan.safety_stock().map(rounded),
        order_quantity: plan.order_quantity(item).map(schemas::Quantity::as_f64),
        days_of_cover: cover.map(rounded),
        idle_days: demand.idle_days(at),
        no_sale_probability_30d: rounded(demand.no_sale_probability(at, 30.0)),
        threshold_method: plan.method().name().map(Into::into),
        suspect: position.suspect(),
        open_alerts: state.episodes.open_alerts(),
    }
}

/// To six decimals: what single precision leaves beyond them is noise.
pub(crate) fn rounded(figure: f64) -> f64 {
    let scaled = (figure * 1e6).round();
    if scaled.abs() < 9e15 { scaled / 1e6 } else { figure }
}

/// When and why detectors look.
#[derive(Clone, Copy)]
struct Instant {
    /// Event time of the record, due time of the timer.
    at: Timestamp,
    /// The time it is for what detectors compute: a record that comes late finds the state of now.
    now: Timestamp,
    detected_at: Timestamp,
    trigger: Trigger,
}

fn resolve(env: &Environment<'_>, state: &mut KeyState) {
    if !state.resolved.is_current(env.rules) {
        state.resolved = env.rules.resolve(&Subject { item: env.item, place: env.place });
    }
}

/// The threshold of the active `low_stock` rule; without one, of the default.
fn make_plan(env: &Environment<'_>, state: &mut KeyState) {
    let rule = state.resolved.get(AlertKind::LowStock, Mode::Active).map(|ix| env.rules.rule(ix));
    let threshold = rule.and_then(low_stock::threshold).copied().unwrap_or_default();
    state.plan = Plan::new(&threshold, &figures(env, state));
}

/// How much of a change in the site's level an item is taken to share, as an exponent.
const LEVEL_SHARE: f64 = 0.5;

fn figures(env: &Environment<'_>, state: &KeyState) -> Figures {
    let configured = env.item.lead_time_days;
    let lead_time = state.lead_time.mean_days(configured);
    // The level scales mean and variance alike: the ratio of the two is the item's own.
    let level = libm::pow(env.site.level_ratio(), LEVEL_SHARE);
    Figures {
        velocity: state.demand.velocity_per_day() * level,
        velocity_sd: (state.demand.variance_per_day().max(0.0) * level).sqrt(),
        observed_days: state.demand.exposure_days(),
        lead_time: lead_time.map(|mean_days| LeadTime { mean_days, sd_days: state.lead_time.sd_days(configured) }),
    }
}

fn close_day(
    env: &Environment<'_>,
    key: Key<'_>,
    state: &mut KeyState,
    instant: Instant,
    sums: &mut SiteSums,
    out: &mut Vec<Alert>,
) {
    let day_start = state.demand.day_start();
    let closed = state.close_day(env.place, env.site);
    state.surge = SurgeWatch::default();
    make_plan(env, state);
    let trigger = Trigger::DayClose { surge_peak: closed.surge_score };
    judge(env, key, state, Instant { trigger, ..instant }, out);
    if let Some(peak) = demand_surge::peak_for_site(env, state, day_start, closed.surge_score) {
        let known =
            state.demand.line_days() >= demand_surge::MIN_TRADING_DAYS && state.demand.line_rate_per_day(0) > 0.0;
        sums.record_surge_score(peak);
        sums.record_sku_day(known.then(|| state.demand.dispersion()));
    }
    state.episodes.forget(instant.at);
}

/// Lets every detector look under every rule in force, and settles what follows.
fn judge(env: &Environment<'_>, key: Key<'_>, state: &mut KeyState, instant: Instant, out: &mut Vec<Alert>) {
    let sight = Sight { env, state, at: instant.now, trigger: instant.trigger };
    let judgements = registry::DETECTORS.each_ref().map(|detector| {
        [Mode::Active, Mode::Shadow].map(|mode| {
            let rule = sight.state.resolved.get(detector.kind, mode).map(|ix| env.rules.rule(ix));
            let verdict = rule.map_or(Verdict::Clear, |rule| (detector.judge)(&sight, rule));
            Judgement { kind: detector.kind, mode, rule, verdict }
        })
    });
    let breach = judgements.as_flattened().iter().any(|j| matches!(j.verdict, Verdict::Breach(_)));
    if !breach && state.episodes.slots().is_empty() {
        return;
    }
    let occurrence =
        Occurrence { key, at: instant.at, detected_at: instant.detected_at, suspect: state.position.suspect() };
    let mut book = std::mem::take(&mut state.episodes);
    let sight = Sight { env, state, at: instant.now, trigger: instant.trigger };
    let describe = |judgement: &Judgement<'_>, alert: AlertState| describe(&sight, judgement, alert);
    alerts::settle(&mut book, &occurrence, judgements.as_flattened(), &describe, out);
    state.episodes = book;
}

fn describe(sight: &Sight<'_>, judgement: &Judgement<'_>, state: AlertState) -> (Evidence, Message) {
    match (judgement.rule, registry::detector(judgement.kind)) {
        (Some(rule), Some(detector)) => (detector.describe)(sight, rule, state),
        _ => (Evidence::default(), messages::rule_gone(sight)),
    }
}

#[cfg(test)]
mod tests;
