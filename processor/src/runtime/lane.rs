//! One owned partition: its task, its store, the rows committed but not yet in the store, and the
//! records that wait.

use schemas::Timestamp;
use schemas::stream::AggregatePartial;

use super::backlog::Backlog;
use super::pending::Pending;
use super::underway::Sealed;
use super::{OutcomeCounts, RuntimeError};
use crate::epochs::EpochBoard;
use crate::operator::{Incoming, Operator, Rejection};
use crate::ports::RecordView;
use crate::store::{Batch, Checkpoint, StateStore, Wakeups};
use crate::task::{CommitUnit, Step, Task};

/// A record that could not be used, as it goes to the dead letters.
pub(super) struct Rejected {
    pub(super) record: OwnedRecord,
    pub(super) rejection: Rejection,
}

/// A record kept past its batch.
#[derive(Clone)]
pub(super) struct OwnedRecord {
    pub(super) offset: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

impl OwnedRecord {
    fn copy(record: &Incoming<'_>) -> Self {
        Self {
            offset: record.offset,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.to_vec(),
        }
    }
}

/// Stream time between two times that the store is told which wake-ups have passed.
const PASSED_STEP_MS: i64 = schemas::time::MINUTE_MS;

/// Whether a record was taken.
#[derive(PartialEq, Eq)]
enum Taken {
    Yes,
    Waiting,
}

pub(super) struct Lane<O: Operator> {
    pub(super) task: Task<O>,
    store: Box<dyn StateStore>,
    /// Every row before it is in the store or in `pending`, and was written by an owner.
    checkpoint: Checkpoint,
    /// Where the changelog ended before the transaction now being made: the next checkpoint, once
    /// that transaction has committed.
    pub(super) sampled_end: Option<i64>,
    /// Monotonic time at which the log last did not answer when it was asked for it.
    pub(super) unanswered_ms: i64,
    /// Monotonic time since when rows are committed past the checkpoint: whoever opens the store reads them again.
    unproven_since_ms: Option<i64>,
    /// The checkpoint is newer than the store's.
    checkpoint_moved: bool,
    /// Committed, not in the store.
    pending: Pending,
    /// Monotonic time of the oldest commit in `pending`.
    pending_since_ms: Option<i64>,
    /// No row wants to be woken before this instant; and what the store was told of it.
    passed: Timestamp,
    told_passed: Timestamp,
    backlog: Backlog,
    pub(super) paused: bool,
    /// Of the sums closed since the last transaction was sealed, those that were handed to the board.
    shared: usize,
    /// Monotonic time since when the task has waited for an epoch.
    waiting_since_ms: Option<i64>,
    /// More timers are due before the next record than go into one transaction.
    sweeping: bool,
    pub(super) rejected: Vec<Rejected>,
    /// Records taken since the last transaction was sealed.
    pub(super) taken: usize,
    /// What became of them.
    pub(super) outcomes: OutcomeCounts,
    /// When the last of them was written.
    pub(super) timestamp_ms: i64,
    /// Records of the input still to be read, when it was last asked; `None`: nobody knows.
    pub(super) lag: Option<i64>,
}

impl<O: Operator> Lane<O> {
    pub(super) fn new(task: Task<O>, store: Box<dyn StateStore>, checkpoint: Checkpoint) -> Self {
        Self {
            task,
            store,
            checkpoint,
            sampled_end: None,
            unanswered_ms: i64::MIN / 2,
            unproven_since_ms: None,
            checkpoint_moved: false,
            pending: Pending::default(),
            pending_since_ms: None,
            passed: Timestamp::MIN,
            told_passed: Timestamp::MIN,
            backlog: Backlog::default(),
            shared: 0,
            paused: false,
            waiting_since_ms: None,
            sweeping: false,
            rejected: Vec::new(),
            taken: 0,
            outcomes: OutcomeCounts::default(),
            timestamp_ms: 0,
            lag: None,
        }
    }

    pub(super) fn backlog_len(&self) -> usize {
        self.backlog.len()
    }

