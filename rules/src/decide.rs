//! The four entry points: a stock change, a timer, a change around the key, and the public figures.
//!
//! Everything a key does happens here, in one fixed order: duplicate check, fold, estimators,
//! threshold if due, detectors, alert lines. Never a clock, never I/O; the same calls give the same
//! alerts.

use schemas::{
    Alert, AlertKind, AlertState, Evidence, InventoryEvent, Message, Mode, Position, StockChange, Timestamp,
};

use crate::alerts::{self, Judgement, Occurrence, messages};
use crate::class;
use crate::detectors::demand_surge::{self, SurgeWatch};
use crate::detectors::{Detector, Sight, Trigger, Verdict, class_evidence, low_stock, registry};
use crate::environment::Environment;
use crate::item::Item;
use crate::network::Elsewhere;
use crate::ruleset::Rule;
use crate::site::SiteSums;
use crate::state::KeyState;
use crate::threshold::Plan;

mod estimate;
mod outbound;
mod replenish;

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
    if let Some(counted) = state.note_losses(event, &effect, env.site).filter(|_| !env.item.stand_in()) {
        sums.write_offs.record_stocktake(counted.handled, counted.missing, counted.expected);
    }
    if let Some(days) = effect.receipt.and_then(|receipt| receipt.lead_days)
        && let Some(supplier) = supplier_of(&event.change).or(env.item.supplier.as_deref())
    {
        sums.record_receipt(supplier, days);
    }
    resolve(env, state);
    if effect.reconsider || !state.plan.is_made() {
        make_plan(env, state);
    }
    let now = at.max(env.now.stream_time);
    let outbound = outbound::observe(env, state, event, now).filter(|_| !late && !env.item.stand_in());
    let trigger = if effect.lines > 0 && state.demand.is_open_day(effect.demand_at) {
        Trigger::Lines { surge_score: demand_surge::observe(env, state, now) }
    } else {
        Trigger::Stock
    };
    let first = out.len();
    judge(env, key, state, Instant { at, now, detected_at: now, trigger, by: By::Record }, out);
    if let Some(outbound) = outbound {
        outbound.record(env, state, &out[first..], &mut sums.outbound);
    }
    if late { Applied::Late } else { Applied::Ok }
}

/// Who delivered, where the receipt says so.
fn supplier_of<'a>(change: &'a StockChange<'_>) -> Option<&'a str> {
    match change {
        StockChange::Received { supplier, .. } | StockChange::LotReceived { supplier, .. } => supplier.as_deref(),
        _ => None,
    }
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
    let mut instant = Instant { at: due, now: due, detected_at, trigger: Trigger::Other, by: By::Timer };
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
    state.resolved = env.rules.resolve(&env.subject(state.demand.class));
    make_plan(env, state);
    let at = at.max(state.demand.day_start());
    let detected_at = at.max(env.now.stream_time);
    judge(env, key, state, Instant { at, now: at, detected_at, trigger: Trigger::Other, by: By::Change }, out);
}

/// Tells an alert line of the key anew, with the item's other locations in sight. `now`: the later of the record's
/// instant and stream time, or the due time of the timer that gave the line. Nothing else of it changes.
pub fn tell_with(env: &Environment<'_>, state: &KeyState, now: Timestamp, elsewhere: &[Elsewhere], alert: &mut Alert) {
    let rule = state.resolved.get(alert.kind, alert.mode).map(|ix| env.rules.rule(ix));
    let at = now.max(state.demand.day_start());
    let sight = Sight { env, state, at, trigger: Trigger::Other, elsewhere };
    if let (Some(rule), Some(detector)) = (rule, registry::detector(alert.kind)) {
        (alert.evidence, alert.message) = told(detector, &sight, rule, alert.state);
    }
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
        abc: demand.class.abc.map(|class| class.name().into()),
        xyz: demand.class.xyz.map(|class| class.name().into()),
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
    by: By,
}

/// What made detectors look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// A stock change of the key.
    Record,
    Timer,
    /// Item, place or rules.
    Change,
}

/// What may follow at a place that is blind, where nothing that has not been told is known: no timer ends an
/// alert, no change of rules is an all-clear, and no silence is a lack of sales (invariant I22).
fn without_sight(kind: AlertKind, verdict: Verdict, by: By) -> Verdict {
    match (verdict, by) {
        (Verdict::Clear, By::Timer | By::Change) | (Verdict::Lapsed, By::Timer) => Verdict::Hold,
        (Verdict::Breach(_), By::Timer | By::Change) if kind == AlertKind::SlowMover => Verdict::Hold,
        _ => verdict,
    }
}

fn resolve(env: &Environment<'_>, state: &mut KeyState) {
    if !state.resolved.is_current(env.rules) {
        state.resolved = env.rules.resolve(&env.subject(state.demand.class));
    }
}

