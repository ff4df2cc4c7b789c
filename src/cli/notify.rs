//! `notify`: routing and dispatch on Kafka.

use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use tokio::runtime::Builder;

use super::service::ServiceArgs;
use crate::clock::MachineClock;
use crate::config::{Config, Override};
use crate::exit::{Failure, Outcome};
use crate::metrics::{Metrics, NotifyMetrics};
use crate::service::{self, Service};
use crate::stages::notify::dispatch::Dispatching;
use crate::stages::notify::executor::Executor;
use crate::stages::notify::{setup, specs};

/// Threads that send. A send waits for its receiver most of its time.
const SENDERS: usize = 2;

/// Tell people and systems about alerts: read `inventory.alerts` from Kafka, send over the channels of the configuration
///
/// Every try is written down before it is sent, and every outcome after it: docs/notify.md says what is promised.
/// Runs until it is stopped. SIGTERM or SIGINT: begins nothing new, waits up to ten seconds for what is under way, commits,
/// closes and ends with 0; a second signal ends at once with 143 or 130. Exit codes otherwise: 1 Kafka not reached within
/// `kafka.startup_timeout_ms`, or the state directory not usable; 2 configuration, a channel that cannot be built, a
/// secret that cannot be read, topics that are missing or wrong. An outage of Kafka or of a receiver ends nothing.
#[derive(Debug, Args)]
pub struct NotifyArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Worker threads of each stage, routing and dispatch [config: notify.threads]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: Option<u32>,
}

impl NotifyArgs {
    /// The flags that stand for a configuration key.
    pub fn overrides(&self) -> Vec<Override> {
        let threads = self.threads.map(|threads| Override::new("notify.threads", threads));
        self.service.overrides().into_iter().chain(threads).collect()
    }
}

pub fn run(config: &Config) -> Outcome {
    let notify = &config.notify;
    let policy = notify.policy().map_err(refused)?;
    let channels = setup::channels(notify).map_err(refused)?;
    let metrics = Metrics::new()?;
    let names = channels.keys().cloned().collect();
    let observer = Arc::new(metrics.add(|families| NotifyMetrics::new(families, names))?);
    let endpoints = setup::endpoints(notify, &channels);
    // Apart from the admin port: neither may wait for the other.
    let senders = Builder::new_multi_thread().worker_threads(SENDERS).enable_all().build().map_err(Failure::runtime)?;
    let clock = Arc::new(MachineClock::start());
    let executor = Executor::new(senders.handle().clone(), channels, clock, observer.clone(), notify.lease_ms);
    let dispatching = Dispatching {
        endpoints,
        retry: notify.retry(),
        remember_ms: notify.remember_ms,
        outbox: Arc::new(executor),
        observer,
    };
    let stages = specs(notify.threads as usize, config.kafka.call_timeout_ms, policy, dispatching);
    let outcome = service::run(Service::on_kafka("notify", config, metrics, stages)?);
    // What is still under way is unknown to the next process, and it knows what to do with that.
    senders.shutdown_background();
    outcome
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(faults: Vec<String>) -> Failure {
    Failure::Request(anyhow!(faults.join("\n")))
}
