//! The whole chain in one process: `ingest` and `process` on the embedded log.
//!
//! Nothing here is special to the demo: the stages, the runtime and the protocol are those that run
//! on Kafka, with another log and another store underneath.

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use connectors::memory::{Cleanup, MemoryLog, Retain, TopicConfig};
use processor::operator::Operator;
use processor::ports::{Isolation, Log, LogError, ProduceRecord, TopicPartition, TransactionalLog};
use processor::runtime::{
    Clock, NoFailPoints, RuntimeError, StageConfig, Topics, Unobserved, Worker, WorkerParts, WorkerStats,
};
use processor::source_clock::DEFAULT_FLOOR;
use processor::store::memory::MemoryProvider;
use processor::task::TaskConfig;
use schemas::stream::{RuleDocumentRecord, StreamRecord};
use schemas::time::{MINUTE_MS, SECOND_MS};
use schemas::{CatalogChange, CatalogItem, Location, avro, topics};

use crate::stages::ingest::{Content, Format, IngestOperator, Input, application};
use crate::stages::process::{self, ProcessOperator};
use crate::topics::dump;

/// Canonical JSON lines of a warehouse system, one partition per ordered part of the source.
pub const SOURCE_TOPIC: &str = "wms.stock-changes";
/// The input that reads it, and the source of lines that name none.
pub const SOURCE_INPUT: &str = "stock-changes";
/// Longest wait of one turn of a worker with nothing to do.
const IDLE_WAIT: Duration = Duration::from_millis(5);
const CALL_TIMEOUT_MS: u64 = 10_000;
/// Records after which a compacted topic compacts itself.
const COMPACT_AFTER: usize = 50_000;

/// How large the chain is.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedConfig {
    pub partitions: i32,
    pub source_partitions: i32,
    pub watermark_interval_ms: i64,
    pub grace_ms: i64,
    /// Keep every record, to be replayed later, instead of dropping what was consumed.
    pub keep_everything: bool,
}

/// A chain: its log, and what its workers are built from.
#[derive(Clone)]
pub struct Embedded {
    config: EmbeddedConfig,
    log: MemoryLog,
    clock: Arc<dyn Clock>,
}

impl Embedded {
    /// Creates the topics.
    pub fn new(config: EmbeddedConfig, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        let log = MemoryLog::default();
        let passing = if config.keep_everything { Retain::All } else { Retain::Unconsumed };
        let deleted = |n| TopicConfig::new(n, Cleanup::Delete).retain(passing);
        let kept = |n| TopicConfig::new(n, Cleanup::Delete);
        let compacted = |n| TopicConfig::new(n, Cleanup::Compact).compact_after(COMPACT_AFTER);
        // A replay needs every version that ever was in force.
        let broadcast = if config.keep_everything { kept(1) } else { compacted(1) };
        let partitions = config.partitions;
        for (name, topic) in [
            (SOURCE_TOPIC.to_owned(), deleted(config.source_partitions)),
            (topics::EVENTS.to_owned(), deleted(partitions)),
            (topics::CATALOG.to_owned(), compacted(partitions)),
            (topics::LOCATIONS.to_owned(), broadcast),
            (topics::RULES.to_owned(), broadcast),
            (topics::POSITIONS.to_owned(), compacted(partitions)),
            (topics::ALERTS.to_owned(), kept(partitions)),
            (topics::ALERTS_CURRENT.to_owned(), compacted(partitions)),
            (topics::AGGREGATES.to_owned(), kept(1)),
            (topics::JOURNAL.to_owned(), kept(partitions)),
            (topics::DEAD_LETTERS.to_owned(), kept(1)),
            (topics::changelog(&application(SOURCE_INPUT), "state"), compacted(config.source_partitions)),
            (topics::changelog(process::APPLICATION, "state"), compacted(partitions)),
        ] {
            log.create_topic(&name, topic)?;
        }
        Ok(Self { config, log, clock })
    }

    pub fn log(&self) -> &MemoryLog {
        &self.log
    }

    /// What a member of `ingest` is built from.
    pub fn ingest(&self, instance: &str) -> WorkerParts<IngestOperator> {
        let input = Arc::new(Input {
            name: SOURCE_INPUT.to_owned(),
            topic: SOURCE_TOPIC.to_owned(),
            topic_partitions: self.config.source_partitions,
            content: Content::StockChanges,
            format: Format::Json,
            events_partitions: self.config.partitions,
            source_partitions: Some((0..self.config.source_partitions).collect()),
            watermark_interval_ms: self.config.watermark_interval_ms,
            records_per_watermark: 0,
            grace_ms: self.config.grace_ms,
            silence_after_ms: i64::MAX,
        });
        let stage = self.stage(&input.application(), "ingest", input.topics(), None);
        self.parts(instance, stage, Box::new(move |partition| IngestOperator::new(input.clone(), partition)))
    }

    /// What a member of `process` is built from.
    pub fn process(&self, instance: &str) -> WorkerParts<ProcessOperator> {
        let stage = self.stage(process::APPLICATION, "process", process::topics(), Some(rules::site::EPOCH_MS));
        let partitions = self.config.partitions;
        self.parts(instance, stage, Box::new(move |partition| ProcessOperator::new(partition, partitions)))
    }

    fn parts<O: Operator>(
        &self,
        instance: &str,
        config: StageConfig,
        operator: Box<dyn FnMut(i32) -> O + Send>,
    ) -> WorkerParts<O> {
        WorkerParts {
            config,
            instance: instance.to_owned(),
            log: Arc::new(self.log.clone()),
            stores: Box::new(MemoryProvider::default()),
            operator,
            clock: self.clock.clone(),
            failpoints: Box::new(NoFailPoints),
            observer: Arc::new(Unobserved),
        }
    }

