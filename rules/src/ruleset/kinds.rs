//! The kinds a rule can be about: the keys each takes, its defaults, and how they are read.
//!
//! A new kind is one line of [`KINDS`].

use schemas::AlertKind;
use schemas::document::{Checker, Fields, Range};

use super::document::{
    ExpiryParams, FeedStaleParams, Lifecycle, LowStockParams, OutboundParams, Params, ShrinkageParams, SlowMoverParams,
    StockOutParams, SurgeParams, Threshold,
};
use crate::outbound::REMEMBERED_DAYS;

/// How the rules of one kind are written.
pub struct KindSpec {
    pub kind: AlertKind,
    /// The keys it takes beyond those every rule has.
    pub keys: &'static [&'static str],
    /// What holds for lifecycle keys that are absent, or not offered.
    pub lifecycle: Lifecycle,
    /// A rule as a document would write it.
    pub example: &'static str,
    read: fn(&Fields<'_>, &mut Checker<'_>) -> Option<Params>,
}

const HOUR_MS: i64 = schemas::time::HOUR_MS;

/// Every kind.
pub static KINDS: [KindSpec; 9] = [
    KindSpec {
        kind: AlertKind::LowStock,
        keys: &["threshold", "hysteresis", "minimum_duration_minutes", "cool_down_hours"],
        lifecycle: Lifecycle { hysteresis: 0.1, minimum_duration_ms: 0, cool_down_ms: 0 },
        example: "{id: reorder, kind: low_stock, threshold: {type: dynamic, service_level: 0.95}}",
        read: low_stock,
    },
    KindSpec {
        kind: AlertKind::StockOut,
        keys: &["minimum_velocity_per_day", "minimum_duration_minutes", "cool_down_hours"],
        lifecycle: Lifecycle { hysteresis: 0.0, minimum_duration_ms: 0, cool_down_ms: 0 },
        example: "{id: empty, kind: stock_out, minimum_velocity_per_day: 0.05}",
        read: |rule, check| Some(stock_out(rule, check)),
    },
    KindSpec {
        kind: AlertKind::SlowMover,
        keys: &[
            "no_sale_probability",
            "horizon_days",
            "maximum_days_of_cover",
            "maximum_idle_days",
            "minimum_money_at_risk",
            "minimum_age_days",
            "hysteresis",
            "cool_down_hours",
        ],
        lifecycle: Lifecycle { hysteresis: 0.1, minimum_duration_ms: 0, cool_down_ms: 0 },
        example: "{id: slow, kind: slow_mover, no_sale_probability: 0.7, horizon_days: 30}",
        read: slow_mover,
    },
    KindSpec {
        kind: AlertKind::Shrinkage,
        keys: &[
            "tolerance",
            "minimum_quantity",
            "minimum_money",
            "false_alarms_per_1000_counts",
            "false_alarms_per_1000_sku_days",
            "cool_down_hours",
        ],
        lifecycle: Lifecycle { hysteresis: 0.0, minimum_duration_ms: 0, cool_down_ms: 0 },
        example: "{id: losses, kind: shrinkage, tolerance: 0.02, minimum_quantity: 2}",
        read: shrinkage,
    },
    KindSpec {
        kind: AlertKind::ExpiryRisk,
        keys: &["warning_days", "minimum_quantity", "cool_down_hours"],
        lifecycle: Lifecycle { hysteresis: 0.0, minimum_duration_ms: 0, cool_down_ms: 0 },
        example: "{id: expiry, kind: expiry_risk, warning_days: 14}",
        read: expiry_risk,
    },
    KindSpec {
        kind: AlertKind::AbnormalOutbound,
        keys: &[
            "false_alarms_per_1000_lines",
            "minimum_quantity",
            "minimum_money",
            "resolve_after_hours",
            "cool_down_hours",
        ],
        lifecycle: Lifecycle { hysteresis: 0.0, minimum_duration_ms: 0, cool_down_ms: 0 },
        example: "{id: outbound, kind: abnormal_outbound, minimum_quantity: 2, minimum_money: 50}",
        read: abnormal_outbound,
    },
    KindSpec {
        kind: AlertKind::DemandSurge,
        keys: &["false_alarms_per_1000_sku_days", "minimum_lines", "cool_down_hours"],
        lifecycle: Lifecycle { hysteresis: 0.0, minimum_duration_ms: 0, cool_down_ms: 48 * HOUR_MS },
        example: "{id: surge, kind: demand_surge, false_alarms_per_1000_sku_days: 5}",
        read: demand_surge,
    },
    KindSpec {
        kind: AlertKind::DataQuality,
        keys: &["minimum_duration_minutes", "cool_down_hours"],
        lifecycle: Lifecycle { hysteresis: 0.0, minimum_duration_ms: 0, cool_down_ms: 0 },
        example: "{id: quality, kind: data_quality, minimum_duration_minutes: 60}",
        read: |_, _| Some(Params::DataQuality),
    },
    KindSpec {
        kind: AlertKind::FeedStale,
        keys: &["usual_gaps", "minimum_silence_minutes", "cool_down_hours"],
        lifecycle: Lifecycle { hysteresis: 0.0, minimum_duration_ms: 0, cool_down_ms: 0 },
        example: "{id: blind, kind: feed_stale, usual_gaps: 10, minimum_silence_minutes: 120}",
        read: feed_stale,
    },
];