    /// Processes a record of the batch, or keeps it behind those that wait.
    pub(super) fn offer(&mut self, record: &RecordView<'_>, board: &EpochBoard, now_ms: i64) {
        let incoming = Incoming {
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        if record.offset < self.expected() {
            // Folding a record twice would be wrong for ever; not folding it again is right.
            tracing::warn!(partition = record.partition, offset = record.offset, "delivered again; passed by");
            return;
        }
        if !self.backlog.is_empty() || self.take(&incoming, board, now_ms) == Taken::Waiting {
            self.backlog.push(&incoming);
        }
    }

    /// No record before this offset is wanted.
    fn expected(&self) -> i64 {
        self.backlog.last_offset().map_or(self.task.position(), |last| last + 1)
    }

    /// Goes on with the records that waited. True if any was taken.
    pub(super) fn drain_backlog(&mut self, board: &EpochBoard, now_ms: i64, epoch_wait_ms: i64) -> bool {
        if self.waiting_since_ms.is_some_and(|since| now_ms - since >= epoch_wait_ms) {
            tracing::warn!(
                partition = self.task.partition(),
                "an epoch stays incomplete; going on without it, journalled"
            );
            self.task.force_epoch();
        }
        let mut any = false;
        let mut backlog = std::mem::take(&mut self.backlog);
        while let Some(incoming) = backlog.first(self.task.partition()) {
            if self.take(&incoming, board, now_ms) == Taken::Waiting {
                break;
            }
            backlog.pop();
            any = true;
        }
        self.backlog = backlog;
        any
    }

    fn take(&mut self, incoming: &Incoming<'_>, board: &EpochBoard, now_ms: i64) -> Taken {
        self.sweeping = false;
        let step = match self.task.operator().decode(incoming) {
            Ok(record) => self.task.process(incoming.offset, &record, board),
            Err(rejection) => {
                self.task.skip(incoming.offset);
                Step::Done(Err(rejection))
            }
        };
        match step {
            Step::AwaitEpoch { .. } => {
                self.waiting_since_ms.get_or_insert(now_ms);
                return Taken::Waiting;
            }
            Step::Sweeping => {
                self.sweeping = true;
                return Taken::Waiting;
            }
            Step::Done(Ok(outcome)) => self.outcomes.count(outcome),
            Step::Done(Err(rejection)) => {
                self.rejected.push(Rejected { record: OwnedRecord::copy(incoming), rejection });
            }
        }
        self.waiting_since_ms = None;
        self.timestamp_ms = incoming.timestamp_ms;
        self.taken += 1;
        Taken::Yes
    }

    /// Timers wait for the next transaction.
    pub(super) fn is_sweeping(&self) -> bool {
        self.sweeping
    }

    /// The next record waits for an epoch.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting_since_ms.is_some()
    }

    /// Something of this partition waits to be committed: records, or what waiting has closed.
    pub(super) fn is_dirty(&self) -> bool {
        self.taken > 0 || self.task.is_dirty()
    }

    /// Something that somebody outside waits for: an alert, a dead letter.
    pub(super) fn is_urgent(&self) -> bool {
        self.task.has_effects() || !self.rejected.is_empty()
    }

    /// Sums of its partition wait to be committed.
    pub(super) fn has_sums(&self) -> bool {
        !self.task.partials().is_empty()
    }

    /// The sums closed since the last call, where they may be used before they are committed.
    pub(super) fn new_sums(&mut self, alone: bool) -> &[AggregatePartial] {
        let sums = self.task.partials();
        if !alone || self.shared >= sums.len() {
            return &[];
        }
        &sums[std::mem::replace(&mut self.shared, sums.len())..]
    }

    /// Takes out what the next transaction holds of this partition.
    pub(super) fn seal(&mut self) -> Sealed<O::Output> {
        self.shared = 0;
        Sealed {
            partition: self.task.partition(),
            unit: self.task.seal(),
            rejected: std::mem::take(&mut self.rejected),
            taken: std::mem::take(&mut self.taken),
            outcomes: std::mem::take(&mut self.outcomes),
            timestamp_ms: self.timestamp_ms,
            stream_time: self.task.stream_time(),
        }
    }

