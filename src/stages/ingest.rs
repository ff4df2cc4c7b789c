//! `ingest`: turns what a source says into `inventory.events`.
//!
//! This version reads canonical JSON lines. A record keeps its source position; one at or before the
//! last position of its source partition is a duplicate. Whenever a source's clock has moved by the
//! watermark interval, every partition of `inventory.events` is told: that, and never the machine's
//! clock, is what moves stream time downstream.

use std::collections::BTreeMap;

use processor::operator::{
    BroadcastRecord, Context, Incoming, Now, Operator, Outcome, Produced, Rejection, StateRow, Sums, TimeSignal,
};
use processor::table::KeyId;
use schemas::row::{RowError, RowReader, RowWriter};
use schemas::stream::{StreamRecord, Watermark};
use schemas::{InventoryEvent, SourcePosition, Timestamp, avro, canonical, topics};

const ROW_VERSION: u8 = 1;

/// What the stage is configured with.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// Partitions of `inventory.events`.
    pub partitions: i32,
    /// Partitions of the source, by number: stream time waits for all of them.
    pub source_partitions: Vec<i32>,
    /// A source's clock moves at least this far between two watermarks.
    pub watermark_interval_ms: i64,
    /// How long after their due time timers wait for stragglers.
    pub grace_ms: i64,
}

/// How far one source partition has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Progress {
    /// Of numeric positions only; others are not compared.
    position: Option<i64>,
    watermark: Option<Timestamp>,
}

/// One partition of the source's topic.
pub struct IngestOperator {
    config: IngestConfig,
    progress: BTreeMap<(String, i32), Progress>,
}

/// A record of `inventory.events`, encoded.
pub struct IngestOutput {
    partition: i32,
    key: String,
    value: Vec<u8>,
}

/// The stage keeps no state by key.
pub enum NoState {}

impl StateRow for NoState {
    fn encode(&self, _: &mut Vec<u8>) {
        match *self {}
    }

    fn decode(_: &[u8]) -> Result<Self, RowError> {
        Err(RowError::Invalid { what: "row of a stage without keyed state", at: 0 })
    }

    fn next_due(&self) -> Option<Timestamp> {
        match *self {}
    }
}

type Ctx<'a> = Context<'a, NoState, IngestOutput>;

impl IngestOperator {
    pub fn new(config: IngestConfig) -> Self {
        Self { config, progress: BTreeMap::new() }
    }

    fn emit_event(&self, ctx: &mut Ctx<'_>, event: &InventoryEvent<'_>) {
        let mut value = Vec::with_capacity(128);
        avro::encode_stream(&StreamRecord::Event(event.clone()), &mut value);
        let partition = schemas::partitioner::partition_for(event.sku.as_bytes(), self.config.partitions);
        ctx.emit(IngestOutput { partition, key: event.sku.clone().into_owned(), value });
    }

    fn emit_watermarks(&self, ctx: &mut Ctx<'_>, source: &SourcePosition<'_>) {
        let watermark = Watermark {
            source: source.source.clone().into_owned(),
            source_partition: source.partition,
            event_time: source.time,
            grace_ms: self.config.grace_ms,
            partitions: self.config.source_partitions.clone(),
        };
        let mut value = Vec::new();
        avro::encode_stream(&StreamRecord::Watermark(watermark), &mut value);
        for partition in 0..self.config.partitions {
            ctx.emit(IngestOutput { partition, key: format!("watermark|{}", source.source), value: value.clone() });
        }
    }
}

impl Operator for IngestOperator {
    type Record<'a> = InventoryEvent<'a>;
    type State = NoState;
    type Output = IngestOutput;

    fn decode<'a>(&self, incoming: &Incoming<'a>) -> Result<InventoryEvent<'a>, Rejection> {
        let event = canonical::decode_event(incoming.payload()).map_err(|e| Rejection::new(e.class, e.message))?;
        if event.source.is_none() {
            return Err(Rejection::new(
                "missing_field",
                "field `source`: a record on a topic needs its source position",
            ));
        }
        Ok(event)
    }

    fn time_signal<'r>(&self, _: &'r InventoryEvent<'_>) -> TimeSignal<'r> {
        TimeSignal::None
    }

    fn on_record(&mut self, ctx: &mut Ctx<'_>, event: &InventoryEvent<'_>) -> Result<Outcome, Rejection> {
        let Some(source) = &event.source else {
            return Ok(Outcome::Filtered);
        };
        let interval = self.config.watermark_interval_ms;
        let progress = self.progress.entry((source.source.clone().into_owned(), source.partition)).or_default();
        if let Ok(position) = source.position.parse::<i64>() {
            if progress.position.is_some_and(|last| position <= last) {
                return Ok(Outcome::Duplicate);
            }
            progress.position = Some(position);
        }
        let due = progress.watermark.is_none_or(|last| source.time.since(last) >= interval);
        if due {
            progress.watermark = Some(source.time);
        }
        // First, so that no partition takes the time from an event before it knows of the source's
        // other partitions.
        if due {
            self.emit_watermarks(ctx, source);
        }
        self.emit_event(ctx, event);
        Ok(Outcome::Ok)
    }

    fn on_timer(&mut self, _: &mut Ctx<'_>, _: KeyId, _: Timestamp) {}

    fn effective_at(&self, _: &BroadcastRecord) -> Result<Option<Timestamp>, Rejection> {
        Ok(None)
    }

    fn install_broadcast(&mut self, _: &BroadcastRecord) {}

    fn on_broadcast(&mut self, _: &mut Ctx<'_>, _: &BroadcastRecord) {}

    fn close_epoch(&mut self) -> Vec<Sums> {
        Vec::new()
    }

    fn apply_epoch(&mut self, _: i64, _: &[Sums]) {}

    fn encode_shared(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        w.u8(ROW_VERSION);
        w.unsigned(self.progress.len() as u64);
        for ((source, partition), progress) in &self.progress {
            w.text(source);
            w.signed(i64::from(*partition));
            w.option(progress.position, RowWriter::signed);
            w.option(progress.watermark, RowWriter::time);
        }
    }

    fn decode_shared(&mut self, row: &[u8]) -> Result<(), RowError> {
        let mut r = RowReader::new(row);
        let version = r.u8()?;
        if version > ROW_VERSION {
            return Err(RowError::TooNew { found: version, newest: ROW_VERSION });
        }
        self.progress.clear();
        for _ in 0..r.unsigned()? {
            let source = r.text()?.to_owned();
            let partition = i32::try_from(r.signed()?).map_err(|_| r.invalid("source partition"))?;
            let (position, watermark) = (r.option(RowReader::signed)?, r.option(RowReader::time)?);
            self.progress.insert((source, partition), Progress { position, watermark });
        }
        Ok(())
    }

    fn publish(&self, _: &[u8], state: &NoState, _: Now) -> Option<IngestOutput> {
        match *state {}
    }

    fn produce(&self, output: &IngestOutput, sink: &mut dyn FnMut(Produced<'_>)) {
        sink(Produced {
            topic: topics::EVENTS,
            partition: Some(output.partition),
            key: output.key.as_bytes(),
            value: Some(&output.value),
            headers: &[],
        });
    }
}
