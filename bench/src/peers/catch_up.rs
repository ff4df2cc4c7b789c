//! One run over a full topic: what an event costs once the engine is warm, and what all of it cost.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use processor::ports::TopicPartition;
use test_services::child;
use test_services::clock::{now, sleep};
use test_services::service::Service;

use super::engine::Engine;
use crate::kafka::deployment::Deployment;
use crate::kafka::input::{self, Filled};
use crate::kafka::progress::Progress;

const LOOK: Duration = Duration::from_millis(100);
const LIMIT: Duration = Duration::from_hours(1);
/// Longer than any write-behind waits.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

pub(super) struct CaughtUp {
    /// Between warm and the end.
    pub(super) events_per_s: f64,
    pub(super) cpu_s_per_million: f64,
    pub(super) broker_cpu_s_per_million: Option<f64>,
    /// From the start of the process to the end, start and warm-up included.
    pub(super) whole_cpu_s_per_million: f64,
    pub(super) whole_events_per_s: f64,
    pub(super) peak_bytes: u64,
    /// Of the process, to disk.
    pub(super) written_bytes_per_event: f64,
    pub(super) changelog_bytes_per_event: Option<f64>,
    pub(super) changelog_rows_per_event: f64,
    pub(super) output_bytes_per_event: Option<f64>,
}

impl fmt::Display for CaughtUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = |figure: Option<f64>, decimals: usize| match figure {
            Some(figure) => format!("{figure:.decimals$}"),
            None => "?".to_owned(),
        };
        write!(
            f,
            "{:.2} CPU-s a million events, {:.0} events/s (with start and warm-up {:.2} and {:.0}); broker {} CPU-s a million; peak {:.0} MB; \
             an event wrote {:.0} bytes to disk, {} to the changelog ({:.2} rows), {} to alerts and positions",
            self.cpu_s_per_million,
            self.events_per_s,
            self.whole_cpu_s_per_million,
            self.whole_events_per_s,
            unknown(self.broker_cpu_s_per_million, 2),
            self.peak_bytes as f64 / 1e6,
            self.written_bytes_per_event,
            unknown(self.changelog_bytes_per_event, 0),
            self.changelog_rows_per_event,
            unknown(self.output_bytes_per_event, 0),
        )
    }
}

/// Where an engine stands.
#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    offsets: i64,
    cpu_s: f64,
    broker_cpu_s: Option<f64>,
}

pub(super) fn measure(deployment: &Deployment, engine: &Engine, filled: &Filled) -> Result<CaughtUp> {
    let start = now();
    let mut service = engine.start(deployment)?;
    let (warm, end) = watch(deployment, engine, &mut service, filled)?;
    sleep(SETTLE);
    let written = child::written_bytes(service.pid())?;
    let peak_bytes = child::peak_resident_bytes(service.pid())?;
    service.stop()?;
    let events = filled.events as f64;
    // Offsets that are no event, watermarks and marks of transactions, are one in a thousand, everywhere alike.
    let measured = (end.offsets - warm.offsets) as f64 * events / filled.offsets as f64;
    let wall_s = end.at.duration_since(warm.at).as_secs_f64();
    let million = 1e6 / measured;
    let broker = warm.broker_cpu_s.zip(end.broker_cpu_s).map(|(warm, end)| (end - warm) * million);
    let mut output_bytes = Some(0);
    for topic in engine.outputs() {
        output_bytes = output_bytes.zip(deployment.bytes_on_disk(topic)?).map(|(sum, bytes)| sum + bytes);
    }
    Ok(CaughtUp {
        events_per_s: measured / wall_s,
        cpu_s_per_million: (end.cpu_s - warm.cpu_s) * million,
        broker_cpu_s_per_million: broker,
        whole_cpu_s_per_million: end.cpu_s * 1e6 / events,
        whole_events_per_s: events / end.at.duration_since(start).as_secs_f64(),
        peak_bytes,
        written_bytes_per_event: written as f64 / events,
        changelog_bytes_per_event: deployment.bytes_on_disk(&engine.changelog)?.map(|bytes| bytes as f64 / events),
        changelog_rows_per_event: deployment.offsets(&engine.changelog)? as f64 / events,
        output_bytes_per_event: output_bytes.map(|bytes| bytes as f64 / events),
    })
}

/// The first look when it is warm, and the first one when it has read everything.
fn watch(deployment: &Deployment, engine: &Engine, service: &mut Service, filled: &Filled) -> Result<(Look, Look)> {
    let (mut progress, limit, mut warm) = (Progress::of(deployment, engine.group)?, now() + LIMIT, None);
    loop {
        if let Some((offsets, at_end)) = progress.look(&filled.ends)? {
            let look = Look { at: now(), offsets, cpu_s: service.cpu_s()?, broker_cpu_s: deployment.broker_cpu_s() };
            if warm.is_none() && offsets >= filled.warm_up {
                warm = Some(look);
            }
            if let Some(warm) = warm.filter(|_| at_end) {
                let enough = look.offsets > warm.offsets;
                ensure!(enough, "{} was done before it was warm: give it more --events", engine.name);
                return Ok((warm, look));
            }
        }
        ensure_under_way(engine, service, limit)?;
        sleep(LOOK);
    }
}

fn ensure_under_way(engine: &Engine, service: &mut Service, limit: Instant) -> Result<()> {
    ensure!(service.is_running(), "{} has ended: {}", engine.name, child::tail(service.log()));
    ensure!(now() < limit, "{} has not read everything within {} s", engine.name, LIMIT.as_secs());
    Ok(())
}

/// Waits until an engine that runs has committed up to these ends.
pub(super) fn wait(
    deployment: &Deployment,
    engine: &Engine,
    service: &mut Service,
    ends: &[(TopicPartition, i64)],
) -> Result<()> {
    let (mut progress, limit) = (Progress::of(deployment, engine.group)?, now() + LIMIT);
    while !progress.look(ends)?.is_some_and(|(_, at_end)| at_end) {
        ensure_under_way(engine, service, limit)?;
        sleep(LOOK);
    }
    Ok(())
}

/// Lets an engine read whatever there is, and ends it.
pub(super) fn to_the_end(deployment: &Deployment, engine: &Engine) -> Result<()> {
    let mut service = engine.start(deployment)?;
    // One that has nothing to read would be ended while it starts.
    service.ready()?;
    wait(deployment, engine, &mut service, &input::ends(deployment)?)?;
    service.stop()
}
