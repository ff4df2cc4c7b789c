//! `ingest`: turns what the sources say into `inventory.events`, each input by itself.
//!
//! Stock changes keep their source position; one at or before the last position of its source
//! partition is a duplicate. Whenever a source's clock has moved, every partition of
//! `inventory.events` is told: that, and never the machine's clock, is what moves stream time
//! downstream. Catalogue changes and actions are relayed into the partition of their SKU, so that
//! `process` sees them in order with its stock changes.
//!
//! The machine's clock is looked at for one thing: to find that a source has fallen silent
//! (`sources`). It enters the log as data, a `SourceSilence`.

mod actions;
mod decode;
mod input;
mod output;
pub mod rejection;
mod sources;
mod stage;
mod telling;
#[cfg(test)]
mod tests;
mod wms;

pub use decode::Report;
pub use input::{Content, Format, Input, application};
pub use output::IngestOutput;
pub use stage::{check_mappings, specs};

use std::sync::Arc;

use processor::operator::{
    BroadcastRecord, Context, Incoming, Operator, Outcome, Produced, Rejection, StateRow, Sums, Tick, TimeSignal,
};
use processor::table::{KeyId, StateTable};
use schemas::row::{RowError, RowReader, RowWriter};
use schemas::stream::{Action, StreamRecord};
use schemas::{CatalogChange, InventoryEvent, SourcePosition, Timestamp};

use super::process::event_signal;
use super::rows::Examined;
use actions::{RecentActions, Slot};
use sources::{Heard, Sources};

type Ctx<'a> = Context<'a, Slot, IngestOutput>;

/// One partition of one input.
pub struct IngestOperator {
    input: Arc<Input>,
    partition: i32,
    sources: Sources,
    actions: RecentActions,
}

impl IngestOperator {
    /// `partition`: the one of the input's topic.
    pub fn new(input: Arc<Input>, partition: i32) -> Self {
        Self { input, partition, sources: Sources::new(partition), actions: RecentActions::default() }
    }

    fn on_change(&mut self, ctx: &mut Ctx<'_>, event: &InventoryEvent<'_>) -> Outcome {
        let Some(at) = &event.source else { return Outcome::Filtered };
        let Heard::New(news) = self.sources.hear(&self.input, at) else { return Outcome::Duplicate };
        // First, so that no partition takes the time from an event before it knows of the source's
        // other partitions.
        telling::tell_all(ctx, &self.input, news, at.time);
        ctx.emit(IngestOutput::event(&self.input, event));
        Outcome::Ok
    }

    fn on_heartbeat(&mut self, ctx: &mut Ctx<'_>, at: &SourcePosition<'_>) -> Outcome {
        // A heartbeat has no place among the changes.
        let at = SourcePosition { position: "".into(), ..at.clone() };
        let Heard::New(news) = self.sources.hear(&self.input, &at) else { return Outcome::Duplicate };
        telling::tell_all(ctx, &self.input, news, at.time);
        Outcome::Ok
    }

    fn on_item(&self, ctx: &mut Ctx<'_>, change: &CatalogChange) {
        ctx.emit(IngestOutput::keyed(&self.input, &change.sku, &StreamRecord::Catalog(change.clone())));
        ctx.emit(IngestOutput::item(&change.sku, change.item.as_ref()));
    }

    fn on_action(&mut self, ctx: &mut Ctx<'_>, action: &Action) -> Outcome {
        if !self.actions.take(ctx.states, &action.action_id) {
            return Outcome::Duplicate;
        }
        let key = action.sku.as_deref().or(action.scope.as_deref()).unwrap_or_default();
        ctx.emit(IngestOutput::keyed(&self.input, key, &StreamRecord::Action(action.clone())));
        Outcome::Ok
    }
}

/// The row that a partition keeps for all of its keys: what it has heard of its sources, and how many
/// actions it has taken. The version is that of the sources.
fn encode_shared(sources: &Sources, actions_taken: u64, out: &mut Vec<u8>) {
    let mut w = RowWriter::new(out);
    sources.encode(&mut w);
    w.unsigned(actions_taken);
}

fn decode_shared(partition: i32, row: &[u8]) -> Result<(Sources, u64), RowError> {
    let mut r = RowReader::new(row);
    Ok((Sources::decode(partition, &mut r)?, r.unsigned()?))
}

/// What a row of the table is.
pub fn examine(row: &[u8]) -> Examined {
    Examined::new("action", row, 0, Slot::decode(row))
}

/// What the row for all keys is.
pub fn examine_shared(row: &[u8]) -> Examined {
    Examined::new("shared", row, 0, decode_shared(0, row))
}

impl Operator for IngestOperator {
    type Record<'a> = Report<'a>;
    type State = Slot;
    type Output = IngestOutput;

    fn decode<'a>(&self, incoming: &Incoming<'a>) -> Result<Report<'a>, Rejection> {
        let report = decode::decode(&self.input, incoming)?;
        if let Report::Change(InventoryEvent { source: Some(at), .. }) | Report::Heartbeat(at) = &report {
            self.sources.check_room(at)?;
        }
        Ok(report)
    }

    /// So that the runtime refuses times that cannot be, here, where their source is known.
    fn time_signal<'r>(&self, report: &'r Report<'_>) -> TimeSignal<'r> {
        match report {
            Report::Change(event) => event_signal(event),
            Report::Heartbeat(at) => TimeSignal::Event {
                source: &at.source,
                source_partition: at.partition,
                source_time: at.time,
                occurred_at: at.time,
            },
            Report::Item(_) | Report::Place { .. } | Report::Action(_) => TimeSignal::None,
        }
    }

    fn on_record(&mut self, ctx: &mut Ctx<'_>, report: &Report<'_>) -> Result<Outcome, Rejection> {
        Ok(match report {
            Report::Change(event) => self.on_change(ctx, event),
            Report::Heartbeat(at) => self.on_heartbeat(ctx, at),
            Report::Item(change) => {
                self.on_item(ctx, change);
                Outcome::Ok
            }
            Report::Place { location, description } => {
                ctx.emit(IngestOutput::location(location, description.as_ref()));
                Outcome::Ok
            }
            Report::Action(action) => self.on_action(ctx, action),
        })
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
        encode_shared(&self.sources, self.actions.taken, out);
    }

    fn decode_shared(&mut self, row: &[u8]) -> Result<(), RowError> {
        (self.sources, self.actions.taken) = decode_shared(self.partition, row)?;
        Ok(())
    }

    fn restored(&mut self, states: &mut StateTable<Slot>) {
        self.actions.restored(states);
    }

    fn produce(&self, output: &IngestOutput, sink: &mut dyn FnMut(Produced<'_>)) {
        output.produce(sink);
    }
}
