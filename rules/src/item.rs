//! `Item`: what decisions need to know of a SKU, compiled from its catalogue line.
//!
//! Absent figures stay unknown. One row per SKU; see [`Item::encode`] for its layout.

use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{CatalogItem, Money, Quantity};

use crate::codec;

const ROW_VERSION: u8 = 1;
/// Keeps an item out of populations, classes and budgets.
const STAND_IN: &str = "stand-in";

/// One SKU as the decision core sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub sku: String,
    pub name: Option<String>,
    pub name_zh: Option<String>,
    /// Path in the category tree, `a/b`.
    pub category: Option<String>,
    pub supplier: Option<String>,
    pub unit_cost: Option<Money>,
    pub unit_price: Option<Money>,
    /// Configured replenishment lead time, in days: finite and > 0 when present.
    pub lead_time_days: Option<f64>,
    pub pack_size: Option<Quantity>,
    pub minimum_order_quantity: Option<Quantity>,
    pub shelf_life_days: Option<i32>,
    pub tags: Vec<String>,
    /// The SKU that has taken its place.
    pub superseded_by: Option<String>,
    /// `false` after a catalogue tombstone.
    pub active: bool,
    /// `false`: there is no catalogue line, everything is a default.
    pub known: bool,
}

impl Item {
    /// An item without a catalogue line.
    #[must_use]
    pub fn unknown(sku: &str) -> Self {
        Self { known: false, ..Self::from_catalog(&CatalogItem { sku: sku.to_owned(), ..CatalogItem::default() }) }
    }

    /// Figures that cannot be (a lead time or pack size ≤ 0) count as absent.
    #[must_use]
    pub fn from_catalog(line: &CatalogItem) -> Self {
        Self {
            sku: line.sku.clone(),
            name: line.name.clone(),
            name_zh: line.name_zh.clone(),
            category: line.category.clone(),
            supplier: line.supplier.clone(),
            unit_cost: line.unit_cost,
            unit_price: line.unit_price,
            lead_time_days: line.lead_time_days.filter(|days| days.is_finite() && *days > 0.0),
            pack_size: line.pack_size.filter(|q| q.is_positive()),
            minimum_order_quantity: line.minimum_order_quantity.filter(|q| q.is_positive()),
            shelf_life_days: line.shelf_life_days,
            tags: line.tags.clone(),
            superseded_by: line
                .superseded_by
                .clone()
                .filter(|successor| !successor.is_empty() && *successor != line.sku),
            active: true,
            known: true,
        }
    }

    /// The same item after its catalogue tombstone.
    #[must_use]
    pub fn retired(self) -> Self {
        Self { active: false, ..self }
    }

    /// Whether anybody orders it any more: not once it is retired, or another SKU has taken its place.
    #[must_use]
    pub fn is_replenished(&self) -> bool {
        self.active && self.superseded_by.is_none()
    }

