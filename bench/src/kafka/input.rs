//! Stock changes onto `inventory.events`, as `ingest` would write them: Avro under the SKU, each with its place in its
//! source, and watermarks on every partition. It must never send changes out of the order of their places: the later
//! ones would be taken for duplicates.

use anyhow::{Context, Result, anyhow, ensure};
use processor::ports::{Log, TopicPartition};
use schemas::stream::{StreamRecord, Watermark};
use schemas::{CatalogChange, CatalogItem, SourcePosition, Timestamp, avro, canonical, topics};
use test_services::feed::{Feeder, Raw};
use test_services::log;

use super::deployment::Deployment;
use crate::stream::Stream;

const SOURCE: &str = "bench";
/// Records of one transaction while a topic is filled.
const BATCH: usize = 10_000;
/// Event time between two watermarks while a topic is filled; a live load has them every second.
const MARK_MS: i64 = 15 * 60_000;
/// How long timers wait for stragglers once they are due.
pub(crate) const GRACE_MS: i64 = 600_000;

/// Appends a canonical line; false when there are no more.
pub(crate) type NextLine<'a> = &'a mut dyn FnMut(&mut Vec<u8>) -> bool;

/// What lies on `inventory.events` before anybody reads it.
pub(crate) struct Filled {
    /// Stock changes.
    pub(crate) events: u64,
    /// Next offsets of all partitions.
    pub(crate) ends: Vec<(TopicPartition, i64)>,
    /// Their sum, and how much of it warms up.
    pub(crate) offsets: i64,
    pub(crate) warm_up: i64,
    /// Event time of the last one.
    pub(crate) until: Timestamp,
    written: u64,
}

/// Numbers and encodes changes.
pub(crate) struct Encoder {
    written: u64,
    marked: Timestamp,
    partitions: i32,
}

impl Encoder {
    pub(crate) fn new(deployment: &Deployment) -> Self {
        Self { written: 0, marked: Timestamp::from_millis(0), partitions: deployment.partitions }
    }

    /// A change at its own time or at another.
    pub(crate) fn encode(&mut self, line: &[u8], at: Option<Timestamp>) -> Result<(Raw, Timestamp)> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut event = canonical::decode_event(line).map_err(|e| anyhow!("change {}: {}", self.written, e.message))?;
        self.written += 1;
        let time = at.unwrap_or(event.occurred_at);
        event.occurred_at = time;
        let position = self.written.to_string().into();
        event.source = Some(SourcePosition { source: SOURCE.into(), partition: 0, position, time });
        let key = Some(event.sku.as_bytes().to_vec());
        let mut value = Vec::with_capacity(160);
        avro::encode_stream(&StreamRecord::Event(event), &mut value);
        Ok((Raw { partition: None, key, value }, time))
    }

    pub(crate) fn marks(&mut self, event_time: Timestamp, records: &mut Vec<Raw>) {
        self.marked = event_time;
        let mut value = Vec::new();
        let mark = Watermark {
            source: SOURCE.to_owned(),
            source_partition: 0,
            event_time,
            grace_ms: GRACE_MS,
            partitions: vec![0],
        };
        avro::encode_stream(&StreamRecord::Watermark(mark), &mut value);
        records.extend((0..self.partitions).map(|partition| Raw {
            partition: Some(partition),
            key: None,
            value: value.clone(),
        }));
    }
}

/// What is known about an item, in order with its stock.
pub(crate) fn item(item: CatalogItem) -> Raw {
    let key = Some(item.sku.as_bytes().to_vec());
    let mut value = Vec::new();
    let change = CatalogChange { sku: item.sku.clone(), item: Some(item) };
    avro::encode_stream(&StreamRecord::Catalog(change), &mut value);
    Raw { partition: None, key, value }
}

/// Writes every line. The first `warm_up` of them do not count in what is measured.
pub(crate) fn fill(deployment: &Deployment, next: NextLine<'_>, warm_up: u64) -> Result<Filled> {
    let mut feeder = Feeder::open(&deployment.log, "quartermaster-bench-fill")?;
    let mut encoder = Encoder::new(deployment);
    let (mut line, mut batch, mut until) = (Vec::new(), Vec::new(), Timestamp::from_millis(0));
    while next(&mut line) {
        let (record, at) = encoder.encode(&line, None)?;
        if at.since(encoder.marked) >= MARK_MS {
            encoder.marks(at, &mut batch);
        }
        batch.push(record);
        until = at;
        line.clear();
        if batch.len() >= BATCH {
            feeder.send_raw(topics::EVENTS, &batch)?;
            batch.clear();
        }
    }
    feeder.send_raw(topics::EVENTS, &batch)?;
    // A record on every partition behind all others: then the end of each is a record and the mark of its transaction.
    let mut last = Vec::new();
    encoder.marks(until, &mut last);
    feeder.send_raw(topics::EVENTS, &last)?;
    let ends = ends(deployment)?;
    let offsets = ends.iter().map(|(_, end)| end).sum();
    let warm_up = (offsets as f64 * warm_up as f64 / encoder.written.max(1) as f64) as i64;
    println!("  {} records on {}", offsets, topics::EVENTS);
    Ok(Filled { events: encoder.written, ends, offsets, warm_up, until, written: encoder.written })
}

