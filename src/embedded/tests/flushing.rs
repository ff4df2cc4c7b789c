//! What a crash leaves to read again: about a flush interval of every partition, however seldom it is written.

use std::sync::Arc;
use std::time::Duration;

use processor::ports::{Isolation, TopicPartition};
use processor::runtime::Worker;
use processor::store::StoreProvider;
use processor::store::memory::MemoryProvider;
use schemas::topics;

use super::simulation::VirtualClock;
use crate::embedded::{Embedded, EmbeddedConfig};
use crate::stages::process;

const STEP_MS: i64 = 10;
const FLUSH_MS: i64 = 1_000;
/// Each partition gets a record so often: all the time, now and then, seldom.
const EVERY_MS: [i64; 3] = [20, 700, 4_300];

struct Run {
    chain: Embedded,
    clock: Arc<VirtualClock>,
    disk: MemoryProvider,
}

impl Run {
    fn new() -> Self {
        let clock = Arc::new(VirtualClock::default());
        let config = EmbeddedConfig {
            partitions: EVERY_MS.len() as i32,
            source_partitions: 1,
            watermark_interval_ms: 60_000,
            grace_ms: 60_000,
            keep_everything: true,
        };
        Self { chain: Embedded::new(config, clock.clone()).unwrap(), clock, disk: MemoryProvider::default() }
    }

    /// One life of `process`, which ends without a word.
    fn live(&self, from_ms: i64, to_ms: i64) {
        let mut parts = self.chain.process("process-0");
        parts.stores = Box::new(self.disk.clone());
        let mut worker = Worker::open(parts).unwrap();
        let mut publisher = self.chain.publisher("source").unwrap();
        for now in (from_ms..to_ms).step_by(STEP_MS as usize) {
            self.clock.pass(STEP_MS);
            self.chain.log().advance_clock(STEP_MS);
            publisher.begin().unwrap();
            for (partition, every) in EVERY_MS.iter().enumerate() {
                if now % every < STEP_MS {
                    // No record anybody knows: its dead letter and its position are committed all the same.
                    publisher.produce(topics::EVENTS, Some(partition as i32), "key", b"\x00garbage").unwrap();
                }
            }
            publisher.commit().unwrap();
            worker.step(Duration::ZERO).unwrap();
        }
    }

    /// Times of the committed rows that the store's checkpoint does not know of.
    fn unknown(&self, partition: i32) -> Vec<i64> {
        let checkpoint = self.disk.clone().open(partition).unwrap().checkpoint().unwrap().unwrap().changelog_offset;
        let changelog = TopicPartition::new(topics::changelog(process::APPLICATION, "state"), partition);
        let mut times = Vec::new();
        let visit = &mut |record: processor::ports::RecordView<'_>| {
            if record.offset >= checkpoint {
                times.push(record.timestamp_ms);
            }
        };
        self.chain.log().records(&changelog, Isolation::ReadCommitted, visit).unwrap();
        times
    }
}

#[test]
fn a_crash_leaves_about_a_flush_interval_of_every_partition_to_read_again() {
    let run = Run::new();
    let (mut from, mut seen) = (0, 0);
    for life in 0..12 {
        let to = from + 20_000 + life * 170;
        run.live(from, to);
        from = to;
        for (partition, every) in EVERY_MS.iter().enumerate() {
            let times = run.unknown(partition as i32);
            seen += times.len();
            let stretch = times.iter().max().unwrap_or(&0) - times.iter().min().unwrap_or(&0);
            // A turn of the worker more, and the commit that was under way.
            let most = FLUSH_MS + every.max(&(FLUSH_MS / 4)) + 10 * STEP_MS;
            assert!(stretch <= most, "life {life}, partition {partition}: {stretch} ms, {} rows", times.len());
        }
    }
    assert!(seen > 0, "a crash must leave something");
}
