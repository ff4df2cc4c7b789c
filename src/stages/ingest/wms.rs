//! Rows of a warehouse system, as Debezium captures them: what they mean is said by a mapping.
//!
//! The source is the topic; its clock is that of the database. Rows, what is remembered of them and what
//! waits for other rows are the translator's (`connectors::wms`); this file gives it a place to keep
//! its state and carries what it says to the topics.

use std::borrow::Cow;
use std::sync::Arc;

use connectors::wms::mapping::Mapping;
use connectors::wms::reader::Reader;
use connectors::wms::row::{RawRecord, Record};
use connectors::wms::translate::{Translated, Translator, WmsRow};
use processor::operator::{
    BroadcastRecord, Context, Incoming, Operator, Outcome, Produced, Rejection, Sums, Tick, TimeSignal,
};
use processor::table::{KeyId, StateTable};
use schemas::headers::REPLAYED;
use schemas::row::{RowError, RowReader, RowWriter};
use schemas::stream::StreamRecord;
use schemas::{SourcePosition, Timestamp};

use super::input::Input;
use super::output::IngestOutput;
use super::rejection::check_size;
use super::sources::{Heard, Sources};
use super::telling;
use crate::metrics::UnmappedTables;

type Ctx<'a> = Context<'a, WmsRow, IngestOutput>;

/// One partition of a topic of captured rows.
pub struct WmsOperator {
    input: Arc<Input>,
    partition: i32,
    sources: Sources,
    mapping: Arc<Mapping>,
    reader: Reader,
    translator: Translator,
    unmapped: UnmappedTables,
    /// Empty between records.
    said: Vec<Translated>,
}

/// A record of such a topic.
pub struct Captured<'a> {
    input: Arc<Input>,
    incoming: Incoming<'a>,
    record: Record<'a>,
    /// The source's clock: what the record says, else when it was written.
    time: Timestamp,
}

impl Captured<'_> {
    /// Of the record among those of its source, for the source's clock: what was read before is told by marks.
    fn position(&self) -> SourcePosition<'_> {
        SourcePosition {
            source: Cow::Borrowed(&self.input.name),
            partition: self.incoming.partition,
            position: Cow::Borrowed(""),
            time: self.time,
        }
    }
}

impl WmsOperator {
    /// `partition`: the one of the input's topic.
    pub fn new(input: Arc<Input>, partition: i32, mapping: Arc<Mapping>, unmapped: UnmappedTables) -> Self {
        Self {
            translator: Translator::new(mapping.clone(), &input.name, partition, Box::new(Reader::new(&mapping))),
            sources: Sources::new(partition),
            reader: Reader::new(&mapping),
            mapping,
            said: Vec::new(),
            input,
            partition,
            unmapped,
        }
    }

    fn translate(&mut self, states: &mut StateTable<WmsRow>, captured: &Captured<'_>) -> Result<Outcome, Rejection> {
        let Record::Change(change) = &captured.record else { return Ok(Outcome::Filtered) };
        if !self.mapping.names(&change.table) {
            self.unmapped.count(&change.table);
            return Ok(Outcome::Filtered);
        }
        self.translator.apply(&captured.incoming, change, states, &mut self.said)
    }

    fn emit(&mut self, ctx: &mut Ctx<'_>) {
        for said in self.said.drain(..) {
            match said {
                Translated::Event(event) => ctx.emit(IngestOutput::event(&self.input, &event)),
                Translated::Item(change) => {
                    ctx.emit(IngestOutput::item(&change.sku, change.item.as_ref()));
                    let key = change.sku.clone();
                    ctx.emit(IngestOutput::keyed(&self.input, &key, &StreamRecord::Catalog(change)));
                }
                Translated::Place { location, description } => {
                    ctx.emit(IngestOutput::location(&location, description.as_ref()));
                }
                Translated::DeadLetter { record, rejection } => {
                    ctx.emit(IngestOutput::dead_letter(&self.input, &record, &rejection));
                }
            }
        }
    }
}

impl Operator for WmsOperator {
    type Record<'a> = Captured<'a>;
    type State = WmsRow;
    type Output = IngestOutput;

    fn decode<'a>(&self, incoming: &Incoming<'a>) -> Result<Captured<'a>, Rejection> {
        check_size(incoming.payload())?;
        let raw = RawRecord { key: incoming.key, value: incoming.value, headers: incoming.headers };
        let mut record = self.reader.read(&raw)?;
        let mut time = Timestamp::from_millis(incoming.timestamp_ms);
        match &mut record {
            Record::Change(change) => {
                time = change.source.time.unwrap_or(time);
                // Somebody wants it again: that it was read before is no reason to pass it by.
                if incoming.headers.iter().any(|(name, _)| name == REPLAYED) {
                    change.source.mark = None;
                }
            }
            Record::Heartbeat(at) => time = *at,
            Record::Nothing => {}
        }
        Ok(Captured { input: self.input.clone(), incoming: *incoming, record, time })
    }

    /// So that the runtime refuses times that cannot be, here, where their source is known.
    fn time_signal<'r>(&self, captured: &'r Captured<'_>) -> TimeSignal<'r> {
        match captured.record {
            Record::Change(_) | Record::Heartbeat(_) => TimeSignal::Event {
                source: &captured.input.name,
                source_partition: captured.incoming.partition,
                source_time: captured.time,
                occurred_at: captured.time,
            },
            Record::Nothing => TimeSignal::None,
        }
    }

    fn on_record(&mut self, ctx: &mut Ctx<'_>, captured: &Captured<'_>) -> Result<Outcome, Rejection> {
        if captured.record == Record::Nothing {
            return Ok(Outcome::Filtered);
        }
        // Whatever becomes of this record: others may have waited for it, or for too long.
        let outcome = self.translate(ctx.states, captured);
        self.translator.expire(captured.time, ctx.states, &mut self.said);
        // The source's clock first, so that no partition takes the time from an event before it knows of
        // the source's other partitions.
        if let Heard::New(news) = self.sources.hear(&self.input, &captured.position()) {
            telling::tell_all(ctx, &self.input, news, captured.time);
        }
        self.emit(ctx);
        outcome
    }

    fn on_timer(&mut self, _: &mut Ctx<'_>, _: KeyId, _: Timestamp) {}

    fn on_tick(&mut self, ctx: &mut Ctx<'_>, tick: Tick) {
        telling::tick(ctx, &self.input, &mut self.sources, tick);
    }

    fn effective_at(&self, _: &BroadcastRecord) -> Result<Option<Timestamp>, Rejection> {
        Ok(None)
    }

    fn install_broadcast(&mut self, _: &BroadcastRecord) {}

    fn on_broadcast(&mut self, _: &mut Ctx<'_>, _: &BroadcastRecord) {}

    fn close_epoch(&mut self) -> Vec<Sums> {
        Vec::new()
    }

    fn apply_epoch(&mut self, _: &mut Ctx<'_>, _: i64, _: &[Sums]) {}

    fn encode_shared(&self, out: &mut Vec<u8>) {
        self.sources.encode(&mut RowWriter::new(out));
    }

    fn decode_shared(&mut self, row: &[u8]) -> Result<(), RowError> {
        self.sources = Sources::decode(self.partition, &mut RowReader::new(row))?;
        Ok(())
    }

    fn restored(&mut self, states: &mut StateTable<WmsRow>) {
        self.translator.restored(states);
    }

    fn produce(&self, output: &IngestOutput, sink: &mut dyn FnMut(Produced<'_>)) {
        output.produce(sink);
    }
}
