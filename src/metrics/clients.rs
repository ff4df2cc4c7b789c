//! What the Kafka clients tell about their brokers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use connectors::kafka::Statistics;
use prometheus::{GaugeVec, IntCounterVec, IntGauge, Result};

use super::Families;

const BROKER: &[&str] = &["broker_id"];

pub struct ClientMetrics {
    round_trip: GaugeVec,
    errors: IntCounterVec,
    queue: IntGauge,
    /// Errors by broker as last told: clients count from zero when they are opened again.
    told: Mutex<BTreeMap<i32, u64>>,
}

impl ClientMetrics {
    pub fn new(families: &Families) -> Result<Self> {
        Ok(Self {
            round_trip: families.levels(
                "kafka_client_broker_rtt_seconds",
                BROKER,
                "99th percentile of the round trips to a broker in the last five seconds; of several clients the slowest.",
            )?,
            errors: families.counters(
                "kafka_client_request_errors_total",
                BROKER,
                "Requests that could not be sent, answers that could not be received, and time-outs.",
            )?,
            queue: families.gauge(
                "kafka_client_producer_queue_messages",
                "Records that wait in producers, or for a broker's answer.",
            )?,
            told: Mutex::default(),
        })
    }

    pub fn set(&self, statistics: &Statistics) {
        self.queue.set(i64::try_from(statistics.producer_queue).unwrap_or(i64::MAX));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, broker) in &statistics.brokers {
            let name = id.to_string();
            self.round_trip.with_label_values(&[&name]).set(broker.rtt_p99_us as f64 / 1e6);
            let errors = broker.send_errors + broker.receive_errors + broker.request_timeouts;
            let before = told.insert(*id, errors).unwrap_or(0);
            self.errors.with_label_values(&[&name]).inc_by(if errors < before { errors } else { errors - before });
        }
    }
}
