//! How a worker takes partitions over: restore, prove, resume; and how it starts afresh after a
//! transaction that did not commit.
//!
//! Whatever the log cannot answer yet (a transaction of the former owner is still open, the group's
//! offset still moves), and what takes longer than a slice, goes on in the next turn: the other
//! partitions go on meanwhile.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use super::lane::Lane;
use super::{ProtocolStep, RuntimeError};
use schemas::Timestamp;
use schemas::row::RowError;

use crate::operator::{Operator, StateRow};
use crate::ports::{Extent, Isolation, LogError, TopicPartition};
use crate::restore::{Progress, Request, RestoreError, Restored, restore};
use crate::runtime::Worker;
use crate::store::wakeups::{self, DueOf};
use crate::store::{Checkpoint, StateStore, StoreError};
use crate::task::{Task, TaskConfig, belongs_to_runtime};

/// Longest wait of one attempt to open a partition: the others stand still while it lasts.
const ATTEMPT: Duration = Duration::from_millis(500);
/// The other partitions stand still no longer than this, and one attempt.
const TURN_MS: i64 = 100;
/// Stores that are opened at the same time.
const TOGETHER: usize = 4;
/// A restore hands the worker back to its other partitions after this long.
const SLICE_MS: i64 = 50;

/// A partition that was assigned and is not restored yet.
#[derive(Default)]
pub(super) struct Opening {
    store: Option<Box<dyn StateStore>>,
    progress: Progress,
    since_us: Option<i64>,
    /// Its store was set aside while it was read.
    set_aside: bool,
}