/// The classes of the day that begins; another rule may decide from now on.
fn classify(env: &Environment<'_>, state: &mut KeyState, sums: &mut SiteSums) {
    if env.item.stand_in() {
        return;
    }
    if let Some(value) = class::sales_value_per_day(&state.demand, env.item) {
        sums.record_sales_value(value);
    }
    let class = state.demand.class.next(&state.demand, env.item, env.site);
    if class != state.demand.class {
        state.demand.class = class;
        state.resolved = env.rules.resolve(&env.subject(state.demand.class));
    }
}

/// The threshold of the active `low_stock` rule; without one, of the default.
fn make_plan(env: &Environment<'_>, state: &mut KeyState) {
    let rule = state.resolved.get(AlertKind::LowStock, Mode::Active).map(|ix| env.rules.rule(ix));
    let threshold = rule.and_then(low_stock::threshold).copied().unwrap_or_default();
    state.plan = Plan::new(&threshold, &estimate::figures(env, state, &threshold));
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
    if let Some(lost) = state.close_losses(env.place, env.site).filter(|_| !env.item.stand_in()) {
        sums.write_offs.record_day(lost);
    }
    let promoted = env.planned_uplift(&state.demand).is_some();
    let closed = state.close_day(env.place, env.site, promoted);
    state.surge = SurgeWatch::default();
    classify(env, state, sums);
    make_plan(env, state);
    let trigger = Trigger::DayClose { surge_peak: closed.surge_score };
    judge(env, key, state, Instant { trigger, ..instant }, out);
    if let Some(peak) = demand_surge::peak_for_site(env, state, day_start, &closed) {
        let known =
            state.demand.line_days() >= demand_surge::MIN_TRADING_DAYS && state.demand.line_rate_per_day(0) > 0.0;
        sums.record_surge_score(peak);
        sums.record_sku_day(known.then(|| state.demand.dispersion(0)));
    }
    if !env.item.stand_in() {
        if let Some(score) = replenish::close_day(env, key, state, &closed) {
            sums.record_trial(score);
        }
        sums.record_item(&estimate::item_day(env, state));
    }
    state.episodes.forget(instant.at);
}

/// Lets every detector look under every rule in force, and settles what follows.
fn judge(env: &Environment<'_>, key: Key<'_>, state: &mut KeyState, instant: Instant, out: &mut Vec<Alert>) {
    let verdicts = verdicts(env, state, instant);
    let breach = verdicts.as_flattened().iter().any(|verdict| matches!(verdict, Verdict::Breach(_)));
    if !breach && state.episodes.slots().is_empty() {
        return;
    }
    let judgements: Vec<Judgement<'_>> = registry::DETECTORS
        .iter()
        .zip(state.resolved.by_kind().iter().zip(&verdicts))
        .flat_map(|(detector, (rules, verdicts))| {
            [Mode::Active, Mode::Shadow].into_iter().zip(rules.iter().zip(verdicts)).map(|(mode, (rule, verdict))| {
                Judgement { kind: detector.kind, mode, rule: rule.map(|ix| env.rules.rule(ix)), verdict: *verdict }
            })
        })
        .collect();
    let occurrence = Occurrence {
        key,
        scope: None,
        at: instant.at,
        detected_at: instant.detected_at,
        suspect: state.position.suspect(),
    };
    let mut book = std::mem::take(&mut state.episodes);
    let sight = Sight { env, state, at: instant.now, trigger: instant.trigger, elsewhere: &[] };
    let describe = |judgement: &Judgement<'_>, alert: AlertState| describe(&sight, judgement, alert);
    alerts::settle(&mut book, &occurrence, &judgements, &describe, out);
    state.episodes = book;
}

/// What each detector says under the rules in force, active and shadow. Without a rule there is nothing to say.
fn verdicts(env: &Environment<'_>, state: &KeyState, instant: Instant) -> [[Verdict; 2]; registry::DETECTORS.len()] {
    let sight = Sight { env, state, at: instant.now, trigger: instant.trigger, elsewhere: &[] };
    let blind = env.site.is_blind(&env.place.location);
    let mut all = [[Verdict::Clear; 2]; registry::DETECTORS.len()];
    for ((detector, rules), verdicts) in registry::DETECTORS.iter().zip(state.resolved.by_kind()).zip(&mut all) {
        for (rule, verdict) in rules.iter().zip(verdicts) {
            if let Some(ix) = rule {
                *verdict = (detector.judge)(&sight, env.rules.rule(*ix));
            }
            if blind {
                *verdict = without_sight(detector.kind, *verdict, instant.by);
            }
        }
    }
    all
}

fn describe(sight: &Sight<'_>, judgement: &Judgement<'_>, state: AlertState) -> (Evidence, Message) {
    match (judgement.rule, registry::detector(judgement.kind)) {
        (Some(rule), Some(detector)) => told(detector, sight, rule, state),
        _ => (Evidence::default(), messages::rule_gone(sight)),
    }
}

/// The detector's words; its evidence, and the classes of the item.
fn told(detector: &Detector, sight: &Sight<'_>, rule: &Rule, state: AlertState) -> (Evidence, Message) {
    let (mut evidence, message) = (detector.describe)(sight, rule, state);
    evidence.0.extend(class_evidence(sight, rule).0);
    (evidence, message)
}

#[cfg(test)]
mod tests;
