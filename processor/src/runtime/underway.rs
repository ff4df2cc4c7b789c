//! A transaction on its way: everything in it is sealed and produced, the log has not said yet that it has
//! committed.

use std::ops::ControlFlow;
use std::time::Duration;

use schemas::Timestamp;

use super::lane::Rejected;
use super::{Clock, FailPoint, OutcomeCounts, ProtocolStep, RuntimeError, StageConfig};
use crate::ports::{GroupMetadata, LogError, Offsets, TransactionalLog};
use crate::task::CommitUnit;

/// One partition's part of a transaction, taken out of its lane: what comes after it belongs to the next.
pub(super) struct Sealed<T> {
    pub(super) partition: i32,
    pub(super) unit: CommitUnit<T>,
    /// Records that could not be used.
    pub(super) rejected: Vec<Rejected>,
    /// Records taken, and what became of them.
    pub(super) taken: usize,
    pub(super) outcomes: OutcomeCounts,
    /// When the last of them was written.
    pub(super) timestamp_ms: i64,
    pub(super) stream_time: Timestamp,
}

/// What a transaction needs of its worker.
pub(super) struct Means<'a> {
    pub(super) config: &'a StageConfig,
    pub(super) producer: &'a mut dyn TransactionalLog,
    pub(super) clock: &'a dyn Clock,
    pub(super) failpoints: &'a mut dyn FailPoint,
}

impl Means<'_> {
    pub(super) fn reached(&mut self, step: ProtocolStep) -> Result<(), RuntimeError> {
        match self.failpoints.reached(step) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(RuntimeError::Killed(step)),
        }
    }

    pub(super) fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.config.call_timeout_ms)
    }

    /// Calls again while the log says so, within one call timeout; past it the transaction is in
    /// doubt, whatever it was that did not get through.
    pub(super) fn call(
        &mut self,
        operation: &'static str,
        mut call: impl FnMut(&mut dyn TransactionalLog, Duration) -> Result<(), LogError>,
    ) -> Result<(), RuntimeError> {
        let (wait, mut deadline) = (self.call_timeout(), None);
        while let Err(error) = call(self.producer, wait) {
            self.once_more(operation, error, &mut deadline)?;
        }
        Ok(())
    }

    /// Nearly every call succeeds at once, and needs no clock. One that fails has waited by itself, too.
    fn once_more(
        &self,
        operation: &'static str,
        error: LogError,
        deadline: &mut Option<i64>,
    ) -> Result<(), RuntimeError> {
        let LogError::Retriable { reason, .. } = error else { return Err(error.into()) };
        let now_ms = self.clock.monotonic_ms();
        if now_ms >= *deadline.get_or_insert(now_ms + self.config.call_timeout_ms as i64) {
            return Err(LogError::InDoubt { operation, reason }.into());
        }
        Ok(())
    }
}

/// How a transaction ends: what it commits besides its records.
pub(super) struct Ending {
    offsets: Offsets,
    group: GroupMetadata,
    /// Until when what failed is begun again.
    deadline: Option<i64>,
}

impl Ending {
    pub(super) fn new(offsets: Offsets, group: GroupMetadata) -> Self {
        Self { offsets, group, deadline: None }
    }

    /// Ends the transaction, and returns once the log says that everything is committed.
    pub(super) fn run(&self, means: &mut Means<'_>) -> Result<(), RuntimeError> {
        means.call("send_offsets", |producer, wait| producer.send_offsets(&self.offsets, &self.group, wait))?;
        means.reached(ProtocolStep::OffsetsSent)?;
        means.call("commit", |producer, wait| producer.commit(wait))?;
        means.reached(ProtocolStep::Committed)
    }

    /// Has the log end it.
    pub(super) fn begin(&self, means: &mut Means<'_>) -> Result<(), RuntimeError> {
        means.call("commit", |producer, wait| producer.start_ending(&self.offsets, &self.group, wait))
    }

    /// Whether the log has committed it, waiting for its answer at most so long.
    pub(super) fn is_answered(&mut self, means: &mut Means<'_>, max_wait: Duration) -> Result<bool, RuntimeError> {
        match means.producer.answer(max_wait) {
            Ok(None) => Ok(false),
            Ok(Some(())) => means.reached(ProtocolStep::Committed).map(|()| true),
            Err(error) => {
                means.once_more("commit", error, &mut self.deadline)?;
                self.begin(means).map(|()| false)
            }
        }
    }
}

/// A transaction that the log has not answered.
pub(super) struct Underway<T> {
    pub(super) sealed: Vec<Sealed<T>>,
    pub(super) ending: Ending,
    /// Monotonic time at which it was begun.
    pub(super) began_ms: i64,
    /// What its worker has spent on it so far.
    pub(super) spent: Duration,
}
