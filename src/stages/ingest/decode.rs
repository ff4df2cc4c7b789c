//! From the bytes of an input record to what it says. Decides nothing.

use std::borrow::Cow;

use processor::operator::{Incoming, Rejection};
use rules::place::Place;
use schemas::canonical::{self, SourceLine};
use schemas::stream::{Action, StreamRecord};
use schemas::{CatalogChange, InventoryEvent, Location, SourcePosition, avro};

use super::input::{Content, Input};
use super::rejection::{
    INVALID_LOCATION, NULL_VALUE, UNEXPECTED_RECORD, check_key, check_size, tombstone_key, undecodable,
};

/// What a record of an input says.
pub enum Report<'a> {
    /// With a source, even where the record did not name one.
    Change(InventoryEvent<'a>),
    /// The source's clock, and nothing else.
    Heartbeat(SourcePosition<'a>),
    Item(CatalogChange),
    /// `None`: nobody describes the location any more.
    Place {
        location: String,
        description: Option<Location>,
    },
    Action(Action),
}

/// Reads one record.
pub(super) fn decode<'a>(input: &Input, incoming: &Incoming<'a>) -> Result<Report<'a>, Rejection> {
    let Some(value) = incoming.value else { return tombstone(input, incoming) };
    check_size(value)?;
    let is_avro = input.format.is_avro(value);
    match input.content {
        Content::StockChanges if is_avro => stock_record(input, incoming, value),
        Content::StockChanges => stock_line(input, incoming, value),
        Content::Catalog => {
            let item = if is_avro { avro::decode_catalog_item(value) } else { canonical::decode_catalog_item(value) };
            let item = item.map_err(undecodable)?;
            check_key(incoming.key, "sku", &item.sku)?;
            Ok(Report::Item(CatalogChange { sku: item.sku.clone(), item: Some(item) }))
        }
        Content::Locations => {
            let location = if is_avro { avro::decode_location(value) } else { canonical::decode_location(value) };
            place(location.map_err(undecodable)?, incoming)
        }
        Content::Actions => {
            let action = if is_avro { avro::decode_action(value) } else { canonical::decode_action(value) };
            answer(action.map_err(undecodable)?, incoming)
        }
    }
}

fn tombstone<'a>(input: &Input, incoming: &Incoming<'a>) -> Result<Report<'a>, Rejection> {
    match input.content {
        Content::Catalog => Ok(Report::Item(CatalogChange { sku: tombstone_key(incoming.key, "sku")?, item: None })),
        Content::Locations => {
            Ok(Report::Place { location: tombstone_key(incoming.key, "location")?, description: None })
        }
        Content::StockChanges | Content::Actions => {
            let message = "the record has no value; only catalogue and location inputs know tombstones";
            Err(Rejection::new(NULL_VALUE, message))
        }
    }
}

fn stock_line<'a>(input: &Input, incoming: &Incoming<'a>, value: &'a [u8]) -> Result<Report<'a>, Rejection> {
    Ok(match canonical::decode_source_line(value).map_err(undecodable)? {
        SourceLine::Event(event) => change(input, incoming, event),
        SourceLine::Heartbeat { time, source } => {
            Report::Heartbeat(source.map_or_else(|| input.position(incoming, time), |source| input.named(source)))
        }
    })
}

fn stock_record<'a>(input: &Input, incoming: &Incoming<'a>, value: &'a [u8]) -> Result<Report<'a>, Rejection> {
    let unexpected = |what: &str| {
        let message = format!(
            "{what} in input `{}`, which holds stock changes; give what is not one an input of its own content",
            input.name
        );
        Err(Rejection::new(UNEXPECTED_RECORD, message))
    };
    match avro::decode_stream(value).map_err(undecodable)? {
        StreamRecord::Event(event) => Ok(change(input, incoming, event)),
        // A source that keeps its own clock: which partitions there are is for the configuration to say.
        StreamRecord::Watermark(watermark) => Ok(Report::Heartbeat(input.named(SourcePosition {
            source: Cow::Owned(watermark.source),
            partition: watermark.source_partition,
            position: Cow::Borrowed(""),
            time: watermark.event_time,
        }))),
        StreamRecord::Catalog(_) => unexpected("a catalogue change"),
        StreamRecord::Action(_) => unexpected("an action"),
        StreamRecord::Silence(_) => unexpected("a source's silence"),
    }
}

fn change<'a>(input: &Input, incoming: &Incoming<'a>, mut event: InventoryEvent<'a>) -> Report<'a> {
    event.source = Some(match event.source.take() {
        Some(source) => input.named(source),
        None => input.position(incoming, event.occurred_at),
    });
    Report::Change(event)
}

fn place<'a>(location: Location, incoming: &Incoming<'a>) -> Result<Report<'a>, Rejection> {
    check_key(incoming.key, "location", &location.location)?;
    Place::from_location(&location).map_err(|reason| Rejection::new(INVALID_LOCATION, reason))?;
    Ok(Report::Place { location: location.location.clone(), description: Some(location) })
}

fn answer<'a>(action: Action, incoming: &Incoming<'a>) -> Result<Report<'a>, Rejection> {
    check_key(incoming.key, "alert_id", &action.alert_id)?;
    if action.sku.is_none() && action.scope.is_none() {
        let message = "`sku` is missing; an action carries the SKU of its alert, or its `scope` where it has no SKU";
        return Err(Rejection::new(schemas::DecodeError::MISSING_FIELD, message));
    }
    Ok(Report::Action(action))
}

impl Input {
    /// The place of a record whose source is the topic itself.
    fn position(&self, incoming: &Incoming<'_>, time: schemas::Timestamp) -> SourcePosition<'static> {
        SourcePosition {
            source: Cow::Owned(self.name.clone()),
            partition: incoming.partition,
            position: Cow::Owned(incoming.offset.to_string()),
            time,
        }
    }

    /// A source that does not say its name has that of the input.
    fn named<'a>(&self, mut source: SourcePosition<'a>) -> SourcePosition<'a> {
        if source.source.is_empty() || source.source == SourcePosition::UNNAMED {
            source.source = Cow::Owned(self.name.clone());
        }
        source
    }
}
