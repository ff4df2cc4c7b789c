//! How late alerts are under a load, and how long a restart takes beside one.
//!
//! Every change of a beat happens at its instant, whether the beat before has been sent or not; the alert carries that
//! instant, so every alert of the load is measured, not a few probes. One clock for both ends.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use processor::ports::RecordView;
use schemas::{AlertKind, AlertState, Timestamp, avro};
use test_services::clock::{milliseconds, sleep};
use test_services::service::Service;

use super::catch_up::{self, SETTLE};
use super::engine::Engine;
use super::report::Report;
use super::{Sizes, restart};
use crate::kafka::deployment::Deployment;
use crate::kafka::feed::{BEAT_MS, Feed, beats};
use crate::kafka::input::{self, Inlet};
use crate::kafka::progress::Progress;
use crate::kafka::watch::Watcher;
use crate::percentile::percentile;

/// More than this behind at the end of a load, in seconds of it, is not keeping up; a feeder that was late counts, since
/// it gave the engine time.
const BEHIND_S: f64 = 1.0;
/// The load that is kept up with and the one that is not are then near enough to each other.
const NEAR: f64 = 1.1;
/// The part of a load that was too much which is tried next.
const LEAST_PART: f64 = 0.5;
const MOST_PART: f64 = 0.95;
/// In events a second.
const LEAST_LOAD: f64 = 1_000.0;
/// What is committed is with a reader long before this.
const NONE_FOR: Duration = Duration::from_millis(500);

/// A load as a share of what an engine sustains.
#[derive(Clone, Copy)]
pub(super) struct Level {
    pub(super) percent: u32,
    /// Who sustains what it is a share of.
    pub(super) of: &'static str,
    pub(super) per_second: f64,
}

pub(super) struct Latency {
    pub(super) level: Level,
    pub(super) alerts: usize,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) slowest_ms: f64,
    /// Seconds of the load that were not read yet when it ended.
    pub(super) behind_s: f64,
    /// The latest a beat was sent: the feeder's own share.
    pub(super) fed_late_ms: f64,
}

impl Latency {
    pub(super) fn keeps_up(&self) -> bool {
        self.behind_s + self.fed_late_ms / 1_000.0 <= BEHIND_S
    }
}

/// What the engine sustains while it is fed, in events a second: the highest load with which it keeps up, from the
/// throughput of a full topic downwards, to within a tenth if the attempts suffice. Broker, feeder and reader take their share of the machine then.
pub(super) fn sustained(
    deployment: &Deployment,
    engine: &Engine,
    inlet: &mut Inlet,
    sizes: &Sizes,
    throughput: f64,
) -> Result<f64> {
    println!("\nwhat {} sustains:", engine.name);
    let mut service = engine.start(deployment)?;
    warm_up(deployment, engine, &mut service, inlet, sizes, throughput / 3.0)?;
    let (mut per_second, mut kept, mut too_much) = (throughput, 0.0, f64::INFINITY);
    for attempt in 1.. {
        let level = Level { percent: 100, of: engine.name, per_second };
        let latency = at_level(deployment, engine, &mut service, inlet, sizes, level)?;
        let seconds = (sizes.warm_up + sizes.measured).as_secs_f64();
        println!("  of {seconds:.0} s at {per_second:.0} events/s it is {:.1} s behind at the end", latency.behind_s);
        *(if latency.keeps_up() { &mut kept } else { &mut too_much }) = per_second;
        let is_known = too_much <= kept * NEAR || too_much.is_infinite();
        if kept > 0.0 && (is_known || attempt >= sizes.attempts) {
            break;
        }
        ensure!(per_second > LEAST_LOAD, "{} keeps up with no load", engine.name);
        let done = (1.0 - latency.behind_s / seconds).clamp(LEAST_PART, MOST_PART);
        per_second = if kept > 0.0 { f64::sqrt(kept * too_much) } else { per_second * done };
        sleep(SETTLE);
    }
    service.stop()?;
    Ok(kept)
}

