//! Sends what was claimed, on tokio, and keeps what came of it.
//!
//! How many sends are under way is bounded by the dispatcher's gates. Every job ends in an outcome:
//! a channel that hangs is given up after its time-out, one that panics is a fault of its own. A job
//! that is older than the lease is not sent: its partition may have another owner by now.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connectors::channels::{Channel, Outgoing};
use processor::runtime::Clock;
use schemas::Timestamp;
use schemas::notification::{DeliveryError, SendOutcome, Verdict};
use schemas::time::HOUR_MS;
use tokio::runtime::Handle;

use super::Observer;
use super::outbox::{Finished, Job, Outbox, Try};

/// A channel keeps its own time-out; this is what it is granted on top.
const GRACE: Duration = Duration::from_secs(1);
/// Outcomes that nobody has asked for since: their partition went elsewhere.
const FORGOTTEN_MS: i64 = HOUR_MS;

/// Sends over the channels of the configuration. Clones are handles.
#[derive(Clone)]
pub struct Executor {
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Handle,
    channels: BTreeMap<String, Arc<dyn Channel>>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    lease_ms: i64,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    under_way: HashSet<Try>,
    /// By partition, with the monotonic time of their arrival.
    finished: BTreeMap<i32, Vec<(i64, Finished)>>,
}

impl Executor {
    pub fn new(
        runtime: Handle,
        channels: BTreeMap<String, Arc<dyn Channel>>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        lease_ms: i64,
    ) -> Self {
        Self { shared: Arc::new(Shared { runtime, channels, clock, observer, lease_ms, desk: Mutex::default() }) }
    }
}

impl Shared {
    /// A panic elsewhere leaves sets and lists whole.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn carry_out(self: Arc<Self>, job: Job) {
        let Some(channel) = self.channels.get(&job.order.channel).cloned() else {
            let outcome = SendOutcome::failed(Verdict::Refused, DeliveryError::UnknownChannel, None);
            return self.finish(&job, outcome);
        };
        let sent_at = Timestamp::from_millis(self.clock.wall_ms());
        if sent_at.since(job.claimed_at) > self.lease_ms {
            return self.finish(&job, SendOutcome::failed(Verdict::NotDelivered, DeliveryError::LeaseExpired, None));
        }
        let began_us = self.clock.monotonic_us();
        let outgoing = Outgoing { notification: job.order.clone(), tries: job.number, sent_at };
        let outcome = self.send(channel, outgoing).await;
        let took = u64::try_from(self.clock.monotonic_us() - began_us).unwrap_or_default();
        self.observer.sent(&job.order.channel, Duration::from_micros(took));
        if outcome.verdict == Verdict::Delivered {
            let after = self.clock.wall_ms() - job.order.alerted_at.millis();
            self.observer.told(&job.order.channel, Duration::from_millis(u64::try_from(after).unwrap_or_default()));
        }
        self.finish(&job, outcome);
    }

    /// In a task of its own, so that a panic is noticed.
    async fn send(&self, channel: Arc<dyn Channel>, outgoing: Outgoing) -> SendOutcome {
        let limit = Duration::from_millis(channel.timeout_ms()) + GRACE;
        let send = async move { tokio::time::timeout(limit, channel.send(&outgoing)).await };
        match self.runtime.spawn(send).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => SendOutcome::failed(Verdict::Unsure, DeliveryError::Timeout, None),
            Err(error) => SendOutcome::failed(Verdict::Unsure, DeliveryError::Internal, error.to_string()),
        }
    }

    fn finish(&self, job: &Job, outcome: SendOutcome) {
        let now_ms = self.clock.monotonic_ms();
        let mut desk = self.desk();
        desk.under_way.remove(&job.of());
        let finished = desk.finished.entry(job.partition).or_default();
        finished.retain(|(at_ms, _)| now_ms - at_ms < FORGOTTEN_MS);
        finished.push((now_ms, Finished { of: job.of(), outcome }));
    }
}

impl Outbox for Executor {
    fn submit(&self, job: Job) {
        self.shared.desk().under_way.insert(job.of());
        self.shared.runtime.spawn(self.shared.clone().carry_out(job));
    }

    fn outcomes(&self, partition: i32) -> Vec<Finished> {
        let desk = self.shared.desk();
        desk.finished.get(&partition).into_iter().flatten().map(|(_, finished)| finished.clone()).collect()
    }

    fn done_with(&self, partition: i32, of: Try) {
        if let Some(finished) = self.shared.desk().finished.get_mut(&partition) {
            finished.retain(|(_, finished)| finished.of != of);
        }
    }

    fn knows(&self, partition: i32, of: Try) -> bool {
        let desk = self.shared.desk();
        let waits = |(_, finished): &(i64, Finished)| finished.of == of;
        desk.under_way.contains(&of) || desk.finished.get(&partition).is_some_and(|list| list.iter().any(waits))
    }
}
