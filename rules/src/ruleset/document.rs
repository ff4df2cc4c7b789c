//! What a rule document says, checked and compiled: the types that detectors read.
//!
//! Everything here is a plain value. It must never know YAML (`parse` does) nor which rule wins
//! (`book` does).

use std::sync::Arc;

use schemas::{AlertKind, Mode, Quantity, RuleRef, Timestamp};

use super::scope::Scope;

/// One version of one rule document.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleDocument {
    pub id: String,
    pub version: i32,
    /// Stream time from which it is in force. Absent: always.
    pub effective_at: Option<Timestamp>,
    pub rules: Vec<Rule>,
}

/// One rule: for these items at these places, this kind of alert, decided like this.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Shared with the alerts it opened, of which there may be millions.
    pub reference: Arc<RuleRef>,
    pub kind: AlertKind,
    /// A shadow rule decides and records, and notifies nobody.
    pub mode: Mode,
    pub scope: Scope,
    pub lifecycle: Lifecycle,
    pub params: Params,
}

/// How an alert of the rule opens and ends, whatever its kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lifecycle {
    /// How far past the threshold, as a fraction of it, the figure must return before the alert
    /// resolves. 0 resolves at the threshold itself.
    pub hysteresis: f64,
    /// How long the breach must last before the alert opens.
    pub minimum_duration_ms: i64,
    /// After an alert of the rule has opened, how long no new one opens for the same SKU and location.
    pub cool_down_ms: i64,
}

/// What a kind needs to decide. One variant for every kind that has a detector.
#[derive(Clone, Debug, PartialEq)]
pub enum Params {
    LowStock(LowStockParams),
    StockOut(StockOutParams),
    DemandSurge(SurgeParams),
}

/// `low_stock`: inventory position at or below the reorder point.
#[derive(Clone, Debug, PartialEq)]
pub struct LowStockParams {
    pub threshold: Threshold,
}

/// `stock_out`: on hand reaches zero while the item sells.
#[derive(Clone, Debug, PartialEq)]
pub struct StockOutParams {
    /// Slower items do not count as selling. Units a day. Absent: [`Self::MINIMUM_VELOCITY`], or a recent sale.
    pub minimum_velocity_per_day: Option<f64>,
}

impl StockOutParams {
    /// One unit in twenty days: rarer sellers are stocked on request.
    pub const MINIMUM_VELOCITY: f64 = 0.05;
}

/// `demand_surge`: order lines well above expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct SurgeParams {
    /// The budget of false alarms, over the items in the rule's scope.
    pub false_alarms_per_1000_sku_days: f64,
    /// Fewer order lines than this in a window are never a surge.
    pub minimum_lines: u32,
}

impl SurgeParams {
    pub const MINIMUM_LINES: i32 = 3;
}

/// Where the reorder point comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// A reorder point as it stands.
    Fixed { quantity: Quantity },
    /// Velocity × days.
    DaysOfCover { days: f64 },
    /// Demand over the lead time, its variability, and the lead time's, at a cycle service level.
    Dynamic { service_level: f64 },
    /// A quantile of forecast lead-time demand.
    Forecast { quantile: f64 },
}

impl Threshold {
    /// Every type, as documents write it.
    pub const TYPES: [&'static str; 4] = ["fixed", "days_of_cover", "dynamic", "forecast"];

    /// The type, as documents write it and positions carry it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fixed { .. } => Self::TYPES[0],
            Self::DaysOfCover { .. } => Self::TYPES[1],
            Self::Dynamic { .. } => Self::TYPES[2],
            Self::Forecast { .. } => Self::TYPES[3],
        }
    }
}

/// Without a `low_stock` rule positions carry the figures of this one.
impl Default for Threshold {
    fn default() -> Self {
        Self::Dynamic { service_level: 0.95 }
    }
}