    /// Whether the item only stands in for something else (a supplier's orders, say) and must not
    /// enter populations, classes and budgets.
    #[must_use]
    pub fn stand_in(&self) -> bool {
        self.has_tag(STAND_IN)
    }

    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|t| t == tag)
    }

    /// Layout: version, active and known in bits 0 and 1, SKU; presence bits of the optional fields
    /// in declaration order, then the present ones; count of tags, tags.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        w.u8(ROW_VERSION);
        w.u8(u8::from(self.active) | u8::from(self.known) << 1);
        w.text(&self.sku);
        let texts = [&self.name, &self.name_zh, &self.category, &self.supplier, &self.superseded_by];
        let present = texts.iter().map(|t| t.is_some()).chain([
            self.unit_cost.is_some(),
            self.unit_price.is_some(),
            self.lead_time_days.is_some(),
            self.pack_size.is_some(),
            self.minimum_order_quantity.is_some(),
            self.shelf_life_days.is_some(),
        ]);
        w.unsigned(present.enumerate().fold(0, |bits, (i, p)| bits | u64::from(p) << i));
        texts.iter().filter_map(|t| t.as_deref()).for_each(|t| w.text(t));
        [self.unit_cost, self.unit_price].into_iter().flatten().for_each(|m| w.signed(m.micros()));
        self.lead_time_days.into_iter().for_each(|d| w.f64(d));
        [self.pack_size, self.minimum_order_quantity].into_iter().flatten().for_each(|q| w.quantity(q));
        self.shelf_life_days.into_iter().for_each(|d| w.signed(i64::from(d)));
        w.unsigned(self.tags.len() as u64);
        self.tags.iter().for_each(|t| w.text(t));
    }

    pub fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut r = RowReader::new(row);
        codec::version(&mut r, ROW_VERSION)?;
        let flags = r.u8()?;
        let sku = r.text()?.to_owned();
        let present = r.unsigned()?;
        let mut field = (0..).map(|bit| present >> bit & 1 == 1);
        let mut next = || field.next().unwrap_or(false);
        let mut item = Self { active: flags & 1 != 0, known: flags & 2 != 0, ..Self::unknown(&sku) };
        item.name = when(next(), || text(&mut r))?;
        item.name_zh = when(next(), || text(&mut r))?;
        item.category = when(next(), || text(&mut r))?;
        item.supplier = when(next(), || text(&mut r))?;
        item.superseded_by = when(next(), || text(&mut r))?;
        item.unit_cost = when(next(), || r.signed().map(Money::from_micros))?;
        item.unit_price = when(next(), || r.signed().map(Money::from_micros))?;
        item.lead_time_days = when(next(), || r.f64())?;
        item.pack_size = when(next(), || r.quantity())?;
        item.minimum_order_quantity = when(next(), || r.quantity())?;
        item.shelf_life_days = when(next(), || r.signed().map(|d| d as i32))?;
        for _ in 0..r.unsigned()? {
            item.tags.push(text(&mut r)?);
        }
        codec::end(&r)?;
        Ok(item)
    }
}

fn text(r: &mut RowReader<'_>) -> Result<String, RowError> {
    r.text().map(str::to_owned)
}

fn when<T>(present: bool, read: impl FnOnce() -> Result<T, RowError>) -> Result<Option<T>, RowError> {
    if present { read().map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    fn line() -> CatalogItem {
        CatalogItem {
            sku: "SKU-1".into(),
            name_zh: Some("手机壳".into()),
            supplier: Some("ACME".into()),
            unit_price: Some(Money::from_micros(12_500_000)),
            lead_time_days: Some(7.5),
            pack_size: Some(Quantity::from_units(12)),
            shelf_life_days: Some(-1),
            tags: vec!["scored".into(), STAND_IN.into()],
            ..CatalogItem::default()
        }
    }

    #[test]
    fn a_row_is_read_back() {
        for item in [Item::from_catalog(&line()), Item::from_catalog(&line()).retired(), Item::unknown("X")] {
            let mut row = Vec::new();
            item.encode(&mut row);
            assert_eq!(Item::decode(&row), Ok(item));
        }
    }

    #[test]
    fn golden_rows_of_every_version_are_read() {
        let item = Item::from_catalog(&line());
        let mut row = Vec::new();
        item.encode(&mut row);
        golden::check("item", ROW_VERSION, &row, |_, row| assert_eq!(Item::decode(row).as_ref(), Ok(&item)));
        golden::refuses_newer("item", ROW_VERSION, 0, Item::decode);
    }

    #[test]
    fn version_1_is_these_bytes() {
        let mut row = Vec::new();
        Item { tags: vec!["a".into()], name: Some("N".into()), ..Item::from_catalog(&CatalogItem::default()) }
            .encode(&mut row);
        assert_eq!(row, [1, 3, 0, 1, 1, b'N', 1, 1, b'a']);
        assert!(matches!(Item::decode(&[2]), Err(RowError::TooNew { found: 2, newest: 1 })));
        assert!(matches!(Item::decode(&[0]), Err(RowError::Invalid { what: "row format version", .. })));
        row.push(0);
        assert!(matches!(Item::decode(&row), Err(RowError::Invalid { what: "end of row", .. })));
    }

    #[test]
    fn impossible_figures_are_absent() {
        let item = Item::from_catalog(&CatalogItem {
            lead_time_days: Some(f64::NAN),
            pack_size: Some(Quantity::ZERO),
            ..line()
        });
        assert_eq!((item.lead_time_days, item.pack_size), (None, None));
        assert!(item.stand_in());
        let successor =
            |sku: &str| Item::from_catalog(&CatalogItem { superseded_by: Some(sku.into()), ..line() }).superseded_by;
        assert_eq!(["", "SKU-1", "SKU-2"].map(successor), [None, None, Some("SKU-2".into())]);
    }
}
