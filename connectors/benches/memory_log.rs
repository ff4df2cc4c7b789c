//! What a record costs: produce, commit and consume through the embedded log, on one thread.
//!
//! Ends with one JSON line: nanoseconds per record by records per transaction, and the resident
//! bytes a record held costs on top of its key and value.

// A benchmark owns its clock, prints, and stops at the first error.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use connectors::memory::{Cleanup, MemoryLog, Retain, TopicConfig};
use processor::ports::{Log, Offsets, Polled, ProduceRecord, TopicPartition};

const PARTITIONS: i32 = 16;
const VALUE: &[u8] = &[7; 120];
const RECORDS: usize = 1_000_000;

fn main() {
    // First, while the allocator has nothing to reuse.
    let bytes_per_record = bytes_held();
    let figures: Vec<String> = [1, 10, 100, 1000]
        .into_iter()
        .map(|size| {
            let (nanoseconds, held) = run(size);
            println!(
                "{size:>5} records per transaction: {nanoseconds:>6.0} ns per record, {held} records held at the end"
            );
            format!("\"ns_per_record_{size}\":{nanoseconds:.0}")
        })
        .collect();
    println!("{{{},\"bytes_per_record\":{}}}", figures.join(","), bytes_per_record);
}

/// Resident bytes that a record held costs on top of its key and value.
fn bytes_held() -> u64 {
    let log = MemoryLog::default();
    log.create_topic("events", TopicConfig::new(PARTITIONS, Cleanup::Delete)).unwrap();
    let mut source = log.producer("source").unwrap();
    source.init_transactions(Duration::ZERO).unwrap();
    let before = resident_bytes();
    source.begin().unwrap();
    for key in 0..RECORDS as u64 {
        source.produce(record(&key.to_le_bytes())).unwrap();
    }
    source.commit(Duration::ZERO).unwrap();
    (resident_bytes() - before) / RECORDS as u64 - (8 + VALUE.len() as u64)
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// Alternates one transaction of records with one that consumes them; returns ns per record.
fn run(per_transaction: usize) -> (f64, usize) {
    let log = MemoryLog::default();
    log.create_topic("events", TopicConfig::new(PARTITIONS, Cleanup::Delete).retain(Retain::Unconsumed)).unwrap();
    let mut source = log.producer("source").unwrap();
    let mut worker = log.producer("worker").unwrap();
    source.init_transactions(Duration::ZERO).unwrap();
    worker.init_transactions(Duration::ZERO).unwrap();
    let mut consumer = log.consumer("group", "a").unwrap();
    consumer.subscribe(&["events"]).unwrap();
    let Ok(Polled::Assigned(partitions)) = consumer.poll(1, Duration::ZERO) else { return (f64::NAN, 0) };
    for at in &partitions {
        consumer.seek(at, 0).unwrap();
    }

    let began = Instant::now();
    let (mut sent, mut received) = (0usize, 0usize);
    while received < RECORDS {
        source.begin().unwrap();
        for _ in 0..per_transaction {
            source.produce(record(&(sent as u64).to_le_bytes())).unwrap();
            sent += 1;
        }
        source.commit(Duration::ZERO).unwrap();

        let mut offsets = Offsets::new();
        while received < sent {
            let Ok(Polled::Records(records)) = consumer.poll(500, Duration::ZERO) else { break };
            for view in records {
                received += 1;
                match offsets.iter_mut().find(|(at, _): &(&TopicPartition, _)| at.partition == view.partition) {
                    Some((_, offset)) => *offset = view.offset + 1,
                    None => _ = offsets.insert(TopicPartition::new(view.topic, view.partition), view.offset + 1),
                }
            }
        }
        worker.begin().unwrap();
        worker.send_offsets(&offsets, &consumer.group_metadata().unwrap(), Duration::ZERO).unwrap();
        worker.commit(Duration::ZERO).unwrap();
    }
    (began.elapsed().as_nanos() as f64 / received as f64, log.len())
}

fn record(key: &[u8]) -> ProduceRecord<'_> {
    ProduceRecord {
        topic: "events",
        partition: None,
        key: Some(key),
        value: Some(VALUE),
        headers: &[],
        timestamp_ms: None,
    }
}
