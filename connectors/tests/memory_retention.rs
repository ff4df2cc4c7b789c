//! What keeps a long run's memory bounded.

// Clippy knows test functions only; their helpers may fail a test too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use connectors::memory::{Cleanup, MemoryLog, Retain, TopicConfig};
use processor::ports::{Log, LogConsumer, Offsets, Polled, ProduceRecord, TopicPartition, TransactionalLog};

const NOW: Duration = Duration::ZERO;

fn log_with(config: TopicConfig) -> (MemoryLog, Box<dyn TransactionalLog>) {
    let log = MemoryLog::default();
    log.create_topic("t", config).unwrap();
    let mut producer = log.producer("p").unwrap();
    producer.init_transactions(NOW).unwrap();
    (log, producer)
}

fn put(producer: &mut dyn TransactionalLog, records: usize) {
    producer.begin().unwrap();
    for key in 0..records {
        let key = [(key % 10) as u8];
        let record = ProduceRecord {
            topic: "t",
            partition: Some(0),
            key: Some(&key),
            value: Some(b"v"),
            headers: &[],
            timestamp_ms: None,
        };
        producer.produce(record).unwrap();
    }
    producer.commit(NOW).unwrap();
}

fn start(log: &MemoryLog) -> i64 {
    log.reader().unwrap().extent(&TopicPartition::new("t", 0), NOW).unwrap().start
}

fn commit_offset(producer: &mut dyn TransactionalLog, consumer: &dyn LogConsumer, offset: i64) {
    let offsets = Offsets::from([(TopicPartition::new("t", 0), offset)]);
    producer.begin().unwrap();
    producer.send_offsets(&offsets, &consumer.group_metadata().unwrap(), NOW).unwrap();
    producer.commit(NOW).unwrap();
}

#[test]
fn what_every_group_has_consumed_is_dropped() {
    let (log, mut producer) = log_with(TopicConfig::new(1, Cleanup::Delete).retain(Retain::Unconsumed));
    let (mut fast, mut slow) = (log.consumer("fast", "a").unwrap(), log.consumer("slow", "a").unwrap());
    fast.subscribe(&["t"]).unwrap();
    slow.subscribe(&["t"]).unwrap();
    put(&mut *producer, 100);
    commit_offset(&mut *producer, &*fast, 80);
    assert_eq!(start(&log), 0, "the other group has not committed yet");
    commit_offset(&mut *producer, &*slow, 30);
    assert_eq!((start(&log), log.len()), (30, 70));
    commit_offset(&mut *producer, &*slow, 90);
    assert_eq!((start(&log), log.len()), (80, 20));
}

#[test]
fn only_the_last_records_are_kept() {
    let (log, mut producer) = log_with(TopicConfig::new(1, Cleanup::Delete).retain(Retain::Last(50)));
    put(&mut *producer, 40);
    assert_eq!((start(&log), log.len()), (0, 40));
    put(&mut *producer, 40);
    assert_eq!(log.len(), 50);
    assert_eq!(start(&log), 30, "the marker at 40 is no record");
}

#[test]
fn a_member_that_fell_behind_what_is_kept_is_told() {
    let (log, mut producer) = log_with(TopicConfig::new(1, Cleanup::Delete).retain(Retain::Last(10)));
    put(&mut *producer, 40);
    let mut consumer = log.consumer("g", "a").unwrap();
    consumer.subscribe(&["t"]).unwrap();
    assert!(matches!(consumer.poll(10, NOW), Ok(Polled::Assigned(_))));
    consumer.seek(&TopicPartition::new("t", 0), 0).unwrap();
    let Err(error) = consumer.poll(10, NOW) else { panic!("skipping records would lose them silently") };
    assert!(error.to_string().contains("offset 0 of t-0 is outside of 30 to 41"), "{error}");
}

#[test]
fn a_compacted_topic_compacts_by_itself() {
    let (log, mut producer) = log_with(TopicConfig::new(1, Cleanup::Compact).compact_after(100));
    for _ in 0..50 {
        put(&mut *producer, 30);
        assert!(log.len() < 150, "{} records for 10 keys", log.len());
    }
    log.compact();
    assert_eq!(log.len(), 10);
}
