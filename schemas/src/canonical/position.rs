//! Position lines.

use super::alert::write_uuid;
use super::json::{self, Object};
use crate::Position;

/// Writes one position line. Unknown figures are `null`, never zero.
pub fn write_position(position: &Position<'_>, out: &mut Vec<u8>) {
    write_position_object(position, out);
    out.push(b'\n');
}

pub(crate) fn write_position_object(position: &Position<'_>, out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    line.text("sku", &position.sku);
    line.text("location", &position.location);
    line.time("at", position.at);
    line.quantity_or_null("on_hand", position.on_hand);
    line.quantity("reserved", position.reserved);
    line.quantity_or_null("available", position.available);
    line.quantity("on_order", position.on_order);
    line.number("velocity_per_day", position.velocity_per_day);
    line.quantity("sold_7d", position.sold_7d);
    line.number_or_null("reorder_point", position.reorder_point);
    line.number_or_null("safety_stock", position.safety_stock);
    line.number_or_null("order_quantity", position.order_quantity);
    line.number_or_null("days_of_cover", position.days_of_cover);
    line.integer("idle_days", i64::from(position.idle_days));
    line.number("no_sale_probability_30d", position.no_sale_probability_30d);
    line.text_or_null("threshold_method", position.threshold_method.as_deref());
    line.flag("suspect", position.suspect);
    line.value("open_alerts", |out| json::array(out, &position.open_alerts, |out, id| write_uuid(out, *id)));
    line.text_or_null("abc", position.abc.as_deref());
    line.text_or_null("xyz", position.xyz.as_deref());
    line.close();
}
