//! Items and locations: what the positions are about.

use crate::{Money, Quantity};

/// A catalogue change as it travels in `inventory.events`, in order with the stock changes of its
/// SKU. `item: None` is a tombstone: the item becomes inactive.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogChange {
    pub sku: String,
    pub item: Option<CatalogItem>,
}

/// One item. Absent figures are unknown, never zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CatalogItem {
    pub sku: String,
    pub name: Option<String>,
    pub name_zh: Option<String>,
    /// Path in the category tree, `a/b`.
    pub category: Option<String>,
    pub supplier: Option<String>,
    pub unit_cost: Option<Money>,
    pub unit_price: Option<Money>,
    /// Configured replenishment lead time, in days.
    pub lead_time_days: Option<f64>,
    pub pack_size: Option<Quantity>,
    pub minimum_order_quantity: Option<Quantity>,
    pub shelf_life_days: Option<i32>,
    /// The tag `stand-in` keeps an item out of populations, classes and budgets.
    pub tags: Vec<String>,
    /// SKUs are immutable: a rename points to its successor.
    pub superseded_by: Option<String>,
}

/// One location. `time_zone` is an IANA name; its day is UTC where that is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    pub location: String,
    pub name: Option<String>,
    pub name_zh: Option<String>,
    pub time_zone: Option<String>,
    pub region: Option<String>,
    /// `store` or `warehouse`; a warehouse's outbound transfers are its dependent demand.
    pub kind: Option<String>,
}
