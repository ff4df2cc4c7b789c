//! Topics: how many partitions, how they are cleaned, and where a record without a partition goes.

use processor::ports::{LogError, TopicPartition};
use schemas::partitioner::partition_for;
use schemas::topics::Cleanup;

use super::by_name::ByName;
use super::partition::Partition;

/// How much of a `delete` topic stays. A reader that falls behind what is kept gets an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retain {
    All,
    /// What some group has not committed yet. Topics that no group commits offsets for stay whole.
    Unconsumed,
    /// This many records a partition, consumed or not.
    Last(usize),
}

/// How a topic is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicConfig {
    pub partitions: i32,
    pub cleanup: Cleanup,
    /// Only for topics whose cleanup deletes.
    pub retain: Retain,
    /// Compacts a partition by itself once this many records were decided since the last time.
    /// Only for topics whose cleanup compacts.
    pub compact_after: Option<usize>,
}

impl TopicConfig {
    pub fn new(partitions: i32, cleanup: Cleanup) -> Self {
        Self { partitions, cleanup, retain: Retain::All, compact_after: None }
    }

    pub(super) fn compacts(&self) -> bool {
        matches!(self.cleanup, Cleanup::Compact | Cleanup::CompactAndDelete)
    }

    pub(super) fn deletes(&self) -> bool {
        matches!(self.cleanup, Cleanup::Delete | Cleanup::CompactAndDelete)
    }

    #[must_use]
    pub fn retain(self, retain: Retain) -> Self {
        Self { retain, ..self }
    }

    #[must_use]
    pub fn compact_after(self, records: usize) -> Self {
        Self { compact_after: Some(records), ..self }
    }
}

pub(super) struct Topic {
    pub(super) name: String,
    /// Another one each time a topic of this name is created.
    pub(super) id: String,
    pub(super) config: TopicConfig,
    pub(super) partitions: Vec<Partition>,
    keyless: u32,
}

impl Topic {
    /// Where a record without an explicit partition goes: by its key, keyless ones in turn.
    pub(super) fn partition_for(&mut self, key: Option<&[u8]>) -> i32 {
        let count = self.config.partitions;
        let Some(key) = key else {
            self.keyless = self.keyless.wrapping_add(1);
            return (self.keyless % count as u32) as i32;
        };
        partition_for(key, count)
    }
}

/// All topics; an index stays valid for the life of the log.
#[derive(Default)]
pub(super) struct Topics {
    all: ByName<Topic>,
    created: u64,
}

impl Topics {
    pub(super) fn create(&mut self, name: &str, config: TopicConfig) -> Result<(), LogError> {
        let fail = |reason: String| LogError::Fatal { operation: "create topic", reason };
        if config.partitions < 1 {
            return Err(fail(format!("{name} needs at least one partition, not {}", config.partitions)));
        }
        if self.all.find(name).is_some() {
            return Err(fail(format!("{name} exists already")));
        }
        let topic = self.blank(name, config);
        self.all.index_or(name, || topic);
        Ok(())
    }

    /// Deletes a topic and creates it again, empty, under a new id.
    pub(super) fn recreate(&mut self, index: usize) {
        let topic = self.get(index);
        let (name, config) = (topic.name.clone(), topic.config);
        *self.get_mut(index) = self.blank(&name, config);
    }

    fn blank(&mut self, name: &str, config: TopicConfig) -> Topic {
        self.created += 1;
        Topic {
            name: name.to_owned(),
            id: format!("memory-{}", self.created),
            config,
            partitions: (0..config.partitions).map(|_| Partition::default()).collect(),
            keyless: 0,
        }
    }

    pub(super) fn index(&self, operation: &'static str, name: &str) -> Result<usize, LogError> {
        self.all.find(name).ok_or_else(|| LogError::Fatal {
            operation,
            reason: format!("topic {name} does not exist; create it first"),
        })
    }

    pub(super) fn get(&self, index: usize) -> &Topic {
        self.all.get(index)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> &mut Topic {
        self.all.get_mut(index)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Topic> {
        self.all.iter_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.all.iter()
    }

    pub(super) fn partition(&self, operation: &'static str, at: &TopicPartition) -> Result<&Partition, LogError> {
        let topic = self.get(self.index(operation, &at.topic)?);
        topic.partitions.get(at.partition as usize).ok_or_else(|| no_partition(operation, topic, at.partition))
    }

    pub(super) fn partition_mut(
        &mut self,
        operation: &'static str,
        at: &TopicPartition,
    ) -> Result<&mut Partition, LogError> {
        self.partition(operation, at)?;
        let index = self.index(operation, &at.topic)?;
        Ok(&mut self.get_mut(index).partitions[at.partition as usize])
    }
}

pub(super) fn no_partition(operation: &'static str, topic: &Topic, partition: i32) -> LogError {
    let reason = format!("topic {} has partitions 0 to {}, not {partition}", topic.name, topic.config.partitions - 1);
    LogError::Fatal { operation, reason }
}
