//! What `notify` has sent, and what came of it, once it is committed.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec, Result};
use schemas::DeliveryStatus;

use super::Families;
use super::families::END_TO_END;
use crate::stages::notify::Observer;

/// One send, in seconds: from a neighbour that answers at once to the longest time-out.
const SEND: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// What a channel goes by that the configuration no longer knows.
const OTHER: &str = "other";

pub struct NotifyMetrics {
    /// The closed set of the label `channel`.
    channels: Vec<String>,
    deliveries: IntCounterVec,
    durations: HistogramVec,
    latency: HistogramVec,
    queue: IntGaugeVec,
    circuits: IntGaugeVec,
}

impl NotifyMetrics {
    /// `channels`: their names in the configuration.
    pub fn new(families: &Families, channels: Vec<String>) -> Result<Self> {
        let metrics = Self {
            channels,
            deliveries: families.counters(
                "notify_deliveries_total",
                &["channel", "outcome"],
                "Committed outcomes of attempts; `failed_temporary` is tried again, every other one is the last.",
            )?,
            durations: families.histograms(
                "notify_delivery_duration_seconds",
                &["channel"],
                &SEND,
                "One send, whatever came of it.",
            )?,
            latency: families.histograms(
                "notify_end_to_end_latency_seconds",
                &["channel"],
                &END_TO_END,
                "From the alert's record on `inventory.alerts` until the receiver has accepted it.",
            )?,
            queue: families.gauges("notify_queue_records", &["channel"], "Attempts that wait for a try.")?,
            circuits: families.gauges(
                "notify_circuit_open",
                &["channel"],
                "1 while a channel has a break after failures in a row.",
            )?,
        };
        metrics.expect_closed_sets();
        Ok(metrics)
    }

    fn expect_closed_sets(&self) {
        for channel in self.channels.iter().map(String::as_str).chain([OTHER]) {
            for status in DeliveryStatus::ALL.iter().filter(|status| counts(**status)) {
                self.deliveries.with_label_values(&[channel, status.name()]);
            }
        }
        for channel in &self.channels {
            self.durations.with_label_values(&[channel]);
            self.latency.with_label_values(&[channel]);
            self.queue.with_label_values(&[channel]);
            self.circuits.with_label_values(&[channel]);
        }
    }

    fn known<'a>(&self, channel: &'a str) -> &'a str {
        if self.channels.iter().any(|known| known == channel) { channel } else { OTHER }
    }
}

/// Whether something has come of an attempt that stands there.
fn counts(status: DeliveryStatus) -> bool {
    !matches!(status, DeliveryStatus::Planned | DeliveryStatus::Claimed)
}

impl Observer for NotifyMetrics {
    fn stands(&self, channel: &str, status: DeliveryStatus) {
        if counts(status) {
            self.deliveries.with_label_values(&[self.known(channel), status.name()]).inc();
        }
    }

    fn sent(&self, channel: &str, took: Duration) {
        self.durations.with_label_values(&[self.known(channel)]).observe(took.as_secs_f64());
    }

    fn told(&self, channel: &str, after: Duration) {
        self.latency.with_label_values(&[self.known(channel)]).observe(after.as_secs_f64());
    }

    fn waiting(&self, channel: &str, change: i64) {
        self.queue.with_label_values(&[self.known(channel)]).add(change);
    }

    fn circuits_open(&self, channel: &str, change: i64) {
        self.circuits.with_label_values(&[self.known(channel)]).add(change);
    }
}
