//! How a worker takes partitions over: restore, prove, resume; and how it starts afresh after a
//! transaction that did not commit.
//!
//! Whatever the log cannot answer yet (a transaction of the former owner is still open, the group's
//! offset still moves) is tried again in the next turn: the other partitions go on meanwhile.

use std::time::Duration;

use super::lane::Lane;
use super::{ProtocolStep, RuntimeError};
use crate::operator::Operator;
use crate::ports::{LogError, TopicPartition};
use crate::restore::{RestoreError, Restored, restore};
use crate::runtime::Worker;
use crate::store::{StateStore, StoreError};
use crate::task::{Task, TaskConfig};

/// Longest wait of one attempt to open a partition: the others stand still while it lasts.
const ATTEMPT: Duration = Duration::from_millis(500);

impl<O: Operator> Worker<O> {
    /// Opens the partitions that were assigned, as far as the log lets it. What every partition
    /// reads has been read to its end just before.
    pub(super) fn open_assigned(&mut self) -> Result<(), RuntimeError> {
        for partition in self.opening.clone() {
            let input = TopicPartition::new(&self.config.topics.input, partition);
            match self.open_lane(&input) {
                Ok(lane) => {
                    self.opening.remove(&partition);
                    self.lanes.insert(partition, lane);
                }
                Err(error) if is_too_early(&error) => tracing::info!(partition, %error, "not open yet"),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Restores a partition, proves its position and lets its records come.
    fn open_lane(&mut self, input: &TopicPartition) -> Result<Lane<O>, RuntimeError> {
        let mut store = self.open_store(input.partition)?;
        let restored = self.restore(input, &mut *store)?;
        self.reached(ProtocolStep::Restored)?;
        let config = TaskConfig { partition: input.partition, ..self.config.task.clone() };
        let mut task = Task::new(config, (self.operator)(input.partition));
        store.scan(&mut |key, row| Ok(task.install(key, row)?))?;
        for (record, rejection) in task.resume(self.broadcasts.records()) {
            super::broadcast::ignored(record, &rejection);
        }
        let start = self.reader.extent(input, self.attempt())?.start;
        self.consumer.seek(input, restored.position.max(start))?;
        self.count_restore(input.partition, &restored);
        Ok(Lane::new(task, store, restored.checkpoint))
    }

    fn restore(&mut self, input: &TopicPartition, store: &mut dyn StateStore) -> Result<Restored, RuntimeError> {
        let wait = self.attempt();
        let changelog = TopicPartition::new(&self.config.topics.changelog, input.partition);
        let committed = self.committed(input)?;
        let wall_ms = self.clock.wall_ms();
        match restore(&mut *self.reader, store, &changelog, committed, wall_ms, wait) {
            Err(RestoreError::Unproven { .. }) if self.committed(input)? != committed => Err(LogError::Retriable {
                operation: "restore",
                reason: format!("another member still commits partition {}", input.partition),
            }
            .into()),
            Err(error @ RestoreError::Unproven { full: false, .. }) => {
                tracing::error!(partition = input.partition, %error, "rebuilding the store in full");
                store.clear()?;
                Ok(restore(&mut *self.reader, store, &changelog, committed, wall_ms, wait)?)
            }
            result => Ok(result?),
        }
    }

    fn committed(&mut self, input: &TopicPartition) -> Result<Option<i64>, LogError> {
        let wait = self.attempt();
        Ok(self.consumer.committed(std::slice::from_ref(input), wait)?.get(input).copied())
    }

    fn attempt(&self) -> Duration {
        self.call_timeout().min(ATTEMPT)
    }

    fn count_restore(&mut self, partition: i32, restored: &Restored) {
        let Restored { position, records, full, .. } = *restored;
        self.stats.restored_records += records;
        self.stats.full_restores += u64::from(full);
        tracing::info!(partition, position, records, full, "restored");
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

    /// Drops everything that is not committed; the partitions open again from what is proven.
    pub(super) fn reopen_lanes(&mut self) -> Result<(), RuntimeError> {
        let partitions: Vec<TopicPartition> =
            self.lanes.keys().map(|p| TopicPartition::new(&self.config.topics.input, *p)).collect();
        self.opening.extend(self.lanes.keys());
        self.lanes.clear();
        self.broadcasts.rewind_board();
        Ok(self.consumer.resume(&partitions)?)
    }
}

fn is_too_early(error: &RuntimeError) -> bool {
    matches!(
        error,
        RuntimeError::Log(LogError::Retriable { .. })
            | RuntimeError::Restore(RestoreError::Log(LogError::Retriable { .. }) | RestoreError::Unstable { .. })
    )
}
