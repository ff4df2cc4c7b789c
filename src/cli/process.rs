//! `process`: the stage on Kafka.

use std::sync::Arc;

use clap::Args;

use super::service::ServiceArgs;
use crate::config::{Config, Override};
use crate::exit::Outcome;
use crate::metrics::{AlertMetrics, HotMetrics, Metrics};
use crate::service::{self, Service};
use crate::stages::process;

/// Watch stock: read `inventory.events` from Kafka, keep positions, raise alerts, exactly once
///
/// Runs until it is stopped. SIGTERM or SIGINT: commits, closes and ends with 0, within
/// `service.shutdown_timeout_ms`; a second signal ends at once with 143 or 130, and nothing is lost. Exit codes
/// otherwise: 1 Kafka not reached within `kafka.startup_timeout_ms`, the state directory not usable (locked, full,
/// read-only), or state and log that do not belong together; 2 configuration, topics that are missing or wrong, a
/// state directory of another application or of a newer version. An outage of Kafka after the start ends nothing.
#[derive(Debug, Args)]
pub struct ProcessArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Worker threads [config: process.threads]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
}

impl ProcessArgs {
    /// The flags that stand for a configuration key.
    pub fn overrides(&self) -> Vec<Override> {
        let threads = self.threads.map(|threads| Override::new("process.threads", threads));
        self.service.overrides().into_iter().chain(threads).collect()
    }
}

pub fn run(config: &Config) -> Outcome {
    let metrics = Metrics::new()?;
    let watcher = Arc::new(metrics.add(AlertMetrics::new)?);
    let stage = process::spec(config, watcher);
    let figures = metrics.add(HotMetrics::new)?;
    if let Some(states) = stage.states() {
        metrics.refresh_with(move || figures.set(&states.usage()));
    }
    service::run(Service::on_kafka("process", config, metrics, vec![stage])?)
}
