//! The flat form of a stock change: what both encodings carry, one optional field per figure.
//!
//! Every codec goes through [`ChangeFields::build`], so that JSON and Avro refuse the same records
//! for the same reasons.

use std::borrow::Cow;

use crate::error::quoted;
use crate::{Day, DecodeError, Money, Quantity, StockChange, Timestamp};

/// Identifiers are keys of state and of topics: bounded. Free text (`reason`, `customer`) is not.
pub const MAX_IDENTIFIER_BYTES: usize = 512;

/// The type of a [`StockChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    Sold,
    SaleCancelled,
    Returned,
    Received,
    TransferredIn,
    TransferredOut,
    Adjusted,
    Counted,
    Scrapped,
    Reserved,
    Released,
    Ordered,
    OrderCancelled,
    BalanceObserved,
    LotReceived,
}

names!(ChangeKind {
    Sold => "sold", SaleCancelled => "sale_cancelled", Returned => "returned", Received => "received",
    TransferredIn => "transferred_in", TransferredOut => "transferred_out", Adjusted => "adjusted",
    Counted => "counted", Scrapped => "scrapped", Reserved => "reserved", Released => "released",
    Ordered => "ordered", OrderCancelled => "order_cancelled", BalanceObserved => "balance_observed",
    LotReceived => "lot_received",
});

/// The figures of a change, whichever its type. An empty text is an absent one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFields<'a> {
    pub quantity: Option<Quantity>,
    pub order_id: Option<Cow<'a, str>>,
    pub customer: Option<Cow<'a, str>>,
    pub unit_price: Option<Money>,
    pub po_id: Option<Cow<'a, str>>,
    pub supplier: Option<Cow<'a, str>>,
    pub expected_at: Option<Timestamp>,
    pub reason: Option<Cow<'a, str>>,
    pub document: Option<Cow<'a, str>>,
    pub book: Option<Quantity>,
    pub counted: Option<Quantity>,
    pub on_hand: Option<Quantity>,
    pub lot: Option<Cow<'a, str>>,
    pub expires_on: Option<Day>,
    pub from: Option<Cow<'a, str>>,
    pub to: Option<Cow<'a, str>>,
}

impl<'a> ChangeFields<'a> {
    /// The change itself. Fields its type has no use for are dropped.
    pub fn build(self, kind: ChangeKind) -> Result<StockChange<'a>, DecodeError> {
        self.check_identifiers()?;
        if kind == ChangeKind::Adjusted {
            let quantity = self.quantity.ok_or_else(|| missing(kind, "quantity"))?;
            return Ok(StockChange::Adjusted { quantity, reason: self.reason, document: self.document });
        }
        self.check_not_negative()?;
        match kind {
            ChangeKind::Counted => {
                let counted = self.counted.ok_or_else(|| missing(kind, "counted"))?;
                Ok(StockChange::Counted { counted, book: self.book, document: self.document })
            }
            ChangeKind::BalanceObserved => {
                let on_hand = self.on_hand.ok_or_else(|| missing(kind, "on_hand"))?;
                Ok(StockChange::BalanceObserved { on_hand })
            }
            ChangeKind::OrderCancelled => {
                let po_id = self.po_id.ok_or_else(|| missing(kind, "po_id"))?;
                Ok(StockChange::OrderCancelled { quantity: self.quantity, po_id })
            }
            _ => self.build_movement(kind),
        }
    }

    /// The types that cannot do without a quantity.
    fn build_movement(self, kind: ChangeKind) -> Result<StockChange<'a>, DecodeError> {
        let Self { order_id, customer, unit_price, po_id, supplier, reason, document, .. } = self;
        let quantity = self.quantity.ok_or_else(|| missing(kind, "quantity"))?;
        Ok(match kind {
            ChangeKind::Sold => StockChange::Sold { quantity, order_id, customer, unit_price },
            ChangeKind::SaleCancelled => StockChange::SaleCancelled { quantity, order_id, customer, unit_price },
            ChangeKind::Returned => StockChange::Returned { quantity, order_id, customer, unit_price },
            ChangeKind::Received => StockChange::Received { quantity, po_id, supplier },
            ChangeKind::TransferredIn => StockChange::TransferredIn { quantity, from: self.from, document },
            ChangeKind::TransferredOut => StockChange::TransferredOut { quantity, to: self.to, document },
            ChangeKind::Scrapped => StockChange::Scrapped { quantity, reason, document },
            ChangeKind::Reserved => {
                StockChange::Reserved { quantity, order_id: order_id.ok_or_else(|| missing(kind, "order_id"))? }
            }
            ChangeKind::Released => {
                StockChange::Released { quantity, order_id: order_id.ok_or_else(|| missing(kind, "order_id"))? }
            }
            ChangeKind::Ordered => {
                let po_id = po_id.ok_or_else(|| missing(kind, "po_id"))?;
                StockChange::Ordered { quantity, po_id, supplier, expected_at: self.expected_at }
            }
            ChangeKind::LotReceived => {
                let lot = self.lot.ok_or_else(|| missing(kind, "lot"))?;
                StockChange::LotReceived { quantity, lot, expires_on: self.expires_on, po_id, supplier }
            }
            ChangeKind::Adjusted | ChangeKind::Counted | ChangeKind::BalanceObserved | ChangeKind::OrderCancelled => {
                return Err(missing(kind, "quantity"));
            }
        })
    }

    fn check_not_negative(&self) -> Result<(), DecodeError> {
        let figures =
            [("quantity", self.quantity), ("book", self.book), ("counted", self.counted), ("on_hand", self.on_hand)];
        for (name, figure) in figures {
            if let Some(value) = figure.filter(|q| q.is_negative()) {
                let message = format!("`change.{name}` is {value}; only `adjusted` may be negative");
                return Err(DecodeError::new(DecodeError::INVALID_QUANTITY, message));
            }
        }
        Ok(())
    }

    fn check_identifiers(&self) -> Result<(), DecodeError> {
        let texts = [
            ("change.order_id", &self.order_id),
            ("change.po_id", &self.po_id),
            ("change.supplier", &self.supplier),
            ("change.document", &self.document),
            ("change.lot", &self.lot),
            ("change.from", &self.from),
            ("change.to", &self.to),
        ];
        texts.into_iter().try_for_each(|(name, text)| text.as_deref().map_or(Ok(()), |t| identifier(name, t)))
    }
}

