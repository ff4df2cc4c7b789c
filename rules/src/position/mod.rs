//! The position of one SKU at one location: the fold of its stock changes.
//!
//! On hand is unknown until it is told (a balance or a count); movements before that leave it
//! unknown, which is not zero. Integers only, so that sums are exact in any batching. Every list is
//! bounded; its file says by what, and what happens there. Returns, transfers, adjustments and
//! scrap are never demand, but for a warehouse's outbound transfers, its dependent demand.

mod dates;
mod effect;
mod lots;
mod majority;
mod orders;
mod quality;
mod reservations;
mod row;
mod sales;

pub use effect::{Receipt, StockEffect};
pub use lots::{LOTS_MAX, Lot};
pub use orders::{ORDERS_MAX, PurchaseOrder};
pub use quality::{AGREEMENTS_MIN, Doubt, Fault};
pub use reservations::{RESERVATION_LIFE_MS, RESERVATIONS_MAX};
pub use sales::{CANCELLATION_MS, LINES_MAX, LatestLines, SALES_MAX};

use schemas::{InventoryEvent, Quantity, StockChange, Timestamp};

use crate::place::Place;
use crate::stable_hash::stable_hash;
use lots::Lots;
use majority::Majority;
use orders::Orders;
use quality::{Fit, Quality};
use reservations::Reservations;
use sales::{RecentSales, Sold};

/// Book stock of one key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PositionState {
    /// Zero while unknown.
    on_hand: Quantity,
    known: bool,
    /// Statements in a row that the movements have accounted for, up to [`AGREEMENTS_MIN`].
    agreements: u8,
    /// The customer id that makes most of the sales, if any does.
    majority: Majority,
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
    quality: Quality,
}

