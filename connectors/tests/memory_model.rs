//! Random interleavings of transactions against a model that is a list.

// Clippy knows test functions only; their helpers may fail a test too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use connectors::memory::{Cleanup, MemoryLog, TopicConfig};
use processor::ports::{Extent, Isolation, Log, LogError, ProduceRecord, TopicPartition, TransactionalLog};
use proptest::collection::vec;
use proptest::prelude::*;

const PARTITIONS: i32 = 2;
const PRODUCERS: usize = 3;
const KEYS: u8 = 4;

#[derive(Clone, Debug)]
enum Step {
    Produce {
        producer: usize,
        partition: i32,
        key: u8,
    },
    Commit(usize),
    Abort(usize),
    /// A new producer of the same id.
    Restart(usize),
    Compact,
    DeleteBefore {
        partition: i32,
        offset: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let producer = 0..PRODUCERS;
    prop_oneof![
        6 => (producer.clone(), 0..PARTITIONS, 0..KEYS)
            .prop_map(|(producer, partition, key)| Step::Produce { producer, partition, key }),
        2 => producer.clone().prop_map(Step::Commit),
        1 => producer.clone().prop_map(Step::Abort),
        1 => producer.prop_map(Step::Restart),
    ]
}

/// As [`step`], and cleaning in between.
fn step_or_cleaning() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => step(),
        1 => Just(Step::Compact),
        1 => (0..PARTITIONS, 0..60i64).prop_map(|(partition, offset)| Step::DeleteBefore { partition, offset }),
    ]
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Open(usize),
    Committed,
    Aborted,
}

#[derive(Clone, Debug)]
struct Written {
    offset: i64,
    key: u8,
    fate: Fate,
}

/// What one partition should hold.
#[derive(Default)]
struct Model {
    written: Vec<Written>,
    end: i64,
    start: i64,
}

impl Model {
    fn stable(&self) -> i64 {
        let open = self.written.iter().find(|written| matches!(written.fate, Fate::Open(_)));
        open.map_or(self.end, |written| written.offset)
    }

    fn decide(&mut self, producer: usize, fate: Fate) {
        let mut touched = false;
        for written in self.written.iter_mut().filter(|written| written.fate == Fate::Open(producer)) {
            written.fate = fate;
            touched = true;
        }
        self.end += i64::from(touched);
    }

    fn visible(&self, isolation: Isolation) -> Vec<(i64, u8)> {
        let stable = self.stable();
        let seen = self.written.iter().filter(|written| match isolation {
            Isolation::ReadCommitted => written.offset < stable && written.fate == Fate::Committed,
            Isolation::ReadUncommitted => true,
        });
        seen.filter(|written| written.offset >= self.start).map(|written| (written.offset, written.key)).collect()
    }
}

struct Run {
    log: MemoryLog,
    producers: Vec<(Box<dyn TransactionalLog>, bool)>,
    models: Vec<Model>,
}

const NOW: Duration = Duration::ZERO;

