//! How one poll of the embedded log shares out what it may deliver.

// Clippy knows test functions only; their helpers may fail a test too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use connectors::memory::{Cleanup, MemoryLog, TopicConfig};
use processor::ports::{Log, LogConsumer, LogError, Polled, ProduceRecord, TopicPartition};

const NOW: Duration = Duration::ZERO;

/// A member of three partitions with this many records each.
fn member_of(records: [usize; 3]) -> (MemoryLog, Box<dyn LogConsumer>) {
    let log = MemoryLog::default();
    log.create_topic("t", TopicConfig::new(3, Cleanup::Delete)).unwrap();
    let mut producer = log.producer("p").unwrap();
    producer.init_transactions(NOW).unwrap();
    producer.begin().unwrap();
    for (partition, count) in records.into_iter().enumerate() {
        let record = ProduceRecord {
            topic: "t",
            partition: Some(partition as i32),
            key: None,
            value: Some(b"v"),
            headers: &[],
            timestamp_ms: None,
        };
        (0..count).for_each(|_| producer.produce(record).unwrap());
    }
    producer.commit(NOW).unwrap();
    let mut consumer = log.consumer("g", "a").unwrap();
    consumer.subscribe(&["t"]).unwrap();
    assert!(matches!(consumer.poll(1, NOW), Ok(Polled::Assigned(partitions)) if partitions.len() == 3));
    (0..3).for_each(|partition| consumer.seek(&TopicPartition::new("t", partition), 0).unwrap());
    (log, consumer)
}

/// Records per partition that one poll delivered.
fn poll(consumer: &mut dyn LogConsumer, max_records: usize) -> [usize; 3] {
    let mut counts = [0; 3];
    match consumer.poll(max_records, NOW).unwrap() {
        Polled::Records(records) => records.for_each(|record| counts[record.partition as usize] += 1),
        Polled::Idle => {}
        _ => panic!("nothing changes in this group"),
    }
    counts
}

#[test]
fn a_poll_is_shared_evenly_and_what_is_left_goes_to_who_has_more() {
    let (_log, mut consumer) = member_of([100, 100, 2]);
    assert_eq!(poll(&mut *consumer, 12), [6, 4, 2]);
}

#[test]
fn small_polls_begin_where_the_last_one_ended() {
    let (_log, mut consumer) = member_of([100, 100, 100]);
    assert_eq!(poll(&mut *consumer, 2), [1, 1, 0]);
    assert_eq!(poll(&mut *consumer, 2), [1, 0, 1]);
    assert_eq!(poll(&mut *consumer, 2), [0, 1, 1]);
}

#[test]
fn a_partition_out_of_range_is_told_without_losing_what_others_have() {
    let (log, mut consumer) = member_of([3, 3, 3]);
    log.delete_records(&TopicPartition::new("t", 1), 2).unwrap();
    assert_eq!(poll(&mut *consumer, 9), [3, 0, 0]);
    assert!(matches!(consumer.poll(9, NOW), Err(LogError::Fatal { .. })));
    consumer.seek(&TopicPartition::new("t", 1), 2).unwrap();
    assert_eq!(poll(&mut *consumer, 9), [0, 1, 3]);
}

#[test]
fn a_poll_for_no_records_brings_none() {
    let (_log, mut consumer) = member_of([3, 3, 3]);
    assert_eq!(poll(&mut *consumer, 0), [0, 0, 0]);
    assert_eq!(poll(&mut *consumer, 9), [3, 3, 3]);
}

#[test]
fn a_consumer_subscribes_once() {
    let (_log, mut consumer) = member_of([0, 0, 0]);
    assert!(consumer.subscribe(&["t"]).is_err());
}
