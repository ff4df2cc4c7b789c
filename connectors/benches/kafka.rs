//! What the Kafka connector costs against a broker on this machine: records a second, and CPU time of
//! this process a record (the broker's own is not counted).

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark reads clocks")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use connectors::kafka::admin::{Admin, NewTopic};
use connectors::kafka::{KafkaConfig, KafkaLog};
use processor::ports::{Isolation, Log, LogError, Polled, ProduceRecord, TopicPartition};
use test_kafka::Kafka;

const RECORDS: u64 = 1_000_000;
const PARTITIONS: i32 = 6;
const TRANSACTION: u64 = 5_000;
const WAIT: Duration = Duration::from_secs(10);
const TOPIC: &str = "bench-kafka";

/// User and system time of this process; the kernel counts in 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn measure(what: &str, records: u64, work: impl FnOnce()) {
    let (begun, cpu_before) = (Instant::now(), cpu());
    work();
    let (wall, cpu) = (begun.elapsed(), cpu().saturating_sub(cpu_before));
    let rate = records as f64 / wall.as_secs_f64();
    println!("{what:<28} {rate:>9.0} records/s  {:>6} ns CPU/record", cpu.as_nanos() / u128::from(records));
}

fn settle<T>(mut call: impl FnMut() -> Result<T, LogError>) -> T {
    loop {
        match call() {
            Err(LogError::Retriable { .. }) => {}
            result => return result.unwrap(),
        }
    }
}

fn produce(log: &KafkaLog) {
    let mut producer = log.producer("bench").unwrap();
    settle(|| producer.init_transactions(WAIT));
    let value = [7_u8; 200];
    for transaction in 0..RECORDS / TRANSACTION {
        producer.begin().unwrap();
        for nth in 0..TRANSACTION {
            let key = (transaction * TRANSACTION + nth).to_be_bytes();
            let record = ProduceRecord {
                topic: TOPIC,
                partition: Some((nth % PARTITIONS as u64) as i32),
                key: Some(&key),
                value: Some(&value),
                headers: &[],
                timestamp_ms: None,
            };
            settle(|| producer.produce(record));
        }
        settle(|| producer.commit(WAIT));
    }
}

/// How long a transaction of one record takes.
fn commit_latency(log: &KafkaLog) {
    let mut producer = log.producer("bench-latency").unwrap();
    settle(|| producer.init_transactions(WAIT));
    let mut taken: Vec<Duration> = (0..300)
        .map(|_| {
            let begun = Instant::now();
            producer.begin().unwrap();
            let record = ProduceRecord {
                topic: "bench-latency",
                partition: Some(0),
                key: Some(b"key"),
                value: Some(b"value"),
                headers: &[],
                timestamp_ms: None,
            };
            producer.produce(record).unwrap();
            settle(|| producer.commit(WAIT));
            begun.elapsed()
        })
        .collect();
    taken.sort_unstable();
    println!("transaction of one record    p50 {:.1?}  p99 {:.1?}", taken[150], taken[297]);
}

fn consume(log: &KafkaLog) {
    let mut consumer = log.consumer("bench", "bench").unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    let (mut count, mut bytes, mut owned) = (0, 0, Vec::new());
    while count < RECORDS {
        match consumer.poll(4096, Duration::from_millis(100)) {
            Ok(Polled::Records(records)) => {
                for record in records {
                    count += 1;
                    bytes += black_box(record.value).map_or(0, <[u8]>::len);
                }
            }
            Ok(Polled::Assigned(partitions)) => owned = partitions,
            _ => {}
        }
        for at in owned.drain(..) {
            consumer.seek(&at, 0).unwrap();
        }
    }
    assert_eq!(bytes, RECORDS as usize * 200);
    consumer.close(false).unwrap();
}

fn restore(log: &KafkaLog) -> u64 {
    let at = TopicPartition::new(TOPIC, 0);
    let mut reader = log.reader().unwrap();
    let end = settle(|| reader.extent(&at, WAIT)).stable;
    let (mut offset, mut count) = (0, 0);
    while offset < end {
        let wait = Duration::from_millis(500);
        offset = settle(|| reader.read(&at, offset, Isolation::ReadCommitted, 4096, wait, &mut |_| count += 1));
    }
    count
}

/// What following quiet topics costs a worker in each of its turns.
fn idle_reads(log: &KafkaLog) {
    let at = TopicPartition::new("bench-latency", 0);
    let mut reader = log.reader().unwrap();
    let mut offset = 0;
    for _ in 0..20 {
        let wait = Duration::from_millis(50);
        offset = settle(|| reader.read(&at, offset, Isolation::ReadCommitted, 4096, wait, &mut |_| {}));
    }
    let turns = 200_000;
    measure("idle read", turns, || {
        for _ in 0..turns {
            settle(|| reader.read(&at, offset, Isolation::ReadCommitted, 4096, Duration::ZERO, &mut |_| {}));
        }
    });
}

fn main() {
    let log = KafkaLog::new(KafkaConfig::new(Kafka::shared().bootstrap())).unwrap();
    let topic = |name: &str, partitions| NewTopic {
        name: name.to_owned(),
        partitions,
        replication_factor: 1,
        config: BTreeMap::new(),
    };
    Admin::new(&log).unwrap().create_topics(&[topic(TOPIC, PARTITIONS), topic("bench-latency", 1)], WAIT).unwrap();
    measure("transactional producer", RECORDS, || produce(&log));
    commit_latency(&log);
    measure("group member, batches", RECORDS, || consume(&log));
    measure("reader, one partition", RECORDS / PARTITIONS as u64, || {
        black_box(restore(&log));
    });
    idle_reads(&log);
}
