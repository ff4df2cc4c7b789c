//! The embedded log keeps every promise that Kafka has to keep.

// Clippy knows test functions only; their helpers may fail a test too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use connectors::contract::{LogUnderTest, PROMISES};
use connectors::memory::{Cleanup, MemoryLog, MemoryLogConfig, TopicConfig};
use processor::ports::{Log, TopicPartition};

struct Embedded {
    log: MemoryLog,
}

impl LogUnderTest for Embedded {
    fn log(&self) -> &dyn Log {
        &self.log
    }

    fn run(&self) -> &'static str {
        "run"
    }

    fn create_topic(&self, name: &str, partitions: i32, cleanup: Cleanup) {
        self.log.create_topic(name, TopicConfig::new(partitions, cleanup)).unwrap();
    }

    fn delete_records(&self, partition: &TopicPartition, before: i64) {
        self.log.delete_records(partition, before).unwrap();
    }

    fn compact(&self, _topic: &str) {
        self.log.compact();
    }

    fn pass_transaction_timeout(&self) {
        self.log.advance_clock(MemoryLogConfig::default().transaction_timeout_ms);
    }

    fn pass_session_timeout(&self, _group: &str, _instance: &str) {
        self.log.advance_clock(MemoryLogConfig::default().session_timeout_ms);
    }

    fn expel(&self, group: &str, instance: &str) {
        self.log.expire_member(group, instance);
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(200)
    }

    fn quiet(&self) -> Duration {
        Duration::from_millis(2)
    }
}

#[test]
fn the_embedded_log_keeps_every_promise() {
    let broken: Vec<&str> = PROMISES
        .iter()
        .filter(|promise| {
            let check = || promise.check(&Embedded { log: MemoryLog::default() });
            // The thread's name is what a panic message begins with.
            std::thread::scope(|scope| {
                let thread = std::thread::Builder::new().name(promise.name.to_owned());
                thread.spawn_scoped(scope, check).unwrap().join().is_err()
            })
        })
        .map(|promise| promise.name)
        .collect();
    assert!(broken.is_empty(), "broken promises: {broken:#?}");
}
