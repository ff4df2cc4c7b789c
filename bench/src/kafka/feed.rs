//! A load in real time: batches of changes, each at its instant.
//!
//! It must never let a change's time begin when it was sent: a feeder that was held up makes figures worse, not better.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use schemas::topics;
use test_services::clock::{milliseconds, now, sleep_until};
use test_services::feed::Feeder;

use super::deployment::Deployment;
use super::input::Batches;

pub(crate) const BEAT_MS: i64 = 20;

pub(crate) fn beats(duration: Duration) -> i64 {
    duration.as_millis() as i64 / BEAT_MS
}

/// Sends batches, each at its instant.
pub(crate) struct Feed {
    /// When the first one is due.
    pub(crate) origin: Instant,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<f64>>,
}

impl Feed {
    pub(crate) fn start(deployment: &Deployment, batches: Batches) -> Result<Self> {
        let feeder = Feeder::open(&deployment.log, "quartermaster-bench-load")?;
        let origin = now() + Duration::from_millis(50);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("load".to_owned());
        let thread = thread.spawn(move || send(feeder, batches, origin, &stopped)).context("cannot start a thread")?;
        Ok(Self { origin, stop, thread })
    }

    /// Whether the last one has been sent, or one could not be.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the last one; returns by how many milliseconds the latest of them was late.
    pub(crate) fn finish(self) -> Result<f64> {
        self.thread.join().map_err(|_| anyhow!("the load's thread panicked"))?.context("the load ended early")
    }

    /// Leaves out the rest.
    pub(crate) fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.finish().map(drop)
    }
}

/// Whatever is due goes in one transaction: a feeder that was held up catches up.
fn send(mut feeder: Feeder, batches: Batches, origin: Instant, stop: &AtomicBool) -> Result<f64> {
    let beat = Duration::from_millis(BEAT_MS.unsigned_abs());
    let (mut due, mut latest) = (origin, Duration::ZERO);
    let mut beats = batches.beats.into_iter().peekable();
    while beats.peek().is_some() && !stop.load(Ordering::Relaxed) {
        sleep_until(due);
        let first_due = due;
        let mut together = Vec::new();
        while due <= now() {
            let Some(batch) = beats.next() else { break };
            together.extend(batch);
            due += beat;
        }
        feeder.send_raw(topics::EVENTS, &together)?;
        latest = latest.max(now().saturating_duration_since(first_due));
    }
    Ok(milliseconds(latest))
}
