//! The position of one SKU at one location: the fold of its stock changes.
//!
//! On hand is unknown until it is told (a balance or a count); movements before that leave it
//! unknown, which is not zero. Integers only, so that sums are exact in any batching. Every list is
//! bounded; its file says by what, and what happens there. Returns, transfers, adjustments and
//! scrap are never demand, but for a warehouse's outbound transfers, its dependent demand.

mod effect;
mod lots;
mod orders;
mod reservations;
mod row;
mod sales;

pub use effect::{Receipt, StockEffect};
pub use lots::{LOTS_MAX, Lot};
pub use orders::{ORDERS_MAX, PurchaseOrder};
pub use reservations::{RESERVATION_LIFE_MS, RESERVATIONS_MAX};
pub use sales::{CANCELLATION_MS, SALES_MAX};

use schemas::{InventoryEvent, Quantity, StockChange, Timestamp};

use crate::place::Place;
use crate::stable_hash::stable_hash;
use lots::Lots;
use orders::Orders;
use reservations::Reservations;
use sales::RecentSales;

/// Book stock of one key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PositionState {
    /// Zero while unknown.
    on_hand: Quantity,
    known: bool,
    suspect: bool,
    /// `None` when there are none: most keys sold nothing lately.
    sales: Option<Box<RecentSales>>,
    /// What few keys have at any one time; `None` when all of it is empty.
    ledger: Option<Box<Ledger>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Ledger {
    reservations: Reservations,
    orders: Orders,
    lots: Lots,
}

impl Ledger {
    fn is_empty(&self) -> bool {
        self.reservations.is_empty() && self.orders.is_empty() && self.lots.is_empty()
    }
}

impl PositionState {
    /// `None`: nobody has told yet.
    #[must_use]
    pub fn on_hand(&self) -> Option<Quantity> {
        self.known.then_some(self.on_hand)
    }

