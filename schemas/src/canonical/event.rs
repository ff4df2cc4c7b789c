//! Canonical event lines.

use std::borrow::Cow;

use serde::de::MapAccess;

use super::fields::{Slots, field, nested, object, slots, twice, utf8};
use super::json::Object;
use crate::error::quoted;
use crate::{ChangeFields, ChangeKind, DecodeError, InventoryEvent, SourcePosition, StockChange, Timestamp};

/// Reads one canonical line, borrowing its texts.
pub fn decode_event(line: &[u8]) -> Result<InventoryEvent<'_>, DecodeError> {
    read_event(utf8(line)?)
}

/// A line of a source: a change, or its word that it is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceLine<'a> {
    Event(InventoryEvent<'a>),
    /// The source's clock stands at `time` and nothing has changed. `source` as in an event.
    Heartbeat {
        time: Timestamp,
        source: Option<SourcePosition<'a>>,
    },
}

/// Reads one line of a source: a canonical line, or `{"heartbeat":{"time":"…"}}`, borrowing its texts.
pub fn decode_source_line(line: &[u8]) -> Result<SourceLine<'_>, DecodeError> {
    let slots: EventSlots<'_> = object(utf8(line)?, "the line")?;
    let Some(heartbeat) = slots.head.heartbeat else { return build_event(&slots).map(SourceLine::Event) };
    if slots.change.is_some() || slots.head.event_id.is_some() {
        let message = "the line holds both `heartbeat` and an event; write two lines";
        return Err(DecodeError::malformed(message));
    }
    let heartbeat: HeartbeatSlots<'_> = object(heartbeat, "`heartbeat`")?;
    let time = field("heartbeat.time", heartbeat.time).time()?;
    let time = time.ok_or_else(|| DecodeError::missing("heartbeat.time"))?;
    let source = slots.head.source.map(|raw| read_source(raw, time)).transpose()?;
    Ok(SourceLine::Heartbeat { time, source })
}

slots!(HeadSlots { event_id, sku, location, occurred_at, source, heartbeat });
slots!(HeartbeatSlots { time });

/// The change is read in the same pass: this is the hot path.
#[derive(Default)]
struct EventSlots<'a> {
    head: HeadSlots<'a>,
    change: Option<ChangeSlots<'a>>,
}

impl<'a> Slots<'a> for EventSlots<'a> {
    fn take<M: MapAccess<'a>>(&mut self, name: &str, map: &mut M) -> Result<bool, M::Error> {
        if name != "change" {
            return self.head.take(name, map);
        }
        if self.change.replace(nested(map)?).is_some() {
            return Err(twice(name));
        }
        Ok(true)
    }
}

pub(crate) fn read_event(text: &str) -> Result<InventoryEvent<'_>, DecodeError> {
    build_event(&object(text, "the line")?)
}

fn build_event<'a>(slots: &EventSlots<'a>) -> Result<InventoryEvent<'a>, DecodeError> {
    let EventSlots { head, change } = slots;
    let occurred_at = field("occurred_at", head.occurred_at);
    let occurred_at = occurred_at.time()?.ok_or_else(|| DecodeError::missing("occurred_at"))?;
    Ok(InventoryEvent {
        event_id: field("event_id", head.event_id).identifier()?,
        sku: field("sku", head.sku).identifier()?,
        location: field("location", head.location).identifier()?,
        occurred_at,
        source: head.source.map(|raw| read_source(raw, occurred_at)).transpose()?,
        change: read_change(change.as_ref().ok_or_else(|| DecodeError::missing("change"))?)?,
    })
}

slots!(SourceSlots { name, partition, position, time });

/// What a source does not say: one partition, no position, and its clock is the event's own time.
fn read_source(raw: &str, occurred_at: Timestamp) -> Result<SourcePosition<'_>, DecodeError> {
    let slots: SourceSlots<'_> = object(raw, "`source`")?;
    Ok(SourcePosition {
        source: field("source.name", slots.name).text()?.unwrap_or(Cow::Borrowed(SourcePosition::UNNAMED)),
        partition: field("source.partition", slots.partition).integer()?.unwrap_or(0),
        position: field("source.position", slots.position).text_or_number()?.unwrap_or_default(),
        time: field("source.time", slots.time).time()?.unwrap_or(occurred_at),
    })
}