    fn stage(&self, application: &str, stage: &str, topics: Topics, epoch_ms: Option<i64>) -> StageConfig {
        StageConfig {
            application: application.to_owned(),
            stage: stage.to_owned(),
            topics,
            task: TaskConfig { partition: 0, epoch_ms, grace_ms: self.config.grace_ms, floor: DEFAULT_FLOOR },
            states: None,
            max_poll_records: 2_000,
            commit_interval_ms: 20,
            // Simulated days pass in a second: an epoch must not wait for a long commit gap.
            minimum_commit_gap_ms: 1,
            commit_records: 5_000,
            flush_interval_ms: SECOND_MS,
            flush_bytes: 64 << 20,
            epoch_wait_ms: MINUTE_MS,
            backlog_records: 10_000,
            call_timeout_ms: CALL_TIMEOUT_MS,
            tick_ms: None,
        }
    }

    /// A writer of records that come from outside the stages.
    pub fn publisher(&self, id: &str) -> Result<Publisher, LogError> {
        let mut producer = self.log.producer(id)?;
        producer.init_transactions(Duration::from_millis(CALL_TIMEOUT_MS))?;
        Ok(Publisher { producer, partitions: self.config.partitions })
    }

    /// Writes every committed record that decides, and returns how many there were. A chain that does
    /// not keep everything has lost the events that were consumed.
    pub fn dump(&self, out: &mut dyn io::Write) -> Result<u64, dump::DumpError> {
        dump::dump(&mut *self.log.reader()?, &dump::REPLAYABLE, Duration::from_millis(CALL_TIMEOUT_MS), out)
    }

    /// Records of the source not yet through `process`.
    pub fn lag(&self) -> Result<u64, LogError> {
        let mut lag = 0;
        for (group, topic, partitions) in [
            (&*application(SOURCE_INPUT), SOURCE_TOPIC, self.config.source_partitions),
            (process::APPLICATION, topics::EVENTS, self.config.partitions),
        ] {
            let committed = self.log.committed(group);
            let mut reader = self.log.reader()?;
            for partition in 0..partitions {
                let partition = TopicPartition::new(topic, partition);
                let extent = reader.extent(&partition, Duration::ZERO)?;
                let done = committed.get(&partition).copied().unwrap_or(extent.start);
                // Transaction markers take offsets: what is left may be markers alone.
                let mut waiting = false;
                let read =
                    reader.read(&partition, done, Isolation::ReadCommitted, 1, Duration::ZERO, &mut |_| waiting = true);
                // Consumed and dropped since the look at the offsets: ask again next time.
                waiting |= read.is_err();
                lag += if waiting { u64::try_from(extent.end - done).unwrap_or(0) } else { 0 };
            }
        }
        Ok(lag)
    }
}

/// Runs one worker until it is told to stop, then closes it. Adds its transactions as they commit.
pub fn drive<O: Operator>(
    parts: WorkerParts<O>,
    stop: &AtomicBool,
    transactions: &AtomicU64,
) -> Result<WorkerStats, RuntimeError> {
    let mut worker = Worker::open(parts)?;
    let mut counted = 0;
    while !stop.load(Ordering::Acquire) {
        worker.step(IDLE_WAIT)?;
        let committed = worker.stats().transactions;
        transactions.fetch_add(committed - counted, Ordering::Relaxed);
        counted = committed;
    }
    worker.close(false)
}

/// Writes what the stages read but do not make: rules, places, items, the source's lines.
pub struct Publisher {
    producer: Box<dyn TransactionalLog>,
    partitions: i32,
}

impl Publisher {
    pub fn begin(&mut self) -> Result<(), LogError> {
        self.producer.begin()
    }

    pub fn commit(&mut self) -> Result<(), LogError> {
        self.producer.commit(Duration::from_millis(CALL_TIMEOUT_MS))
    }

    pub fn rules(&mut self, document: &RuleDocumentRecord) -> Result<(), LogError> {
        let mut value = Vec::new();
        avro::encode_rule_document(document, &mut value);
        self.produce(topics::RULES, Some(0), &format!("{}@{}", document.id, document.version), &value)
    }

    pub fn location(&mut self, location: &Location) -> Result<(), LogError> {
        let mut value = Vec::new();
        avro::encode_location(location, &mut value);
        self.produce(topics::LOCATIONS, Some(0), &location.location, &value)
    }

    /// The item, in order with its SKU's stock changes, and its public twin.
    pub fn item(&mut self, item: &CatalogItem) -> Result<(), LogError> {
        let mut value = Vec::new();
        avro::encode_catalog_item(item, &mut value);
        self.produce(topics::CATALOG, None, &item.sku, &value)?;
        let change = CatalogChange { sku: item.sku.clone(), item: Some(item.clone()) };
        value.clear();
        avro::encode_stream(&StreamRecord::Catalog(change), &mut value);
        let partition = schemas::partitioner::partition_for(item.sku.as_bytes(), self.partitions);
        self.produce(topics::EVENTS, Some(partition), &item.sku, &value)
    }

    /// One canonical line of the source.
    pub fn line(&mut self, source_partition: i32, key: &str, line: &[u8]) -> Result<(), LogError> {
        self.produce(SOURCE_TOPIC, Some(source_partition), key, line)
    }

    fn produce(&mut self, topic: &str, partition: Option<i32>, key: &str, value: &[u8]) -> Result<(), LogError> {
        self.producer.produce(ProduceRecord {
            topic,
            partition,
            key: Some(key.as_bytes()),
            value: Some(value),
            headers: &[],
            timestamp_ms: None,
        })
    }
}
