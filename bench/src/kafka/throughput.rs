//! Events per CPU-second of `ingest` and of `process`, each started on a topic that is already full.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use schemas::topics;

use super::deployment::{CATALOG, Deployment, INSTANCE, PLACES, PROCESS, STOCK, changelog};
use crate::stream::{self, Workload};
use test_services::clock::{now, sleep, wait_for};
use test_services::feed::Feeder;
use test_services::service::{Metrics, Service};

const LIMIT: Duration = Duration::from_mins(20);
/// Between two looks at `/metrics`, which costs the measured process a millisecond.
const LOOK: Duration = Duration::from_millis(200);
/// Longer than the write-behind waits by default.
const WRITE_BEHIND: Duration = Duration::from_secs(2);

/// What lies on `inventory.events`.
pub(crate) struct Input {
    /// Stock changes that were fed.
    events: u64,
    /// Those and catalogue changes and watermarks.
    records: u64,
}

/// What a service used between being ready and having read everything.
pub(super) struct Usage {
    /// Records that it had not read yet when it said that it was ready.
    pub(super) records: f64,
    pub(super) cpu_s: f64,
    wall_s: f64,
    /// More CPU time in the two seconds after, when what was held back is written.
    after_s: f64,
    /// None where the broker is not ours.
    broker_cpu_s: Option<f64>,
    pub(super) start_cpu_s: f64,
}

/// Feeds the stream to the source topics and lets `ingest` bring it to `inventory.events`.
pub(crate) fn ingest(deployment: &Deployment, workload: &Workload) -> Result<Input> {
    let directory = deployment.file("stream");
    println!("  {}", stream::write_files(workload, &directory)?);
    let mut feeder = Feeder::open(&deployment.log, "quartermaster-bench-feed")?;
    let places = feeder.send_file(PLACES, &directory.join("locations.jsonl"), "location")?;
    let items = feeder.send_file(CATALOG, &directory.join("catalog.jsonl"), "sku")?;
    let mut first = deployment.start("ingest", "ingest-0", true)?;
    first.ready()?;
    wait_for_records(&mut first, places + items)?;
    first.stop()?;
    let events = feeder.send_file(STOCK, &directory.join("events.jsonl"), "sku")?;
    let mut second = deployment.start("ingest", "ingest-0", true)?;
    let usage = use_of(deployment, &mut second, events)?;
    second.stop()?;
    deployment.ensure_nothing_was_refused()?;
    let (mut records, mut bytes) = (0, 0);
    deployment.read(topics::EVENTS, &mut |record| {
        records += 1;
        bytes += (record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len)) as u64;
    })?;
    // Its inputs become ready one after the other, and read from then on: starting is counted in.
    let ingest_cpu_s = usage.start_cpu_s + usage.cpu_s;
    println!(
        "  ingest: {:.0} events per CPU-second ({ingest_cpu_s:.2} CPU-s with its start)",
        events as f64 / ingest_cpu_s
    );
    println!(
        "  inventory.events: {records} records of {} bytes on average: {events} stock changes, {items} catalogue changes, \
         {} watermarks",
        bytes / records.max(1),
        records - events - items
    );
    Ok(Input { events, records })
}

/// The median over runs of stock changes per CPU-second; the last run's state stays.
pub(crate) fn process(deployment: &Deployment, input: &Input, runs: usize) -> Result<f64> {
    ensure!(runs > 0, "--runs must be at least 1");
    let share = input.events as f64 / input.records as f64;
    let mut rates = Vec::new();
    for run in 1..=runs {
        deployment.forget_process()?;
        let mut service = deployment.start("process", INSTANCE, true)?;
        let usage = use_of(deployment, &mut service, input.records)?;
        let metrics = service.metrics()?;
        service.stop()?;
        deployment.ensure_nothing_was_refused()?;
        let rate = usage.records * share / usage.cpu_s;
        println!(
            "  run {run}: process {rate:.0} events per CPU-second ({:.2} CPU-s), {:.0} per second of wall time; {}",
            usage.cpu_s,
            usage.records * share / usage.wall_s,
            beside(&usage)
        );
        break_down(deployment, &usage, &metrics)?;
        rates.push(rate);
    }
    rates.sort_by(f64::total_cmp);
    // The lower one of an even number.
    let median = rates[(rates.len() - 1) / 2];
    println!("  process: {median:.0} events per CPU-second (median of {runs}, one thread)");
    Ok(median)
}

fn beside(usage: &Usage) -> String {
    let broker = usage.broker_cpu_s.map_or_else(String::new, |cpu_s| format!(", the broker {cpu_s:.2}"));
    format!("starting took {:.2} CPU-s, the 2 s after {:.2}{broker}", usage.start_cpu_s, usage.after_s)
}

fn break_down(deployment: &Deployment, usage: &Usage, metrics: &Metrics) -> Result<()> {
    let transactions = metrics.sum("transactions_total", "result=\"committed\"");
    let seconds = |stage: &str| metrics.sum("batch_duration_seconds_sum", &format!("stage=\"{stage}\""));
    println!(
        "    {transactions:.0} transactions of {:.0} records; worker: apply {:.2} s, commit {:.2} s, flush {:.2} s of {:.2} s",
        usage.records / transactions.max(1.0),
        seconds("apply"),
        seconds("commit"),
        seconds("flush"),
        usage.wall_s
    );
    let written = [
        ("changelog", changelog()),
        ("positions", topics::POSITIONS.to_owned()),
        ("alerts", topics::ALERTS.to_owned()),
        ("aggregates", topics::AGGREGATES.to_owned()),
        ("journal", topics::JOURNAL.to_owned()),
    ];
    let mut parts = Vec::new();
    for (name, topic) in written {
        parts.push(format!("{name} {}", deployment.offsets(&topic)?));
    }
    println!("    offsets written (records and transaction markers): {}", parts.join(", "));
    Ok(())
}

/// Waits until the service is ready and then until it has read so many records.
pub(super) fn use_of(deployment: &Deployment, service: &mut Service, records: u64) -> Result<Usage> {
    service.ready()?;
    let (begin, start_cpu_s, broker) = (now(), service.cpu_s()?, deployment.broker_cpu_s());
    let before = service.metrics()?.sum("records_consumed_total", "");
    let end = wait_for_records(service, records)?;
    let cpu_s = service.cpu_s()? - start_cpu_s;
    let broker_cpu_s = broker.zip(deployment.broker_cpu_s()).map(|(before, after)| after - before);
    sleep(WRITE_BEHIND);
    let after_s = service.cpu_s()? - start_cpu_s - cpu_s;
    let wall_s = end.duration_since(begin).as_secs_f64();
    Ok(Usage { records: records as f64 - before, cpu_s, wall_s, after_s, broker_cpu_s, start_cpu_s })
}

fn wait_for_records(service: &mut Service, records: u64) -> Result<Instant> {
    let what = format!("{PROCESS} or ingest has read {records} records");
    wait_for(&what, LIMIT, LOOK, || {
        let metrics = service.metrics()?;
        let consumed = metrics.sum("records_consumed_total", "");
        ensure!(consumed <= records as f64, "{consumed} records were read of {records}");
        Ok((consumed >= records as f64).then(now))
    })
}
