//! Catalogue and location lines.

use super::fields::{field, object, slots, utf8};
use super::json::{self, Object};
use crate::{CatalogItem, DecodeError, Location};

/// Reads one catalogue line. Only `sku` is needed; figures are unknown where absent.
pub fn decode_catalog_item(line: &[u8]) -> Result<CatalogItem, DecodeError> {
    read_item(utf8(line)?)
}

/// Reads one location line. Only `location` is needed.
pub fn decode_location(line: &[u8]) -> Result<Location, DecodeError> {
    read_location(utf8(line)?)
}

slots!(ItemSlots {
    sku,
    name,
    name_zh,
    category,
    supplier,
    unit_cost,
    unit_price,
    lead_time_days,
    pack_size,
    minimum_order_quantity,
    shelf_life_days,
    tags,
    superseded_by
});

pub(crate) fn read_item(text: &str) -> Result<CatalogItem, DecodeError> {
    let slots: ItemSlots<'_> = object(text, "the item")?;
    let shelf_life_days = field("shelf_life_days", slots.shelf_life_days);
    Ok(CatalogItem {
        sku: field("sku", slots.sku).identifier()?.into_owned(),
        name: field("name", slots.name).owned()?,
        name_zh: field("name_zh", slots.name_zh).owned()?,
        category: field("category", slots.category).owned()?,
        supplier: field("supplier", slots.supplier).owned()?,
        unit_cost: field("unit_cost", slots.unit_cost).money()?,
        unit_price: field("unit_price", slots.unit_price).money()?,
        lead_time_days: field("lead_time_days", slots.lead_time_days).figure()?,
        pack_size: field("pack_size", slots.pack_size).quantity_not_negative()?,
        minimum_order_quantity: field("minimum_order_quantity", slots.minimum_order_quantity)
            .quantity_not_negative()?,
        shelf_life_days: shelf_life_days.integer::<u16>()?.map(i32::from),
        tags: field("tags", slots.tags).list("a list of texts")?,
        superseded_by: field("superseded_by", slots.superseded_by).owned()?,
    })
}

slots!(LocationSlots { location, name, name_zh, time_zone, region, kind });

pub(crate) fn read_location(text: &str) -> Result<Location, DecodeError> {
    let slots: LocationSlots<'_> = object(text, "the location")?;
    Ok(Location {
        location: field("location", slots.location).identifier()?.into_owned(),
        name: field("name", slots.name).owned()?,
        name_zh: field("name_zh", slots.name_zh).owned()?,
        time_zone: field("time_zone", slots.time_zone).owned()?,
        region: field("region", slots.region).owned()?,
        kind: field("kind", slots.kind).owned()?,
    })
}

/// Writes one catalogue line; [`decode_catalog_item`] of it gives the item back.
pub fn write_catalog_item(item: &CatalogItem, out: &mut Vec<u8>) {
    write_item_object(item, out);
    out.push(b'\n');
}

pub(crate) fn write_item_object(item: &CatalogItem, out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    line.text("sku", &item.sku);
    line.text_if("name", item.name.as_deref());
    line.text_if("name_zh", item.name_zh.as_deref());
    line.text_if("category", item.category.as_deref());
    line.text_if("supplier", item.supplier.as_deref());
    line.money_if("unit_cost", item.unit_cost);
    line.money_if("unit_price", item.unit_price);
    if let Some(days) = item.lead_time_days {
        line.number("lead_time_days", days);
    }
    line.quantity_if("pack_size", item.pack_size);
    line.quantity_if("minimum_order_quantity", item.minimum_order_quantity);
    if let Some(days) = item.shelf_life_days {
        line.integer("shelf_life_days", i64::from(days));
    }
    if !item.tags.is_empty() {
        line.value("tags", |out| json::array(out, &item.tags, |out, tag| json::text(out, tag)));
    }
    line.text_if("superseded_by", item.superseded_by.as_deref());
    line.close();
}

/// Writes one location line; [`decode_location`] of it gives the location back.
pub fn write_location(location: &Location, out: &mut Vec<u8>) {
    write_location_object(location, out);
    out.push(b'\n');
}

pub(crate) fn write_location_object(location: &Location, out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    line.text("location", &location.location);
    line.text_if("name", location.name.as_deref());
    line.text_if("name_zh", location.name_zh.as_deref());
    line.text_if("time_zone", location.time_zone.as_deref());
    line.text_if("region", location.region.as_deref());
    line.text_if("kind", location.kind.as_deref());
    line.close();
}
