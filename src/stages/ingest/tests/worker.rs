//! Workers of an input on the embedded log: what is committed, whatever happens on the way.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use connectors::memory::{Cleanup, MemoryLog, TopicConfig};
use processor::ports::{Isolation, Log, ProduceRecord, RecordView, TopicPartition};
use processor::runtime::{
    Activity, Clock, FailPoint, NoFailPoints, ProtocolStep, RuntimeError, StageConfig, Unobserved, Worker, WorkerParts,
};
use processor::store::memory::MemoryProvider;
use schemas::headers;

use super::*;

#[derive(Default)]
struct VirtualClock(AtomicI64);

impl Clock for VirtualClock {
    fn monotonic_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn wall_ms(&self) -> i64 {
        1_795_000_000_000 + self.monotonic_ms()
    }
}

/// Dies the nth time a step is reached.
struct DieAt {
    step: ProtocolStep,
    left: u32,
}

impl FailPoint for DieAt {
    fn reached(&mut self, step: ProtocolStep) -> ControlFlow<()> {
        if step == self.step {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

/// A committed record: topic, partition, key, value.
type Committed = (String, i32, Vec<u8>, Option<Vec<u8>>);

/// The log, one member, and its disk.
struct Stage {
    log: MemoryLog,
    clock: Arc<VirtualClock>,
    input: Arc<Input>,
    disk: MemoryProvider,
    worker: Option<Worker<IngestOperator>>,
}

impl Stage {
    fn new(input: Input) -> Self {
        let log = MemoryLog::default();
        let input = Arc::new(input);
        for (topic, partitions) in [
            (&*input.topic, input.topic_partitions),
            (topics::EVENTS, input.events_partitions),
            (topics::CATALOG, input.events_partitions),
            (topics::LOCATIONS, 1),
            (topics::DEAD_LETTERS, 1),
        ] {
            log.create_topic(topic, TopicConfig::new(partitions, Cleanup::Delete)).unwrap();
        }
        let changelog = TopicConfig::new(input.topic_partitions, Cleanup::Compact).compact_after(50);
        log.create_topic(&input.topics().changelog, changelog).unwrap();
        Self { log, clock: Arc::default(), input, disk: MemoryProvider::default(), worker: None }
    }

    fn start(&mut self, failpoints: impl FailPoint + 'static) -> Result<(), RuntimeError> {
        let input = self.input.clone();
        let parts = WorkerParts {
            config: self.config(),
            instance: "0".to_owned(),
            log: Arc::new(self.log.clone()),
            stores: Box::new(self.disk.clone()),
            operator: Box::new(move |partition| IngestOperator::new(input.clone(), partition)),
            clock: self.clock.clone(),
            failpoints: Box::new(failpoints),
            observer: Arc::new(Unobserved),
        };
        self.worker = Some(Worker::open(parts)?);
        Ok(())
    }

    fn config(&self) -> StageConfig {
        StageConfig {
            application: self.input.application(),
            stage: "ingest".to_owned(),
            topics: self.input.topics(),
            task: TaskConfig { partition: 0, epoch_ms: None, grace_ms: 0, floor: DEFAULT_FLOOR },
            states: None,
            max_poll_records: 3,
            commit_interval_ms: 20,
            minimum_commit_gap_ms: 1,
            commit_records: 100,
            flush_interval_ms: 50,
            flush_bytes: 1 << 20,
            epoch_wait_ms: 1,
            backlog_records: 100,
            call_timeout_ms: 1,
            tick_ms: self.input.tick_ms(),
        }
    }

    fn publish(&self, partition: i32, records: &[(Option<&str>, Option<String>)]) {
        let mut producer = self.log.producer("source").unwrap();
        producer.init_transactions(Duration::ZERO).unwrap();
        producer.begin().unwrap();
        for (key, value) in records {
            producer
                .produce(ProduceRecord {
                    topic: &self.input.topic,
                    partition: Some(partition),
                    key: key.map(str::as_bytes),
                    value: value.as_ref().map(String::as_bytes),
                    headers: &[],
                    timestamp_ms: None,
                })
                .unwrap();
        }
        producer.commit(Duration::ZERO).unwrap();
    }

    /// Turns, each of so many milliseconds, until nothing happens for a while or the member dies.
    fn settle(&mut self, turn_ms: i64) -> Result<(), RuntimeError> {
        let mut quiet = 0;
        while quiet < 50 {
            self.clock.0.fetch_add(turn_ms, Ordering::Relaxed);
            self.log.advance_clock(turn_ms);
            let busy = self.worker.as_mut().unwrap().step(Duration::ZERO)? == Activity::Busy;
            quiet = if busy { 0 } else { quiet + 1 };
        }
        Ok(())
    }

    fn committed(&self) -> Vec<Committed> {
        let mut seen = Vec::new();
        for (topic, partitions) in [(topics::EVENTS, 3), (topics::CATALOG, 3), (topics::DEAD_LETTERS, 1)] {
            for partition in 0..partitions {
                let visit = &mut |record: RecordView<'_>| {
                    let (key, value) = (record.key.unwrap_or_default().to_vec(), record.value.map(<[u8]>::to_vec));
                    seen.push((topic.to_owned(), partition, key, value));
                };
                let at = TopicPartition::new(topic, partition);
                self.log.records(&at, Isolation::ReadCommitted, visit).unwrap();
            }
        }
        seen
    }
}

/// Records of every sort, bad ones among them.
fn feed(content: Content) -> Vec<(Option<&'static str>, Option<String>)> {
    (0..40)
        .map(|n| match content {
            Content::Catalog if n % 7 == 3 => (Some("SKU-3"), None),
            Content::Catalog if n % 11 == 5 => (None, Some("{}".to_owned())),
            Content::Catalog => (None, Some(format!(r#"{{"sku":"SKU-{}","name":"{n}"}}"#, n % 5))),
            Content::Actions => {
                let id = n % 30;
                let line = format!(
                    r#"{{"action_id":"a{id}","alert_id":"b","kind":"snooze","occurred_at":"2026-11-22T06:00:00Z","sku":"S{id}"}}"#
                );
                (Some("b"), Some(line))
            }
            _ if n % 9 == 4 => (None, Some("not json".to_owned())),
            // Every tenth position comes twice.
            _ => {
                let position = n - i32::from(n % 10 == 1);
                let source = format!(r#"{{"name":"wms","partition":0,"position":{position}}}"#);
                (None, Some(sourced_sale(&format!("e{position}"), &format!("05:54:{n:02}"), &source)))
            }
        })
        .collect()
}

/// What is committed when the member dies the nth time it reaches a step. With no step, it lives.
fn run(content: Content, death: Option<(ProtocolStep, u32)>, lose_disk: bool) -> (Vec<Committed>, bool) {
    let mut stage = Stage::new(Input { topic_partitions: 1, ..input(content) });
    let records = feed(content);
    let mut deaths = 0;
    let mut next = death;
    for batch in records.chunks(7) {
        stage.publish(0, batch);
        loop {
            if stage.worker.is_none() {
                let started = match next.take() {
                    Some((step, left)) => stage.start(DieAt { step, left }),
                    None => stage.start(NoFailPoints),
                };
                started.unwrap();
            }
            match stage.settle(7) {
                Ok(()) => break,
                Err(RuntimeError::Killed(_)) => deaths += 1,
                Err(error) => panic!("{death:?}: {error}"),
            }
            stage.worker = None;
            if lose_disk {
                stage.disk = MemoryProvider::default();
            }
        }
    }
    (stage.committed(), deaths > 0)
}

/// Asserts invariant I13 as well: the dead letters are among what is compared.
#[test]
fn whatever_step_it_dies_at_everything_is_relayed_exactly_once() {
    for content in [Content::StockChanges, Content::Catalog, Content::Actions] {
        let (expected, _) = run(content, None, false);
        assert!(expected.len() >= 30, "{content:?}: {}", expected.len());
        let mut died = 0;
        for step in ProtocolStep::ALL {
            for (nth, lose_disk) in [(1, false), (2, true), (3, false)] {
                let (committed, dead) = run(content, Some((*step, nth)), lose_disk);
                assert!(committed == expected, "{content:?} dying at {step:?}, time {nth}");
                died += u32::from(dead);
            }
        }
        assert!(died >= 20, "{content:?}: it died {died} times only");
    }
}

#[test]
fn a_dead_letter_keeps_the_bytes_and_says_where_they_came_from() {
    let mut stage = Stage::new(input(Content::StockChanges));
    stage.publish(1, &[(Some("k"), Some("not json".to_owned())), (None, Some(sale("e1", "05:54:00")))]);
    stage.start(NoFailPoints).unwrap();
    stage.settle(7).unwrap();
    let mut letters = Vec::new();
    let visit = &mut |record: RecordView<'_>| {
        letters.push((headers::to_dead_letter(record.headers).unwrap(), record.value.map(<[u8]>::to_vec)));
    };
    stage.log.records(&TopicPartition::new(topics::DEAD_LETTERS, 0), Isolation::ReadCommitted, visit).unwrap();
    let [(letter, value)] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!(value.as_deref(), Some(&b"not json"[..]));
    assert_eq!((&*letter.topic, letter.partition, letter.offset), ("wms.stock", 1, 0));
    assert_eq!((&*letter.stage, &*letter.error_class), ("ingest", "malformed"));
    assert!(stage.committed().iter().any(|(_, _, key, _)| key == b"SKU-1"), "the next record goes on");
}

#[test]
fn silence_needs_a_partition_read_to_its_end() {
    let mut stage = Stage::new(input(Content::StockChanges));
    stage.publish(0, &[(None, Some(sale("e1", "05:54:00")))]);
    stage.start(NoFailPoints).unwrap();
    stage.settle(SILENCE_MS / 100).unwrap();
    stage.settle(SECOND_MS).unwrap();
    while stage.clock.monotonic_ms() < 4 * SILENCE_MS {
        stage.settle(SECOND_MS).unwrap();
    }
    let committed = stage.committed();
    let silences = committed.iter().filter(|(_, partition, key, _)| *partition == 2 && key == b"silence|stock");
    let mut lasts: Vec<_> = silences
        .map(|(_, _, _, value)| match avro::decode_stream(value.as_deref().unwrap()).unwrap() {
            StreamRecord::Silence(silence) => (silence.source_partition, silence.last_event_time),
            other => panic!("{other:?}"),
        })
        .collect();
    lasts.sort_unstable();
    assert_eq!(lasts, [(0, Some(at("2026-11-22T05:54:00Z"))), (1, None)], "the empty partition too");
}
