//! The simulation's own books: what is on a shelf, promised and on its way, by its own changes.
//!
//! They judge the alerts, so they must never learn anything from the processor. Whole pieces.

use schemas::{Quantity, StockChange};

/// One item at one location.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    on_hand: i64,
    reservations: Vec<(String, i64)>,
    orders: Vec<(String, i64)>,
}

impl Shelf {
    pub fn on_hand(&self) -> i64 {
        self.on_hand
    }

    /// On hand − reserved.
    pub fn available(&self) -> i64 {
        self.on_hand - self.reservations.iter().map(|r| r.1).sum::<i64>()
    }

    pub fn on_order(&self) -> i64 {
        self.orders.iter().map(|o| o.1).sum()
    }

    /// Available + on order.
    pub fn inventory_position(&self) -> i64 {
        self.available() + self.on_order()
    }

    /// What is still to come of an order.
    pub fn rest_of(&self, order: &str) -> i64 {
        self.orders.iter().filter(|o| o.0 == order).map(|o| o.1).sum()
    }

    pub fn open_orders(&self) -> Vec<String> {
        self.orders.iter().map(|o| o.0.clone()).collect()
    }

    /// Enters one change into the books.
    pub fn enter(&mut self, change: &StockChange<'_>) {
        match change {
            StockChange::Sold { quantity, order_id, .. } => {
                self.on_hand -= pieces(*quantity);
                if let Some(order) = order_id {
                    take(&mut self.reservations, order, pieces(*quantity));
                }
            }
            StockChange::SaleCancelled { quantity, .. }
            | StockChange::Returned { quantity, .. }
            | StockChange::TransferredIn { quantity, .. }
            | StockChange::Adjusted { quantity, .. } => self.on_hand += pieces(*quantity),
            StockChange::Received { quantity, po_id, .. } | StockChange::LotReceived { quantity, po_id, .. } => {
                self.on_hand += pieces(*quantity);
                if let Some(order) = po_id {
                    take(&mut self.orders, order, pieces(*quantity));
                }
            }
            StockChange::TransferredOut { quantity, .. } | StockChange::Scrapped { quantity, .. } => {
                self.on_hand -= pieces(*quantity);
            }
            StockChange::Counted { counted, .. } => self.on_hand = pieces(*counted),
            StockChange::BalanceObserved { on_hand } => self.on_hand = pieces(*on_hand),
            StockChange::Reserved { quantity, order_id } => {
                self.reservations.push((order_id.clone().into_owned(), pieces(*quantity)));
            }
            StockChange::Released { quantity, order_id } => {
                take(&mut self.reservations, order_id, pieces(*quantity));
            }
            StockChange::Ordered { quantity, po_id, .. } => {
                self.orders.push((po_id.clone().into_owned(), pieces(*quantity)));
            }
            StockChange::OrderCancelled { quantity, po_id } => {
                take(&mut self.orders, po_id, quantity.map_or(i64::MAX, pieces));
            }
        }
    }
}

/// Whole pieces of a quantity: the simulation deals in nothing smaller.
fn pieces(quantity: Quantity) -> i64 {
    quantity.thousandths() / 1000
}

fn take(entries: &mut Vec<(String, i64)>, id: &str, pieces: i64) {
    if let Some(entry) = entries.iter_mut().find(|e| e.0 == id) {
        entry.1 -= pieces.min(entry.1);
    }
    entries.retain(|e| e.1 > 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(n: i64) -> Quantity {
        Quantity::from_units(n)
    }

    #[test]
    fn a_reservation_is_consumed_by_its_sale_and_an_order_by_its_receipts() {
        let mut shelf = Shelf::default();
        shelf.enter(&StockChange::BalanceObserved { on_hand: units(10) });
        shelf.enter(&StockChange::Reserved { quantity: units(3), order_id: "R1".into() });
        assert_eq!((shelf.on_hand(), shelf.available()), (10, 7));
        let order_id = Some("R1".into());
        shelf.enter(&StockChange::Sold { quantity: units(3), order_id, customer: None, unit_price: None });
        assert_eq!((shelf.on_hand(), shelf.available()), (7, 7));
        shelf.enter(&StockChange::Ordered {
            quantity: units(8),
            po_id: "P1".into(),
            supplier: None,
            expected_at: None,
        });
        shelf.enter(&StockChange::Received { quantity: units(5), po_id: Some("P1".into()), supplier: None });
        assert_eq!((shelf.on_hand(), shelf.on_order(), shelf.inventory_position()), (12, 3, 15));
        shelf.enter(&StockChange::OrderCancelled { quantity: None, po_id: "P1".into() });
        assert_eq!((shelf.on_order(), shelf.rest_of("P1")), (0, 0));
    }
}