/// Writes so many lines of a stream that has more.
pub(crate) fn fill_some(deployment: &Deployment, stream: &mut Stream, lines: u64, warm_up: u64) -> Result<Filled> {
    let mut left = lines;
    let mut next = |line: &mut Vec<u8>| {
        let more = left > 0 && stream.next(line);
        left = left.saturating_sub(1);
        more
    };
    fill(deployment, &mut next, warm_up)
}

/// Next offsets of all partitions of `inventory.events`.
pub(crate) fn ends(deployment: &Deployment) -> Result<Vec<(TopicPartition, i64)>> {
    let extents = log::extents(&mut *deployment.log.reader()?, topics::EVENTS)?;
    Ok(extents.into_iter().map(|(partition, extent)| (partition, extent.end)).collect())
}

/// More changes of the same shops, live: event time goes as fast as ours.
pub(crate) struct Inlet {
    stream: Stream,
    encoder: Encoder,
    pub(crate) feeder: Feeder,
    /// When the next load begins, in event time.
    begin: Timestamp,
}

/// Changes of one load, one batch for each beat.
pub(crate) struct Batches {
    pub(crate) beats: Vec<Vec<Raw>>,
    /// Event time of the first beat.
    pub(crate) begin: Timestamp,
}

impl Inlet {
    pub(crate) fn new(deployment: &Deployment, stream: Stream, filled: &Filled) -> Result<Self> {
        let encoder = Encoder { written: filled.written, marked: filled.until, partitions: deployment.partitions };
        Self::after(deployment, stream, encoder, filled.until)
    }

    /// Goes on where an encoder has come to.
    pub(crate) fn after(deployment: &Deployment, stream: Stream, encoder: Encoder, until: Timestamp) -> Result<Self> {
        let feeder = Feeder::open(&deployment.log, "quartermaster-bench-inlet")?;
        Ok(Self { stream, encoder, feeder, begin: until.plus_ms(1000) })
    }

    /// Nothing happens until then.
    pub(crate) fn rest_until(&mut self, instant: Timestamp) {
        self.begin = self.begin.max(instant);
    }

    /// So many changes a second for so many beats. All changes of a beat happen at its instant.
    pub(crate) fn prepare(&mut self, per_second: f64, beat_ms: i64, beats: i64) -> Result<Batches> {
        self.prepare_with(per_second, beat_ms, beats, &mut |_| None)
    }

    /// The same with a line of the caller's behind those of a beat, where it has one.
    pub(crate) fn prepare_with(
        &mut self,
        per_second: f64,
        beat_ms: i64,
        beats: i64,
        aside: &mut dyn FnMut(i64) -> Option<Vec<u8>>,
    ) -> Result<Batches> {
        let begin = self.begin;
        let mut batches = Vec::new();
        let (mut due, mut sent, mut line) = (0.0, 0_u64, Vec::new());
        for beat in 0..beats {
            let at = begin.plus_ms(beat * beat_ms);
            let mut batch = Vec::new();
            due += per_second * beat_ms as f64 / 1000.0;
            while sent < due as u64 {
                line.clear();
                ensure!(self.stream.next(&mut line), "the synthetic stream has ended; give it more --events");
                batch.push(self.encoder.encode(&line, Some(at))?.0);
                sent += 1;
            }
            if let Some(line) = aside(beat) {
                batch.push(self.encoder.encode(&line, Some(at))?.0);
            }
            if at.since(self.encoder.marked) >= 1000 || beat + 1 == beats {
                self.encoder.marks(at, &mut batch);
            }
            batches.push(batch);
        }
        self.begin = begin.plus_ms(beats * beat_ms + 1000);
        Ok(Batches { beats: batches, begin })
    }

    /// A record on every partition behind all others; returns where they end.
    pub(crate) fn close(&mut self, deployment: &Deployment) -> Result<Vec<(TopicPartition, i64)>> {
        let mut last = Vec::new();
        self.encoder.marks(self.begin, &mut last);
        self.feeder.send_raw(topics::EVENTS, &last).context("cannot write the last watermarks")?;
        ends(deployment)
    }
}