/// The dimensions of a scope that a kind about places has.
pub(super) const PLACE_DIMENSIONS: [&str; 2] = ["location", "region"];

/// The kinds of [`KINDS`], in its order.
pub const DETECTED: [AlertKind; KINDS.len()] = {
    let mut kinds = [AlertKind::LowStock; KINDS.len()];
    let mut i = 0;
    while i < kinds.len() {
        kinds[i] = KINDS[i].kind;
        i += 1;
    }
    kinds
};

impl KindSpec {
    /// The spec of a kind that has a detector.
    pub(super) fn of(kind: AlertKind) -> Option<&'static Self> {
        KINDS.iter().find(|s| s.kind == kind)
    }

    /// Its alerts are about places and sources, not about items.
    pub(super) fn is_about_places(&self) -> bool {
        self.kind == AlertKind::FeedStale
    }

    /// The kinds that take a key, for messages.
    pub(super) fn taking(key: &str) -> Vec<&'static str> {
        KINDS.iter().filter(|s| s.keys.contains(&key)).map(|s| s.kind.name()).collect()
    }

    pub(super) fn read(&self, rule: &Fields<'_>, check: &mut Checker<'_>) -> (Option<Params>, Lifecycle) {
        let params = (self.read)(rule, check);
        (params, self.read_lifecycle(rule, check))
    }

    fn read_lifecycle(&self, rule: &Fields<'_>, check: &mut Checker<'_>) -> Lifecycle {
        let mut lifecycle = self.lifecycle;
        let mut number = |key: &str, max: f64| {
            let given = self.keys.contains(&key) && rule.get(key).is_some();
            given.then(|| rule.number(key, Range::UpTo(max), None, check)).flatten()
        };
        if let Some(fraction) = number("hysteresis", 1.0) {
            lifecycle.hysteresis = fraction;
        }
        if let Some(minutes) = number("minimum_duration_minutes", 7.0 * 24.0 * 60.0) {
            lifecycle.minimum_duration_ms = (minutes * 60_000.0).round() as i64;
        }
        if let Some(hours) = number("cool_down_hours", 366.0 * 24.0) {
            lifecycle.cool_down_ms = (hours * HOUR_MS as f64).round() as i64;
        }
        lifecycle
    }
}

