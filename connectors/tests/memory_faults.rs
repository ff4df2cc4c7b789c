//! What faults do to clients, and that a worker that follows the rules loses and repeats nothing.

// Clippy knows test functions only; their helpers may fail a test too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use connectors::memory::{Cleanup, Doubt, Fault, FaultPlan, Injected, MemoryLog, Operation, TopicConfig};
use processor::ports::{
    GroupMetadata, Isolation, Log, LogConsumer, LogError, Offsets, Polled, ProduceRecord, TopicPartition,
    TransactionalLog,
};

const NOW: Duration = Duration::ZERO;
const INPUTS: i64 = 300;

fn record<'a>(topic: &'a str, partition: i32, value: &'a [u8]) -> ProduceRecord<'a> {
    ProduceRecord {
        topic,
        partition: Some(partition),
        key: Some(value),
        value: Some(value),
        headers: &[],
        timestamp_ms: None,
    }
}

fn producer(log: &MemoryLog, id: &str) -> Box<dyn TransactionalLog> {
    let mut producer = log.producer(id).unwrap();
    retry(|| producer.init_transactions(NOW)).unwrap();
    producer
}

fn retry<T>(mut call: impl FnMut() -> Result<T, LogError>) -> Result<T, LogError> {
    for _ in 0..1000 {
        match call() {
            Err(LogError::Retriable { .. }) => {}
            answer => return answer,
        }
    }
    panic!("retriable a thousand times")
}

fn log_with(topics: &[&str], partitions: i32) -> MemoryLog {
    let log = MemoryLog::default();
    for topic in topics {
        log.create_topic(topic, TopicConfig::new(partitions, Cleanup::Delete)).unwrap();
    }
    log
}

fn values(log: &MemoryLog, topic: &str, partition: i32) -> Vec<String> {
    let mut values = Vec::new();
    let mut visit = |view: processor::ports::RecordView<'_>| {
        values.push(String::from_utf8(view.value.unwrap().to_vec()).unwrap());
    };
    log.records(&TopicPartition::new(topic, partition), Isolation::ReadCommitted, &mut visit).unwrap();
    values
}

fn committing(doubt: Doubt) -> (MemoryLog, LogError) {
    let log = log_with(&["t"], 1);
    log.inject(FaultPlan::seeded(1).at(Operation::Commit, 1, Fault::InDoubt(doubt))).unwrap();
    let mut producer = producer(&log, "p");
    producer.begin().unwrap();
    producer.produce(record("t", 0, b"x")).unwrap();
    let error = producer.commit(NOW).unwrap_err();
    assert!(matches!(producer.commit(NOW), Err(LogError::Fatal { .. })), "only a new producer goes on");
    (log, error)
}

#[test]
fn a_commit_in_doubt_may_have_happened_or_not() {
    for (doubt, after) in [(Doubt::Committed, vec!["x"]), (Doubt::NotCommitted, vec![]), (Doubt::Late, vec![])] {
        let (log, error) = committing(doubt);
        assert!(matches!(error, LogError::InDoubt { .. }));
        producer(&log, "p");
        assert_eq!(values(&log, "t", 0), after, "{doubt:?}: a new producer decides");
    }
}

#[test]
fn a_late_commit_arrives_unless_it_is_fenced() {
    let (log, _) = committing(Doubt::Late);
    let mut reader = log.reader().unwrap();
    for _ in 0..10 {
        reader.partitions("t", NOW).unwrap();
    }
    assert_eq!(values(&log, "t", 0), ["x"]);
}

#[test]
fn delayed_markers_hold_back_readers_and_offsets_for_a_while() {
    let log = log_with(&["t"], 1);
    let mut consumer = log.consumer("g", "a").unwrap();
    consumer.subscribe(&["t"]).unwrap();
    let input = TopicPartition::new("t", 0);
    let plan = FaultPlan::seeded(3).delay_calls(1000).at(Operation::Commit, 1, Fault::DelayedVisibility);
    log.inject(plan).unwrap();
    let mut producer = producer(&log, "p");
    producer.begin().unwrap();
    producer.produce(record("t", 0, b"x")).unwrap();
    producer.send_offsets(&Offsets::from([(input.clone(), 1)]), &consumer.group_metadata().unwrap(), NOW).unwrap();
    producer.commit(NOW).unwrap();
    assert_eq!(values(&log, "t", 0), [] as [&str; 0]);
    assert!(matches!(consumer.committed(std::slice::from_ref(&input), NOW), Err(LogError::Retriable { .. })));

    let offsets = retry(|| consumer.committed(std::slice::from_ref(&input), NOW)).unwrap();
    assert_eq!(offsets, Offsets::from([(input, 1)]));
    assert_eq!(values(&log, "t", 0), ["x"]);
}

#[test]
fn an_injected_loss_is_told_and_the_member_joins_again() {
    let log = log_with(&["t"], 2);
    log.inject(FaultPlan::seeded(0).at(Operation::Poll, 2, Fault::Lost)).unwrap();
    let mut consumer = log.consumer("g", "a").unwrap();
    consumer.subscribe(&["t"]).unwrap();
    assert!(matches!(consumer.poll(1, NOW), Ok(Polled::Assigned(partitions)) if partitions.len() == 2));
    assert!(matches!(consumer.poll(1, NOW), Ok(Polled::Lost(partitions)) if partitions.len() == 2));
    assert!(matches!(consumer.poll(1, NOW), Ok(Polled::Assigned(partitions)) if partitions.len() == 2));
}

