//! Replenishment: planners review and order, suppliers and the warehouse deliver, sometimes late.
//!
//! Stores order from the warehouse by stock transport orders: `ordered` and `received` at the store,
//! `transferred_out` at the warehouse when the goods leave. The planners know their policy and the
//! books, and nothing of alerts: the log is the same whatever the processor does.

use schemas::{
    Day, StockChange, Timestamp,
    time::{DAY_MS, HOUR_MS, MINUTE_MS},
};

use super::{
    Wms,
    schedule::{Happening, Key},
    units,
    world::WAREHOUSE,
};

/// Chance that a supplier sends an order in two deliveries, and that a buyer mistypes one.
const SPLIT: f64 = 0.12;
const MISTYPED: f64 = 0.01;

impl Wms {
    /// The daily look at every shelf of a site.
    pub(super) fn review(&mut self, at: Timestamp, site: usize) {
        for item in 0..self.world.products.len() {
            let key = self.world.key(site, item);
            if self.controls[key].frozen {
                continue;
            }
            let policy = self.world.policies[key];
            let level = (policy.level as f64 * self.world.planned_factor(key, at)).ceil() as i64;
            let short = level - self.books[key].inventory_position();
            if short >= 0 {
                self.order(at, key, (short / policy.batch + 1) * policy.batch);
            }
        }
    }

    fn order(&mut self, at: Timestamp, key: Key, pieces: i64) {
        if self.world.site_of(key) == WAREHOUSE {
            self.order_from_supplier(at, key, pieces);
        } else {
            self.order_from_warehouse(at, key, pieces);
        }
    }

    fn order_from_warehouse(&mut self, at: Timestamp, store: Key, pieces: i64) {
        let document = self.number("TO");
        let ships_at = self.next_dispatch(at);
        let expected_at = self.at_store_door(store, ships_at).plus_ms(2 * HOUR_MS);
        let supplier = self.world.sites[WAREHOUSE].code().to_owned();
        self.record_order(store, at, &document, supplier, pieces, expected_at);
        self.schedule.enter(ships_at, Happening::Ship { store, document, units: pieces });
    }

    fn order_from_supplier(&mut self, at: Timestamp, key: Key, pieces: i64) {
        let product = &self.world.products[self.world.item_of(key)];
        let (lead_days, late) = (product.lead_days, product.late);
        let supplier = product.item.supplier.clone().unwrap_or_default();
        let document = self.number("PO");
        let expected_at = self.world.sites[WAREHOUSE].later(at, lead_days as i32, 10);
        let mistyped = self.random.chance(MISTYPED);
        let typed = if mistyped { 2 * pieces } else { pieces };
        self.record_order(key, at, &document, supplier, typed, expected_at);
        if mistyped {
            let correction = Happening::Correct { key, document: document.clone(), units: pieces };
            self.schedule.enter(at.plus_ms(20 * MINUTE_MS), correction);
        }
        let mut arrives = expected_at.plus_ms(self.random.whole(-120, 360) * MINUTE_MS);
        if self.random.chance(late) {
            arrives = arrives.plus_ms(self.random.whole(1, 1 + lead_days / 3) * DAY_MS);
        }
        let first = if self.random.chance(SPLIT) { (pieces * 2 / 3).max(1) } else { pieces };
        self.schedule.enter(arrives, Happening::Arrive { key, document: document.clone(), units: first });
        if first < pieces {
            let rest = Happening::Arrive { key, document, units: pieces - first };
            self.schedule.enter(arrives.plus_ms(DAY_MS), rest);
        }
    }

    /// Orders outside the policy; the caller sees to the delivery.
    pub(super) fn order_specially(&mut self, at: Timestamp, key: Key, pieces: i64, expected: Timestamp) -> String {
        let document = self.number("PO");
        let supplier = self.world.products[self.world.item_of(key)].item.supplier.clone().unwrap_or_default();
        self.record_order(key, at, &document, supplier, pieces, expected);
        document
    }

