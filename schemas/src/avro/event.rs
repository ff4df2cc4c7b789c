//! Bodies of `InventoryEvent`: once per record, borrowed, without an allocation.

use std::borrow::Cow;

use super::wire::{Reader, Writer};
use crate::{ChangeFields, ChangeKind, DecodeError, InventoryEvent, SourcePosition, StockChange};

pub(super) fn write_event(event: &InventoryEvent<'_>, w: &mut Writer<'_>) {
    w.text(&event.event_id);
    w.text(&event.sku);
    w.text(&event.location);
    w.time(event.occurred_at);
    w.option(event.source.as_ref(), |w, source| {
        w.text(&source.source);
        w.int(source.partition);
        w.text(&source.position);
        w.time(source.time);
    });
    write_change(&event.change, w);
}

fn write_change(change: &StockChange<'_>, w: &mut Writer<'_>) {
    let fields = change.fields();
    // Symbol 0 is `unknown`; the others stand in the order of the variants.
    w.int(change.kind() as i32 + 1);
    w.optional_quantity(fields.quantity);
    w.optional_text(fields.order_id.as_deref());
    w.optional_text(fields.customer.as_deref());
    w.optional_money(fields.unit_price);
    w.optional_text(fields.po_id.as_deref());
    w.optional_text(fields.supplier.as_deref());
    w.option(fields.expected_at, Writer::time);
    w.optional_text(fields.reason.as_deref());
    w.optional_text(fields.document.as_deref());
    w.optional_quantity(fields.book);
    w.optional_quantity(fields.counted);
    w.optional_quantity(fields.on_hand);
    w.optional_text(fields.lot.as_deref());
    w.option(fields.expires_on, |w, day| w.int(day.0));
    w.optional_text(fields.from.as_deref());
    w.optional_text(fields.to.as_deref());
}

pub(super) fn read_event<'a>(r: &mut Reader<'a>) -> Result<InventoryEvent<'a>, DecodeError> {
    Ok(InventoryEvent {
        event_id: Cow::Borrowed(r.identifier("event_id")?),
        sku: Cow::Borrowed(r.identifier("sku")?),
        location: Cow::Borrowed(r.identifier("location")?),
        occurred_at: r.time("occurred_at")?,
        source: r.option("source", |r, _| read_source(r))?,
        change: read_change(r)?,
    })
}

fn read_source<'a>(r: &mut Reader<'a>) -> Result<SourcePosition<'a>, DecodeError> {
    let name = r.text("source.source")?;
    Ok(SourcePosition {
        source: Cow::Borrowed(if name.is_empty() { SourcePosition::UNNAMED } else { name }),
        partition: r.int("source.partition")?,
        position: Cow::Borrowed(r.text("source.position")?),
        time: r.time("source.time")?,
    })
}

fn read_change<'a>(r: &mut Reader<'a>) -> Result<StockChange<'a>, DecodeError> {
    let kind = match r.symbol("change.type", ChangeKind::ALL.len() + 1)? {
        0 => {
            let message = "`change.type` is `unknown`: the writer had a type that its schema does not";
            return Err(DecodeError::new(DecodeError::UNKNOWN_CHANGE_TYPE, message));
        }
        index => ChangeKind::ALL[index - 1],
    };
    let fields = ChangeFields {
        quantity: r.option("change.quantity", Reader::quantity)?,
        order_id: r.optional_cow("change.order_id")?,
        customer: r.optional_cow("change.customer")?,
        unit_price: r.option("change.unit_price", Reader::money)?,
        po_id: r.optional_cow("change.po_id")?,
        supplier: r.optional_cow("change.supplier")?,
        expected_at: r.option("change.expected_at", Reader::time)?,
        reason: r.optional_cow("change.reason")?,
        document: r.optional_cow("change.document")?,
        book: r.option("change.book", Reader::quantity)?,
        counted: r.option("change.counted", Reader::quantity)?,
        on_hand: r.option("change.on_hand", Reader::quantity)?,
        lot: r.optional_cow("change.lot")?,
        expires_on: r.option("change.expires_on", Reader::day)?,
        from: r.optional_cow("change.from")?,
        to: r.optional_cow("change.to")?,
    };
    fields.build(kind)
}