fn at(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

fn open(log: &MemoryLog, producer: usize) -> Box<dyn TransactionalLog> {
    let mut client = log.producer(&format!("p{producer}")).unwrap();
    client.init_transactions(NOW).unwrap();
    client
}

impl Run {
    fn new() -> Self {
        let log = MemoryLog::default();
        log.create_topic("t", TopicConfig::new(PARTITIONS, Cleanup::CompactAndDelete)).unwrap();
        let producers = (0..PRODUCERS).map(|producer| (open(&log, producer), false)).collect();
        Self { log, producers, models: (0..PARTITIONS).map(|_| Model::default()).collect() }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Produce { producer, partition, key } => self.produce(producer, partition, key),
            Step::Commit(producer) => self.end(producer, Fate::Committed),
            Step::Abort(producer) => self.end(producer, Fate::Aborted),
            Step::Restart(producer) => {
                let new = open(&self.log, producer);
                let (mut old, begun) = std::mem::replace(&mut self.producers[producer], (new, false));
                if begun {
                    assert!(matches!(old.commit(NOW), Err(LogError::Fenced { .. })));
                }
                self.decide(producer, Fate::Aborted);
            }
            Step::Compact => self.log.compact(),
            Step::DeleteBefore { partition, offset } => {
                self.log.delete_records(&at(partition), offset).unwrap();
                let model = &mut self.models[partition as usize];
                model.start = model.start.max(offset.min(model.stable()));
            }
        }
    }

    fn produce(&mut self, producer: usize, partition: i32, key: u8) {
        let (client, begun) = &mut self.producers[producer];
        if !*begun {
            client.begin().unwrap();
            *begun = true;
        }
        let (topic, partition_ix) = ("t", partition as usize);
        let value = [key];
        let record = ProduceRecord {
            topic,
            partition: Some(partition),
            key: Some(&value),
            value: Some(&value),
            headers: &[],
            timestamp_ms: None,
        };
        client.produce(record).unwrap();
        let model = &mut self.models[partition_ix];
        model.written.push(Written { offset: model.end, key, fate: Fate::Open(producer) });
        model.end += 1;
    }

    fn end(&mut self, producer: usize, fate: Fate) {
        let (client, begun) = &mut self.producers[producer];
        if !std::mem::take(begun) {
            return;
        }
        if fate == Fate::Committed { client.commit(NOW) } else { client.abort(NOW) }.unwrap();
        self.decide(producer, fate);
    }

    fn decide(&mut self, producer: usize, fate: Fate) {
        for model in &mut self.models {
            model.decide(producer, fate);
        }
    }

    /// Everything a reader gets in batches of two, and where it ends.
    fn read(&self, partition: i32, isolation: Isolation) -> (Vec<(i64, u8)>, i64) {
        let mut reader = self.log.reader().unwrap();
        let mut offset = reader.extent(&at(partition), NOW).unwrap().start;
        let mut seen = Vec::new();
        loop {
            let mut sink = |view: processor::ports::RecordView<'_>| seen.push((view.offset, view.key.unwrap()[0]));
            let next = reader.read(&at(partition), offset, isolation, 2, NOW, &mut sink).unwrap();
            if next == offset {
                return (seen, offset);
            }
            offset = next;
        }
    }
}

fn newest(seen: &[(i64, u8)]) -> Vec<(i64, u8)> {
    let newest = |key: u8| seen.iter().rev().find(|(_, other)| *other == key).copied();
    let mut newest: Vec<_> = (0..KEYS).filter_map(newest).collect();
    newest.sort_unstable();
    newest
}

proptest! {
    /// Readers see exactly what the model says, after every step.
    #[test]
    fn readers_see_what_was_decided(steps in vec(step(), 1..60)) {
        let mut run = Run::new();
        for step in &steps {
            run.apply(step);
            for partition in 0..PARTITIONS {
                let model = &run.models[partition as usize];
                let extent = run.log.reader().unwrap().extent(&at(partition), NOW).unwrap();
                prop_assert_eq!(extent, Extent { start: 0, end: model.end, stable: model.stable() });
                let committed = (model.visible(Isolation::ReadCommitted), model.stable());
                prop_assert_eq!(run.read(partition, Isolation::ReadCommitted), committed);
                let uncommitted = (model.visible(Isolation::ReadUncommitted), model.end);
                prop_assert_eq!(run.read(partition, Isolation::ReadUncommitted), uncommitted);
            }
        }
    }

    /// Cleaning drops records and nothing else: what stays was visible, and holds every newest one.
    #[test]
    fn cleaning_never_changes_the_newest_record_of_a_key(steps in vec(step_or_cleaning(), 1..80)) {
        let mut run = Run::new();
        for step in &steps {
            run.apply(step);
            for partition in 0..PARTITIONS {
                let model = &run.models[partition as usize];
                let (seen, end) = run.read(partition, Isolation::ReadCommitted);
                let visible = model.visible(Isolation::ReadCommitted);
                prop_assert_eq!(end, model.stable());
                prop_assert_eq!(newest(&seen), newest(&visible));
                prop_assert!(seen.iter().all(|record| visible.contains(record)));
            }
        }
    }
}