    fn record_order(
        &mut self,
        key: Key,
        at: Timestamp,
        document: &str,
        supplier: String,
        pieces: i64,
        expected_at: Timestamp,
    ) {
        let change = StockChange::Ordered {
            quantity: units(pieces),
            po_id: document.to_owned().into(),
            supplier: Some(supplier.into()),
            expected_at: Some(expected_at),
        };
        self.record(key, at, change);
    }

    pub(super) fn correct_order(&mut self, at: Timestamp, key: Key, document: String, pieces: i64) {
        if self.books[key].rest_of(&document) > pieces {
            let quantity = Some(units(pieces));
            self.record(key, at, StockChange::OrderCancelled { quantity, po_id: document.into() });
        }
    }

    /// The evening lorries: what the warehouse has goes out, the rest waits for its next receipt.
    pub(super) fn ship(&mut self, at: Timestamp, store: Key, document: String, wanted: i64) {
        let item = self.world.item_of(store);
        let warehouse = self.world.key(WAREHOUSE, item);
        let pieces = wanted.min(self.books[warehouse].on_hand()).max(0);
        if pieces < wanted {
            self.backlog[item].push((store, document.clone(), wanted - pieces));
            self.controls[store].stuck += wanted - pieces;
            self.note(store, at);
        }
        if pieces > 0 {
            let to = Some(self.world.sites[self.world.site_of(store)].code().to_owned().into());
            let change =
                StockChange::TransferredOut { quantity: units(pieces), to, document: Some(document.clone().into()) };
            self.record(warehouse, at, change);
            let arrives = self.at_store_door(store, at).plus_ms(self.random.whole(0, 90) * MINUTE_MS);
            self.schedule.enter(arrives, Happening::Arrive { key: store, document, units: pieces });
        }
    }

    pub(super) fn arrive(&mut self, at: Timestamp, key: Key, document: String, pieces: i64) {
        if self.controls[key].blocked {
            self.controls[key].held.push((document, pieces));
            return;
        }
        // A cancelled order is not delivered.
        let pieces = pieces.min(self.books[key].rest_of(&document));
        if pieces <= 0 {
            return;
        }
        let change = self.receipt(at, key, document, pieces);
        self.record(key, at, change);
        if self.world.site_of(key) == WAREHOUSE {
            for (store, document, units) in std::mem::take(&mut self.backlog[self.world.item_of(key)]) {
                self.controls[store].stuck -= units;
                self.note(store, at);
                self.schedule.enter(at.plus_ms(HOUR_MS), Happening::Ship { store, document, units });
            }
        }
    }

    fn receipt(&self, at: Timestamp, key: Key, document: String, pieces: i64) -> StockChange<'static> {
        let product = &self.world.products[self.world.item_of(key)];
        let site = &self.world.sites[self.world.site_of(key)];
        let supplier = if site.warehouse {
            product.item.supplier.clone()
        } else {
            Some(self.world.sites[WAREHOUSE].code().to_owned())
        };
        let (quantity, supplier) = (units(pieces), supplier.map(Into::into));
        match product.shelf_life_days {
            None => StockChange::Received { quantity, po_id: Some(document.into()), supplier },
            Some(days) => StockChange::LotReceived {
                quantity,
                lot: format!("L{document}").into(),
                // A store's goods have spent their first weeks in the warehouse.
                expires_on: Some(Day(site.zone.day_of(at).0 + if site.warehouse { days } else { days - 14 })),
                po_id: Some(document.into()),
                supplier,
            },
        }
    }

    /// The warehouse's next evening dispatch.
    fn next_dispatch(&self, at: Timestamp) -> Timestamp {
        let warehouse = &self.world.sites[WAREHOUSE];
        let tonight = warehouse.later(at, 0, 18);
        if tonight > at { tonight } else { warehouse.later(at, 1, 18) }
    }

    /// Seven in the store's morning, after the journey.
    fn at_store_door(&self, store: Key, ships_at: Timestamp) -> Timestamp {
        let site = &self.world.sites[self.world.site_of(store)];
        site.later(ships_at, site.transit_days, 7)
    }
}
