//! Workers of a small stage on the embedded log, stepped by hand on a virtual clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use connectors::memory::{Cleanup, MemoryLog, TopicConfig};
use processor::ports::{Isolation, Log, ProduceRecord, TopicPartition, TransactionalLog};
use processor::runtime::{
    Activity, Clock, FailPoint, RuntimeError, StageConfig, Topics, Unobserved, Worker, WorkerParts,
};
use processor::source_clock::DEFAULT_FLOOR;
use processor::store::StoreProvider;
use processor::store::memory::MemoryProvider;
use processor::table::StateMemory;
use processor::task::TaskConfig;

use crate::counter::Counter;

pub(crate) const PARTITIONS: i32 = 2;

#[derive(Default)]
struct VirtualClock(AtomicI64);

impl Clock for VirtualClock {
    fn monotonic_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn wall_ms(&self) -> i64 {
        self.monotonic_ms()
    }
}

/// The log, the members that are up, and every member's disk.
pub(crate) struct Cluster {
    pub(crate) log: MemoryLog,
    clock: Arc<VirtualClock>,
    pub(crate) workers: BTreeMap<&'static str, Worker<Counter>>,
    disks: BTreeMap<&'static str, MemoryProvider>,
    producer: Box<dyn TransactionalLog>,
    pub(crate) backlog_records: usize,
    /// Next to no state is in memory, and few timers are in a transaction.
    pub(crate) bounded: bool,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let log = MemoryLog::default();
        let kept = |n| TopicConfig::new(n, Cleanup::Delete);
        for (topic, partitions) in [("in", 2), ("out", 1), ("dead", 1), ("labels", 1), ("sums", 1), ("journal", 2)] {
            log.create_topic(topic, kept(partitions)).unwrap();
        }
        log.create_topic("state", TopicConfig::new(PARTITIONS, Cleanup::Compact).compact_after(50)).unwrap();
        let mut producer = log.producer("source").unwrap();
        producer.init_transactions(Duration::ZERO).unwrap();
        Self {
            log,
            clock: Arc::default(),
            workers: BTreeMap::new(),
            disks: BTreeMap::new(),
            producer,
            backlog_records: 100,
            bounded: false,
        }
    }

    pub(crate) fn start(&mut self, name: &'static str, failpoints: impl FailPoint + 'static) {
        let log = Arc::new(self.log.clone());
        self.start_on(log, name, failpoints);
    }

    pub(crate) fn start_on(&mut self, log: Arc<dyn Log>, name: &'static str, failpoints: impl FailPoint + 'static) {
        let stores = Box::new(self.disk(name));
        self.start_from(log, stores, name, failpoints);
    }

    pub(crate) fn disk(&mut self, name: &'static str) -> MemoryProvider {
        self.disks.entry(name).or_default().clone()
    }

    pub(crate) fn start_from(
        &mut self,
        log: Arc<dyn Log>,
        stores: Box<dyn StoreProvider>,
        name: &'static str,
        failpoints: impl FailPoint + 'static,
    ) {
        let parts = WorkerParts {
            config: self.config(),
            instance: name.to_owned(),
            log,
            stores,
            operator: Box::new(|_| Counter::default()),
            clock: self.clock.clone(),
            failpoints: Box::new(failpoints),
            observer: Arc::new(Unobserved),
        };
        self.workers.insert(name, Worker::open(parts).unwrap());
    }

    fn config(&self) -> StageConfig {
        StageConfig {
            application: "app".to_owned(),
            stage: "counter".to_owned(),
            topics: Topics {
                input: "in".to_owned(),
                changelog: "state".to_owned(),
                dead_letters: "dead".to_owned(),
                broadcast: vec!["labels".to_owned()],
                aggregates: Some("sums".to_owned()),
                journal: Some("journal".to_owned()),
            },
            task: TaskConfig { partition: 0, epoch_ms: Some(10_000), grace_ms: 0, floor: DEFAULT_FLOOR },
            states: self.bounded.then(|| StateMemory::new(1)),
            max_poll_records: 3,
            commit_interval_ms: 20,
            minimum_commit_gap_ms: 1,
            commit_records: if self.bounded { 2 } else { 100 },
            flush_interval_ms: 50,
            flush_bytes: 1 << 20,
            epoch_wait_ms: 3_600_000,
            backlog_records: self.backlog_records,
            call_timeout_ms: 1,
            tick_ms: None,
        }
    }

    pub(crate) fn lose_disk(&mut self, name: &str) {
        self.disks.remove(name);
    }

    pub(crate) fn publish(&mut self, partition: i32, lines: &[String]) {
        self.producer.begin().unwrap();
        for line in lines {
            self.produce("in", partition, "key", line);
        }
        self.producer.commit(Duration::ZERO).unwrap();
    }

    pub(crate) fn publish_label(&mut self, key: &str, label: &str) {
        self.producer.begin().unwrap();
        self.produce("labels", 0, key, label);
        self.producer.commit(Duration::ZERO).unwrap();
    }

    fn produce(&mut self, topic: &str, partition: i32, key: &str, value: &str) {
        self.producer
            .produce(ProduceRecord {
                topic,
                partition: Some(partition),
                key: Some(key.as_bytes()),
                value: Some(value.as_bytes()),
                headers: &[],
                timestamp_ms: None,
            })
            .unwrap();
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
        self.log.advance_clock(ms);
    }

    /// One turn of every member. Those that die are returned with what they died of.
    pub(crate) fn turn(&mut self) -> (bool, Vec<(&'static str, RuntimeError)>) {
        self.pass(7);
        let mut busy = false;
        let mut died = Vec::new();
        for (name, worker) in &mut self.workers {
            match worker.step(Duration::ZERO) {
                Ok(activity) => busy |= activity == Activity::Busy,
                Err(error) => died.push((*name, error)),
            }
        }
        for (name, _) in &died {
            self.workers.remove(name);
        }
        (busy, died)
    }

    /// Turns until nothing happens for a while; nobody may die.
    pub(crate) fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..5000 {
            let (busy, died) = self.turn();
            assert!(died.is_empty(), "died: {died:?}");
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet == 50 {
                return;
            }
        }
        panic!("never at rest");
    }

    /// Committed values of a topic.
    pub(crate) fn committed(&self, topic: &str, partition: i32) -> Vec<String> {
        let mut values = Vec::new();
        let at = TopicPartition::new(topic, partition);
        let visit = &mut |record: processor::ports::RecordView<'_>| {
            values.push(String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned());
        };
        self.log.records(&at, Isolation::ReadCommitted, visit).unwrap();
        values
    }

    /// Outputs, sorted: partitions have no order among each other.
    pub(crate) fn outputs(&self) -> Vec<String> {
        let mut outputs = self.committed("out", 0);
        outputs.sort();
        outputs
    }
}
