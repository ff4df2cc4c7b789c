//! Calls of a producer that end in time even where librdkafka's do not.
//!
//! librdkafka 2.12 drops a broker that its cluster no longer lists, and forgets to answer a transaction
//! call that was under way to it: the caller would wait for ever. So the calls are made on a thread of the
//! producer's own, and whoever waits gives up. A client that did not answer is never used nor destroyed
//! again: both would wait as well. It is left to its thread, and a new one with the same id fences it.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use processor::ports::LogError;

use super::error::fatal;

/// librdkafka answers its own deadlines a little late.
const GRACE: Duration = Duration::from_secs(2);

type Job<C> = Box<dyn FnOnce(&C) + Send>;

/// A client with a thread for its calls.
pub(super) struct Bounded<C: Send + Sync + 'static> {
    client: Arc<C>,
    jobs: Option<Sender<Job<C>>>,
    thread: Option<JoinHandle<()>>,
    stuck: Cell<bool>,
}

impl<C: Send + Sync + 'static> Bounded<C> {
    pub(super) fn new(client: C) -> Result<Self, LogError> {
        let client = Arc::new(client);
        let (jobs, queue) = channel::<Job<C>>();
        let of_thread = Arc::clone(&client);
        let thread = Builder::new().name("transactions".to_owned());
        let thread = thread.spawn(move || queue.into_iter().for_each(|job| job(&of_thread)));
        let thread = thread.map_err(|error| fatal("open", format!("no thread for a producer: {error}")))?;
        Ok(Self { client, jobs: Some(jobs), thread: Some(thread), stuck: Cell::new(false) })
    }

    /// For calls that do not wait.
    pub(super) fn client(&self) -> &C {
        &self.client
    }

    /// A call that may wait so long; past that nobody knows what became of it.
    pub(super) fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        max_wait: Duration,
        call: impl FnOnce(&C) -> T + Send + 'static,
    ) -> Result<T, LogError> {
        let started = self.start(operation, max_wait, call)?;
        loop {
            if let Some(answer) = self.answer(&started, max_wait)? {
                return Ok(answer);
            }
        }
    }

    /// The same without waiting.
    pub(super) fn start<T: Send + 'static>(
        &self,
        operation: &'static str,
        max_wait: Duration,
        call: impl FnOnce(&C) -> T + Send + 'static,
    ) -> Result<Started<T>, LogError> {
        if self.stuck.get() {
            return Err(in_doubt(operation));
        }
        let (tell, told) = channel();
        // Nobody listens any more when the call ends too late.
        let job: Job<C> = Box::new(move |client| drop(tell.send(call(client))));
        if self.jobs.as_ref().is_none_or(|jobs| jobs.send(job).is_err()) {
            return Err(fatal(operation, "the producer's thread has ended"));
        }
        Ok(Started { operation, told, until: now() + max_wait + GRACE })
    }

    /// What a call came to, waiting for it at most so long; `None`: it may still come.
    pub(super) fn answer<T>(&self, started: &Started<T>, max_wait: Duration) -> Result<Option<T>, LogError> {
        let Started { operation, told, until } = started;
        let left = until.saturating_duration_since(now());
        match told.recv_timeout(max_wait.min(left)) {
            Ok(answer) => Ok(Some(answer)),
            Err(RecvTimeoutError::Timeout) if max_wait < left => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                tracing::error!(operation, "librdkafka does not come back; leaving this client behind");
                self.stuck.set(true);
                Err(in_doubt(operation))
            }
            Err(RecvTimeoutError::Disconnected) => Err(fatal(operation, "the producer's thread has ended")),
        }
    }
}

/// A call that is under way.
pub(super) struct Started<T> {
    operation: &'static str,
    told: Receiver<T>,
    until: Instant,
}

#[allow(clippy::disallowed_methods, reason = "how long another thread may take is the machine's time")]
fn now() -> Instant {
    Instant::now()
}

fn in_doubt(operation: &'static str) -> LogError {
    LogError::InDoubt { operation, reason: "the client did not answer in time".to_owned() }
}

impl<C: Send + Sync + 'static> Drop for Bounded<C> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take().filter(|_| !self.stuck.get()) {
            // It panics only where a call does, and then that call has said so.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    #[test]
    fn a_call_that_never_ends_is_left_behind_and_the_next_does_not_wait() {
        // Its other end lives as long as the test: a wait for ever.
        let (_never, gate): (Sender<()>, Receiver<()>) = channel();
        let bounded = Bounded::new(Mutex::new(gate)).unwrap();
        assert_eq!(bounded.call("call", Duration::ZERO, |_| 7), Ok(7));
        let wait = |gate: &Mutex<Receiver<()>>| gate.lock().unwrap_or_else(PoisonError::into_inner).recv().is_ok();
        assert!(matches!(bounded.call("call", Duration::ZERO, wait), Err(LogError::InDoubt { .. })));
        assert!(matches!(bounded.call("call", Duration::from_mins(10), |_| 7), Err(LogError::InDoubt { .. })));
        drop(bounded);
    }

    #[test]
    fn whoever_looks_for_an_answer_that_never_comes_is_told_at_its_limit() {
        let (_never, gate): (Sender<()>, Receiver<()>) = channel();
        let bounded = Bounded::new(Mutex::new(gate)).unwrap();
        let wait = |gate: &Mutex<Receiver<()>>| gate.lock().unwrap_or_else(PoisonError::into_inner).recv().is_ok();
        let started = bounded.start("call", Duration::ZERO, wait).unwrap();
        assert_eq!(bounded.answer(&started, Duration::ZERO), Ok(None));
        let answer = loop {
            match bounded.answer(&started, GRACE) {
                Ok(None) => {}
                answer => break answer,
            }
        };
        assert!(matches!(answer, Err(LogError::InDoubt { .. })));
        drop(bounded);
    }
}
