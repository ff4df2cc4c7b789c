//! A simulated WMS of a small retail chain: several weeks of stock changes, the same for the same seed.
//!
//! Planners here order by their own policy and never hear of an alert, so the log does not depend on
//! the processor. No clock: time is that of the simulation. Problems are planted in the weeks after
//! the history, and the books that every event was entered into tell afterwards what was true.
//! About 8,000 events a simulated day with the default chain.

mod assortment;
mod books;
mod calendar;
mod names;
mod network;
mod plants;
pub(crate) mod random;
mod recipes;
mod schedule;
mod supply;
mod trade;
pub mod truth;
mod upkeep;
mod world;

use schemas::{
    CatalogItem, Day, InventoryEvent, Location, Quantity, SourcePosition, StockChange, Timestamp,
    time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS},
};

pub use assortment::max_items;
pub use network::{MAX_STORES, SOURCE_PARTITIONS};
pub use plants::Planted;

use books::Shelf;
use plants::Plant;
use random::Random;
use schedule::{Happening, Key, Schedule};
use truth::{BookEntry, KeyTruth, Surging, Truth};
use world::{Policy, World};

/// The name of the source in every event's position.
pub const SOURCE: &str = "wms";
/// Weeks of ordinary life before the first planted problem.
pub const HISTORY_WEEKS: i32 = 4;
/// 2026-09-07T00:00:00Z, a Monday.
pub const START: Timestamp = Timestamp::from_millis(1_788_739_200_000);
/// Where the history ends and the scored weeks begin.
pub const LIVE_FROM: Timestamp = START.plus_ms(HISTORY_WEEKS as i64 * 7 * DAY_MS);

/// What to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub seed: u64,
    /// Including [`HISTORY_WEEKS`]; the planted problems need four more.
    pub weeks: i32,
    pub stores: usize,
    pub items: usize,
}

impl Default for Scenario {
    fn default() -> Self {
        Self { seed: 1, weeks: 8, stores: 12, items: 400 }
    }
}

/// The running simulation.
#[derive(Debug)]
pub struct Wms {
    world: World,
    scenario: Scenario,
    random: Random,
    schedule: Schedule,
    /// By key, like the next two.
    books: Vec<Shelf>,
    controls: Vec<Control>,
    history: Vec<Vec<BookEntry>>,
    /// By item: what the warehouse owes the stores.
    backlog: Vec<Vec<(Key, String, i64)>>,
    plants: Vec<Plant>,
    outbox: Vec<InventoryEvent<'static>>,
    /// By source partition.
    written: [u64; SOURCE_PARTITIONS as usize],
    documents: u64,
}

/// What goes wrong at one key.
#[derive(Debug, Default)]
struct Control {
    /// The planner overlooks it.
    frozen: bool,
    /// Deliveries do not come, and wait in `held`.
    blocked: bool,
    held: Vec<(String, i64)>,
    /// Units on order that nobody can deliver for now.
    stuck: i64,
    plant: Option<usize>,
}

