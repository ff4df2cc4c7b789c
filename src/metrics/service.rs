//! The process as a whole.

use prometheus::{IntCounterVec, IntGauge, Result};

use super::Families;

#[derive(Clone)]
pub struct ServiceMetrics {
    pub ready: IntGauge,
    restarts: IntCounterVec,
}

impl ServiceMetrics {
    pub(super) fn new(families: &Families) -> Result<Self> {
        let build = families.gauges("build_info", &["version", "revision"], "Always 1: which program this is.")?;
        build.with_label_values(&[crate::cli::VERSION, crate::cli::REVISION]).set(1);
        Ok(Self {
            ready: families.gauge("ready", "1 when every worker has its partitions restored, 0 otherwise.")?,
            restarts: families.counters(
                "worker_restarts_total",
                &["stage"],
                "Workers that failed on the log, were destroyed and opened again.",
            )?,
        })
    }

    /// Makes the figures of a stage, at zero.
    pub fn expect(&self, stage: &str) {
        self.restarts.with_label_values(&[stage]);
    }

    pub fn restarted(&self, stage: &str) {
        self.restarts.with_label_values(&[stage]).inc();
    }
}
