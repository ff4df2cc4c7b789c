//! One owned partition: its task, its store, the rows committed but not yet in the store, and the
//! records that wait.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::RuntimeError;
use crate::epochs::EpochBoard;
use crate::operator::{Operator, Rejection};
use crate::ports::RecordView;
use crate::store::{Checkpoint, StateStore};
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
}

impl OwnedRecord {
    pub(super) fn of(record: &RecordView<'_>) -> Self {
        Self { offset: record.offset, key: record.key.map(<[u8]>::to_vec), value: record.value.map(<[u8]>::to_vec) }
    }
}

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
    /// Committed, not in the store: `None` deletes. One entry per key, the newest row.
    pending: HashMap<Vec<u8>, Option<Vec<u8>>>,
    pending_bytes: usize,
    backlog: VecDeque<OwnedRecord>,
    pub(super) paused: bool,
    /// Monotonic time since when the task has waited for an epoch.
    waiting_since_ms: Option<i64>,
    pub(super) rejected: Vec<Rejected>,
    /// Records taken since the last commit.
    pub(super) taken: usize,
    pub(super) records_total: u64,
}

impl<O: Operator> Lane<O> {
    pub(super) fn new(task: Task<O>, store: Box<dyn StateStore>, checkpoint: Checkpoint) -> Self {
        Self {
            task,
            store,
            checkpoint,
            sampled_end: None,
            pending: HashMap::new(),
            pending_bytes: 0,
            backlog: VecDeque::new(),
            paused: false,
            waiting_since_ms: None,
            rejected: Vec::new(),
            taken: 0,
            records_total: 0,
        }
    }

    pub(super) fn backlog_len(&self) -> usize {
        self.backlog.len()
    }

    /// Processes a record of the batch, or keeps it behind those that wait.
    pub(super) fn offer(&mut self, record: &RecordView<'_>, board: &EpochBoard, now_ms: i64) {
        if !self.backlog.is_empty()
            || self.take(record.offset, record.key, record.value, board, now_ms) == Taken::Waiting
        {
            self.backlog.push_back(OwnedRecord::of(record));
        }
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
        while let Some(record) = self.backlog.pop_front() {
            let taken = self.take(record.offset, record.key.as_deref(), record.value.as_deref(), board, now_ms);
            if taken == Taken::Waiting {
                self.backlog.push_front(record);
                break;
            }
            any = true;
        }
        any
    }

    fn take(
        &mut self,
        offset: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        board: &EpochBoard,
        now_ms: i64,
    ) -> Taken {
        let payload = value.unwrap_or_default();
        let step = match self.task.operator().decode(payload) {
            Ok(record) => self.task.process(offset, &record, board),
            Err(rejection) => {
                self.task.skip(offset);
                Step::Done(Err(rejection))
            }
        };
        match step {
            Step::AwaitEpoch { .. } => {
                self.waiting_since_ms.get_or_insert(now_ms);
                return Taken::Waiting;
            }
            Step::Done(Ok(_)) => {}
            Step::Done(Err(rejection)) => {
                let record = OwnedRecord { offset, key: key.map(<[u8]>::to_vec), value: value.map(<[u8]>::to_vec) };
                self.rejected.push(Rejected { record, rejection });
            }
        }
        self.waiting_since_ms = None;
        self.taken += 1;
        self.records_total += 1;
        Taken::Yes
    }

    /// Something of this partition waits to be committed: records, or what waiting has closed.
    pub(super) fn is_dirty(&self) -> bool {
        self.taken > 0 || self.task.is_dirty()
    }

    /// Something that somebody waits for: an alert, a partial sum, a dead letter.
    pub(super) fn is_urgent(&self) -> bool {
        self.task.has_effects() || self.task.has_partials() || !self.rejected.is_empty()
    }

    /// The transaction has committed: its rows may go to the store, its records are done.
    pub(super) fn committed(&mut self, unit: &CommitUnit<O::Output>) {
        for (key, row) in unit.rows() {
            self.pending_bytes += key.len() + row.map_or(0, <[u8]>::len);
            self.pending.insert(key.to_vec(), row.map(<[u8]>::to_vec));
        }
        self.taken = 0;
        if let Some(end) = self.sampled_end.take() {
            self.checkpoint.changelog_offset = end;
        }
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Brings the store up to date with everything committed, and with nothing else (invariant I9).
    pub(super) fn flush(&mut self, wall_ms: i64) -> Result<(), RuntimeError> {
        self.checkpoint.committed_at_ms = wall_ms;
        let mut rows = self.pending.iter().map(|(key, row)| (key.as_slice(), row.as_deref()));
        self.store.write(&mut rows, &self.checkpoint)?;
        self.pending.clear();
        self.pending_bytes = 0;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), RuntimeError> {
        Ok(self.store.sync()?)
    }
}
