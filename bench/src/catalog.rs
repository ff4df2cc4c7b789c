//! The items and places of the synthetic data, as canonical lines.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use schemas::{CatalogItem, Location, Money, Quantity, canonical};

pub(crate) fn sku_name(sku: u32) -> String {
    format!("SKU-{sku:06}")
}

pub(crate) fn place_name(place: u32) -> String {
    format!("STORE-{place:02}")
}

pub(crate) fn write_catalog(skus: u32, path: &Path) -> Result<()> {
    let mut next = 0..skus;
    write_lines(path, |line| next.next().is_some_and(|sku| canonical_item(sku, line)))
}

pub(crate) fn write_places(locations: u32, path: &Path) -> Result<()> {
    let mut next = 0..locations;
    write_lines(path, |line| next.next().is_some_and(|place| canonical_place(place, line)))
}

/// Calls for one line after the other until there is none.
pub(crate) fn write_lines(path: &Path, mut next: impl FnMut(&mut Vec<u8>) -> bool) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut file = BufWriter::with_capacity(1 << 18, File::create(path).with_context(failed)?);
    let mut line = Vec::new();
    while next(&mut line) {
        file.write_all(&line).with_context(failed)?;
        line.clear();
    }
    file.flush().with_context(failed)
}

fn canonical_item(sku: u32, line: &mut Vec<u8>) -> bool {
    canonical::write_catalog_item(&item(sku), line);
    true
}

pub(crate) fn item(sku: u32) -> CatalogItem {
    CatalogItem {
        sku: sku_name(sku),
        name: Some(format!("Item {sku}")),
        name_zh: Some(format!("商品{sku}")),
        category: Some(format!("department-{}/group-{}", sku % 12, sku % 120)),
        supplier: Some(format!("SUPPLIER-{:03}", sku % 200)),
        unit_cost: Some(price(sku)),
        unit_price: Some(Money::from_micros(price(sku).micros() * 3 / 2)),
        lead_time_days: Some(f64::from(lead_days(sku))),
        pack_size: Some(Quantity::from_units([1, 6, 12][sku as usize % 3])),
        tags: if sku.is_multiple_of(10) { vec!["core".to_owned()] } else { Vec::new() },
        ..CatalogItem::default()
    }
}

fn canonical_place(place: u32, line: &mut Vec<u8>) -> bool {
    canonical::write_location(&location(place), line);
    true
}

pub(crate) fn location(place: u32) -> Location {
    Location {
        location: place_name(place),
        name: Some(format!("Store {place}")),
        time_zone: Some("Asia/Shanghai".to_owned()),
        region: Some(format!("region-{}", place % 4)),
        kind: Some("store".to_owned()),
        ..Location::default()
    }
}

pub(crate) fn price(sku: u32) -> Money {
    Money::from_micros(i64::from(1 + sku.wrapping_mul(37) % 200) * 500_000)
}

pub(crate) fn lead_days(sku: u32) -> u32 {
    1 + sku % 5
}