impl<O: Operator> Worker<O> {
    /// Opens the partitions that were assigned, as far as the log lets it. What every partition
    /// reads has been read to its end just before.
    pub(super) fn open_assigned(&mut self) -> Result<(), RuntimeError> {
        let until_ms = self.clock.monotonic_ms() + TURN_MS;
        let mut waiting = std::mem::take(&mut self.opening);
        // The next in turn first: one that cannot open must not keep the others from it.
        let mut turn: Vec<i32> = waiting.keys().copied().collect();
        let first = turn.partition_point(|partition| *partition <= self.opened_last);
        turn.rotate_left(first);
        self.open_stores(&turn, &mut waiting, until_ms);
        for partition in turn {
            let Some(mut opening) = waiting.remove(&partition) else { continue };
            if self.clock.monotonic_ms() >= until_ms {
                self.opening.insert(partition, opening);
                continue;
            }
            self.opened_last = partition;
            let input = TopicPartition::new(&self.config.topics.input, partition);
            match self.open_lane(&input, &mut opening) {
                Ok(lane) => {
                    self.lanes.insert(partition, lane);
                }
                Err(error) if is_too_early(&error) => {
                    tracing::debug!(partition, %error, "not open yet");
                    self.opening.insert(partition, opening);
                }
                // Opening a database reads little of it: damage is also met when all of it is read. Once: a new
                // store that is damaged at once is the disk's doing.
                Err(error) if is_damage(&error) && !opening.set_aside => {
                    tracing::error!(partition, %error, "the store is corrupt; setting it aside and rebuilding");
                    drop(opening);
                    self.stores.quarantine(partition)?;
                    self.opening.insert(partition, Opening { set_aside: true, ..Opening::default() });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Opens stores and has their changelogs fetched, while the partitions before them are restored: a broker lets each
    /// wait for its records and for its end. Whatever fails is met again when it is the partition's turn.
    fn open_stores(&mut self, turn: &[i32], waiting: &mut BTreeMap<i32, Opening>, until_ms: i64) {
        let is_closed = |partition: &&i32| waiting.get(*partition).is_some_and(|opening| opening.store.is_none());
        let closed: Vec<i32> = turn.iter().filter(is_closed).copied().collect();
        for together in closed.chunks(TOGETHER) {
            if self.clock.monotonic_ms() >= until_ms {
                return;
            }
            let began_us = self.clock.monotonic_us();
            for (partition, store) in together.iter().zip(self.stores.open_together(together)) {
                if let Some(opening) = waiting.get_mut(partition) {
                    opening.since_us.get_or_insert(began_us);
                    opening.store = store.ok();
                    self.fetch_ahead(*partition, opening);
                }
            }
        }
    }

    fn fetch_ahead(&mut self, partition: i32, opening: &Opening) {
        let checkpoint = opening.store.as_ref().and_then(|store| store.checkpoint().ok().flatten());
        if let Some(Checkpoint { changelog_offset, .. }) = checkpoint {
            let changelog = TopicPartition::new(&self.config.topics.changelog, partition);
            self.reader.fetch_ahead(&changelog, changelog_offset, Isolation::ReadCommitted);
        }
    }

    /// Restores a partition, proves its position and lets its records come.
    fn open_lane(&mut self, input: &TopicPartition, opening: &mut Opening) -> Result<Lane<O>, RuntimeError> {
        let since_us = *opening.since_us.get_or_insert(self.clock.monotonic_us());
        let mut store = match opening.store.take() {
            Some(store) => store,
            None => self.open_store(input.partition)?,
        };
        let restored = match self.restore(input, &mut *store, &mut opening.progress) {
            Ok(restored) => restored,
            Err(error) => {
                opening.store = Some(store);
                return Err(error);
            }
        };
        self.reached(ProtocolStep::Restored)?;
        let config = TaskConfig { partition: input.partition, ..self.config.task.clone() };
        let input_id = self.reader.topic_id(&input.topic, self.attempt())?;
        let start = self.start_of(input, &input_id, &restored)?;
        let task = Task::new(config, (self.operator)(input.partition)).reading(&input_id);
        let mut task = self.filled(task, &mut *store).map_err(|error| -> RuntimeError {
            match error {
                StoreError::Row(source) => RestoreError::Row { partition: input.partition, source }.into(),
                error => error.into(),
            }
        })?;
        for (record, rejection) in task.resume(self.broadcasts.records()) {
            super::broadcast::ignored(record, &rejection);
        }
        self.consumer.seek(input, start)?;
        self.reader.release(&TopicPartition::new(&self.config.topics.changelog, input.partition));
        self.count_restore(input.partition, &restored, opening.progress, since_us);
        Ok(Lane::new(task, store, restored.checkpoint))
    }

    /// Gives a task the rows of its store: those of the runtime, and its states or the way to them.
    fn filled(&self, mut task: Task<O>, store: &mut dyn StateStore) -> Result<Task<O>, StoreError> {
        let Some(memory) = &self.config.states else {
            store.scan(&mut |key, row| Ok(task.install(key, row)?))?;
            return Ok(task);
        };
        wakeups::complete(store, &due_of::<O>)?;
        task = task.bounded(memory).backed(store.reader(), self.config.commit_records);
        let mut installed = Ok(());
        store.rows_from(&[], &mut |key, row| {
            if installed.is_ok() && belongs_to_runtime(key) {
                installed = task.install(key, row);
                return installed.is_ok();
            }
            false
        })?;
        Ok(installed.map(|()| task)?)
    }

    /// The offset to read from. What is gone although nobody has read it is never skipped silently.
    fn start_of(&mut self, input: &TopicPartition, input_id: &str, restored: &Restored) -> Result<i64, RuntimeError> {
        let position = restored.position;
        let Extent { start, end, .. } = self.reader.extent(input, self.attempt())?;
        let gone = |begins_or_ends, what_to_do| RuntimeError::InputGone {
            topic: input.topic.clone(),
            partition: input.partition,
            position,
            begins_or_ends,
            what_to_do,
        };
        if position > end || !restored.input_id.is_empty() && restored.input_id != input_id {
            return Err(gone(
                format!("is another one now, with {start} to {end}"),
                "it was deleted and created again; bring the old one back, or start over with \
                 `quartermaster state reset`",
            ));
        }
        if position > 0 && start > position {
            return Err(gone(
                format!("begins at {start}"),
                "retention has deleted records that nobody has read; lengthen `retention.ms`, and accept the gap with \
                 `quartermaster state reset`",
            ));
        }
        Ok(position.max(start))
    }

    fn restore(
        &mut self,
        input: &TopicPartition,
        store: &mut dyn StateStore,
        progress: &mut Progress,
    ) -> Result<Restored, RuntimeError> {
        let changelog = TopicPartition::new(&self.config.topics.changelog, input.partition);
        let committed = self.committed_offset(input)?;
        let (wall_ms, call_timeout) = (self.clock.wall_ms(), self.attempt());
        let due_of = self.config.states.is_some().then_some(&due_of::<O> as &DueOf<'_>);
        let request = Request { changelog: &changelog, committed, wall_ms, call_timeout, due_of };
        match self.restore_slice(store, &request, progress) {
            Err(RestoreError::Unproven { .. }) if self.committed_offset(input)? != committed => {
                Err(LogError::Retriable {
                    operation: "restore",
                    reason: format!("another member still commits partition {}", input.partition),
                }
                .into())
            }
            Err(error @ RestoreError::Unproven { full: false, .. }) => {
                tracing::error!(partition = input.partition, %error, "rebuilding the store in full");
                store.clear()?;
                Ok(self.restore_slice(store, &request, progress)?)
            }
            result => Ok(result?),
        }
    }

    fn restore_slice(
        &mut self,
        store: &mut dyn StateStore,
        request: &Request<'_>,
        progress: &mut Progress,
    ) -> Result<Restored, RestoreError> {
        let until_ms = self.clock.monotonic_ms() + SLICE_MS;
        let (clock, observer, partition) = (&self.clock, &self.observer, request.changelog.partition);
        restore(&mut *self.reader, store, request, progress, &mut |remaining| {
            observer.restoring(partition, remaining);
            if clock.monotonic_ms() < until_ms { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    }

    fn committed_offset(&mut self, input: &TopicPartition) -> Result<Option<i64>, LogError> {
        let wait = self.attempt();
        Ok(self.consumer.committed(std::slice::from_ref(input), wait)?.get(input).copied())
    }

    fn attempt(&self) -> Duration {
        self.call_timeout().min(ATTEMPT)
    }

    fn count_restore(&mut self, partition: i32, restored: &Restored, progress: Progress, since_us: i64) {
        let Progress { records, full } = progress;
        self.stats.restored_records += records;
        self.stats.full_restores += u64::from(full);
        let took = Duration::from_micros(u64::try_from(self.clock.monotonic_us() - since_us).unwrap_or_default());
        self.observer.restored(partition, records, full, took);
        tracing::info!(partition, position = restored.position, records, full, took_ms = took.as_millis(), "restored");
    }

    /// A store that cannot be read is set aside, and rebuilt from the changelog: that partition only.
    fn open_store(&mut self, partition: i32) -> Result<Box<dyn StateStore>, RuntimeError> {
        match self.stores.open(partition) {
            Err(StoreError::Corrupt { path, reason }) => {
                tracing::error!(partition, %path, %reason, "the store is corrupt; setting it aside and rebuilding");
                self.stores.quarantine(partition)?;
                Ok(self.stores.open(partition)?)
            }
            result => Ok(result?),
        }
    }

    /// Opens partitions again of which something could not be read: nothing they have decided since may be
    /// committed. A store that is damaged is set aside first, and rebuilt from the changelog.
    pub(super) fn reopen_failed(&mut self) -> Result<(), RuntimeError> {
        if !self.lanes.values().any(|lane| lane.task.has_failed()) {
            return Ok(());
        }
        // What was sealed before the failure is sound.
        self.finish()?;
        let failed = |lane: &mut Lane<O>| lane.task.take_failure();
        let failed: Vec<(i32, StoreError)> =
            self.lanes.iter_mut().filter_map(|(partition, lane)| Some((*partition, failed(lane)?))).collect();
        for (partition, error) in failed {
            self.lanes.remove(&partition);
            match error {
                StoreError::Corrupt { .. } => {
                    tracing::error!(partition, %error, "the store is corrupt; setting it aside and rebuilding");
                    self.stores.quarantine(partition)?;
                }
                StoreError::Row(source) => return Err(RestoreError::Row { partition, source }.into()),
                error => return Err(error.into()),
            }
            self.opening.insert(partition, Opening { set_aside: true, ..Opening::default() });
            self.consumer.resume(&[TopicPartition::new(&self.config.topics.input, partition)])?;
        }
        // Those that stay may rest on sums that are decided on less than all.
        self.reopen_lanes()
    }

    /// Drops everything that is not committed; the partitions open again from what is proven.
    pub(super) fn reopen_lanes(&mut self) -> Result<(), RuntimeError> {
        let partitions: Vec<TopicPartition> =
            self.lanes.keys().map(|p| TopicPartition::new(&self.config.topics.input, *p)).collect();
        self.opening.extend(self.lanes.keys().map(|partition| (*partition, Opening::default())));
        self.lanes.clear();
        self.broadcasts.rewind_board();
        Ok(self.consumer.resume(&partitions)?)
    }
}

/// When the row of a state wants to be woken.
fn due_of<O: Operator>(row: &[u8]) -> Result<Option<Timestamp>, RowError> {
    Ok(O::State::decode(row)?.next_due())
}

fn is_damage(error: &RuntimeError) -> bool {
    matches!(
        error,
        RuntimeError::Store(StoreError::Corrupt { .. })
            | RuntimeError::Restore(RestoreError::Store(StoreError::Corrupt { .. }))
    )
}

fn is_too_early(error: &RuntimeError) -> bool {
    matches!(
        error,
        RuntimeError::Log(LogError::Retriable { .. })
            | RuntimeError::Restore(
                RestoreError::Log(LogError::Retriable { .. })
                    | RestoreError::Unstable { .. }
                    | RestoreError::Underway { .. }
            )
    )
}
