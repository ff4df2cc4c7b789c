//! The chores of a location: cycle counts, balance checks, breakage, stock moved between stores.

use schemas::{
    Day, StockChange, Timestamp,
    time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS},
};

use super::{
    Wms, calendar,
    schedule::{Happening, Key},
    units,
    world::WAREHOUSE,
};

/// Each shelf is counted about every four weeks, and compared with the WMS's balance every eight.
const COUNTED: f64 = 1.0 / 28.0;
const BALANCE_EVERY_DAYS: i32 = 56;
const DAMAGED: f64 = 0.0015;
/// Chance that a count finds a piece more or less.
const MISCOUNTED: f64 = 0.08;
const STORE_TRANSFERS_A_DAY: usize = 2;

impl Wms {
    pub(super) fn draw_chores(&mut self, site: usize, day: Day) {
        let place = &self.world.sites[site];
        let closing = place.at(day, place.close).plus_ms(30 * MINUTE_MS);
        for item in 0..self.world.products.len() {
            let key = self.world.key(site, item);
            let spread = item as i64 * SECOND_MS;
            if (item as i32 + day.0) % BALANCE_EVERY_DAYS == 0 {
                self.schedule.enter(closing.plus_ms(HOUR_MS / 2 + spread), Happening::CheckBalance { key });
            }
            if self.random.chance(COUNTED) {
                self.schedule.enter(closing.plus_ms(spread), Happening::Count { key });
            }
            if self.random.chance(DAMAGED) {
                let at = calendar::moment(&self.world.sites[site], day, &mut self.random);
                self.schedule.enter(at, Happening::Damage { key });
            }
        }
        if site != WAREHOUSE {
            (0..STORE_TRANSFERS_A_DAY).for_each(|_| self.level_out(site, closing));
        }
    }

    /// Sends surplus of one item to another store.
    fn level_out(&mut self, site: usize, at: Timestamp) {
        let item = self.random.below(self.world.products.len());
        let to = 1 + self.random.below(self.world.sites.len() - 1);
        let (from_key, to_key) = (self.world.key(site, item), self.world.key(to, item));
        let spare = self.books[from_key].available() - self.world.policies[from_key].level;
        let planted = self.controls[from_key].plant.or(self.controls[to_key].plant).is_some();
        if to == site || planted || spare < 3 {
            return;
        }
        let units = (spare / 2).min(6);
        self.schedule.enter(at, Happening::MoveOut { key: from_key, to, units });
    }

    pub(super) fn move_out(&mut self, at: Timestamp, key: Key, to: usize, wanted: i64) {
        let pieces = wanted.min(self.books[key].available());
        if pieces <= 0 {
            return;
        }
        let (from, document) = (self.world.site_of(key), self.number("TR"));
        let change = StockChange::TransferredOut {
            quantity: units(pieces),
            to: Some(self.world.sites[to].code().to_owned().into()),
            document: Some(document.clone().into()),
        };
        self.record(key, at, change);
        let key = self.world.key(to, self.world.item_of(key));
        self.schedule.enter(at.plus_ms(2 * DAY_MS), Happening::MoveIn { key, from, document, units: pieces });
    }

    pub(super) fn move_in(&mut self, at: Timestamp, key: Key, from: usize, document: String, pieces: i64) {
        let from = Some(self.world.sites[from].code().to_owned().into());
        let change = StockChange::TransferredIn { quantity: units(pieces), from, document: Some(document.into()) };
        self.record(key, at, change);
    }

    pub(super) fn count(&mut self, at: Timestamp, key: Key) {
        let book = self.books[key].on_hand();
        let miscounted = self.controls[key].plant.is_none() && book > 2 && self.random.chance(MISCOUNTED);
        let found = if miscounted { book + if self.random.chance(0.3) { 1 } else { -1 } } else { book };
        let document = Some(self.number("CC").into());
        self.record(key, at, StockChange::Counted { counted: units(found), book: Some(units(book)), document });
    }

    pub(super) fn check_balance(&mut self, at: Timestamp, key: Key) {
        let on_hand = units(self.books[key].on_hand());
        self.record(key, at, StockChange::BalanceObserved { on_hand });
    }

    pub(super) fn damage(&mut self, at: Timestamp, key: Key) {
        // The last pieces are handled with care: breakage must not become an unplanned stock-out.
        if self.books[key].available() < 3 {
            return;
        }
        let document = Some(self.number("AD").into());
        let change = if self.random.chance(0.5) {
            StockChange::Scrapped { quantity: units(1), reason: Some("damaged".into()), document }
        } else {
            StockChange::Adjusted { quantity: units(-1), reason: Some("breakage".into()), document }
        };
        self.record(key, at, change);
    }
}