    /// Of this partition nothing but how far it is.
    pub(super) fn position_only(&self) -> Sealed<O::Output> {
        Sealed {
            partition: self.task.partition(),
            unit: CommitUnit::new(self.task.position()),
            rejected: Vec::new(),
            taken: 0,
            outcomes: OutcomeCounts::default(),
            timestamp_ms: self.timestamp_ms,
            stream_time: self.task.stream_time(),
        }
    }

    /// The transaction begun at `now_ms` has committed: its rows may go to the store.
    pub(super) fn committed(&mut self, unit: &CommitUnit<O::Output>, now_ms: i64) {
        for (key, row, due) in unit.rows_due() {
            self.pending.put(key, row, due);
        }
        self.pending_since_ms.get_or_insert(now_ms);
        self.passed = unit.passed.unwrap_or(self.passed);
        self.proven();
        self.unproven_since_ms.get_or_insert(now_ms);
    }

    /// A transaction that was begun after the changelog was asked has committed.
    pub(super) fn proven(&mut self) {
        if let Some(end) = self.sampled_end.take() {
            self.checkpoint.changelog_offset = end;
            self.checkpoint_moved = true;
            self.unproven_since_ms = None;
        }
    }

    pub(super) fn is_unproven(&self) -> bool {
        self.unproven_since_ms.is_some()
    }

    /// For so long rows have been committed that the checkpoint does not know of.
    pub(super) fn unproven_for_ms(&self, now_ms: i64) -> i64 {
        self.unproven_since_ms.map_or(0, |since| now_ms - since)
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.pending.bytes()
    }

    /// For so long rows have waited to be written to the store.
    pub(super) fn pending_for_ms(&self, now_ms: i64) -> i64 {
        self.pending_since_ms.map_or(0, |since| now_ms - since)
    }

    /// There is a newer checkpoint than the store's.
    pub(super) fn is_proven(&self) -> bool {
        self.checkpoint_moved
    }

    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty() || self.checkpoint_moved
    }

    /// Brings the store up to date with everything committed, and with nothing else (invariant I9).
    pub(super) fn flush(&mut self, wall_ms: i64) -> Result<(), RuntimeError> {
        self.checkpoint.committed_at_ms = wall_ms;
        let mut entries = Vec::new();
        if self.task.is_backed() {
            entries.extend(self.pending.wakeups());
        }
        // Not at every flush: each time leaves a mark that readers of the index pass.
        let moved = self.passed > self.told_passed.plus_ms(PASSED_STEP_MS) && self.passed < Timestamp::MAX;
        let passed = moved.then_some(self.passed);
        self.store.apply(Batch {
            rows: Some(&mut self.pending.rows()),
            wakeups: Wakeups { passed, entries: &entries, complete: false },
            checkpoint: Some(&self.checkpoint),
        })?;
        self.told_passed = passed.unwrap_or(self.told_passed);
        self.pending.clear();
        self.task.flushed();
        self.pending_since_ms = None;
        self.checkpoint_moved = false;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), RuntimeError> {
        Ok(self.store.sync()?)
    }
}

/// A planted bug: rows reach the stores before their transaction commits.
#[cfg(feature = "planted-bugs")]
pub(super) fn write_early<O: Operator>(
    lanes: &mut std::collections::BTreeMap<i32, Lane<O>>,
    sealed: &[Sealed<O::Output>],
) -> Result<(), RuntimeError> {
    for Sealed { partition, unit, .. } in sealed {
        if let Some(lane) = lanes.get_mut(partition)
            && crate::planted::is(crate::planted::Bug::StoreBeforeCommit)
        {
            lane.store.write(&mut unit.rows(), &lane.checkpoint)?;
        }
    }
    Ok(())
}