impl Ledger {
    fn is_empty(&self) -> bool {
        self.reservations.is_empty() && self.orders.is_empty() && self.lots.is_empty() && self.quality.is_empty()
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

    /// What is told about the stock does not fit together; a balance or a count near the book clears it.
    #[must_use]
    pub fn suspect(&self) -> bool {
        self.doubt().is_some()
    }

    /// Why it is suspect.
    #[must_use]
    pub fn doubt(&self) -> Option<&Doubt> {
        self.ledger.as_ref().and_then(|l| l.quality.doubt())
    }

    /// When a date came that cannot be, on the open day or the one before.
    #[must_use]
    pub fn impossible_date(&self) -> Option<Timestamp> {
        self.ledger.as_ref().and_then(|l| l.quality.impossible_date)
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

    /// The latest order lines in `[from, until)`.
    #[must_use]
    pub fn latest_lines(&self, from: Timestamp, until: Timestamp) -> LatestLines {
        self.sales.as_ref().map_or_else(LatestLines::default, |sales| sales.latest_lines(from, until))
    }

    /// Forgets what is of no use after `now`.
    pub(crate) fn close_day(&mut self, now: Timestamp) {
        if let Some(sales) = &mut self.sales {
            sales.prune(now);
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.quality.close_day(now);
        }
        self.tidy();
    }

    /// Folds one change in. O(1) but for the bounded lists.
    pub fn fold(&mut self, event: &InventoryEvent<'_>, place: &Place) -> StockEffect {
        let at = event.occurred_at;
        let mut effect = StockEffect::none(at);
        match &event.change {
            StockChange::Sold { quantity, order_id, customer, .. } => {
                self.sell(*quantity, order_id.as_deref(), customer.as_deref(), &mut effect);
            }
            StockChange::SaleCancelled { quantity, order_id, .. } => {
                self.cancel_sale(*quantity, order_id.as_deref(), &mut effect);
            }
            StockChange::Returned { quantity, .. } | StockChange::TransferredIn { quantity, .. } => {
                self.move_by(*quantity, at);
            }
            StockChange::TransferredOut { quantity, .. } => {
                self.move_by(-*quantity, at);
                if place.warehouse && quantity.is_positive() {
                    // A transfer is no customer's order line: it moves the reorder point, never a surge.
                    (effect.demand, effect.dependent) = (*quantity, true);
                }
            }
            StockChange::Received { quantity, po_id, .. } => self.receive(*quantity, po_id.as_deref(), &mut effect),
            StockChange::LotReceived { quantity, lot, expires_on, po_id, .. } => {
                self.receive(*quantity, po_id.as_deref(), &mut effect);
                let expires_on = self.possible(*expires_on, at, dates::expiry_is_possible);
                self.ledger().lots.receive(lot, *quantity, expires_on);
            }
            StockChange::Adjusted { quantity, .. } => self.move_by(*quantity, at),
            StockChange::Scrapped { quantity, .. } => self.move_by(-*quantity, at),
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
                let expected_at = self.possible(*expected_at, at, dates::delivery_is_possible);
                self.ledger().orders.order(stable_hash(po_id), *quantity, at, expected_at);
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

    /// A sale is demand, and fulfils what was reserved for its order. It is an order line unless its
    /// buyer had one in the last 24 hours.
    fn sell(&mut self, quantity: Quantity, order_id: Option<&str>, customer: Option<&str>, effect: &mut StockEffect) {
        self.move_by(-quantity, effect.demand_at);
        if !quantity.is_positive() {
            return;
        }
        (effect.demand, effect.lines) = (quantity, 1);
        effect.emptied = self.known && self.on_hand.is_zero();
        if let Some(order) = order_id.map(stable_hash) {
            if let Some(ledger) = &mut self.ledger {
                ledger.reservations.release(order, quantity);
            }
            let customer = customer.filter(|name| !name.is_empty()).map(stable_hash);
            let sold = Sold { order, customer, quantity, at: effect.demand_at };
            let line = self.sales.get_or_insert_default().push(sold, &mut self.majority);
            effect.lines = i32::from(line);
        } else {
            self.sales.get_or_insert_default().push_other(effect.demand_at);
        }
    }

    /// The goods never left: they are on hand again, and the demand is taken back. Within 24 h of
    /// the sale that is in the sale's own window; otherwise, or when the sale is not known, at the
    /// cancellation's instant, where the window's bound at zero limits it (see `DemandState`).
    fn cancel_sale(&mut self, quantity: Quantity, order_id: Option<&str>, effect: &mut StockEffect) {
        self.move_by(quantity, effect.demand_at);
        if !quantity.is_positive() {
            return;
        }
        let order = order_id.map(stable_hash);
        let found = order.zip(self.sales.as_mut()).and_then(|(order, s)| s.cancel(order, quantity, effect.demand_at));
        (effect.demand, effect.lines, effect.demand_at) = match found {
            Some(sale) => (-sale.quantity, -sale.lines, sale.sold_at),
            None => (-quantity, -1, effect.demand_at),
        };
        if order.is_none()
            && let Some(sales) = &mut self.sales
        {
            sales.cancel_other();
        }
    }

    fn receive(&mut self, quantity: Quantity, po_id: Option<&str>, effect: &mut StockEffect) {
        self.move_by(quantity, effect.demand_at);
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
        if let Some(book) = self.on_hand() {
            effect.book = self.trusted_book();
            effect.unexplained = on_hand - book;
            effect.far = self.state(on_hand, book, effect.demand_at) == Fit::Far;
        }
        self.become_known(on_hand, effect.demand_at);
    }

    /// A stocktake. Movements since the book was frozen stay: they are in on hand, not in `frozen`.
    fn count(&mut self, counted: Quantity, frozen: Option<Quantity>, effect: &mut StockEffect) {
        let (at, trusted) = (effect.demand_at, self.trusted_book());
        effect.variance = frozen.map(|frozen| counted - frozen);
        effect.book = frozen.or(trusted);
        let on_hand = match (effect.variance, self.on_hand()) {
            (Some(variance), Some(book)) => {
                effect.far = self.state(frozen.unwrap_or(book), book, at) == Fit::Far;
                book + variance
            }
            (None, Some(book)) => {
                effect.unexplained = counted - book;
                self.clear_doubt();
                counted
            }
            (_, None) => counted,
        };
        self.become_known(on_hand, at);
    }

    /// The book, unless it is in doubt.
    fn trusted_book(&self) -> Option<Quantity> {
        self.on_hand().filter(|_| !self.suspect())
    }

    fn become_known(&mut self, on_hand: Quantity, at: Timestamp) {
        self.on_hand = on_hand;
        self.known = true;
        if on_hand.is_negative() {
            self.ledger().quality.below_zero(on_hand, at);
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.lots.cap(on_hand);
        }
    }

    /// A balance or a count says `stated` where the book says `book`.
    fn state(&mut self, stated: Quantity, book: Quantity, at: Timestamp) -> Fit {
        let mut agreements = self.agreements;
        let fit = self.ledger().quality.state(stated, book, at, &mut agreements);
        self.agreements = agreements;
        fit
    }

    fn clear_doubt(&mut self) {
        if let Some(ledger) = &mut self.ledger {
            ledger.quality.clear();
        }
    }

    /// The date, if it can be; one that cannot is left out and remembered.
    fn possible<D: Copy>(&mut self, date: Option<D>, at: Timestamp, can_be: fn(D, Timestamp) -> bool) -> Option<D> {
        let possible = date.filter(|date| can_be(*date, at));
        if date.is_some() && possible.is_none() {
            self.ledger().quality.impossible_date = Some(at);
        }
        possible
    }

    fn move_by(&mut self, quantity: Quantity, at: Timestamp) {
        if self.known {
            let was_below = self.on_hand.is_negative();
            self.on_hand += quantity;
            if self.on_hand.is_negative() {
                self.ledger.get_or_insert_default().quality.below_zero(self.on_hand, at);
            } else if was_below && let Some(ledger) = &mut self.ledger {
                ledger.quality.above_zero(at);
            }
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
