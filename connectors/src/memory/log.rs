//! The handle of the embedded log and the clients it opens.

use std::sync::Arc;

use processor::ports::{Log, LogConsumer, LogError, LogReader, TransactionalLog};

use super::consumer::MemoryConsumer;
use super::producer::MemoryProducer;
use super::reader::MemoryReader;
use super::state::Shared;

/// Limits of the log, in milliseconds of its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLogConfig {
    /// A transaction open for longer is aborted and its producer fenced.
    pub transaction_timeout_ms: i64,
    /// A member whose client is gone for longer is put out of its group.
    pub session_timeout_ms: i64,
    /// How long compaction keeps a tombstone after it first met it.
    pub delete_retention_ms: i64,
}

impl Default for MemoryLogConfig {
    /// Transactions 10 s, sessions 45 s, tombstones 7 d.
    fn default() -> Self {
        Self { transaction_timeout_ms: 10_000, session_timeout_ms: 45_000, delete_retention_ms: 7 * 86_400_000 }
    }
}

/// A log in this process. Clones are handles of the same log; it ends with the last of them and
/// of its clients.
#[derive(Clone)]
pub struct MemoryLog {
    pub(super) shared: Arc<Shared>,
}

impl MemoryLog {
    pub fn new(config: MemoryLogConfig) -> Self {
        Self { shared: Arc::new(Shared::new(config)) }
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new(MemoryLogConfig::default())
    }
}

impl Log for MemoryLog {
    fn consumer(&self, group: &str, instance: &str) -> Result<Box<dyn LogConsumer>, LogError> {
        Ok(Box::new(MemoryConsumer::open(&self.shared, group, instance)))
    }

    fn producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalLog>, LogError> {
        Ok(Box::new(MemoryProducer::open(&self.shared, transactional_id)))
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(MemoryReader::open(&self.shared)))
    }
}
