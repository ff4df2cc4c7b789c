//! What `process` has decided, once it is committed.

use prometheus::{HistogramVec, IntCounterVec, IntGauge, Result};
use schemas::alert::{AlertKind, AlertState, Severity};
use schemas::{Alert, Timestamp};

use super::Families;
use super::families::END_TO_END;
use crate::stages::process::Watcher;

pub struct AlertMetrics {
    alerts: IntCounterVec,
    latency: HistogramVec,
    positions: IntGauge,
}

impl AlertMetrics {
    pub fn new(families: &Families) -> Result<Self> {
        let metrics = Self {
            alerts: families.counters(
                "alerts_total",
                &["kind", "transition", "severity"],
                "Committed revisions of alerts, by the state they reached.",
            )?,
            latency: families.histograms(
                "alert_end_to_end_latency_seconds",
                &["severity"],
                &END_TO_END,
                "From the time the data gave an alert (`detected_at`: that of the event, or of the timer and its grace) until \
                 its opening was committed.",
            )?,
            positions: families.gauge("positions", "SKU and location pairs whose state this process holds; those found at the start are an estimate of the store's, items included.")?,
        };
        metrics.expect_closed_sets();
        Ok(metrics)
    }

    fn expect_closed_sets(&self) {
        for severity in Severity::ALL {
            self.latency.with_label_values(&[severity.name()]);
            for (kind, state) in AlertKind::ALL.iter().flat_map(|kind| AlertState::ALL.iter().map(move |s| (kind, s))) {
                self.alerts.with_label_values(&[kind.name(), state.name(), severity.name()]);
            }
        }
    }
}

impl Watcher for AlertMetrics {
    fn alert(&self, alert: &Alert, wall: Timestamp) {
        let severity = alert.severity.name();
        self.alerts.with_label_values(&[alert.kind.name(), alert.state.name(), severity]).inc();
        if alert.state == AlertState::Opened {
            let ms = wall.since(alert.detected_at).max(0);
            self.latency.with_label_values(&[severity]).observe(ms as f64 / 1000.0);
        }
    }

    fn positions(&self, change: i64) {
        self.positions.add(change);
    }
}
