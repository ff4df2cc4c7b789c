//! The unchanging side of the simulation: sites, items, how fast what sells where and when, and the
//! planners' ordering policy. It must never know what is on the shelves.

use schemas::Timestamp;

use super::{
    assortment::{Product, assortment},
    network::{Site, sites},
    random::Random,
    schedule::Key,
};

/// A time during which an item sells faster than usual.
#[derive(Clone, Debug)]
pub struct Window {
    /// Sites it concerns; empty for all.
    pub sites: Vec<usize>,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Order lines relative to an ordinary day.
    pub factor: f64,
    /// A promotion: lower price, and the planners know of it in advance.
    pub promotion: bool,
}

/// How the simulated planner orders: at or below `level`, so many batches that the inventory position
/// is above it again. The (s, Q) policy of Silver, Pyke & Thomas 2017, §6.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub units_per_day: f64,
    /// Of the daily demand, units².
    pub variance_per_day: f64,
    /// From order to receipt as it truly is, the daily review included.
    pub lead_days: f64,
    pub level: i64,
    pub batch: i64,
}

/// Safety factor: the simulated planners are careful people, so that an ordinary day is calm.
const SAFETY: f64 = 3.3;
/// Demand of a lead time that spans a weekend, relative to the average.
const WEEKEND: f64 = 1.1;

/// Index of the warehouse among the sites.
pub const WAREHOUSE: usize = 0;

#[derive(Debug)]
pub struct World {
    pub sites: Vec<Site>,
    pub products: Vec<Product>,
    /// By item.
    pub windows: Vec<Vec<Window>>,
    /// By key.
    pub policies: Vec<Policy>,
    /// By key: how much this place likes this item.
    taste: Vec<f64>,
}

impl World {
    #[must_use]
    pub fn new(stores: usize, items: usize, random: &mut Random) -> Self {
        let sites = sites(stores);
        let products = assortment(items, random);
        let taste = (0..sites.len() * products.len()).map(|_| random.between(0.6, 1.4)).collect();
        let windows = vec![Vec::new(); products.len()];
        let mut world = Self { sites, products, windows, policies: Vec::new(), taste };
        world.policies = (0..world.keys()).map(|key| world.policy(key)).collect();
        world
    }

    pub fn keys(&self) -> usize {
        self.sites.len() * self.products.len()
    }

    pub fn key(&self, site: usize, item: usize) -> Key {
        site * self.products.len() + item
    }

    pub fn site_of(&self, key: Key) -> usize {
        key / self.products.len()
    }

    pub fn item_of(&self, key: Key) -> usize {
        key % self.products.len()
    }

    /// Order lines on an average day, without promotions and surges.
    pub fn lines_per_day(&self, key: Key) -> f64 {
        self.products[self.item_of(key)].lines_per_day * self.sites[self.site_of(key)].size * self.taste[key]
    }

    /// The windows of an item that concern a site, warehouse included.
    pub fn windows_at(&self, key: Key) -> impl Iterator<Item = &Window> {
        let site = self.site_of(key);
        self.windows[self.item_of(key)].iter().filter(move |w| w.sites.is_empty() || w.sites.contains(&site))
    }

    /// Demand at an instant relative to an ordinary one.
    pub fn factor(&self, key: Key, at: Timestamp) -> f64 {
        self.windows_at(key).filter(|w| w.from <= at && at < w.until).map(|w| w.factor).product()
    }

    pub fn promoted(&self, key: Key, at: Timestamp) -> bool {
        self.windows_at(key).any(|w| w.promotion && w.from <= at && at < w.until)
    }

    /// How much more the planner keeps around a promotion: from a lead time before it begins until the
    /// goods it brought have sold.
    pub fn planned_factor(&self, key: Key, at: Timestamp) -> f64 {
        const DAY_MS: i64 = schemas::time::DAY_MS;
        let before = self.products[self.item_of(key)].lead_days + 4;
        self.windows_at(key)
            .filter(|w| w.promotion && w.from.minus_ms(before * DAY_MS) <= at && at < w.until.plus_ms(12 * DAY_MS))
            .map(|w| w.factor)
            .fold(1.0, f64::max)
    }

    fn policy(&self, key: Key) -> Policy {
        if self.site_of(key) == WAREHOUSE { self.warehouse_policy(self.item_of(key)) } else { self.store_policy(key) }
    }

    fn store_policy(&self, key: Key) -> Policy {
        let product = &self.products[self.item_of(key)];
        let lines = self.lines_per_day(key);
        let units_per_day = lines * product.mean_basket();
        let variance_per_day = lines * product.mean_square_basket() * 1.15;
        let lead_days = f64::from(self.sites[self.site_of(key)].transit_days) + 1.0;
        // Stores cover the supplier's time as well: the warehouse is their only source.
        let protected = lead_days.max(product.lead_days as f64) + 1.0;
        // Two large baskets between two reviews must not empty a slow shelf.
        let undershoot = if product.multiple > 0.1 { 5.0 } else { 2.0 };
        let level = WEEKEND * units_per_day * protected + SAFETY * (variance_per_day * protected).sqrt() + undershoot;
        let batch = (units_per_day * 7.0).ceil().max(4.0) as i64;
        Policy { units_per_day, variance_per_day, lead_days, level: level.ceil() as i64, batch }
    }

    fn warehouse_policy(&self, item: usize) -> Policy {
        let product = &self.products[item];
        let stores = (1..self.sites.len()).map(|site| self.store_policy(self.key(site, item)));
        let (mut units_per_day, mut variance_per_day) = (0.0, 0.0);
        for store in stores {
            units_per_day += store.units_per_day;
            // A store draws batches, not pieces: compound Poisson with rate μ/Q and jumps Q.
            variance_per_day += store.units_per_day * store.batch as f64;
        }
        let lead_days = product.lead_days as f64 + 0.5;
        let protected = lead_days + 2.0;
        let level = WEEKEND * units_per_day * protected + SAFETY * (variance_per_day * protected).sqrt();
        let batch = in_packs((units_per_day * 7.0) as i64, product);
        Policy { units_per_day, variance_per_day, lead_days, level: level.ceil() as i64, batch }
    }
}

/// A supplier takes whole packs, and not less than the minimum order.
fn in_packs(units: i64, product: &Product) -> i64 {
    let units = units.max(product.minimum_order);
    (units + product.pack - 1) / product.pack * product.pack
}
