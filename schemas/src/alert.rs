//! `Alert`: one state of one problem, with what proves it.

use crate::Timestamp;

/// One revision of one alert. `(alert_id, revision)` is unique.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    pub alert_id: uuid::Uuid,
    pub revision: u32,
    /// Alerts of one problem share it: a stock-out supersedes the low-stock alert before it.
    pub episode_id: uuid::Uuid,
    pub kind: AlertKind,
    pub state: AlertState,
    pub severity: Severity,
    pub mode: Mode,
    pub sku: Option<String>,
    pub location: Option<String>,
    /// What the alert is about when it is not one SKU.
    pub scope: Option<String>,
    /// Event time at which this state was reached.
    pub occurred_at: Timestamp,
    /// Stream time at which it was known: never before `occurred_at`.
    pub detected_at: Timestamp,
    pub opened_at: Timestamp,
    pub rule: RuleRef,
    pub evidence: Evidence,
    pub message: Message,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertKind {
    LowStock,
    StockOut,
    SlowMover,
    Shrinkage,
    ExpiryRisk,
    AbnormalOutbound,
    DemandSurge,
    DataQuality,
    FeedStale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    Opened,
    Updated,
    Acknowledged,
    Resolved,
    Expired,
    Superseded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

/// A shadow rule decides and records, and notifies nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    #[default]
    Active,
    Shadow,
}

/// The rule that fired: `document@version#rule`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRef {
    pub document: String,
    pub version: i32,
    pub rule: String,
}

/// Named figures, in the order a person would check them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence(pub Vec<(String, EvidenceValue)>);

#[derive(Clone, Debug, PartialEq)]
pub enum EvidenceValue {
    Integer(i64),
    Number(f64),
    Text(String),
    Flag(bool),
}

/// What to tell people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub en: String,
    pub zh_cn: String,
}

names!(AlertKind {
    LowStock => "low_stock", StockOut => "stock_out", SlowMover => "slow_mover", Shrinkage => "shrinkage",
    ExpiryRisk => "expiry_risk", AbnormalOutbound => "abnormal_outbound", DemandSurge => "demand_surge",
    DataQuality => "data_quality", FeedStale => "feed_stale",
});
names!(AlertState {
    Opened => "opened", Updated => "updated", Acknowledged => "acknowledged", Resolved => "resolved",
    Expired => "expired", Superseded => "superseded",
});
names!(Severity { Low => "low", Medium => "medium", High => "high", Critical => "critical" });
names!(Mode { Active => "active", Shadow => "shadow" });
