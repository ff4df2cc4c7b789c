//! `InventoryEvent`: one change of the stock of one SKU at one location.
//!
//! Text is borrowed from the record it was decoded from wherever the encoding allows it: the hot
//! path copies nothing. Decoders read an empty optional text as an absent one.

use std::borrow::Cow;

use crate::{Money, Quantity, Timestamp};

/// One change, as every source is translated into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryEvent<'a> {
    pub event_id: Cow<'a, str>,
    pub sku: Cow<'a, str>,
    pub location: Cow<'a, str>,
    /// When it happened, by the source's own account.
    pub occurred_at: Timestamp,
    /// Where in its source the change stands. Absent in plain canonical files.
    pub source: Option<SourcePosition<'a>>,
    pub change: StockChange<'a>,
}

/// The place of a record in the source it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePosition<'a> {
    /// Name of the source, as configured; `canonical` in files that do not say.
    pub source: Cow<'a, str>,
    /// The ordered part of the source this record belongs to.
    pub partition: i32,
    /// Source-specific position (an LSN, a binlog position, a line number).
    pub position: Cow<'a, str>,
    /// The source's clock when it wrote the record.
    pub time: Timestamp,
}

impl SourcePosition<'_> {
    /// The name of a source that a record does not name.
    pub const UNNAMED: &'static str = "canonical";
}

/// What happened. `Adjusted::quantity` is signed; every other quantity is ≥ 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StockChange<'a> {
    Sold {
        quantity: Quantity,
        order_id: Option<Cow<'a, str>>,
        customer: Option<Cow<'a, str>>,
        unit_price: Option<Money>,
    },
    /// A sale taken back before it shipped: matched to its sale by `order_id`.
    SaleCancelled {
        quantity: Quantity,
        order_id: Option<Cow<'a, str>>,
        customer: Option<Cow<'a, str>>,
        unit_price: Option<Money>,
    },
    /// Goods a customer brought back: inbound stock, never negative demand.
    Returned {
        quantity: Quantity,
        order_id: Option<Cow<'a, str>>,
        customer: Option<Cow<'a, str>>,
        unit_price: Option<Money>,
    },
    Received {
        quantity: Quantity,
        po_id: Option<Cow<'a, str>>,
        supplier: Option<Cow<'a, str>>,
    },
    TransferredIn {
        quantity: Quantity,
        from: Option<Cow<'a, str>>,
        document: Option<Cow<'a, str>>,
    },
    TransferredOut {
        quantity: Quantity,
        to: Option<Cow<'a, str>>,
        document: Option<Cow<'a, str>>,
    },
    Adjusted {
        quantity: Quantity,
        reason: Option<Cow<'a, str>>,
        document: Option<Cow<'a, str>>,
    },
    /// A stocktake: what was counted, and the book quantity frozen when counting began.
    Counted {
        counted: Quantity,
        book: Option<Quantity>,
        document: Option<Cow<'a, str>>,
    },
    Scrapped {
        quantity: Quantity,
        reason: Option<Cow<'a, str>>,
        document: Option<Cow<'a, str>>,
    },
    Reserved {
        quantity: Quantity,
        order_id: Cow<'a, str>,
    },
    Released {
        quantity: Quantity,
        order_id: Cow<'a, str>,
    },
    Ordered {
        quantity: Quantity,
        po_id: Cow<'a, str>,
        supplier: Option<Cow<'a, str>>,
        expected_at: Option<Timestamp>,
    },
    /// `quantity` absent: the whole open rest of the order.
    OrderCancelled {
        quantity: Option<Quantity>,
        po_id: Cow<'a, str>,
    },
    /// What the WMS says is on hand. Sets the figure; the difference to the book is unexplained.
    BalanceObserved {
        on_hand: Quantity,
    },
    LotReceived {
        quantity: Quantity,
        lot: Cow<'a, str>,
        expires_on: Option<crate::Day>,
        po_id: Option<Cow<'a, str>>,
        supplier: Option<Cow<'a, str>>,
    },
}
