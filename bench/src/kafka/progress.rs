//! How far an engine has come: the committed offsets of its group, which every engine has.

use std::time::Duration;

use anyhow::Result;
use connectors::kafka::KafkaLog;
use processor::ports::{Log, LogConsumer, LogError, TopicPartition};
use schemas::topics;

use super::deployment::Deployment;

const CALL: Duration = Duration::from_secs(2);

pub(crate) struct Progress {
    consumer: Box<dyn LogConsumer>,
    partitions: Vec<TopicPartition>,
}

impl Progress {
    /// Looks without being a member.
    pub(crate) fn of(deployment: &Deployment, group: &str) -> Result<Self> {
        let log: &KafkaLog = &deployment.log;
        let partitions = (0..deployment.partitions).map(|p| TopicPartition::new(topics::EVENTS, p)).collect();
        Ok(Self { consumer: log.consumer(group, "bench-progress")?, partitions })
    }

    /// Sum of the committed offsets, and whether every partition has come to its end. `None`: not to be had just now.
    pub(crate) fn look(&mut self, ends: &[(TopicPartition, i64)]) -> Result<Option<(i64, bool)>> {
        let committed = match self.consumer.committed(&self.partitions, CALL) {
            Ok(committed) => committed,
            // An open transaction may still change them.
            Err(LogError::Retriable { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Behind the last record is the mark of its transaction, which some engines count and some do not.
        let at_end = ends.iter().all(|(partition, end)| committed.get(partition).is_some_and(|at| *at >= end - 1));
        Ok(Some((committed.values().sum(), at_end)))
    }
}
