//! One partition of an input at a time: bytes in, decoded records out.

mod contents;
mod docs;
mod refusals;
mod rows;
mod silence;
mod wms;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

use processor::epochs::EpochBoard;
use processor::operator::{Incoming, Operator, Outcome, Rejection, Tick};
use processor::source_clock::DEFAULT_FLOOR;
use processor::task::{Step, Task, TaskConfig};
use schemas::stream::StreamRecord;
use schemas::time::{MINUTE_MS, SECOND_MS};
use schemas::{Timestamp, avro, topics};

use super::{Content, Format, IngestOperator, IngestOutput, Input};

const SILENCE_MS: i64 = 5 * MINUTE_MS;

fn input(content: Content) -> Input {
    Input {
        name: "stock".to_owned(),
        topic: "wms.stock".to_owned(),
        topic_partitions: 2,
        content,
        format: Format::Auto,
        events_partitions: 3,
        source_partitions: None,
        watermark_interval_ms: SECOND_MS,
        records_per_watermark: 0,
        grace_ms: 10 * MINUTE_MS,
        silence_after_ms: SILENCE_MS,
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A sale without a source, at a time of 2026-11-22.
fn sale(id: &str, time: &str) -> String {
    format!(
        r#"{{"event_id":"{id}","sku":"SKU-1","location":"STORE-7","occurred_at":"2026-11-22T{time}Z","change":{{"type":"sold","quantity":1}}}}"#
    )
}

/// The same with one.
fn sourced_sale(id: &str, time: &str, source: &str) -> String {
    sale(id, time).replacen('{', &format!(r#"{{"source":{source},"#), 1)
}

/// What came out, readable.
#[derive(Clone, Debug, PartialEq)]
struct Written {
    topic: &'static str,
    partition: Option<i32>,
    key: String,
    value: Option<Vec<u8>>,
}

impl Written {
    fn record(&self) -> StreamRecord<'_> {
        assert_eq!(self.topic, topics::EVENTS);
        avro::decode_stream(self.value.as_deref().unwrap()).unwrap()
    }
}

/// One task of an input, with everything it has committed.
struct Bench {
    input: Arc<Input>,
    partition: i32,
    task: Task<IngestOperator>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    next: i64,
    wall: Timestamp,
}

impl Bench {
    fn new(input: Input) -> Self {
        Self::on(input, 0)
    }

    fn on(input: Input, partition: i32) -> Self {
        let input = Arc::new(input);
        let task = task(&input, partition);
        Self { input, partition, task, rows: BTreeMap::new(), next: 0, wall: at("2026-11-22T12:00:00Z") }
    }

    /// Offers one record and commits.
    fn offer(&mut self, key: Option<&str>, value: Option<&[u8]>) -> Result<(Outcome, Vec<Written>), Rejection> {
        let (partition, offset) = (self.partition, self.next);
        let incoming =
            Incoming { partition, offset, timestamp_ms: 0, key: key.map(str::as_bytes), value, headers: &[] };
        self.next += 1;
        let report = match self.task.operator().decode(&incoming) {
            Ok(report) => report,
            Err(rejection) => {
                self.task.skip(offset);
                return Err(rejection);
            }
        };
        match self.task.process(offset, &report, &EpochBoard::new(1)) {
            Step::Done(Ok(outcome)) => Ok((outcome, self.commit())),
            Step::Done(Err(rejection)) => {
                assert_eq!(self.commit(), [], "a refused record says nothing");
                Err(rejection)
            }
            Step::AwaitEpoch { .. } | Step::Sweeping => panic!("ingest has neither epochs nor timers"),
        }
    }

    fn line(&mut self, line: &str) -> Vec<Written> {
        let (outcome, written) = self.offer(None, Some(line.as_bytes())).unwrap();
        assert_eq!(outcome, Outcome::Ok, "{line}");
        written
    }

    fn refused(&mut self, key: Option<&str>, value: Option<&[u8]>) -> Rejection {
        self.offer(key, value).unwrap_err()
    }

    /// Lets the machine's clock run, a tick a second.
    fn wait(&mut self, ms: i64, caught_up: bool) -> Vec<Written> {
        let mut written = Vec::new();
        for _ in 0..ms / SECOND_MS {
            self.wall = self.wall.plus_ms(SECOND_MS);
            self.task.tick(Tick { wall: self.wall, caught_up });
            written.extend(self.commit());
        }
        written
    }

    fn restart(&mut self) {
        self.task = task(&self.input, self.partition);
        for (key, row) in &self.rows {
            self.task.install(key, row).unwrap();
        }
        self.task.resume(&[]);
    }

    fn commit(&mut self) -> Vec<Written> {
        let unit = self.task.seal();
        for (key, row) in unit.rows() {
            self.rows.insert(key.to_vec(), row.unwrap().to_vec());
        }
        unit.outputs.iter().map(written).collect()
    }
}

fn task(input: &Arc<Input>, partition: i32) -> Task<IngestOperator> {
    let config = TaskConfig { partition, epoch_ms: None, grace_ms: 0, floor: DEFAULT_FLOOR };
    Task::new(config, IngestOperator::new(input.clone(), partition))
}

fn written(output: &IngestOutput) -> Written {
    let IngestOutput { topic, partition, key, value, .. } = output.clone();
    Written { topic, partition, key: String::from_utf8(key.unwrap()).unwrap(), value }
}

/// The watermarks among the outputs, one for each set that went to every partition.
fn watermarks(written: &[Written]) -> Vec<(String, i32, Timestamp, Vec<i32>)> {
    every_partition_alike(written, |record| match record {
        StreamRecord::Watermark(w) => Some((w.source, w.source_partition, w.event_time, w.partitions)),
        _ => None,
    })
}

fn silences(written: &[Written]) -> Vec<(String, i32, Option<Timestamp>)> {
    every_partition_alike(written, |record| match record {
        StreamRecord::Silence(s) => Some((s.source, s.source_partition, s.last_event_time)),
        _ => None,
    })
}

fn every_partition_alike<T: PartialEq + std::fmt::Debug>(
    written: &[Written],
    pick: impl Fn(StreamRecord<'_>) -> Option<T>,
) -> Vec<T> {
    let mut by_partition: Vec<Vec<T>> = vec![Vec::new(), Vec::new(), Vec::new()];
    for written in written.iter().filter(|w| w.topic == topics::EVENTS) {
        by_partition[written.partition.unwrap() as usize].extend(pick(written.record()));
    }
    assert!(by_partition.iter().all(|list| *list == by_partition[0]), "{by_partition:?}");
    by_partition.swap_remove(0)
}

fn events(written: &[Written]) -> Vec<String> {
    let events = written.iter().filter_map(|written| match written.record() {
        StreamRecord::Event(event) => Some(event.event_id.into_owned()),
        _ => None,
    });
    events.collect()
}
