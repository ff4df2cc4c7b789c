//! Apache Kafka keeps every promise, on a real broker. `KAFKA_PROMISE=name` checks one alone.

// Clippy knows test functions only; their helpers may fail a test too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use connectors::contract::{LogUnderTest, PROMISES, Promise};
use connectors::kafka::admin::{Admin, NewTopic};
use connectors::kafka::{KafkaConfig, KafkaLog};
use processor::ports::{Isolation, Log, LogReader, Offsets, TopicPartition};
use schemas::topics::Cleanup;
use test_kafka::Kafka;

const WAIT: Duration = Duration::from_secs(20);
/// Promises checked at a time: most of their time is waiting.
const AT_A_TIME: usize = 4;

struct Real {
    config: KafkaConfig,
    log: KafkaLog,
    admin: Admin,
    run: String,
}

impl Real {
    /// Timeouts are as long as production's unless the promise is about them.
    fn new(promise: &str, run: &str) -> Self {
        let mut config = KafkaConfig::new(Kafka::shared().bootstrap());
        config.session_timeout_ms = if promise.contains("crashed") { 6_000 } else { 45_000 };
        config.transaction_timeout_ms = if promise.contains("takes_too_long") { 4_000 } else { 60_000 };
        let log = KafkaLog::new(config.clone()).unwrap();
        Self { admin: Admin::new(&log).unwrap(), log, config, run: run.to_owned() }
    }

    fn records(&self, reader: &mut dyn LogReader, at: &TopicPartition) -> usize {
        let (mut count, mut offset) = (0, reader.extent(at, WAIT).unwrap().start);
        let wait = self.quiet();
        loop {
            let next = reader.read(at, offset, Isolation::ReadUncommitted, 1000, wait, &mut |_| count += 1).unwrap();
            if next == offset {
                return count;
            }
            offset = next;
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a broker's timeouts pass in real time")]
fn pass(time: Duration) {
    let until = std::time::Instant::now() + time;
    while let Some(left) = until.checked_duration_since(std::time::Instant::now()) {
        std::thread::park_timeout(left);
    }
}

impl LogUnderTest for Real {
    fn log(&self) -> &dyn Log {
        &self.log
    }

    fn run(&self) -> &str {
        &self.run
    }

    fn create_topic(&self, name: &str, partitions: i32, cleanup: Cleanup) {
        let mut config = BTreeMap::new();
        if matches!(cleanup, Cleanup::Compact | Cleanup::CompactAndDelete) {
            config.insert("cleanup.policy".to_owned(), "compact".to_owned());
            // Only closed segments are compacted.
            config.insert("segment.ms".to_owned(), "100".to_owned());
        }
        let topic = NewTopic { name: name.to_owned(), partitions, replication_factor: 1, config };
        self.admin.create_topics(&[topic], WAIT).unwrap();
        let all: Vec<_> = (0..partitions).map(|partition| TopicPartition::new(name, partition)).collect();
        let mut reader = self.log.reader().unwrap();
        let ready = (0..50).any(|_| reader.extents(&all, WAIT).inspect_err(|_| pass(self.quiet() / 4)).is_ok());
        assert!(ready, "{name} has no leader");
    }

    fn delete_records(&self, partition: &TopicPartition, before: i64) {
        self.admin.delete_records(&Offsets::from([(partition.clone(), before)]), WAIT).unwrap();
    }

    /// The broker looks twice a second; there may be nothing it can compact.
    fn compact(&self, topic: &str) {
        let mut reader = self.log.reader().unwrap();
        let at = TopicPartition::new(topic, 0);
        let before = self.records(&mut *reader, &at);
        (0..10).any(|_| self.records(&mut *reader, &at) < before);
    }

    fn pass_transaction_timeout(&self) {
        pass(Duration::from_millis(self.config.transaction_timeout_ms.into()));
    }

    fn pass_session_timeout(&self, _group: &str, _instance: &str) {
        pass(Duration::from_millis(self.config.session_timeout_ms.into()));
    }

    fn expel(&self, group: &str, instance: &str) {
        remove_member(Kafka::shared().bootstrap(), group, instance).unwrap();
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn quiet(&self) -> Duration {
        Duration::from_millis(400)
    }
}

/// Asks the broker to put a static member out, as an operator's tool does (`LeaveGroup`, version 3:
/// a member without an id is named by its instance).
fn remove_member(bootstrap: &str, group: &str, instance: &str) -> std::io::Result<()> {
    let text = |text: &str| [&(text.len() as i16).to_be_bytes()[..], text.as_bytes()].concat();
    let (api_key, version, correlation) = (13_i16.to_be_bytes(), 3_i16.to_be_bytes(), 1_i32.to_be_bytes());
    let members = 1_i32.to_be_bytes();
    let request =
        [&api_key[..], &version, &correlation, &text("test"), &text(group), &members, &text(""), &text(instance)]
            .concat();
    let mut broker = TcpStream::connect(bootstrap.split(',').next().unwrap())?;
    broker.write_all(&(request.len() as i32).to_be_bytes())?;
    broker.write_all(&request)?;
    let mut size = [0; 4];
    broker.read_exact(&mut size)?;
    let mut answer = vec![0; i32::from_be_bytes(size) as usize];
    broker.read_exact(&mut answer)?;
    // Correlation id, throttle time, error code; then the members, each ending with its own.
    assert_eq!((&answer[8..10], &answer[answer.len() - 2..]), (&[0, 0][..], &[0, 0][..]), "{group}: {answer:?}");
    Ok(())
}

/// Whether the promise is kept. The thread's name is what a panic message begins with.
fn is_kept(promise: &Promise, run: &str) -> bool {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(promise.name.to_owned());
        let check = || promise.check(&Real::new(promise.name, run));
        thread.spawn_scoped(scope, check).unwrap().join().is_ok()
    })
}

#[test]
#[allow(clippy::disallowed_methods, reason = "tells how long a promise took")]
fn kafka_keeps_every_promise() {
    let run = format!("t{:x}", RandomState::new().build_hasher().finish());
    let only = std::env::var("KAFKA_PROMISE").ok();
    let promises: Vec<&Promise> =
        PROMISES.iter().filter(|promise| only.as_ref().is_none_or(|only| promise.name.contains(only))).collect();
    let (next, broken) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    Kafka::shared();
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(promise) = promises.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = std::time::Instant::now();
                    let kept = is_kept(promise, &run);
                    eprintln!("{} {} ({:.1?})", if kept { "kept  " } else { "BROKEN" }, promise.name, begun.elapsed());
                    if !kept {
                        broken.lock().unwrap_or_else(PoisonError::into_inner).push(promise.name);
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    assert!(broken.is_empty(), "broken promises: {broken:#?}");
}
