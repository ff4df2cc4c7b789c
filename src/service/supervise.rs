//! The worker threads of a service: started together, stopped together. The first failure is the
//! service's; the others stop as if they had been asked to.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use anyhow::anyhow;
use processor::ports::Log;
use processor::runtime::Clock;

use super::attend::Desk;
use super::board::{Board, Seat, State};
use super::spec::StageSpec;
use super::stop::Stop;
use super::{Settings, StoreOpener};
use crate::exit::{Failure, Outcome};
use crate::metrics::Metrics;

/// How soon a request to stop is noticed.
const LOOK: Duration = Duration::from_millis(100);

/// What all threads share.
pub(super) struct Crew<'a> {
    pub(super) role: &'static str,
    pub(super) settings: &'a Settings,
    pub(super) log: &'a Arc<dyn Log>,
    pub(super) metrics: &'a Metrics,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) board: &'a Arc<Board>,
    pub(super) stop: &'a Arc<Stop>,
}

/// The threads, by name.
struct Threads {
    running: BTreeMap<String, JoinHandle<Outcome>>,
    ended: Receiver<String>,
    /// The first one: why the service ends.
    failure: Option<Failure>,
}

/// Tells that a thread has ended, however it has.
struct Farewell {
    name: String,
    seat: Arc<Seat>,
    ended: Sender<String>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.seat.report(State::Ended);
        // Nobody listens any more when the deadline has passed.
        let _ = self.ended.send(self.name.clone());
    }
}

impl Crew<'_> {
    /// Returns when all threads have ended, or when they have not within the time there is.
    pub(super) fn run(&self, stages: impl Iterator<Item = (Arc<StageSpec>, StoreOpener)>) -> Outcome {
        let mut threads = self.start(stages)?;
        self.board.running();
        tracing::info!(role = self.role, instance = self.settings.instance, threads = threads.running.len(), "running");
        while !self.stop.wait(LOOK) && threads.failure.is_none() {
            threads.join_ended(Duration::ZERO);
        }
        self.board.stopping();
        self.stop.request();
        self.wait_for_end(&mut threads);
        threads.conclude(self.settings.shutdown_timeout)
    }

    fn start(&self, stages: impl Iterator<Item = (Arc<StageSpec>, StoreOpener)>) -> Outcome<Threads> {
        let (sender, ended) = channel();
        let mut threads = Threads { running: BTreeMap::new(), ended, failure: None };
        for (spec, stores) in stages {
            for thread in 0..spec.threads {
                let desk = self.desk(&spec, thread, stores.clone());
                let (name, seat) = (desk.name.clone(), desk.seat.clone());
                let farewell = Farewell { name: name.clone(), seat, ended: sender.clone() };
                let spawned = Builder::new().name(name.clone()).spawn(move || {
                    let _farewell = farewell;
                    desk.work()
                });
                let handle = spawned.map_err(|error| {
                    self.stop.request();
                    Failure::Runtime(anyhow!("cannot start the thread {name}: {error}; raise the limit of threads"))
                })?;
                threads.running.insert(name, handle);
            }
        }
        Ok(threads)
    }

    fn desk(&self, spec: &Arc<StageSpec>, thread: usize, stores: StoreOpener) -> Desk {
        let application = &spec.config.application;
        // Several inputs of one stage are several applications.
        let name = application.strip_prefix("quartermaster-").unwrap_or(application);
        Desk {
            spec: Arc::clone(spec),
            name: format!("{name}-{thread}"),
            instance: format!("{}-{thread}", self.settings.instance),
            keep_membership: self.settings.keep_membership,
            log: Arc::clone(self.log),
            stores,
            clock: Arc::clone(self.clock),
            metrics: self.metrics.clone(),
            seat: self.board.seat(&spec.config.stage, thread),
            stop: Arc::clone(self.stop),
        }
    }

    fn wait_for_end(&self, threads: &mut Threads) {
        let limit_ms = i64::try_from(self.settings.shutdown_timeout.as_millis()).unwrap_or(i64::MAX);
        let deadline_ms = self.clock.monotonic_ms().saturating_add(limit_ms);
        while !threads.running.is_empty() && self.clock.monotonic_ms() < deadline_ms {
            threads.join_ended(LOOK);
        }
    }
}

impl Threads {
    /// Joins those that have ended; waits so long for the first of them.
    fn join_ended(&mut self, max_wait: Duration) {
        let mut next = self.ended.recv_timeout(max_wait).ok();
        while let Some(name) = next {
            self.join(&name);
            next = self.ended.try_recv().ok();
        }
    }

    fn join(&mut self, name: &str) {
        let Some(handle) = self.running.remove(name) else { return };
        let outcome = handle.join().unwrap_or_else(|panic| Err(panicked(name, &*panic)));
        match outcome {
            Ok(()) => tracing::info!(worker = name, "closed"),
            Err(failure) if self.failure.is_none() => self.failure = Some(failure),
            Err(Failure::Request(error) | Failure::Runtime(error)) => tracing::error!("{error:#}"),
        }
    }

    /// The service's outcome. Threads that still run end with the process.
    fn conclude(self, limit: Duration) -> Outcome {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.running.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self.running.keys().map(String::as_str).collect();
        Err(Failure::Runtime(anyhow!(
            "{} did not close within {} s (service.shutdown_timeout_ms); nothing is lost, what was not committed is read \
             again",
            names.join(", "),
            limit.as_secs_f64()
        )))
    }
}

fn panicked(name: &str, panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied();
    let message = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Failure::Runtime(anyhow!("{name} stopped at a fault of the program: {message}; please report it"))
}
