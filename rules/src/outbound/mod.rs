//! Stock that leaves, and which of it nothing explains.
//!
//! A line is a sale, a transfer out, scrap, or a correction downwards; a stocktake is none, what it finds missing is a
//! loss. A sale with an order of a customer who is named is explained, however large. Any other line is asked how rare it
//! is among the site's lines of its kind: that it names no order or document, its size against what is usual for the
//! key, its hour of the week, its reason code (see `surprise`).

mod history;
mod surprise;

pub use history::{OutboundState, REMEMBERED_DAYS, Unexplained};
pub use surprise::Surprise;

pub(crate) use history::Noted;
pub(crate) use surprise::UNUSUAL;

use schemas::{Quantity, StockChange};

/// What kind of line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sale,
    Transfer,
    Scrap,
    Correction,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Sale, Self::Transfer, Self::Scrap, Self::Correction];

    /// As evidence names it: the type of the stock change.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sale => "sold",
            Self::Transfer => "transferred_out",
            Self::Scrap => "scrapped",
            Self::Correction => "adjusted",
        }
    }

    /// Whether somebody is to say why.
    #[must_use]
    pub const fn has_reason(self) -> bool {
        matches!(self, Self::Scrap | Self::Correction)
    }
}

/// A stock change that takes stock out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line<'a> {
    pub kind: Kind,
    /// Above zero.
    pub quantity: Quantity,
    pub reason: Option<&'a str>,
    /// The order of a sale, the document of anything else.
    pub document: Option<&'a str>,
    /// The customer of a sale is named.
    customer: bool,
}

impl<'a> Line<'a> {
    /// `None`: nothing leaves.
    #[must_use]
    pub fn of(change: &'a StockChange<'_>) -> Option<Self> {
        let (kind, quantity, reason, document) = match change {
            StockChange::Sold { quantity, order_id, .. } => (Kind::Sale, *quantity, None, order_id),
            StockChange::TransferredOut { quantity, document, .. } => (Kind::Transfer, *quantity, None, document),
            StockChange::Scrapped { quantity, reason, document } => {
                (Kind::Scrap, *quantity, said(reason.as_deref()), document)
            }
            StockChange::Adjusted { quantity, reason, document } => {
                (Kind::Correction, -*quantity, said(reason.as_deref()), document)
            }
            _ => return None,
        };
        let customer = matches!(change, StockChange::Sold { customer, .. } if said(customer.as_deref()).is_some());
        quantity.is_positive().then(|| Self { kind, quantity, reason, document: said(document.as_deref()), customer })
    }

    /// A customer ordered it: however much it is, that is demand.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.customer && self.document.is_some()
    }
}

/// What a change brings back of lines of a kind before it, and the order or document it names.
pub(crate) fn brought_back<'a>(change: &'a StockChange<'_>, kind: Kind) -> Option<(Quantity, Option<&'a str>)> {
    let (quantity, order) = match (change, kind) {
        (
            StockChange::SaleCancelled { quantity, order_id, .. } | StockChange::Returned { quantity, order_id, .. },
            Kind::Sale,
        ) => (*quantity, said(order_id.as_deref())),
        (StockChange::TransferredIn { quantity, document, .. }, Kind::Transfer) => {
            (*quantity, said(document.as_deref()))
        }
        (StockChange::Adjusted { quantity, .. }, Kind::Scrap | Kind::Correction) => (*quantity, None),
        _ => return None,
    };
    quantity.is_positive().then_some((quantity, order))
}

/// Text that says something.
fn said(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