/// A worker as the runtime is one: copies `in` to `out`, a few records a transaction.
struct Worker<'a> {
    log: &'a MemoryLog,
    consumer: Box<dyn LogConsumer>,
    producer: Box<dyn TransactionalLog>,
    owned: Vec<TopicPartition>,
}

impl<'a> Worker<'a> {
    fn open(log: &'a MemoryLog) -> Result<Self, LogError> {
        let mut consumer = log.consumer("g", "a")?;
        consumer.subscribe(&["in"])?;
        Ok(Self { log, consumer, producer: producer(log, "worker"), owned: Vec::new() })
    }

    fn step(&mut self) -> Result<(), LogError> {
        let mut batch: Vec<(i32, i64, Vec<u8>)> = Vec::new();
        let mut assigned = Vec::new();
        match self.consumer.poll(5, NOW)? {
            Polled::Idle => {}
            Polled::Records(records) => {
                batch
                    .extend(records.map(|view| (view.partition, view.offset, view.value.unwrap_or_default().to_vec())));
            }
            Polled::Assigned(partitions) => assigned = partitions,
            Polled::Revoking(_) => panic!("nobody else is in this group"),
            Polled::Lost(_) => self.owned.clear(),
        }
        if !assigned.is_empty() {
            self.owned.extend(assigned);
            self.rewind()?;
        }
        if batch.is_empty() {
            return Ok(());
        }
        let done = self.copy(&batch);
        if matches!(done, Err(LogError::Abortable { .. })) {
            retry(|| self.producer.abort(NOW))?;
            return self.rewind();
        }
        done
    }

    fn copy(&mut self, batch: &[(i32, i64, Vec<u8>)]) -> Result<(), LogError> {
        self.producer.begin()?;
        let mut offsets = Offsets::new();
        for (partition, offset, value) in batch {
            retry(|| self.producer.produce(record("out", *partition, value)))?;
            offsets.insert(TopicPartition::new("in", *partition), offset + 1);
        }
        let proof: GroupMetadata = self.consumer.group_metadata()?;
        retry(|| self.producer.send_offsets(&offsets, &proof, NOW))?;
        retry(|| self.producer.commit(NOW))
    }

    fn rewind(&mut self) -> Result<(), LogError> {
        let committed = retry(|| self.consumer.committed(&self.owned, NOW))?;
        for at in &self.owned {
            self.consumer.seek(at, committed.get(at).copied().unwrap_or(0))?;
        }
        Ok(())
    }

    /// Runs until everything is copied; anything but an abortable error opens a new worker.
    fn run(log: &'a MemoryLog) {
        let mut worker = Self::open(log).unwrap();
        for _ in 0..20_000 {
            match worker.step() {
                Ok(()) | Err(LogError::Retriable { .. }) => {}
                Err(_) => worker = Self::open(log).unwrap(),
            }
            let copied: i64 = worker.log.committed("g").values().sum();
            let stable = |partition| log.reader().unwrap().extent(&TopicPartition::new("out", partition), NOW);
            let settled = (0..2).all(|partition| stable(partition).is_ok_and(|extent| extent.stable == extent.end));
            if copied == INPUTS && settled {
                return;
            }
        }
        panic!("not done after 20,000 steps");
    }
}

fn storm(seed: u64) -> FaultPlan {
    FaultPlan::seeded(seed)
        .rate(Operation::Produce, Fault::Retriable, 0.05)
        .rate(Operation::Produce, Fault::Abortable, 0.01)
        .rate(Operation::SendOffsets, Fault::Abortable, 0.05)
        .rate(Operation::SendOffsets, Fault::Fenced, 0.02)
        .rate(Operation::Commit, Fault::InDoubt(Doubt::Committed), 0.05)
        .rate(Operation::Commit, Fault::InDoubt(Doubt::NotCommitted), 0.05)
        .rate(Operation::Commit, Fault::InDoubt(Doubt::Late), 0.05)
        .rate(Operation::Commit, Fault::DelayedVisibility, 0.1)
        .rate(Operation::Poll, Fault::Lost, 0.02)
        .rate(Operation::Poll, Fault::Fenced, 0.02)
        .rate(Operation::Committed, Fault::Retriable, 0.1)
}

fn copy_through_a_storm(seed: u64) -> Vec<Injected> {
    let log = log_with(&["in", "out"], 2);
    let mut source = producer(&log, "source");
    source.begin().unwrap();
    for value in 0..INPUTS {
        source.produce(record("in", (value % 2) as i32, value.to_string().as_bytes())).unwrap();
    }
    source.commit(NOW).unwrap();
    log.inject(storm(seed)).unwrap();
    Worker::run(&log);
    for partition in 0..2 {
        assert_eq!(values(&log, "out", partition), values(&log, "in", partition), "seed {seed}");
    }
    log.injected()
}

#[test]
fn a_worker_that_follows_the_rules_copies_each_record_exactly_once() {
    let mut met = std::collections::BTreeSet::new();
    for seed in 0..200 {
        met.extend(copy_through_a_storm(seed).into_iter().map(|injected| (injected.operation, injected.fault)));
    }
    assert_eq!(met.len(), 11, "every kind of fault happened: {met:?}");
}

#[test]
fn the_same_seed_gives_the_same_faults() {
    assert_eq!(copy_through_a_storm(7), copy_through_a_storm(7));
    assert_ne!(copy_through_a_storm(7), copy_through_a_storm(8));
}
