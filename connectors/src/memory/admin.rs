//! What an operator or a test does to the embedded log: topics, time, cleaning, faults, dumps.

use processor::ports::{Isolation, LogError, Offsets, RecordView, TopicPartition};

use super::compaction::compact;
use super::fault::{FaultPlan, Injected};
use super::log::MemoryLog;
use super::reader::out_of_range;
use super::topic::TopicConfig;

/// How many records [`MemoryLog::records`] takes under one lock.
const DUMP_BATCH: usize = 1024;

impl MemoryLog {
    /// There is no automatic creation: producing to an unknown topic is an error.
    pub fn create_topic(&self, name: &str, config: TopicConfig) -> Result<(), LogError> {
        self.shared.lock().topics.create(name, config)
    }

    /// Deletes a topic and creates it again, empty and under another topic id.
    pub fn recreate_topic(&self, name: &str) -> Result<(), LogError> {
        let mut state = self.shared.lock();
        let index = state.topics.index("recreate topic", name)?;
        state.topics.recreate(index);
        self.shared.announce_decided();
        Ok(())
    }

    pub fn topics(&self) -> Vec<(String, TopicConfig)> {
        let state = self.shared.lock();
        let mut topics: Vec<_> = state.topics.iter().map(|topic| (topic.name.clone(), topic.config)).collect();
        topics.sort_by(|a, b| a.0.cmp(&b.0));
        topics
    }

    /// Lets time pass: transactions time out, members whose client is gone expire, and records
    /// without a timestamp of their own are written later.
    pub fn advance_clock(&self, by_ms: i64) {
        self.shared.lock().advance_clock(by_ms);
        self.shared.announce_decided();
    }

    /// Milliseconds of the log's clock, which begins at 0.
    pub fn clock_ms(&self) -> i64 {
        self.shared.lock().now_ms
    }

    /// Puts a member out of its group, as if its session had timed out.
    pub fn expire_member(&self, group: &str, instance: &str) {
        let mut state = self.shared.lock();
        let group = state.groups.index(group);
        state.groups.get_mut(group).leave(instance);
        self.shared.announce_decided();
    }

    /// Compacts every topic whose cleanup compacts.
    pub fn compact(&self) {
        let mut state = self.shared.lock();
        let (now_ms, delete_retention_ms) = (state.now_ms, state.config.delete_retention_ms);
        for topic in state.topics.iter_mut().filter(|topic| topic.config.compacts()) {
            for partition in &mut topic.partitions {
                compact(partition, now_ms, delete_retention_ms);
            }
        }
    }

    /// Drops the records before `before`, or before the last stable offset if that is lower.
    pub fn delete_records(&self, partition: &TopicPartition, before: i64) -> Result<(), LogError> {
        self.shared.lock().topics.partition_mut("delete records", partition)?.delete_before(before);
        Ok(())
    }

    /// What a group has committed so far, without waiting for open transactions.
    pub fn committed(&self, group: &str) -> Offsets {
        let mut state = self.shared.lock();
        let group = state.groups.index(group);
        state.groups.get(group).committed.clone()
    }

    /// Replaces the fault plan and counts calls from 1 again.
    pub fn inject(&self, plan: FaultPlan) -> Result<(), LogError> {
        self.shared.lock().faults.install(plan)
    }

    /// The faults of the plan in force that happened so far, in order.
    pub fn injected(&self) -> Vec<Injected> {
        self.shared.lock().faults.injected.clone()
    }

    /// Visits the records that are in a partition now, in offset order. Others go on meanwhile.
    pub fn records(
        &self,
        partition: &TopicPartition,
        isolation: Isolation,
        visit: &mut dyn FnMut(RecordView<'_>),
    ) -> Result<(), LogError> {
        const OPERATION: &str = "records";
        let (mut offset, end) = {
            let state = self.shared.lock();
            let there = state.topics.partition(OPERATION, partition)?;
            (there.extent().start, there.bound(isolation))
        };
        while offset < end {
            let mut batch = Vec::with_capacity(DUMP_BATCH);
            offset = {
                let state = self.shared.lock();
                let there = state.topics.partition(OPERATION, partition)?;
                there
                    .fetch(offset, isolation, DUMP_BATCH, |record| batch.push(record.clone()))
                    .map_err(|range| out_of_range(partition, offset, &range))?
            };
            for record in batch.iter().filter(|record| record.offset < end) {
                visit(record.view(&partition.topic, partition.partition));
            }
        }
        Ok(())
    }

    /// Records held in memory, over all topics.
    pub fn len(&self) -> usize {
        let state = self.shared.lock();
        state.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.entries.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
