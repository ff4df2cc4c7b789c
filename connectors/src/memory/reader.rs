//! A reader of the embedded log outside of any group.

use std::sync::Arc;
use std::time::Duration;

use processor::ports::{Extent, Isolation, LogError, LogReader, RecordView, TopicPartition};

use super::fault::Operation;
use super::partition::{OutOfRange, Record};
use super::state::{Shared, State};

pub(super) struct MemoryReader {
    shared: Arc<Shared>,
    client: usize,
    fetched: Vec<Arc<Record>>,
}

impl MemoryReader {
    pub(super) fn open(shared: &Arc<Shared>) -> Self {
        let client = shared.lock().faults.client("reader");
        Self { shared: Arc::clone(shared), client, fetched: Vec::new() }
    }

    fn meet_fault(&self, state: &mut State, operation: Operation) -> Result<(), LogError> {
        match state.fault(operation, self.client) {
            None => Ok(()),
            Some(_) => Err(LogError::Retriable { operation: operation.name(), reason: "injected".to_owned() }),
        }
    }
}

pub(super) fn out_of_range(at: &TopicPartition, offset: i64, range: &OutOfRange) -> LogError {
    let OutOfRange { start, end } = range;
    let reason = format!("offset {offset} of {}-{} is outside of {start} to {end}", at.topic, at.partition);
    LogError::Fatal { operation: Operation::Read.name(), reason }
}

impl LogReader for MemoryReader {
    fn extent(&mut self, partition: &TopicPartition, _max_wait: Duration) -> Result<Extent, LogError> {
        let mut state = self.shared.call();
        self.meet_fault(&mut state, Operation::Extent)?;
        Ok(state.topics.partition(Operation::Extent.name(), partition)?.extent())
    }

    fn read(
        &mut self,
        partition: &TopicPartition,
        offset: i64,
        isolation: Isolation,
        max_records: usize,
        max_wait: Duration,
        sink: &mut dyn FnMut(RecordView<'_>),
    ) -> Result<i64, LogError> {
        let mut state = self.shared.call();
        self.meet_fault(&mut state, Operation::Read)?;
        state.topics.partition(Operation::Read.name(), partition)?;
        let ready = |state: &mut State| {
            let there = state.topics.partition(Operation::Read.name(), partition);
            !there.is_ok_and(|there| there.bound(isolation) == offset)
        };
        let state = match isolation {
            Isolation::ReadCommitted => self.shared.wait_decided(state, max_wait, ready),
            Isolation::ReadUncommitted => self.shared.wait_appended(state, max_wait, ready),
        };
        let there = state.topics.partition(Operation::Read.name(), partition)?;
        let fetched = &mut self.fetched;
        let next = there
            .fetch(offset, isolation, max_records, |record| fetched.push(Arc::clone(record)))
            .map_err(|range| out_of_range(partition, offset, &range))?;
        drop(state);
        for record in self.fetched.drain(..) {
            sink(record.view(&partition.topic, partition.partition));
        }
        Ok(next)
    }

    fn partitions(&mut self, topic: &str, _max_wait: Duration) -> Result<i32, LogError> {
        let state = self.shared.call();
        Ok(state.topics.get(state.topics.index("partitions", topic)?).config.partitions)
    }

    fn topic_id(&mut self, topic: &str, _max_wait: Duration) -> Result<String, LogError> {
        let state = self.shared.call();
        Ok(state.topics.get(state.topics.index("topic id", topic)?).id.clone())
    }
}
