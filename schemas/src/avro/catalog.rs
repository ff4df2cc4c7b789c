//! Items and locations.

use super::frame;
use super::schema::{CATALOG_ITEM, LOCATION};
use super::wire::{Reader, Writer};
use crate::{CatalogItem, DecodeError, Location};

/// Appends an item in single-object encoding.
pub fn encode_catalog_item(item: &CatalogItem, out: &mut Vec<u8>) {
    frame::write_header(&CATALOG_ITEM, out);
    write_item(item, &mut Writer { out });
}

pub fn decode_catalog_item(value: &[u8]) -> Result<CatalogItem, DecodeError> {
    let mut r = Reader::new(frame::body(&CATALOG_ITEM, value)?);
    let item = read_item(&mut r)?;
    r.finish().map(|()| item)
}

/// Appends a location in single-object encoding.
pub fn encode_location(location: &Location, out: &mut Vec<u8>) {
    frame::write_header(&LOCATION, out);
    let mut w = Writer { out };
    w.text(&location.location);
    w.optional_text(location.name.as_deref());
    w.optional_text(location.name_zh.as_deref());
    w.optional_text(location.time_zone.as_deref());
    w.optional_text(location.region.as_deref());
    w.optional_text(location.kind.as_deref());
}

pub fn decode_location(value: &[u8]) -> Result<Location, DecodeError> {
    let mut r = Reader::new(frame::body(&LOCATION, value)?);
    let location = Location {
        location: r.identifier("location")?.to_owned(),
        name: r.optional_owned("name")?,
        name_zh: r.optional_owned("name_zh")?,
        time_zone: r.optional_owned("time_zone")?,
        region: r.optional_owned("region")?,
        kind: r.optional_owned("kind")?,
    };
    r.finish().map(|()| location)
}

pub(super) fn write_item(item: &CatalogItem, w: &mut Writer<'_>) {
    w.text(&item.sku);
    w.optional_text(item.name.as_deref());
    w.optional_text(item.name_zh.as_deref());
    w.optional_text(item.category.as_deref());
    w.optional_text(item.supplier.as_deref());
    w.optional_money(item.unit_cost);
    w.optional_money(item.unit_price);
    w.option(item.lead_time_days, Writer::double);
    w.optional_quantity(item.pack_size);
    w.optional_quantity(item.minimum_order_quantity);
    w.option(item.shelf_life_days, Writer::int);
    w.array(&item.tags, |w, tag| w.text(tag));
    w.optional_text(item.superseded_by.as_deref());
}

pub(super) fn read_item(r: &mut Reader<'_>) -> Result<CatalogItem, DecodeError> {
    Ok(CatalogItem {
        sku: r.identifier("sku")?.to_owned(),
        name: r.optional_owned("name")?,
        name_zh: r.optional_owned("name_zh")?,
        category: r.optional_owned("category")?,
        supplier: r.optional_owned("supplier")?,
        unit_cost: r.option("unit_cost", Reader::money)?,
        unit_price: r.option("unit_price", Reader::money)?,
        lead_time_days: r.option("lead_time_days", Reader::figure)?,
        pack_size: r.option("pack_size", not_negative)?,
        minimum_order_quantity: r.option("minimum_order_quantity", not_negative)?,
        shelf_life_days: r.option("shelf_life_days", shelf_life)?,
        tags: r.array("tags", |r| r.text("tags").map(str::to_owned))?,
        superseded_by: r.optional_owned("superseded_by")?,
    })
}

fn not_negative(r: &mut Reader<'_>, field: &str) -> Result<crate::Quantity, DecodeError> {
    let quantity = r.quantity(field)?;
    if quantity.is_negative() {
        return Err(DecodeError::new(DecodeError::INVALID_QUANTITY, format!("`{field}` is {quantity}: negative")));
    }
    Ok(quantity)
}

/// As wide as the canonical lines have it.
fn shelf_life(r: &mut Reader<'_>, field: &str) -> Result<i32, DecodeError> {
    let days = r.int(field)?;
    if u16::try_from(days).is_err() {
        let message = format!("`{field}` is {days}: not a number of days from 0 to 65535");
        return Err(DecodeError::new(DecodeError::INVALID_NUMBER, message));
    }
    Ok(days)
}
