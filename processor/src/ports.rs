//! The log as the runtime sees it. `connectors` implements these ports: `memory` and `kafka`.
//!
//! Semantics are Kafka's: partitions with offsets that may have gaps (transaction markers,
//! compaction), read_committed isolation, producers fenced by epoch, consumer groups with
//! generations. Every call that can block takes its limit as an argument. Records are borrowed and
//! come batch by batch.

use std::collections::BTreeMap;
use std::time::Duration;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: String,
    pub partition: i32,
}

impl TopicPartition {
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

pub type Offsets = BTreeMap<TopicPartition, i64>;

/// One record of a batch, borrowed from the client's buffers.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since the epoch, as the producer or broker wrote it. Never decides anything.
    pub timestamp_ms: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(String, Vec<u8>)],
}

/// A record to produce.
#[derive(Clone, Copy, Debug)]
pub struct ProduceRecord<'a> {
    pub topic: &'a str,
    /// `None`: murmur2 of the key, as the Java client does.
    pub partition: Option<i32>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, &'a [u8])],
    /// `None`: the log's own clock.
    pub timestamp_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    ReadCommitted,
    ReadUncommitted,
}

/// What a log can say when it does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Call the same function again, within the caller's own deadline.
    #[error("{operation}: {reason} (retriable)")]
    Retriable { operation: &'static str, reason: String },
    /// The transaction cannot commit: abort it, drop the overlay, go back to the committed offsets.
    #[error("{operation}: {reason}; the transaction must be aborted")]
    Abortable { operation: &'static str, reason: String },
    /// Another producer with the same transactional id took over, or the member left its group.
    #[error("{operation}: fenced: {reason}")]
    Fenced { operation: &'static str, reason: String },
    /// The deadline passed: the transaction may or may not have committed.
    #[error("{operation}: in doubt: {reason}")]
    InDoubt { operation: &'static str, reason: String },
    /// Nothing here helps: destroy the client and open again, or give up.
    #[error("{operation}: {reason}")]
    Fatal { operation: &'static str, reason: String },
}

/// Proof of group membership that travels with a transaction's offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadata {
    pub group: String,
    pub member: String,
    pub generation: i32,
    /// Of a static member.
    pub instance: Option<String>,
}

/// What a poll brought.
pub enum Polled<'a> {
    /// Nothing within the limit.
    Idle,
    Records(Box<dyn Iterator<Item = RecordView<'a>> + 'a>),
    /// These partitions are now owned. Restore, then `seek` where to begin.
    Assigned(Vec<TopicPartition>),
    /// These partitions are about to go: drain, commit, close, then `complete_revoke`.
    Revoking(Vec<TopicPartition>),
    /// These partitions are already gone: abort what belongs to them.
    Lost(Vec<TopicPartition>),
}

/// One member of a consumer group. Assigned partitions deliver nothing until `seek`.
pub trait LogConsumer: Send {
    fn subscribe(&mut self, topics: &[&str]) -> Result<(), LogError>;
    /// At most `max_records`; only this call delivers records and rebalances.
    fn poll(&mut self, max_records: usize, max_wait: Duration) -> Result<Polled<'_>, LogError>;
    fn complete_revoke(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;
    fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), LogError>;
    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;
    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;
    /// The end that was reached last: everything before it was delivered, or is a transaction marker
    /// or an aborted record. `None` where the log does not tell.
    fn end_reached(&self, _partition: &TopicPartition) -> Option<i64> {
        None
    }
    /// The group's committed offsets (next offset to read), stable ones only: no open transaction
    /// may still change them. Partitions without one are absent.
    fn committed(&mut self, partitions: &[TopicPartition], max_wait: Duration) -> Result<Offsets, LogError>;
    fn group_metadata(&self) -> Result<GroupMetadata, LogError>;
    /// Leaves the group (`keep_membership: false`) or goes silently, so that a restart within the
    /// session timeout moves nothing.
    fn close(&mut self, keep_membership: bool) -> Result<(), LogError>;
}

/// A transactional producer.
pub trait TransactionalLog: Send {
    /// Fences every earlier producer with the same transactional id and aborts what it left open.
    fn init_transactions(&mut self, max_wait: Duration) -> Result<(), LogError>;
    fn begin(&mut self) -> Result<(), LogError>;
    fn produce(&mut self, record: ProduceRecord<'_>) -> Result<(), LogError>;
    /// The same for one of many: the log may hold it back until `send_offsets` or `commit`, to take it with
    /// others, and say only then what is wrong with it. The order within a partition stays.
    fn gather(&mut self, record: ProduceRecord<'_>) -> Result<(), LogError> {
        self.produce(record)
    }
    fn send_offsets(&mut self, offsets: &Offsets, group: &GroupMetadata, max_wait: Duration) -> Result<(), LogError>;
    fn commit(&mut self, max_wait: Duration) -> Result<(), LogError>;
    /// Begins to do both, one after the other, each within `max_wait`, and does not wait: [`answer`](Self::answer) says
    /// what became of it. After a retriable answer it may be begun again, and goes on where it stood.
    fn start_ending(&mut self, offsets: &Offsets, group: &GroupMetadata, max_wait: Duration) -> Result<(), LogError>;
    /// The answer to what was begun, waiting for it at most so long; `None`: it has not come yet, and nothing else may
    /// be asked of this producer until it has.
    fn answer(&mut self, max_wait: Duration) -> Result<Option<()>, LogError>;
    fn abort(&mut self, max_wait: Duration) -> Result<(), LogError>;
}

/// First offset still there, and the next offset to be written (the high watermark).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub start: i64,
    pub end: i64,
    /// Nothing at or past this offset is decided yet: the last stable offset.
    pub stable: i64,
}

/// Reads partitions outside of any group: changelogs and broadcast topics.
pub trait LogReader: Send {
    fn extent(&mut self, partition: &TopicPartition, max_wait: Duration) -> Result<Extent, LogError>;
    /// The extents of several partitions, in their order; one request where the log can.
    fn extents(&mut self, partitions: &[TopicPartition], max_wait: Duration) -> Result<Vec<Extent>, LogError> {
        partitions.iter().map(|partition| self.extent(partition, max_wait)).collect()
    }
    /// Reads one batch from `offset` on. Returns the offset to go on from, which passes markers
    /// and compacted gaps; equal to `offset` when nothing came within the limit.
    fn read(
        &mut self,
        partition: &TopicPartition,
        offset: i64,
        isolation: Isolation,
        max_records: usize,
        max_wait: Duration,
        sink: &mut dyn FnMut(RecordView<'_>),
    ) -> Result<i64, LogError>;
    /// Begins to fetch what will be read from `offset` on, so that several partitions are waited for at once. A hint:
    /// whatever is wrong is met when the partition is read.
    fn fetch_ahead(&mut self, _partition: &TopicPartition, _offset: i64, _isolation: Isolation) {}
    /// The partition is not read any more, for now.
    fn release(&mut self, _partition: &TopicPartition) {}
    fn partitions(&mut self, topic: &str, max_wait: Duration) -> Result<i32, LogError>;
    /// Identity of a topic: one that was deleted and created again has another.
    fn topic_id(&mut self, topic: &str, max_wait: Duration) -> Result<String, LogError>;
}

/// Opens clients of one log.
pub trait Log: Send + Sync {
    fn consumer(&self, group: &str, instance: &str) -> Result<Box<dyn LogConsumer>, LogError>;
    fn producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalLog>, LogError>;
    fn reader(&self) -> Result<Box<dyn LogReader>, LogError>;
}
