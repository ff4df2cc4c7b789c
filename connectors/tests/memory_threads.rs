//! Several threads on one log: who waits is woken, and nothing is lost or repeated.

// Clippy knows test functions only; their helpers may fail a test too.
#![allow(clippy::unwrap_used, clippy::panic)]
// That a wake-up came is only to be told from a limit that ran out by the time it took.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use connectors::memory::{Cleanup, MemoryLog, TopicConfig};
use processor::ports::{Isolation, Log, LogError, Offsets, Polled, ProduceRecord, TopicPartition, TransactionalLog};

/// Longer than any of these tests takes if every wake-up comes.
const LONG: Duration = Duration::from_secs(20);

fn producer(log: &MemoryLog, id: &str) -> Box<dyn TransactionalLog> {
    let mut producer = log.producer(id).unwrap();
    producer.init_transactions(LONG).unwrap();
    producer
}

fn put(producer: &mut dyn TransactionalLog, partition: i32, value: &[u8]) {
    let record = ProduceRecord {
        topic: "t",
        partition: Some(partition),
        key: Some(value),
        value: Some(value),
        headers: &[],
        timestamp_ms: None,
    };
    producer.produce(record).unwrap();
}

fn log_with(partitions: i32) -> MemoryLog {
    let log = MemoryLog::default();
    log.create_topic("t", TopicConfig::new(partitions, Cleanup::Delete)).unwrap();
    log
}

#[test]
fn a_commit_wakes_a_waiting_member_and_a_waiting_reader() {
    let log = log_with(1);
    let at = TopicPartition::new("t", 0);
    let mut consumer = log.consumer("g", "a").unwrap();
    consumer.subscribe(&["t"]).unwrap();
    assert!(matches!(consumer.poll(1, LONG), Ok(Polled::Assigned(_))));
    consumer.seek(&at, 0).unwrap();
    let mut producer = producer(&log, "p");
    producer.begin().unwrap();
    std::thread::scope(|scope| {
        let polled = scope.spawn(|| matches!(consumer.poll(1, LONG), Ok(Polled::Records(_))));
        let committed =
            scope.spawn(|| log.reader().unwrap().read(&at, 0, Isolation::ReadCommitted, 9, LONG, &mut |_| {}).unwrap());
        let uncommitted = scope
            .spawn(|| log.reader().unwrap().read(&at, 0, Isolation::ReadUncommitted, 9, LONG, &mut |_| {}).unwrap());
        put(&mut *producer, 0, b"x");
        assert!((1..=2).contains(&uncommitted.join().unwrap()), "woken by the record itself");
        producer.commit(LONG).unwrap();
        assert_eq!(committed.join().unwrap(), 2);
        assert!(polled.join().unwrap());
    });
}

#[test]
fn a_decision_wakes_who_waits_for_committed_offsets() {
    let log = log_with(1);
    let at = TopicPartition::new("t", 0);
    let mut consumer = log.consumer("g", "a").unwrap();
    consumer.subscribe(&["t"]).unwrap();
    let mut producer = producer(&log, "p");
    producer.begin().unwrap();
    let offsets = Offsets::from([(at.clone(), 5)]);
    producer.send_offsets(&offsets, &consumer.group_metadata().unwrap(), LONG).unwrap();
    std::thread::scope(|scope| {
        let committed = scope.spawn(|| consumer.committed(&[at], LONG).unwrap());
        producer.commit(LONG).unwrap();
        assert_eq!(committed.join().unwrap(), offsets);
    });
}

/// Answers every record in `from` by one in `to`.
fn play(log: &MemoryLog, from: i32, to: i32, rounds: i64, serves: bool) {
    let began = Instant::now();
    let (mut reader, mut producer) = (log.reader().unwrap(), producer(log, &format!("player-{from}")));
    let mut offset = 0;
    for round in 0..rounds {
        if !serves || round > 0 {
            let at = TopicPartition::new("t", from);
            let mut got = false;
            while !got {
                offset = reader.read(&at, offset, Isolation::ReadCommitted, 1, LONG, &mut |_| got = true).unwrap();
                assert!(began.elapsed() < LONG, "somebody slept through a commit: {:?}", began.elapsed());
            }
        }
        producer.begin().unwrap();
        put(&mut *producer, to, b"x");
        producer.commit(LONG).unwrap();
    }
}