impl Wms {
    /// A chain with its opening balances entered. Bounds: 2 to [`MAX_STORES`] stores, 40 to
    /// [`max_items`] items; figures outside are brought inside.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        let stores = scenario.stores.clamp(2, MAX_STORES);
        let items = scenario.items.clamp(40, max_items());
        let mut random = Random::seeded(scenario.seed);
        let mut world = World::new(stores, items, &mut random);
        let plants = plants::plant(&mut world, scenario.weeks, &mut random);
        let keys = world.keys();
        let mut wms = Self {
            scenario,
            random,
            schedule: Schedule::default(),
            books: vec![Shelf::default(); keys],
            controls: (0..keys).map(|_| Control::default()).collect(),
            history: vec![Vec::new(); keys],
            backlog: vec![Vec::new(); items],
            plants,
            outbox: Vec::new(),
            written: [0; SOURCE_PARTITIONS as usize],
            documents: 0,
            world,
        };
        wms.open();
        wms
    }

    pub fn end(&self) -> Timestamp {
        START.plus_ms(i64::from(self.scenario.weeks) * 7 * DAY_MS)
    }

    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        self.world.sites.iter().map(|site| &site.location)
    }

    pub fn catalog(&self) -> impl Iterator<Item = &CatalogItem> {
        self.world.products.iter().map(|product| &product.item)
    }

    /// The planted problems as the books know them so far.
    pub fn planted(&self) -> Vec<Planted> {
        self.plants.iter().map(|plant| plant.planted.clone()).collect()
    }

    /// Everything that happens before `until` and was not handed out yet, in event-time order. Nothing
    /// happens at or after [`Wms::end`].
    pub fn next_batch(&mut self, until: Timestamp) -> Vec<InventoryEvent<'static>> {
        let until = until.min(self.end());
        while let Some((at, happening)) = self.schedule.next_before(until) {
            self.happen(at, happening);
        }
        std::mem::take(&mut self.outbox)
    }

    /// The books over the whole run.
    #[must_use]
    pub fn into_truth(self) -> Truth {
        let mut truth = Truth { live_from: LIVE_FROM, end: self.end(), ..Truth::default() };
        truth.planted_skus = self.plants.iter().map(|plant| plant.planted.sku.clone()).collect();
        for (key, history) in self.history.into_iter().enumerate() {
            let Policy { units_per_day, variance_per_day, lead_days, .. } = self.world.policies[key];
            let surges = self.world.windows_at(key);
            let surges = surges.map(|w| Surging { from: w.from, until: w.until, factor: w.factor }).collect();
            let site = &self.world.sites[self.world.site_of(key)];
            let sku = self.world.products[self.world.item_of(key)].sku().to_owned();
            let known = KeyTruth { history, units_per_day, variance_per_day, lead_days, surges };
            truth.keys.insert((sku, site.code().to_owned()), known);
        }
        truth
    }

    /// Opening balances, and the first day of every location.
    fn open(&mut self) {
        for key in 0..self.world.keys() {
            let site = self.world.site_of(key);
            let policy = self.world.policies[key];
            let on_hand = units(policy.level + self.random.whole(0, policy.batch));
            self.record(key, START.plus_ms(site as i64 * SECOND_MS), StockChange::BalanceObserved { on_hand });
        }
        for site in 0..self.world.sites.len() {
            let zone = &self.world.sites[site].zone;
            let day = Day(zone.day_of(START).0 + 1);
            self.schedule.enter(zone.start_of(day), Happening::Day { site, day });
        }
        self.enter_steps();
    }

    fn happen(&mut self, at: Timestamp, happening: Happening) {
        match happening {
            Happening::Day { site, day } => self.begin_day(site, day),
            Happening::Review { site } => self.review(at, site),
            Happening::Shopper { key, units, channel } => self.shop(at, key, units, channel),
            Happening::PickUp { key, order, units, collected } => self.pick_up(at, key, order, units, collected),
            Happening::CancelSale { key, order, units } => self.cancel_sale(at, key, order, units),
            Happening::Return { key, order, units } => self.take_back(at, key, order, units),
            Happening::Ship { store, document, units } => self.ship(at, store, document, units),
            Happening::Arrive { key, document, units } => self.arrive(at, key, document, units),
            Happening::Correct { key, document, units } => self.correct_order(at, key, document, units),
            Happening::MoveOut { key, to, units } => self.move_out(at, key, to, units),
            Happening::MoveIn { key, from, document, units } => self.move_in(at, key, from, document, units),
            Happening::Count { key } => self.count(at, key),
            Happening::CheckBalance { key } => self.check_balance(at, key),
            Happening::Damage { key } => self.damage(at, key),
            Happening::Step { plant, step } => self.step(at, plant, step),
            Happening::Relief { plant } => self.relieve(at, plant),
        }
    }

    fn begin_day(&mut self, site: usize, day: Day) {
        if site != world::WAREHOUSE {
            self.draw_shoppers(site, day);
        }
        self.draw_chores(site, day);
        let place = &self.world.sites[site];
        self.schedule
            .enter(place.at(day, 5).plus_ms(HOUR_MS / 2 + site as i64 * MINUTE_MS), Happening::Review { site });
        let next = Day(day.0 + 1);
        self.schedule.enter(place.zone.start_of(next), Happening::Day { site, day: next });
    }

    /// The one way a change comes about: into the books, the history and the log at once.
    fn record(&mut self, key: Key, at: Timestamp, change: StockChange<'static>) {
        self.books[key].enter(&change);
        self.note(key, at);
        let site = &self.world.sites[self.world.site_of(key)];
        let written = &mut self.written[site.partition as usize];
        *written += 1;
        self.outbox.push(InventoryEvent {
            event_id: format!("{SOURCE}-{}-{written}", site.partition).into(),
            sku: self.world.products[self.world.item_of(key)].sku().to_owned().into(),
            location: site.code().to_owned().into(),
            occurred_at: at,
            source: Some(SourcePosition {
                source: SOURCE.into(),
                partition: site.partition,
                position: written.to_string().into(),
                time: at,
            }),
            change,
        });
        if let Some(plant) = self.controls[key].plant {
            self.watch(at, plant);
        }
    }

    /// Keeps what the books now say. An order that is stuck does not count: it will not come in time.
    fn note(&mut self, key: Key, at: Timestamp) {
        let (shelf, control) = (&self.books[key], &self.controls[key]);
        let stuck = if control.blocked { shelf.on_order() } else { control.stuck };
        let inventory_position = (shelf.inventory_position() - stuck) as i32;
        self.history[key].push(BookEntry { at, on_hand: shelf.on_hand() as i32, inventory_position });
    }

    /// A fresh document number: `TO-0000123`.
    fn number(&mut self, prefix: &str) -> String {
        self.documents += 1;
        format!("{prefix}-{:07}", self.documents)
    }
}

impl Policy {
    /// See [`truth::need`].
    fn need(&self, factor: f64) -> f64 {
        truth::need(self.units_per_day, self.variance_per_day, self.lead_days, factor)
    }
}

fn units(pieces: i64) -> Quantity {
    Quantity::from_units(pieces)
}

#[cfg(test)]
mod tests;
