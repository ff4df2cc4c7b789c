//! `Position`: the public face of one SKU at one location.

use std::borrow::Cow;

use crate::{Quantity, Timestamp};

/// What is there, how fast it sells, and what it needs. Absent means unknown, never zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Position<'a> {
    pub sku: Cow<'a, str>,
    pub location: Cow<'a, str>,
    pub at: Timestamp,
    pub on_hand: Option<Quantity>,
    pub reserved: Quantity,
    /// On hand − reserved.
    pub available: Option<Quantity>,
    pub on_order: Quantity,
    /// Units a day.
    pub velocity_per_day: f64,
    /// Units sold in the last seven closed local days.
    pub sold_7d: Quantity,
    /// Units; absent without any lead time.
    pub reorder_point: Option<f64>,
    pub safety_stock: Option<f64>,
    pub order_quantity: Option<f64>,
    /// On hand ÷ velocity; absent while on hand is unknown or nothing sells.
    pub days_of_cover: Option<f64>,
    /// Whole days since the last sale (or since the key was first seen).
    pub idle_days: i32,
    pub no_sale_probability_30d: f64,
    /// How the reorder point was made: `dynamic`, `fixed`, `days_of_cover`, …
    pub threshold_method: Option<Cow<'a, str>>,
    /// The figures contradict each other; nothing resolves by itself while this holds.
    pub suspect: bool,
    pub open_alerts: Vec<uuid::Uuid>,
    /// `A`, `B` or `C`: its share of the site's sales. Absent while it is not classed.
    pub abc: Option<Cow<'a, str>>,
    /// `X`, `Y` or `Z`: how evenly it sells.
    pub xyz: Option<Cow<'a, str>>,
}