/// Refuses identifiers no topic or store should have to carry. NUL separates the parts of a key.
pub fn identifier(field: &str, text: &str) -> Result<(), DecodeError> {
    if text.len() > MAX_IDENTIFIER_BYTES {
        let message = format!("`{field}` is {}; at most {MAX_IDENTIFIER_BYTES} bytes", quoted(text));
        return Err(DecodeError::new(DecodeError::TOO_LONG, message));
    }
    if text.as_bytes().contains(&0) {
        let message = format!("`{field}` is {}, with a NUL character; remove it at the source", quoted(text));
        return Err(DecodeError::malformed(message));
    }
    Ok(())
}

#[cold]
fn missing(kind: ChangeKind, field: &str) -> DecodeError {
    DecodeError::new(DecodeError::MISSING_FIELD, format!("`change.{field}` is missing; `{}` needs it", kind.name()))
}

impl StockChange<'_> {
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Sold { .. } => ChangeKind::Sold,
            Self::SaleCancelled { .. } => ChangeKind::SaleCancelled,
            Self::Returned { .. } => ChangeKind::Returned,
            Self::Received { .. } => ChangeKind::Received,
            Self::TransferredIn { .. } => ChangeKind::TransferredIn,
            Self::TransferredOut { .. } => ChangeKind::TransferredOut,
            Self::Adjusted { .. } => ChangeKind::Adjusted,
            Self::Counted { .. } => ChangeKind::Counted,
            Self::Scrapped { .. } => ChangeKind::Scrapped,
            Self::Reserved { .. } => ChangeKind::Reserved,
            Self::Released { .. } => ChangeKind::Released,
            Self::Ordered { .. } => ChangeKind::Ordered,
            Self::OrderCancelled { .. } => ChangeKind::OrderCancelled,
            Self::BalanceObserved { .. } => ChangeKind::BalanceObserved,
            Self::LotReceived { .. } => ChangeKind::LotReceived,
        }
    }

    /// The flat form, borrowed: [`ChangeFields::build`] of it gives the change back.
    #[must_use]
    pub fn fields(&self) -> ChangeFields<'_> {
        let mut f = ChangeFields::default();
        match self {
            Self::Sold { quantity, order_id, customer, unit_price }
            | Self::SaleCancelled { quantity, order_id, customer, unit_price }
            | Self::Returned { quantity, order_id, customer, unit_price } => {
                f.quantity = Some(*quantity);
                (f.order_id, f.customer, f.unit_price) =
                    (borrowed(order_id.as_ref()), borrowed(customer.as_ref()), *unit_price);
            }
            Self::Received { quantity, po_id, supplier } => {
                f.quantity = Some(*quantity);
                (f.po_id, f.supplier) = (borrowed(po_id.as_ref()), borrowed(supplier.as_ref()));
            }
            Self::TransferredIn { quantity, from, document } => {
                f.quantity = Some(*quantity);
                (f.from, f.document) = (borrowed(from.as_ref()), borrowed(document.as_ref()));
            }
            Self::TransferredOut { quantity, to, document } => {
                f.quantity = Some(*quantity);
                (f.to, f.document) = (borrowed(to.as_ref()), borrowed(document.as_ref()));
            }
            Self::Adjusted { quantity, reason, document } | Self::Scrapped { quantity, reason, document } => {
                f.quantity = Some(*quantity);
                (f.reason, f.document) = (borrowed(reason.as_ref()), borrowed(document.as_ref()));
            }
            Self::Counted { counted, book, document } => {
                (f.counted, f.book, f.document) = (Some(*counted), *book, borrowed(document.as_ref()));
            }
            Self::Reserved { quantity, order_id } | Self::Released { quantity, order_id } => {
                (f.quantity, f.order_id) = (Some(*quantity), Some(Cow::Borrowed(&**order_id)));
            }
            Self::Ordered { quantity, po_id, supplier, expected_at } => {
                (f.quantity, f.po_id) = (Some(*quantity), Some(Cow::Borrowed(&**po_id)));
                (f.supplier, f.expected_at) = (borrowed(supplier.as_ref()), *expected_at);
            }
            Self::OrderCancelled { quantity, po_id } => {
                (f.quantity, f.po_id) = (*quantity, Some(Cow::Borrowed(&**po_id)));
            }
            Self::BalanceObserved { on_hand } => f.on_hand = Some(*on_hand),
            Self::LotReceived { quantity, lot, expires_on, po_id, supplier } => {
                (f.quantity, f.lot, f.expires_on) = (Some(*quantity), Some(Cow::Borrowed(&**lot)), *expires_on);
                (f.po_id, f.supplier) = (borrowed(po_id.as_ref()), borrowed(supplier.as_ref()));
            }
        }
        f
    }
}

fn borrowed<'b>(text: Option<&'b Cow<'_, str>>) -> Option<Cow<'b, str>> {
    text.map(|text| Cow::Borrowed(&**text))
}
