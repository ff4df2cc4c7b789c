//! What a rule document says, checked and compiled: the types that detectors read.
//!
//! Everything here is a plain value. It must never know YAML (`parse` does) nor which rule wins
//! (`book` does).

use std::sync::Arc;

use schemas::{AlertKind, Mode, Quantity, RuleRef, Timestamp};

use super::promotions::Promotion;
use super::scope::Scope;

/// One version of one rule document.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleDocument {
    pub id: String,
    pub version: i32,
    /// Stream time from which it is in force. Absent: always.
    pub effective_at: Option<Timestamp>,
    pub rules: Vec<Rule>,
    pub promotions: Vec<Promotion>,
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
    SlowMover(SlowMoverParams),
    Shrinkage(ShrinkageParams),
    ExpiryRisk(ExpiryParams),
    AbnormalOutbound(OutboundParams),
    DemandSurge(SurgeParams),
    DataQuality,
    FeedStale(FeedStaleParams),
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

/// `slow_mover`: stock that hardly sells.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowMoverParams {
    /// The chance of no sale within the horizon from which an alert opens.
    pub no_sale_probability: f64,
    pub horizon_days: i32,
    /// More cover than this is too much. Absent: however much.
    pub maximum_days_of_cover: Option<f64>,
    /// Dead stock after so many days without a sale. Absent: however many.
    pub maximum_idle_days: Option<f64>,
    /// Stock worth less is not worth an alert. In the deployment's currency.
    pub minimum_money_at_risk: f64,
    /// Items known for fewer days are new, not slow.
    pub minimum_age_days: i32,
}

impl SlowMoverParams {
    pub const NO_SALE_PROBABILITY: f64 = 0.7;
    pub const HORIZON_DAYS: i32 = 30;
    pub const MINIMUM_AGE_DAYS: i32 = 28;
}

/// `shrinkage`: a stocktake beyond tolerance, or small losses that add up.
#[derive(Clone, Debug, PartialEq)]
pub struct ShrinkageParams {
    /// Share of the book that may be missing at a stocktake.
    pub tolerance: f64,
    /// Fewer units than this are nobody's concern.
    pub minimum_quantity: f64,
    /// Nor is less money, at cost or else at price; 0 where only units count.
    pub minimum_money: f64,
    /// The budget of false alarms over stocktakes.
    pub false_alarms_per_1000_counts: f64,
    /// The budget of false alarms about small losses, over the items in the rule's scope.
    pub false_alarms_per_1000_sku_days: f64,
}

impl ShrinkageParams {
    pub const TOLERANCE: f64 = 0.02;
    pub const MINIMUM_QUANTITY: f64 = 2.0;
    pub const FALSE_ALARMS_PER_1000_COUNTS: f64 = 10.0;
    pub const FALSE_ALARMS_PER_1000_SKU_DAYS: f64 = 0.1;
}

/// `expiry_risk`: lots that will not sell through before they expire.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpiryParams {
    /// Lots that expire later than in so many days are not looked at yet.
    pub warning_days: i32,
    /// Units at risk from which an alert opens.
    pub minimum_quantity: f64,
}

impl ExpiryParams {
    pub const WARNING_DAYS: i32 = 14;
}

/// `abnormal_outbound`: stock that leaves, and nothing explains it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboundParams {
    /// The budget of false alarms over outbound lines.
    pub false_alarms_per_1000_lines: f64,
    /// Fewer units than this are nobody's concern.
    pub minimum_quantity: f64,
    /// Nor is less money, at cost or else at price; 0 where only units count.
    pub minimum_money: f64,
    /// The alert resolves after so long without another such line.
    pub resolve_after_ms: i64,
}

impl OutboundParams {
    pub const FALSE_ALARMS_PER_1000_LINES: f64 = 0.2;
    pub const MINIMUM_QUANTITY: f64 = 2.0;
    pub const RESOLVE_AFTER_HOURS: f64 = 72.0;
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

/// `feed_stale`: a location or a source is silent for longer than it usually is.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedStaleParams {
    /// Silence is too long after more usual gaps than this.
    pub usual_gaps: f64,
    /// Shorter silence is never too long.
    pub minimum_silence_ms: i64,
}

impl FeedStaleParams {
    pub const USUAL_GAPS: f64 = 10.0;
    pub const MINIMUM_SILENCE_MINUTES: f64 = 120.0;
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
