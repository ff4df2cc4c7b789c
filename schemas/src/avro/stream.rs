//! The records of `inventory.events`: one union, one schema.

use super::catalog::{read_item, write_item};
use super::event::{read_event, write_event};
use super::frame::{self, RegistryIds};
use super::schema::{ACTION, EVENTS};
use super::wire::{Reader, Writer};
use crate::catalog::CatalogChange;
use crate::stream::{Action, ActionKind, SourceSilence, StreamRecord, Watermark};
use crate::{DecodeError, InventoryEvent};

/// Appends a stock change, as a record of `inventory.events`.
pub fn encode_event(event: &InventoryEvent<'_>, out: &mut Vec<u8>) {
    frame::write_header(&EVENTS, out);
    let w = &mut Writer { out };
    w.int(0);
    write_event(event, w);
}

/// Appends a record in single-object encoding.
pub fn encode_stream(record: &StreamRecord<'_>, out: &mut Vec<u8>) {
    if let StreamRecord::Event(event) = record {
        return encode_event(event, out);
    }
    frame::write_header(&EVENTS, out);
    let w = &mut Writer { out };
    match record {
        StreamRecord::Event(_) => {}
        StreamRecord::Catalog(change) => {
            w.int(1);
            w.text(&change.sku);
            w.option(change.item.as_ref(), |w, item| write_item(item, w));
        }
        StreamRecord::Action(action) => {
            w.int(2);
            write_action(action, w);
        }
        StreamRecord::Watermark(watermark) => {
            w.int(3);
            write_watermark(watermark, w);
        }
        StreamRecord::Silence(silence) => {
            w.int(4);
            write_silence(silence, w);
        }
    }
}

/// Appends an action by itself, as on `inventory.actions`, in single-object encoding.
pub fn encode_action(action: &Action, out: &mut Vec<u8>) {
    frame::write_header(&ACTION, out);
    write_action(action, &mut Writer { out });
}

pub fn decode_action(value: &[u8]) -> Result<Action, DecodeError> {
    let mut r = Reader::new(frame::body(&ACTION, value)?);
    let action = read_action(&mut r)?;
    r.finish().map(|()| action)
}

/// Reads a record in single-object encoding, borrowing the texts of events.
pub fn decode_stream(value: &[u8]) -> Result<StreamRecord<'_>, DecodeError> {
    read_body(frame::body(&EVENTS, value)?)
}

/// Reads a record in either encoding.
pub fn decode_stream_framed<'a>(ids: &RegistryIds, value: &'a [u8]) -> Result<StreamRecord<'a>, DecodeError> {
    read_body(ids.body(&EVENTS, value)?)
}

fn read_body(body: &[u8]) -> Result<StreamRecord<'_>, DecodeError> {
    let mut r = Reader::new(body);
    let record = match r.long("record")? {
        0 => StreamRecord::Event(read_event(&mut r)?),
        1 => StreamRecord::Catalog(CatalogChange {
            sku: r.identifier("sku")?.to_owned(),
            item: r.option("item", |r, _| read_item(r))?,
        }),
        2 => StreamRecord::Action(read_action(&mut r)?),
        3 => StreamRecord::Watermark(read_watermark(&mut r)?),
        4 => StreamRecord::Silence(read_silence(&mut r)?),
        _ => return Err(r.malformed("record", "no such branch of the union")),
    };
    r.finish().map(|()| record)
}

fn write_action(action: &Action, w: &mut Writer<'_>) {
    w.text(&action.action_id);
    w.text(&action.alert_id);
    // Symbol 0 is `unknown`; the others stand in the order of the variants.
    w.int(action.kind as i32 + 1);
    w.text(&action.actor);
    w.time(action.occurred_at);
    w.optional_text(action.sku.as_deref());
    w.optional_text(action.location.as_deref());
    w.optional_text(action.scope.as_deref());
    w.optional_text(action.note.as_deref());
}

fn read_action(r: &mut Reader<'_>) -> Result<Action, DecodeError> {
    Ok(Action {
        action_id: r.identifier("action_id")?.to_owned(),
        alert_id: r.identifier("alert_id")?.to_owned(),
        kind: r.known_symbol("kind", ActionKind::ALL)?,
        actor: r.text("actor")?.to_owned(),
        occurred_at: r.time("occurred_at")?,
        sku: r.optional_owned("sku")?,
        location: r.optional_owned("location")?,
        scope: r.optional_owned("scope")?,
        note: r.optional_owned("note")?,
    })
}

fn write_watermark(watermark: &Watermark, w: &mut Writer<'_>) {
    w.text(&watermark.source);
    w.int(watermark.source_partition);
    w.time(watermark.event_time);
    w.long(watermark.grace_ms);
    w.array(&watermark.partitions, |w, partition| w.int(*partition));
}

fn read_watermark(r: &mut Reader<'_>) -> Result<Watermark, DecodeError> {
    Ok(Watermark {
        source: r.text("source")?.to_owned(),
        source_partition: r.int("source_partition")?,
        event_time: r.time("event_time")?,
        grace_ms: r.long("grace_ms")?,
        partitions: r.array("partitions", |r| r.int("partitions"))?,
    })
}

fn write_silence(silence: &SourceSilence, w: &mut Writer<'_>) {
    w.text(&silence.source);
    w.int(silence.source_partition);
    w.option(silence.last_event_time, Writer::time);
    w.time(silence.observed_at);
}

fn read_silence(r: &mut Reader<'_>) -> Result<SourceSilence, DecodeError> {
    Ok(SourceSilence {
        source: r.text("source")?.to_owned(),
        source_partition: r.int("source_partition")?,
        last_event_time: r.option("last_event_time", Reader::time)?,
        observed_at: r.time("observed_at")?,
    })
}