#[test]
fn no_wake_up_is_missed_over_many_rounds() {
    let log = log_with(2);
    std::thread::scope(|scope| {
        scope.spawn(|| play(&log, 0, 1, 2000, true));
        scope.spawn(|| play(&log, 1, 0, 2000, false));
    });
}

/// Copies into `seen` within transactions until `total` values are there; a member that came late
/// makes the others hand over while they run.
fn work(log: &MemoryLog, instance: &str, seen: &Mutex<BTreeSet<(i32, i64)>>, total: usize) {
    let mut consumer = log.consumer("g", instance).unwrap();
    let mut producer = producer(log, instance);
    consumer.subscribe(&["t"]).unwrap();
    let mut idle = 0;
    while seen.lock().unwrap().len() < total {
        assert!(idle < 5000, "{instance} has been waiting for 5 s for somebody who failed");
        let (mut assigned, mut revoking, mut batch) = (Vec::new(), Vec::new(), Vec::new());
        match consumer.poll(7, Duration::from_millis(1)).unwrap() {
            Polled::Idle => idle += 1,
            Polled::Records(records) => {
                idle = 0;
                batch.extend(records.map(|view| (view.partition, view.offset)));
            }
            Polled::Assigned(partitions) => assigned = partitions,
            Polled::Revoking(partitions) => revoking = partitions,
            Polled::Lost(partitions) => panic!("{partitions:?} were lost in a cooperative handover"),
        }
        let rewound = if batch.is_empty() {
            assigned
        } else {
            let offsets: Offsets =
                batch.iter().map(|(at, offset)| (TopicPartition::new("t", *at), offset + 1)).collect();
            producer.begin().unwrap();
            // Somebody may join between these two calls: that is what makes it abortable.
            match producer.send_offsets(&offsets, &consumer.group_metadata().unwrap(), LONG) {
                Ok(()) => {
                    producer.commit(LONG).unwrap();
                    let mut seen = seen.lock().unwrap();
                    for record in &batch {
                        assert!(seen.insert(*record), "{record:?} was delivered twice");
                    }
                    Vec::new()
                }
                Err(LogError::Abortable { .. }) => {
                    producer.abort(LONG).unwrap();
                    offsets.into_keys().collect()
                }
                Err(error) => panic!("{error}"),
            }
        };
        let committed = consumer.committed(&rewound, LONG).unwrap();
        for at in &rewound {
            consumer.seek(at, committed.get(at).copied().unwrap_or(0)).unwrap();
        }
        if !revoking.is_empty() {
            consumer.complete_revoke(&revoking).unwrap();
        }
    }
    consumer.close(false).unwrap();
}

#[test]
fn members_that_come_and_go_share_the_work_exactly_once() {
    const TOTAL: usize = 4000;
    let log = log_with(8);
    let seen = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut producer = producer(&log, "source");
            for value in 0..TOTAL {
                producer.begin().unwrap();
                put(&mut *producer, (value % 8) as i32, &value.to_le_bytes());
                producer.commit(LONG).unwrap();
            }
        });
        for instance in ["a", "b", "c"] {
            let (log, seen) = (&log, &seen);
            scope.spawn(move || work(log, instance, seen, TOTAL));
        }
        // Leaves early, again and again.
        scope.spawn(|| {
            for goal in [TOTAL / 4, TOTAL / 2, TOTAL * 3 / 4] {
                work(&log, "guest", &seen, goal);
            }
        });
    });
    assert_eq!(seen.lock().unwrap().len(), TOTAL);
}
