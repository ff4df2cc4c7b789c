//! One run over a full topic: what an event costs once every position has its balance.
//!
//! It must never count a part of the opening balances: it begins when every partition is past its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use schemas::topics;
use test_services::child;
use test_services::clock::{now, sleep};
use test_services::service::{Metrics, Service};

use super::shops::{Ends, Filled};
use crate::kafka::deployment::{Deployment, INSTANCE, PROCESS};
use crate::kafka::progress::Progress;

const LOOK: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_hours(3);
/// Longer than any write-behind waits.
pub(super) const SETTLE: Duration = Duration::from_secs(2);
/// A run that counts less of the events than this has begun too late to say much.
const LEAST_COUNTED: f64 = 0.4;
/// CPU time comes in ticks of 10 ms.
const LEAST_CPU_S: f64 = 0.2;

pub(super) struct Run {
    pub(super) events_per_cpu_s: f64,
    pub(super) events_per_s: f64,
    /// NaN where the broker is not ours.
    pub(super) broker_cpu_s_per_million: f64,
    /// From the spawn of the process until every partition is past its opening balances.
    pub(super) opening_s: f64,
    /// CPU time from being ready until then.
    pub(super) opening_cpu_s: f64,
    /// Stock changes that count.
    pub(super) counted: f64,
    pub(super) memory: Memory,
}

/// In bytes, at the end.
pub(super) struct Memory {
    pub(super) resident: f64,
    pub(super) peak: f64,
    pub(super) hot: f64,
    pub(super) hot_limit: f64,
    pub(super) hot_keys: f64,
    pub(super) rocksdb: f64,
    pub(super) on_disk: f64,
}

impl Memory {
    fn of(service: &mut Service) -> Result<Self> {
        let metrics: Metrics = service.metrics()?;
        let figure = |name: &str| {
            ensure!(metrics.count(name, "") > 0, "process has no metric quartermaster_{name}");
            Ok(metrics.sum(name, ""))
        };
        Ok(Self {
            resident: child::resident_bytes(service.pid())? as f64,
            peak: child::peak_resident_bytes(service.pid())? as f64,
            hot: figure("hot_state_bytes")?,
            hot_limit: figure("hot_state_limit_bytes")?,
            hot_keys: figure("hot_state_keys")?,
            rocksdb: figure("rocksdb_memory_bytes")?,
            on_disk: figure("rocksdb_sst_bytes")?,
        })
    }
}

/// Where `process` stands.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) at: Instant,
    pub(super) offsets: i64,
    pub(super) cpu_s: f64,
    broker_cpu_s: Option<f64>,
}

impl Look {
    pub(super) fn take(deployment: &Deployment, service: &Service, offsets: i64) -> Result<Self> {
        Ok(Self { at: now(), offsets, cpu_s: service.cpu_s()?, broker_cpu_s: deployment.broker_cpu_s() })
    }
}

/// Waits until every partition has committed up to these ends.
pub(super) fn until(deployment: &Deployment, service: &mut Service, ends: &Ends) -> Result<Look> {
    let (mut progress, limit) = (Progress::of(deployment, PROCESS)?, now() + LIMIT);
    loop {
        if let Some((offsets, true)) = progress.look(ends)? {
            return Look::take(deployment, service, offsets);
        }
        ensure!(service.is_running(), "process has ended: {}", child::tail(service.log()));
        ensure!(now() < limit, "process has not read everything within {} s", LIMIT.as_secs());
        sleep(LOOK);
    }
}

/// Resident bytes of a process that has not seen a record.
pub(super) fn empty(deployment: &Deployment) -> Result<f64> {
    let mut service = deployment.start("process", INSTANCE, true)?;
    service.ready()?;
    sleep(SETTLE);
    let resident = child::resident_bytes(service.pid())?;
    service.stop()?;
    Ok(resident as f64)
}

pub(super) fn once(deployment: &Deployment, filled: &Filled) -> Result<Run> {
    deployment.forget_process()?;
    let spawned = now();
    let mut service = deployment.start("process", INSTANCE, true)?;
    service.ready()?;
    let start_cpu_s = service.cpu_s()?;
    let begin = until(deployment, &mut service, &filled.opened)?;
    let end = until(deployment, &mut service, &filled.ends)?;
    sleep(SETTLE);
    let memory = Memory::of(&mut service)?;
    let consumed = service.metrics()?.sum("records_consumed_total", &format!("topic=\"{}\"", topics::EVENTS));
    service.stop()?;
    deployment.ensure_nothing_was_refused()?;
    ensure!(consumed >= filled.events as f64, "process says that it has read {consumed} records only");
    // Watermarks and marks of transactions are among the offsets, everywhere alike.
    let events_per_offset = filled.events as f64 / (Filled::sum(&filled.ends) - Filled::sum(&filled.opened)) as f64;
    let counted = (end.offsets - begin.offsets) as f64 * events_per_offset;
    let share = counted / filled.events as f64;
    ensure!(share >= LEAST_COUNTED, "only {:.0} % of the events can be counted; give it more --events", share * 100.0);
    let cpu_s = end.cpu_s - begin.cpu_s;
    ensure!(cpu_s >= LEAST_CPU_S, "only {cpu_s:.2} CPU-s were measured; give it more --events");
    let broker_cpu_s = begin.broker_cpu_s.zip(end.broker_cpu_s).map_or(f64::NAN, |(begin, end)| end - begin);
    Ok(Run {
        events_per_cpu_s: counted / cpu_s,
        events_per_s: counted / end.at.duration_since(begin.at).as_secs_f64(),
        broker_cpu_s_per_million: broker_cpu_s * 1e6 / counted,
        opening_s: begin.at.duration_since(spawned).as_secs_f64(),
        opening_cpu_s: begin.cpu_s - start_cpu_s,
        counted,
        memory,
    })
}

/// The middle one by CPU time, the lower one of an even number, with the least and the greatest rate.
pub(super) fn median(mut runs: Vec<Run>) -> Result<(Run, f64, f64)> {
    runs.sort_by(|a, b| a.events_per_cpu_s.total_cmp(&b.events_per_cpu_s));
    let rate = |run: Option<&Run>| run.map_or(f64::NAN, |run| run.events_per_cpu_s);
    let (least, greatest) = (rate(runs.first()), rate(runs.last()));
    let middle = runs.len().saturating_sub(1) / 2;
    Ok((runs.into_iter().nth(middle).context("no run")?, least, greatest))
}
