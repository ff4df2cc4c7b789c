//! A load in real time with probes in it: every alert that a probe causes is awaited, and its latency known.
//!
//! A probe is an item of its own with twelve on the shelf, of which three are sold. One clock for both ends; its time
//! begins when its beat is due.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use schemas::topics;
use test_services::clock::{milliseconds, now, sleep};
use test_services::service::Service;

use super::run;
use crate::catalog::place_name;
use crate::kafka::deployment::Deployment;
use crate::kafka::feed::{BEAT_MS, Feed, beats};
use crate::kafka::input::Inlet;
use crate::kafka::latency::{probe, probe_name};
use crate::kafka::load::{line, sale};
use crate::kafka::watch::Watcher;
use crate::percentile::percentile;
use crate::stream::START;

/// One probe in so many beats.
const EVERY: i64 = 2;
const SAMPLE: Duration = Duration::from_millis(100);
const LOST_AFTER: Duration = Duration::from_secs(20);

/// Probes that so many seconds of loads need, in so many loads.
pub(super) fn probes(length: Duration, loads: usize) -> usize {
    (beats(length) / EVERY) as usize + loads
}

/// An alert.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    /// When its sale was due, after the load's begin.
    pub(super) due: Duration,
    pub(super) latency_ms: f64,
}

/// What a load led to.
pub(super) struct Seen {
    /// Every probe, in the order of their instants.
    pub(super) arrivals: Vec<Arrival>,
    /// The latest a beat was sent: the feeder's own share.
    pub(super) fed_late_ms: f64,
    /// When the first beat was due.
    pub(super) origin: Instant,
}

/// p50, p99, and how many there were.
pub(super) struct Latency {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) slowest_ms: f64,
    pub(super) alerts: u64,
}

impl Seen {
    /// Of the alerts due within.
    pub(super) fn between(&self, from: Duration, to: Duration) -> Latency {
        let due = self.arrivals.iter().filter(|arrival| arrival.due >= from && arrival.due < to);
        let mut latencies: Vec<f64> = due.map(|arrival| arrival.latency_ms).collect();
        latencies.sort_by(f64::total_cmp);
        let at = |percent| percentile(&latencies, percent);
        Latency { p50_ms: at(50.0), p99_ms: at(99.0), slowest_ms: at(100.0), alerts: latencies.len() as u64 }
    }
}

pub(super) struct Live {
    pub(super) inlet: Inlet,
    per_second: f64,
    used: usize,
    probes: usize,
}

impl Live {
    pub(super) fn new(inlet: Inlet, per_second: u32, probes: usize) -> Self {
        Self { inlet, per_second: f64::from(per_second), used: 0, probes }
    }

    /// A load of so long; calls for a sample every so often, and waits until everything is read.
    pub(super) fn run(
        &mut self,
        deployment: &Deployment,
        service: &mut Service,
        length: Duration,
        sample: &mut dyn FnMut(&mut Service, Instant) -> Result<()>,
    ) -> Result<Seen> {
        let (first, mut sent) = (self.used, BTreeMap::new());
        let batches = self.inlet.prepare_with(self.per_second, BEAT_MS, beats(length), &mut |beat| {
            (beat % EVERY == 0).then(|| {
                let name = probe_name(first + sent.len());
                let id = format!("sale-of-{name}");
                let text = line(&id, &name, &place_name(0), START, sale(&id, 3)).text;
                sent.insert(name, Duration::from_millis((beat * BEAT_MS).unsigned_abs()));
                text
            })
        })?;
        self.used += sent.len();
        ensure!(self.used <= self.probes, "{} probes are too few for this load", self.probes);
        let watcher = Watcher::start(&deployment.log, topics::ALERTS, probe)?;
        let feed = Feed::start(deployment, batches)?;
        let origin = feed.origin;
        while !feed.has_ended() {
            sample(service, now())?;
            sleep(SAMPLE);
        }
        let fed_late_ms = feed.finish()?;
        let ends = self.inlet.close(deployment)?;
        run::until(deployment, service, &ends)?;
        let arrivals = arrivals(&watcher, sent, origin)?;
        watcher.close()?;
        Ok(Seen { arrivals, fed_late_ms, origin })
    }
}

/// Fails when an alert is missing or comes twice.
fn arrivals(watcher: &Watcher, mut due: BTreeMap<String, Duration>, origin: Instant) -> Result<Vec<Arrival>> {
    let (sent, mut arrivals) = (due.len(), Vec::new());
    while !due.is_empty() {
        let Some((name, seen)) = watcher.next(LOST_AFTER) else { break };
        let due = due.remove(&name).with_context(|| format!("the alert of {name} came twice, or was not due"))?;
        arrivals.push(Arrival { due, latency_ms: milliseconds(seen.saturating_duration_since(origin + due)) });
    }
    ensure!(due.is_empty(), "{} of {sent} alerts never came, such as that of {:?}", due.len(), due.keys().next());
    // One that came twice may be on its way still.
    sleep(SAMPLE * 2);
    ensure!(watcher.next(Duration::ZERO).is_none(), "more alerts came than were due");
    arrivals.sort_by_key(|arrival| arrival.due);
    Ok(arrivals)
}