    /// Known to be out of stock.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.known && !self.on_hand.is_positive()
    }

    #[must_use]
    pub fn reserved(&self) -> Quantity {
        self.ledger.as_ref().map_or(Quantity::ZERO, |l| l.reservations.total())
    }

    /// On hand − reserved; negative when more is promised than there is.
    #[must_use]
    pub fn available(&self) -> Option<Quantity> {
        self.on_hand().map(|on_hand| on_hand - self.reserved())
    }

    /// Everything ordered and not received, overdue or not.
    #[must_use]
    pub fn on_order(&self) -> Quantity {
        self.orders().iter().fold(Quantity::ZERO, |sum, o| sum + o.open)
    }

    /// Available + on order at `at`. An order counts in full until it is due (`expected_at`, else
    /// one lead time after it was placed), then loses weight linearly over one further lead time.
    #[must_use]
    pub fn inventory_position(&self, at: Timestamp, lead_time_days: Option<f64>) -> Option<Quantity> {
        let on_order = self.orders().iter().fold(Quantity::ZERO, |sum, o| sum + o.weighted(at, lead_time_days));
        self.available().map(|available| available + on_order)
    }

    /// The open rest of orders that should have come before `at`.
    #[must_use]
    pub fn overdue(&self, at: Timestamp, lead_time_days: Option<f64>) -> Quantity {
        let overdue = self.orders().iter().filter(|o| o.is_overdue(at, lead_time_days));
        overdue.fold(Quantity::ZERO, |sum, o| sum + o.open)
    }

    /// The book went below zero; a balance or a count clears it.
    #[must_use]
    pub fn suspect(&self) -> bool {
        self.suspect
    }

    /// First expired first.
    #[must_use]
    pub fn lots(&self) -> &[Lot] {
        self.ledger.as_ref().map_or(&[], |l| l.lots.list())
    }

    #[must_use]
    pub fn orders(&self) -> &[PurchaseOrder] {
        self.ledger.as_ref().map_or(&[], |l| l.orders.list())
    }

    /// When the next reservation expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.ledger.as_ref().and_then(|l| l.reservations.next_expiry())
    }

    /// Forgets the reservations that have expired by `now`, and says how much that was.
    pub fn expire_reservations(&mut self, now: Timestamp) -> Quantity {
        let expired = self.ledger.as_mut().map_or(Quantity::ZERO, |l| l.reservations.expire(now));
        self.tidy();
        expired
    }

    /// The sale folded last, of `at`, came too late for its window.
    pub(crate) fn mark_sale_late(&mut self, at: Timestamp) {
        if let Some(sales) = &mut self.sales {
            sales.mark_late(at);
        }
    }

    /// Forgets what is of no use after `now`.
    pub(crate) fn close_day(&mut self, now: Timestamp) {
        if let Some(sales) = &mut self.sales {
            sales.prune(now);
        }
        self.tidy();
    }

    /// Folds one change in. O(1) but for the bounded lists.
    pub fn fold(&mut self, event: &InventoryEvent<'_>, place: &Place) -> StockEffect {
        let at = event.occurred_at;
        let mut effect = StockEffect::none(at);
        match &event.change {
            StockChange::Sold { quantity, order_id, .. } => self.sell(*quantity, order_id.as_deref(), &mut effect),
            StockChange::SaleCancelled { quantity, order_id, .. } => {
                self.cancel_sale(*quantity, order_id.as_deref(), &mut effect);
            }
            StockChange::Returned { quantity, .. } | StockChange::TransferredIn { quantity, .. } => {
                self.move_by(*quantity);
            }
            StockChange::TransferredOut { quantity, .. } => {
                self.move_by(-*quantity);
                if place.warehouse && quantity.is_positive() {
                    // A transfer is no customer's order line: it moves the reorder point, never a surge.
                    (effect.demand, effect.dependent) = (*quantity, true);
                }
            }
            StockChange::Received { quantity, po_id, .. } => self.receive(*quantity, po_id.as_deref(), &mut effect),
            StockChange::LotReceived { quantity, lot, expires_on, po_id, .. } => {
                self.receive(*quantity, po_id.as_deref(), &mut effect);
                self.ledger().lots.receive(lot, *quantity, *expires_on);
            }
            StockChange::Adjusted { quantity, .. } => self.move_by(*quantity),
            StockChange::Scrapped { quantity, .. } => self.move_by(-*quantity),
            StockChange::Counted { counted, book, .. } => self.count(*counted, *book, &mut effect),
            StockChange::BalanceObserved { on_hand } => self.set(*on_hand, &mut effect),
            StockChange::Reserved { quantity, order_id } => {
                self.ledger().reservations.reserve(stable_hash(order_id), *quantity, at);
            }
            StockChange::Released { quantity, order_id } => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.reservations.release(stable_hash(order_id), *quantity);
                }
            }
            StockChange::Ordered { quantity, po_id, expected_at, .. } => {
                self.ledger().orders.order(stable_hash(po_id), *quantity, at, *expected_at);
            }
            StockChange::OrderCancelled { quantity, po_id } => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.orders.cancel(stable_hash(po_id), *quantity);
                }
            }
        }
        self.tidy();
        effect
    }

    /// A sale is demand, and fulfils what was reserved for its order.
    fn sell(&mut self, quantity: Quantity, order_id: Option<&str>, effect: &mut StockEffect) {
        self.move_by(-quantity);
        if !quantity.is_positive() {
            return;
        }
        (effect.demand, effect.lines) = (quantity, 1);
        if let Some(order) = order_id.map(stable_hash) {
            if let Some(ledger) = &mut self.ledger {
                ledger.reservations.release(order, quantity);
            }
            self.sales.get_or_insert_default().push(order, quantity, effect.demand_at);
        }
    }

    /// The goods never left: they are on hand again, and the demand is taken back. Within 24 h of
    /// the sale that is in the sale's own window; otherwise, or when the sale is not known, at the
    /// cancellation's instant, where the window's bound at zero limits it (see `DemandState`).
    fn cancel_sale(&mut self, quantity: Quantity, order_id: Option<&str>, effect: &mut StockEffect) {
        self.move_by(quantity);
        if !quantity.is_positive() {
            return;
        }
        let order = order_id.map(stable_hash);
        let found = order.zip(self.sales.as_mut()).and_then(|(order, s)| s.cancel(order, quantity, effect.demand_at));
        (effect.demand, effect.lines, effect.demand_at) = match found {
            Some(sale) => (-sale.quantity, -sale.lines, sale.sold_at),
            None => (-quantity, -1, effect.demand_at),
        };
    }

    fn receive(&mut self, quantity: Quantity, po_id: Option<&str>, effect: &mut StockEffect) {
        self.move_by(quantity);
        let unknown = Receipt { lead_days: None };
        effect.receipt = Some(
            self.ledger
                .as_mut()
                .map_or(unknown, |ledger| ledger.orders.receive(po_id.map(stable_hash), quantity, effect.demand_at)),
        );
        effect.reconsider = true;
    }

    /// What the WMS says is there. The difference to the book is unexplained, never demand.
    fn set(&mut self, on_hand: Quantity, effect: &mut StockEffect) {
        if self.known {
            effect.unexplained = on_hand - self.on_hand;
        }
        self.on_hand = on_hand;
        self.known = true;
        self.suspect = on_hand.is_negative();
        if let Some(ledger) = &mut self.ledger {
            ledger.lots.cap(on_hand);
        }
    }

    /// A stocktake. Movements since the book was frozen stay: they are in on hand, not in `book`.
    fn count(&mut self, counted: Quantity, book: Option<Quantity>, effect: &mut StockEffect) {
        effect.variance = book.map(|book| counted - book);
        let on_hand = match effect.variance {
            Some(variance) if self.known => self.on_hand + variance,
            _ => counted,
        };
        self.set(on_hand, effect);
        if book.is_some() {
            // The variance accounts for the difference.
            effect.unexplained = Quantity::ZERO;
        }
    }

    fn move_by(&mut self, quantity: Quantity) {
        if self.known {
            self.on_hand += quantity;
            self.suspect |= self.on_hand.is_negative();
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.lots.issue(-quantity);
        }
    }

    fn ledger(&mut self) -> &mut Ledger {
        self.ledger.get_or_insert_default()
    }

    fn tidy(&mut self) {
        if self.ledger.as_ref().is_some_and(|l| l.is_empty()) {
            self.ledger = None;
        }
        if self.sales.as_ref().is_some_and(|s| s.is_empty()) {
            self.sales = None;
        }
    }
}

#[cfg(test)]
mod tests;