fn low_stock(rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<Params> {
    let node = rule.require("threshold", "threshold: {type: dynamic, service_level: 0.95}", check)?;
    let fields = Fields::open(node, &rule.path_of("threshold"), check)?;
    threshold(&fields, check).map(|threshold| Params::LowStock(LowStockParams { threshold }))
}

fn threshold(fields: &Fields<'_>, check: &mut Checker<'_>) -> Option<Threshold> {
    let (node, name) = fields.text("type", "type: dynamic", check)?;
    let only = |key: &'static str, check: &mut Checker<'_>| {
        fields.refuse_unknown(&["type", key], check, |unknown| {
            let known = ["quantity", "days", "service_level", "quantile"].contains(&unknown);
            known.then(|| format!("a threshold of type {name} takes `{key}`; remove this key or change the type"))
        });
    };
    match name {
        "fixed" => {
            only("quantity", check);
            fields.quantity("quantity", check).map(|quantity| Threshold::Fixed { quantity })
        }
        "days_of_cover" => {
            only("days", check);
            fields.number("days", Range::PositiveUpTo(3650.0), None, check).map(|days| Threshold::DaysOfCover { days })
        }
        "dynamic" => {
            only("service_level", check);
            let level = fields.number("service_level", Range::Fraction, None, check);
            level.map(|service_level| Threshold::Dynamic { service_level })
        }
        "forecast" => {
            only("quantile", check);
            fields.number("quantile", Range::Fraction, None, check).map(|quantile| Threshold::Forecast { quantile })
        }
        _ => {
            let reason = format!("unknown threshold type; the types are {}", Threshold::TYPES.join(", "));
            check.fail(node.at, &fields.path_of("type"), reason);
            None
        }
    }
}

fn stock_out(rule: &Fields<'_>, check: &mut Checker<'_>) -> Params {
    let minimum_velocity_per_day = if_given("minimum_velocity_per_day", Range::UpTo(1e6), rule, check);
    Params::StockOut(StockOutParams { minimum_velocity_per_day })
}

/// A number without a default. One that is wrong fails the document.
fn if_given(key: &str, range: Range, rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<f64> {
    rule.get(key)?;
    rule.number(key, range, None, check)
}

fn slow_mover(rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<Params> {
    let default = SlowMoverParams::NO_SALE_PROBABILITY;
    let no_sale_probability = rule.number("no_sale_probability", Range::Fraction, Some(default), check);
    let horizon_days = rule.integer("horizon_days", (1, 365), Some(SlowMoverParams::HORIZON_DAYS), check);
    let maximum_days_of_cover = if_given("maximum_days_of_cover", Range::PositiveUpTo(3650.0), rule, check);
    let maximum_idle_days = if_given("maximum_idle_days", Range::PositiveUpTo(3650.0), rule, check);
    let minimum_money_at_risk = rule.number("minimum_money_at_risk", Range::UpTo(1e12), Some(0.0), check);
    let default = SlowMoverParams::MINIMUM_AGE_DAYS;
    let minimum_age_days = rule.integer("minimum_age_days", (0, 3650), Some(default), check);
    Some(Params::SlowMover(SlowMoverParams {
        no_sale_probability: no_sale_probability?,
        horizon_days: horizon_days?,
        maximum_days_of_cover,
        maximum_idle_days,
        minimum_money_at_risk: minimum_money_at_risk?,
        minimum_age_days: minimum_age_days?,
    }))
}

fn shrinkage(rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<Params> {
    let mut number = |key: &str, range, default| rule.number(key, range, Some(default), check);
    let tolerance = number("tolerance", Range::UpTo(1.0), ShrinkageParams::TOLERANCE);
    let quantity = number("minimum_quantity", Range::PositiveUpTo(1e9), ShrinkageParams::MINIMUM_QUANTITY);
    let money = number("minimum_money", Range::UpTo(1e12), 0.0);
    let counts = ShrinkageParams::FALSE_ALARMS_PER_1000_COUNTS;
    let counts = number("false_alarms_per_1000_counts", Range::PositiveUpTo(1000.0), counts);
    let days = ShrinkageParams::FALSE_ALARMS_PER_1000_SKU_DAYS;
    let days = number("false_alarms_per_1000_sku_days", Range::PositiveUpTo(1000.0), days);
    Some(Params::Shrinkage(ShrinkageParams {
        tolerance: tolerance?,
        minimum_quantity: quantity?,
        minimum_money: money?,
        false_alarms_per_1000_counts: counts?,
        false_alarms_per_1000_sku_days: days?,
    }))
}

fn expiry_risk(rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<Params> {
    let days = rule.integer("warning_days", (0, 3650), Some(ExpiryParams::WARNING_DAYS), check);
    let quantity = rule.number("minimum_quantity", Range::PositiveUpTo(1e9), Some(1.0), check);
    Some(Params::ExpiryRisk(ExpiryParams { warning_days: days?, minimum_quantity: quantity? }))
}

fn abnormal_outbound(rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<Params> {
    let mut number = |key: &str, range, default| rule.number(key, range, Some(default), check);
    let budget = OutboundParams::FALSE_ALARMS_PER_1000_LINES;
    let budget = number("false_alarms_per_1000_lines", Range::PositiveUpTo(1000.0), budget);
    let quantity = number("minimum_quantity", Range::PositiveUpTo(1e9), OutboundParams::MINIMUM_QUANTITY);
    let money = number("minimum_money", Range::UpTo(1e12), 0.0);
    let most = (REMEMBERED_DAYS * 24) as f64;
    let hours = number("resolve_after_hours", Range::PositiveUpTo(most), OutboundParams::RESOLVE_AFTER_HOURS);
    Some(Params::AbnormalOutbound(OutboundParams {
        false_alarms_per_1000_lines: budget?,
        minimum_quantity: quantity?,
        minimum_money: money?,
        resolve_after_ms: (hours? * HOUR_MS as f64).round() as i64,
    }))
}

fn demand_surge(rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<Params> {
    let budget = rule.number("false_alarms_per_1000_sku_days", Range::PositiveUpTo(1000.0), None, check);
    let lines = rule.integer("minimum_lines", (1, 1_000_000), Some(SurgeParams::MINIMUM_LINES), check);
    Some(Params::DemandSurge(SurgeParams {
        false_alarms_per_1000_sku_days: budget?,
        minimum_lines: u32::try_from(lines?).ok()?,
    }))
}

fn feed_stale(rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<Params> {
    let gaps = rule.number("usual_gaps", Range::PositiveUpTo(10_000.0), Some(FeedStaleParams::USUAL_GAPS), check);
    let minimum = FeedStaleParams::MINIMUM_SILENCE_MINUTES;
    let minutes =
        rule.number("minimum_silence_minutes", Range::PositiveUpTo(366.0 * 24.0 * 60.0), Some(minimum), check);
    Some(Params::FeedStale(FeedStaleParams {
        usual_gaps: gaps?,
        minimum_silence_ms: (minutes? * 60_000.0).round() as i64,
    }))
}
