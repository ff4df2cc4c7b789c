//! `Position`.

use super::alert::write_uuid;
use super::frame;
use super::schema::POSITION;
use super::wire::{Reader, Writer};
use crate::{DecodeError, Position};

/// Appends a position in single-object encoding.
pub fn encode_position(position: &Position<'_>, out: &mut Vec<u8>) {
    frame::write_header(&POSITION, out);
    let w = &mut Writer { out };
    w.text(&position.sku);
    w.text(&position.location);
    w.time(position.at);
    w.optional_quantity(position.on_hand);
    w.quantity(position.reserved);
    w.optional_quantity(position.available);
    w.quantity(position.on_order);
    w.double(position.velocity_per_day);
    w.quantity(position.sold_7d);
    w.option(position.reorder_point, Writer::double);
    w.option(position.safety_stock, Writer::double);
    w.option(position.order_quantity, Writer::double);
    w.option(position.days_of_cover, Writer::double);
    w.int(position.idle_days);
    w.double(position.no_sale_probability_30d);
    w.optional_text(position.threshold_method.as_deref());
    w.boolean(position.suspect);
    w.array(&position.open_alerts, |w, id| write_uuid(*id, w));
    w.optional_text(position.abc.as_deref());
    w.optional_text(position.xyz.as_deref());
}

/// Version 1 ends before the classes.
pub fn decode_position(value: &[u8]) -> Result<Position<'static>, DecodeError> {
    let (version, body) = frame::versioned(&POSITION, value)?;
    let mut r = Reader::new(body);
    let mut position = Position {
        sku: r.identifier("sku")?.to_owned().into(),
        location: r.identifier("location")?.to_owned().into(),
        at: r.time("at")?,
        on_hand: r.option("on_hand", Reader::sum)?,
        reserved: r.sum("reserved")?,
        available: r.option("available", Reader::sum)?,
        on_order: r.sum("on_order")?,
        velocity_per_day: r.double("velocity_per_day")?,
        sold_7d: r.sum("sold_7d")?,
        reorder_point: r.option("reorder_point", Reader::double)?,
        safety_stock: r.option("safety_stock", Reader::double)?,
        order_quantity: r.option("order_quantity", Reader::double)?,
        days_of_cover: r.option("days_of_cover", Reader::double)?,
        idle_days: r.int("idle_days")?,
        no_sale_probability_30d: r.double("no_sale_probability_30d")?,
        threshold_method: r.optional_owned("threshold_method")?.map(Into::into),
        suspect: r.boolean("suspect")?,
        open_alerts: r.array("open_alerts", |r| r.uuid("open_alerts"))?,
        abc: None,
        xyz: None,
    };
    if version >= 2 {
        position.abc = r.optional_owned("abc")?.map(Into::into);
        position.xyz = r.optional_owned("xyz")?.map(Into::into);
    }
    r.finish().map(|()| position)
}
