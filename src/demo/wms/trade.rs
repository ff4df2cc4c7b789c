//! Shoppers: they buy, order online, reserve, change their minds and bring things back.
//!
//! An empty shelf sells nothing: the demand is lost, as in life.

use schemas::{
    Day, Money, StockChange, Timestamp,
    time::{DAY_MS, HOUR_MS, MINUTE_MS},
};

use super::{
    Wms, calendar,
    schedule::{Channel, Happening, Key},
    units,
};

const ONLINE: f64 = 0.05;
const CLICK_AND_COLLECT: f64 = 0.03;
const CANCELLED: f64 = 0.08;
const COLLECTED: f64 = 0.9;
const RETURNED: f64 = 0.02;

impl Wms {
    /// Draws a store's shoppers for one local day.
    pub(super) fn draw_shoppers(&mut self, site: usize, day: Day) {
        let mood = calendar::weekday(day) * self.random.between(0.92, 1.08);
        let (start, end) = (self.world.sites[site].at(day, 0), self.world.sites[site].at(Day(day.0 + 1), 0));
        for item in 0..self.world.products.len() {
            let key = self.world.key(site, item);
            let peak = self.peak_factor(key, start, end);
            let lines = self.random.poisson(self.world.lines_per_day(key) * mood * peak);
            for _ in 0..lines {
                let at = calendar::moment(&self.world.sites[site], day, &mut self.random);
                // Thinning (Lewis & Shedler 1979): the day is drawn at its peak, then cut to the hour.
                if self.random.unit() * peak >= self.world.factor(key, at) {
                    continue;
                }
                let units = self.world.products[item].basket(&mut self.random);
                let channel = self.channel(key);
                self.schedule.enter(at, Happening::Shopper { key, units, channel });
            }
        }
    }

    fn peak_factor(&self, key: Key, start: Timestamp, end: Timestamp) -> f64 {
        let during = self.world.windows_at(key).filter(|w| w.from < end && start < w.until);
        during.map(|w| w.factor.max(1.0)).product()
    }

    fn channel(&mut self, key: Key) -> Channel {
        let draw = self.random.unit();
        // A planted problem must not hang on a reservation that keeps the last piece on the shelf.
        if draw < CLICK_AND_COLLECT && self.controls[key].plant.is_none() {
            Channel::ClickAndCollect
        } else if draw < CLICK_AND_COLLECT + ONLINE {
            Channel::Online
        } else {
            Channel::Till
        }
    }

    pub(super) fn shop(&mut self, at: Timestamp, key: Key, wanted: i64, channel: Channel) {
        let pieces = wanted.min(self.books[key].available());
        if pieces <= 0 {
            return;
        }
        let order = self.number("S");
        if channel == Channel::ClickAndCollect {
            self.record(key, at, StockChange::Reserved { quantity: units(pieces), order_id: order.clone().into() });
            let (hours, collected) = (self.random.whole(2, 40), self.random.chance(COLLECTED));
            self.schedule
                .enter(at.plus_ms(hours * HOUR_MS), Happening::PickUp { key, order, units: pieces, collected });
            return;
        }
        self.sell(at, key, &order, pieces);
        if channel == Channel::Online && self.random.chance(CANCELLED) {
            let after = self.random.whole(10, 600) * MINUTE_MS;
            self.schedule.enter(at.plus_ms(after), Happening::CancelSale { key, order, units: pieces });
        } else if self.random.chance(RETURNED) {
            let days = self.random.whole(1, 10);
            let day = Day(self.world.sites[self.world.site_of(key)].zone.day_of(at.plus_ms(days * DAY_MS)).0);
            let back = calendar::moment(&self.world.sites[self.world.site_of(key)], day, &mut self.random);
            self.schedule.enter(back, Happening::Return { key, order, units: pieces });
        }
    }

    pub(super) fn sell(&mut self, at: Timestamp, key: Key, order: &str, pieces: i64) {
        let customer = self.random.chance(0.3).then(|| format!("C-{:05}", self.random.below(20_000)).into());
        let (order_id, unit_price) = (Some(order.to_owned().into()), Some(self.price(key, at)));
        self.record(key, at, StockChange::Sold { quantity: units(pieces), order_id, customer, unit_price });
    }

    pub(super) fn pick_up(&mut self, at: Timestamp, key: Key, order: String, pieces: i64, collected: bool) {
        // Fewer may be left than were promised: a theft or a bulk buyer came in between.
        if collected && pieces <= self.books[key].on_hand() {
            self.sell(at, key, &order, pieces);
        } else {
            self.record(key, at, StockChange::Released { quantity: units(pieces), order_id: order.into() });
        }
    }

    pub(super) fn cancel_sale(&mut self, at: Timestamp, key: Key, order: String, pieces: i64) {
        let (order_id, unit_price) = (Some(order.into()), Some(self.price(key, at)));
        self.record(
            key,
            at,
            StockChange::SaleCancelled { quantity: units(pieces), order_id, customer: None, unit_price },
        );
    }

    pub(super) fn take_back(&mut self, at: Timestamp, key: Key, order: String, pieces: i64) {
        let (order_id, unit_price) = (Some(order.into()), Some(self.price(key, at)));
        self.record(key, at, StockChange::Returned { quantity: units(pieces), order_id, customer: None, unit_price });
    }

    /// A fifth off during a promotion.
    fn price(&self, key: Key, at: Timestamp) -> Money {
        let full = self.world.products[self.world.item_of(key)].price;
        if self.world.promoted(key, at) { Money::from_micros(full.micros() / 10 * 8) } else { full }
    }
}
