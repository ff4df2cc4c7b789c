//! Where every worker stands, for the admin port: kept by the workers, read by whoever asks.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use processor::runtime::{Clock, Standing};
use prometheus::IntGauge;
use serde::Serialize;

/// Where one worker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Opening,
    Working(Standing),
    /// Failed on the log; waits before it opens again.
    Waiting {
        why: String,
    },
    Ended,
}

/// One worker's place on the board.
pub(super) struct Seat {
    stage: String,
    thread: usize,
    /// When it last turned its loop.
    beat_ms: AtomicI64,
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

impl Seat {
    /// The worker is alive.
    pub(super) fn beat(&self) {
        self.beat_ms.store(self.clock.monotonic_ms(), Ordering::Relaxed);
    }

    /// The worker is alive, and stands here.
    pub(super) fn report(&self, state: State) {
        self.beat();
        *self.state() = state;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it does not serve, if it does not.
    fn unready(&self) -> Option<Unready> {
        let (state, why) = match &*self.state() {
            State::Working(Standing::Ready) => return None,
            State::Opening => ("opening", "connecting to Kafka".to_owned()),
            State::Working(Standing::Joining) => {
                ("joining", "the consumer group has not assigned partitions yet".to_owned())
            }
            State::Working(Standing::Restoring(partitions)) => {
                ("restoring", format!("partitions {partitions:?} are being restored from their changelog"))
            }
            State::Waiting { why } => ("waiting", format!("opens again in a moment, after: {why}")),
            State::Ended => ("ended", "the worker has ended".to_owned()),
        };
        Some(Unready { stage: self.stage.clone(), thread: self.thread, state, why })
    }
}

/// A worker that does not serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Unready {
    stage: String,
    thread: usize,
    state: &'static str,
    why: String,
}

/// What `/readyz` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Readiness {
    pub(super) role: &'static str,
    pub(super) ready: bool,
    /// `starting`, `running`, `stopping`.
    phase: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_ready: Vec<Unready>,
}

/// What `/livez` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Liveness {
    pub(super) alive: bool,
    /// Workers that have not turned their loop for too long, and for how long.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stuck: Vec<Stuck>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Stuck {
    stage: String,
    thread: usize,
    silent_ms: i64,
}

enum Phase {
    Starting(String),
    Running,
    Stopping,
}

/// All workers of the service.
pub(super) struct Board {
    role: &'static str,
    clock: Arc<dyn Clock>,
    phase: Mutex<Phase>,
    seats: Mutex<Vec<Arc<Seat>>>,
    ready: IntGauge,
}

impl Board {
    pub(super) fn new(role: &'static str, clock: Arc<dyn Clock>, ready: IntGauge) -> Self {
        let phase = Mutex::new(Phase::Starting("the service begins".to_owned()));
        Self { role, clock, phase, seats: Mutex::default(), ready }
    }

    pub(super) fn starting(&self, what: impl Into<String>) {
        *self.phase() = Phase::Starting(what.into());
    }

    pub(super) fn running(&self) {
        *self.phase() = Phase::Running;
    }

    /// From now on nobody sends anything.
    pub(super) fn stopping(&self) {
        *self.phase() = Phase::Stopping;
    }

    pub(super) fn seat(&self, stage: &str, thread: usize) -> Arc<Seat> {
        let seat = Arc::new(Seat {
            stage: stage.to_owned(),
            thread,
            beat_ms: AtomicI64::new(self.clock.monotonic_ms()),
            state: Mutex::new(State::Opening),
            clock: Arc::clone(&self.clock),
        });
        self.seats().push(Arc::clone(&seat));
        seat
    }

    pub(super) fn readiness(&self) -> Readiness {
        let (phase, why) = match &*self.phase() {
            Phase::Starting(what) => ("starting", Some(what.clone())),
            Phase::Running => ("running", None),
            Phase::Stopping => ("stopping", Some("the service was asked to stop".to_owned())),
        };
        let not_ready: Vec<Unready> = self.seats().iter().filter_map(|seat| seat.unready()).collect();
        let ready = phase == "running" && not_ready.is_empty();
        self.ready.set(i64::from(ready));
        Readiness { role: self.role, ready, phase, why, not_ready }
    }

    pub(super) fn liveness(&self, timeout_ms: i64) -> Liveness {
        let now_ms = self.clock.monotonic_ms();
        let silent = |seat: &Arc<Seat>| {
            let silent_ms = now_ms - seat.beat_ms.load(Ordering::Relaxed);
            let stuck = silent_ms > timeout_ms && *seat.state() != State::Ended;
            stuck.then(|| Stuck { stage: seat.stage.clone(), thread: seat.thread, silent_ms })
        };
        let stuck: Vec<Stuck> = self.seats().iter().filter_map(silent).collect();
        Liveness { alive: stuck.is_empty(), stuck }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seats(&self) -> MutexGuard<'_, Vec<Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