slots!(ChangeSlots { quantity, order_id, customer, unit_price, po_id, supplier, expected_at, reason, document, book, counted, on_hand, lot, expires_on, from, to; kind = "type" });

fn read_change<'a>(slots: &ChangeSlots<'a>) -> Result<StockChange<'a>, DecodeError> {
    let name = field("change.type", slots.kind).text()?.ok_or_else(|| DecodeError::missing("change.type"))?;
    let kind = ChangeKind::from_name(&name).ok_or_else(|| unknown_type(&name))?;
    let fields = ChangeFields {
        quantity: field("change.quantity", slots.quantity).quantity()?,
        order_id: field("change.order_id", slots.order_id).text()?,
        customer: field("change.customer", slots.customer).text()?,
        unit_price: field("change.unit_price", slots.unit_price).money()?,
        po_id: field("change.po_id", slots.po_id).text()?,
        supplier: field("change.supplier", slots.supplier).text()?,
        expected_at: field("change.expected_at", slots.expected_at).time_or_date()?,
        reason: field("change.reason", slots.reason).text()?,
        document: field("change.document", slots.document).text()?,
        book: field("change.book", slots.book).quantity()?,
        counted: field("change.counted", slots.counted).quantity()?,
        on_hand: field("change.on_hand", slots.on_hand).quantity()?,
        lot: field("change.lot", slots.lot).text()?,
        expires_on: field("change.expires_on", slots.expires_on).day()?,
        from: field("change.from", slots.from).text()?,
        to: field("change.to", slots.to).text()?,
    };
    fields.build(kind)
}

#[cold]
fn unknown_type(name: &str) -> DecodeError {
    let known: Vec<&str> = ChangeKind::ALL.iter().map(|kind| kind.name()).collect();
    let message = format!("`change.type` is {}; expected one of {}", quoted(name), known.join(", "));
    DecodeError::new(DecodeError::UNKNOWN_CHANGE_TYPE, message)
}

/// Writes one canonical line; [`decode_event`] of it gives the event back.
pub fn write_event(event: &InventoryEvent<'_>, out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    write_event_fields(event, &mut line);
    line.close();
    out.push(b'\n');
}

pub(crate) fn write_event_fields(event: &InventoryEvent<'_>, line: &mut Object<'_>) {
    line.text("event_id", &event.event_id);
    line.text("sku", &event.sku);
    line.text("location", &event.location);
    line.exact_time("occurred_at", event.occurred_at);
    if let Some(source) = &event.source {
        line.object("source", |object| {
            object.text("name", &source.source);
            object.integer("partition", i64::from(source.partition));
            object.text("position", &source.position);
            object.exact_time("time", source.time);
        });
    }
    line.object("change", |object| write_change(&event.change, object));
}

fn write_change(change: &StockChange<'_>, object: &mut Object<'_>) {
    let fields = change.fields();
    object.text("type", change.kind().name());
    object.quantity_if("quantity", fields.quantity);
    object.quantity_if("counted", fields.counted);
    object.quantity_if("book", fields.book);
    object.quantity_if("on_hand", fields.on_hand);
    object.text_if("order_id", fields.order_id.as_deref());
    object.text_if("customer", fields.customer.as_deref());
    object.money_if("unit_price", fields.unit_price);
    object.text_if("po_id", fields.po_id.as_deref());
    object.text_if("supplier", fields.supplier.as_deref());
    if let Some(at) = fields.expected_at {
        object.exact_time("expected_at", at);
    }
    object.text_if("lot", fields.lot.as_deref());
    if let Some(day) = fields.expires_on {
        object.text("expires_on", &day.to_string());
    }
    object.text_if("from", fields.from.as_deref());
    object.text_if("to", fields.to.as_deref());
    object.text_if("reason", fields.reason.as_deref());
    object.text_if("document", fields.document.as_deref());
}
