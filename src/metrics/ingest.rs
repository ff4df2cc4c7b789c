//! What comes in, by input.

use processor::runtime::{Observer, Progress};
use prometheus::{IntCounter, IntCounterVec, Result};

use super::Families;

/// Figures of all inputs.
pub struct IngestMetrics {
    received: IntCounterVec,
    rejected: IntCounterVec,
}

impl IngestMetrics {
    pub fn new(families: &Families) -> Result<Self> {
        Ok(Self {
            received: families.counters(
                "ingest_records_received_total",
                &["source"],
                "Records of an input that were read and committed, whatever became of them.",
            )?,
            rejected: families.counters(
                "ingest_records_rejected_total",
                &["source", "reason"],
                "Records of an input that could not be used and went to the dead letters, by the class of the reason.",
            )?,
        })
    }

    /// The figures of one input, at zero.
    pub fn of(&self, input: &str, classes: &[&'static str]) -> InputMetrics {
        for class in classes {
            self.rejected.with_label_values(&[input, class]);
        }
        InputMetrics {
            received: self.received.with_label_values(&[input]),
            rejected: self.rejected.clone(),
            input: input.to_owned(),
        }
    }
}

/// Watches the workers of one input.
pub struct InputMetrics {
    received: IntCounter,
    rejected: IntCounterVec,
    input: String,
}

impl Observer for InputMetrics {
    fn committed(&self, progress: &Progress) {
        let outcomes = &progress.outcomes;
        let usable = outcomes.ok + outcomes.duplicate + outcomes.late + outcomes.filtered;
        self.received.inc_by(usable + progress.rejected);
    }

    fn rejected(&self, class: &'static str) {
        self.rejected.with_label_values(&[self.input.as_str(), class]).inc();
    }
}
