//! `ingest`: the inputs on Kafka.

use clap::Args;

use super::service::ServiceArgs;
use crate::config::{Config, Override};
use crate::exit::Outcome;
use crate::metrics::{IngestMetrics, Metrics};
use crate::service::{self, Service};
use crate::stages::ingest;

/// Take in stock changes, items, locations and answers: read the topics of your systems, write `inventory.events`
///
/// Inputs are configured as `[[ingest.inputs]]`; docs/ingest.md says what their records look like. Runs until it is stopped,
/// and ends with the exit codes of `process`.
#[derive(Debug, Args)]
pub struct IngestArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Worker threads of each input [config: ingest.threads]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
}

impl IngestArgs {
    /// The flags that stand for a configuration key.
    pub fn overrides(&self) -> Vec<Override> {
        let threads = self.threads.map(|threads| Override::new("ingest.threads", threads));
        self.service.overrides().into_iter().chain(threads).collect()
    }
}

pub fn run(config: &Config) -> Outcome {
    if config.ingest.inputs.is_empty() {
        tracing::warn!("there is no [[ingest.inputs]] in the configuration: nothing but answers to alerts is read");
    }
    let metrics = Metrics::new()?;
    let figures = metrics.add(IngestMetrics::new)?;
    let stages = ingest::specs(config, &figures)?;
    service::run(Service::on_kafka("ingest", config, metrics, stages)?)
}
