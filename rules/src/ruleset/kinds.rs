//! The kinds a rule can be about: the keys each takes, its defaults, and how they are read.
//!
//! A new kind is one line of [`KINDS`].

use schemas::AlertKind;
use schemas::document::{Checker, Fields, Range};

use super::document::{Lifecycle, LowStockParams, Params, StockOutParams, SurgeParams, Threshold};

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

/// Every kind with a detector in this version.
pub static KINDS: [KindSpec; 3] = [
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
        read: stock_out,
    },
    KindSpec {
        kind: AlertKind::DemandSurge,
        keys: &["false_alarms_per_1000_sku_days", "minimum_lines", "cool_down_hours"],
        lifecycle: Lifecycle { hysteresis: 0.0, minimum_duration_ms: 0, cool_down_ms: 48 * HOUR_MS },
        example: "{id: surge, kind: demand_surge, false_alarms_per_1000_sku_days: 5}",
        read: demand_surge,
    },
];

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

fn stock_out(rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<Params> {
    let key = "minimum_velocity_per_day";
    let minimum_velocity_per_day =
        if rule.get(key).is_some() { Some(rule.number(key, Range::UpTo(1e6), None, check)?) } else { None };
    Some(Params::StockOut(StockOutParams { minimum_velocity_per_day }))
}

fn demand_surge(rule: &Fields<'_>, check: &mut Checker<'_>) -> Option<Params> {
    let budget = rule.number("false_alarms_per_1000_sku_days", Range::PositiveUpTo(1000.0), None, check);
    let lines = rule.integer("minimum_lines", (1, 1_000_000), Some(SurgeParams::MINIMUM_LINES), check);
    Some(Params::DemandSurge(SurgeParams {
        false_alarms_per_1000_sku_days: budget?,
        minimum_lines: u32::try_from(lines?).ok()?,
    }))
}