/// It has read everything, and a load that is not measured.
fn warm_up(
    deployment: &Deployment,
    engine: &Engine,
    service: &mut Service,
    inlet: &mut Inlet,
    sizes: &Sizes,
    per_second: f64,
) -> Result<()> {
    let ends = inlet.close(deployment)?;
    catch_up::wait(deployment, engine, service, &ends)?;
    let warm = inlet.prepare(per_second, BEAT_MS, beats(sizes.first_load))?;
    Feed::start(deployment, warm)?.finish().map(drop)
}

/// Every level that the report wants of this engine, then restarts beside the lowest one.
pub(super) fn measure(
    deployment: &Deployment,
    engine: &Engine,
    inlet: &mut Inlet,
    sizes: &Sizes,
    report: &mut Report,
) -> Result<()> {
    println!("\n{} under load:", engine.name);
    let mut service = engine.start(deployment)?;
    let levels = report.levels(engine);
    let slowest = levels.iter().map(|level| level.per_second).fold(f64::INFINITY, f64::min);
    warm_up(deployment, engine, &mut service, inlet, sizes, slowest)?;
    for level in levels {
        let latency = at_level(deployment, engine, &mut service, inlet, sizes, level)?;
        report.latency(engine, latency);
        sleep(SETTLE);
    }
    let restarts = restart::measure(deployment, engine, inlet, service, slowest, sizes.restarts)?;
    report.restarts(engine, restarts);
    Ok(())
}

fn at_level(
    deployment: &Deployment,
    engine: &Engine,
    service: &mut Service,
    inlet: &mut Inlet,
    sizes: &Sizes,
    level: Level,
) -> Result<Latency> {
    let batches = inlet.prepare(level.per_second, BEAT_MS, beats(sizes.warm_up + sizes.measured))?;
    let (begin, counted) = (batches.begin, batches.begin.plus_ms(sizes.warm_up.as_millis() as i64));
    let watcher = Watcher::start(&deployment.log, engine.alerts, opened_or_resolved)?;
    let mut progress = Progress::of(deployment, engine.group)?;
    let feed = Feed::start(deployment, batches)?;
    let origin = feed.origin;
    let fed_late_ms = feed.finish()?;
    let behind_s = behind(deployment, &mut progress, level.per_second)?;
    // Whoever is behind comes to the end of the load, too: its late alerts count.
    let ends = inlet.close(deployment)?;
    catch_up::wait(deployment, engine, service, &ends)?;
    let mut latencies = Vec::new();
    while let Some((at, seen)) = watcher.next(NONE_FOR) {
        let at = Timestamp::from_millis(at.parse().context("an alert without a time")?);
        if at >= counted {
            let due = origin + Duration::from_millis(at.since(begin).max(0).unsigned_abs());
            latencies.push(milliseconds(seen.saturating_duration_since(due)));
        }
    }
    watcher.close()?;
    latencies.sort_by(f64::total_cmp);
    let at = |percent| percentile(&latencies, percent);
    Ok(Latency {
        level,
        alerts: latencies.len(),
        p50_ms: at(50.0),
        p99_ms: at(99.0),
        p999_ms: at(99.9),
        slowest_ms: at(100.0),
        behind_s,
        fed_late_ms,
    })
}

/// Seconds of the load that wait to be read.
fn behind(deployment: &Deployment, progress: &mut Progress, per_second: f64) -> Result<f64> {
    let ends = input::ends(deployment)?;
    let end: i64 = ends.iter().map(|(_, end)| end).sum();
    loop {
        if let Some((committed, _)) = progress.look(&ends)? {
            return Ok((end - committed) as f64 / per_second);
        }
    }
}

/// The instant, in event time, of an alert that a change of the load has caused.
fn opened_or_resolved(record: &RecordView<'_>) -> Result<Option<String>> {
    let alert = avro::decode_alert(record.value.context("an alert without a value")?)?;
    let caused = alert.kind == AlertKind::LowStock && matches!(alert.state, AlertState::Opened | AlertState::Resolved);
    Ok(caused.then(|| alert.occurred_at.millis().to_string()))
}
