//! The service on a real Apache Kafka: what `process` does with a CPU-second, how late an alert is,
//! how long a restart takes.
//!
//! Everything happens on one deployment, one figure after the other: the state that the throughput
//! runs leave behind is the state under which latency and restarts are measured. It must never report
//! a run that refused input or lost an alert.

pub(crate) mod captured;
pub(crate) mod deployment;
pub(crate) mod feed;
pub(crate) mod input;
pub(crate) mod latency;
pub(crate) mod load;
pub(crate) mod progress;
mod restart;
mod throughput;
pub(crate) mod watch;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::stream::Workload;
use crate::throughput::RULES;
use deployment::{Deployment, INSTANCE};
use load::{Load, ShopTime};
use test_services::clock::wait_for;
use test_services::service::Service;

/// What to do.
pub(crate) struct Plan {
    pub(crate) workload: Workload,
    pub(crate) runs: usize,
    /// Alerts whose latency is measured; 0: neither that nor restarts are.
    pub(crate) alerts: usize,
    /// Sales a second beside them.
    pub(crate) load: u32,
}

pub(crate) struct Figures {
    pub(crate) debezium_events_per_cpu_s: f64,
    pub(crate) process_events_per_cpu_s: f64,
    /// `None`: not asked for.
    pub(crate) live: Option<Live>,
}

/// What was measured beside a load.
#[allow(clippy::struct_field_names, reason = "a unit belongs to its figure")]
pub(crate) struct Live {
    pub(crate) alert_latency_p50_ms: f64,
    pub(crate) alert_latency_p99_ms: f64,
    pub(crate) restart_ms: f64,
}

pub(crate) fn measure(binary: &Path, plan: &Plan, scratch: &Path) -> Result<Figures> {
    println!("\non Kafka: {}", plan.workload);
    let rules = format!("{RULES}{}", latency::RULE);
    let deployment = Deployment::new(binary, &rules, &scratch.join("kafka"), deployment::canonical_sources())?;
    deployment.describe()?;
    let input = throughput::ingest(&deployment, &plan.workload)?;
    let process_events_per_cpu_s = throughput::process(&deployment, &input, plan.runs)?;
    let live = if plan.alerts > 0 { Some(beside_load(&deployment, plan)?) } else { None };
    deployment.close()?;
    let debezium_events_per_cpu_s = captured::measure(binary, plan.runs, plan.workload.events, scratch)?;
    Ok(Figures { debezium_events_per_cpu_s, process_events_per_cpu_s, live })
}

fn beside_load(deployment: &Deployment, plan: &Plan) -> Result<Live> {
    println!("\nalert latency and restarts, beside {} sales a second:", plan.load);
    let mut services = Services::start(deployment)?;
    let time = ShopTime::after(&plan.workload);
    let load = Load::start(deployment, &plan.workload, time, plan.load)?;
    services.come_to(deployment, time)?;
    let latency = latency::measure(deployment, &mut services, time, plan.alerts)?;
    let restart_ms = restart::measure(deployment, &mut services)?;
    let sold = load.finish()?;
    println!("  {sold} sales went along");
    services.stop()?;
    deployment.ensure_nothing_was_refused()?;
    deployment.compare_with_replay()?;
    Ok(Live { alert_latency_p50_ms: latency.p50_ms, alert_latency_p99_ms: latency.p99_ms, restart_ms })
}

const SETTLES_WITHIN: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_millis(200);
/// Under load there is always a little.
const LITTLE: f64 = 500.0;

/// `ingest` and `process` while they run.
struct Services {
    ingest: Service,
    process: Service,
}

impl Services {
    fn start(deployment: &Deployment) -> Result<Self> {
        let mut ingest = deployment.start("ingest", "ingest-0", false)?;
        let mut process = deployment.start("process", INSTANCE, false)?;
        ingest.ready()?;
        process.ready()?;
        Ok(Self { ingest, process })
    }

    /// Waits until the shops' time has arrived everywhere, and what it set off is done.
    fn come_to(&mut self, deployment: &Deployment, time: ShopTime) -> Result<()> {
        let begin = time.begin().millis() as f64 / 1000.0;
        wait_for("stream time has come to the load's", SETTLES_WITHIN, LOOK, || {
            let metrics = self.process.metrics()?;
            let all = metrics.count("stream_time_seconds", "") == deployment.partitions as usize;
            Ok(metrics.least("stream_time_seconds").filter(|least| all && *least >= begin))
        })?;
        self.settle()
    }

    /// Waits until both have next to no lag, look after look for two seconds.
    fn settle(&mut self) -> Result<()> {
        let mut calm = 0;
        wait_for("ingest and process keep up with the load", SETTLES_WITHIN, LOOK, || {
            let lag = self.ingest.metrics()?.sum("consumer_lag_records", "")
                + self.process.metrics()?.sum("consumer_lag_records", "");
            calm = if lag <= LITTLE { calm + 1 } else { 0 };
            Ok((calm >= 10).then_some(()))
        })
    }

    fn restart_process(&mut self, deployment: &Deployment, kill: bool) -> Result<Duration> {
        let (ingest, process) = (&mut self.ingest, &mut self.process);
        // Whoever is down must not take `ingest` with it.
        ingest.metrics()?;
        if kill {
            process.kill()?;
        } else {
            process.terminate()?;
        }
        *process = deployment.start("process", INSTANCE, false).context("the restart failed")?;
        process.ready()
    }

    /// After the load has ended: everything is read, then both end.
    fn stop(self) -> Result<()> {
        let Self { mut ingest, mut process } = self;
        for service in [&mut ingest, &mut process] {
            let mut calm = 0;
            wait_for("everything is read", SETTLES_WITHIN, LOOK, || {
                calm = if service.metrics()?.sum("consumer_lag_records", "") == 0.0 { calm + 1 } else { 0 };
                Ok((calm >= 10).then_some(()))
            })?;
        }
        ingest.stop()?;
        process.stop()
    }
}
