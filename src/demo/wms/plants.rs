//! Planted problems: chosen before the first day, carried out by their recipes, dated by the books.

use std::collections::BTreeSet;

use schemas::{
    AlertKind, StockChange, Timestamp,
    time::{DAY_MS, HOUR_MS},
};

use super::{
    LIVE_FROM, START, Wms,
    random::Random,
    recipes::{Found, Place, RECIPES, Recipe, Relief, SURGES, Step, Surge},
    schedule::{Happening, Key},
    units,
    world::{WAREHOUSE, Window, World},
};

/// One planted problem: what the processor must find, and by when, according to the books.
#[derive(Clone, Debug)]
pub struct Planted {
    /// `P01`, `P02`, … by the time they are planted.
    pub id: String,
    pub kind: AlertKind,
    pub sku: String,
    pub location: String,
    /// English, Chinese.
    pub story: (&'static str, &'static str),
    /// When its cause began.
    pub begun_at: Timestamp,
    /// Since when its condition holds in the books; `None` until it does.
    pub from: Option<Timestamp>,
    /// The last instant an alert is of use; `None` while that is open.
    pub detect_by: Option<Timestamp>,
}

/// A planted problem under way.
#[derive(Debug)]
pub(super) struct Plant {
    pub planted: Planted,
    pub key: Key,
    steps: &'static [(i64, Step)],
    steps_done: usize,
    relief: Option<Relief>,
    relieved: bool,
}

/// A stock-out must be known within two hours, a surge within a day.
const STOCK_OUT_DUE_MS: i64 = 2 * HOUR_MS;
const SURGE_DUE_MS: i64 = DAY_MS;

/// Promotions of each week of the simulation, and how they sell.
const PROMOTIONS_A_WEEK: i32 = 2;

/// Chooses the items and places of all recipes, and enters the promotions of everybody else.
pub(super) fn plant(world: &mut World, weeks: i32, random: &mut Random) -> Vec<Plant> {
    let mut taken = BTreeSet::new();
    let mut plants = Vec::new();
    for surge in &SURGES {
        plants.extend(plant_surge(world, surge, &mut taken, random));
    }
    for recipe in &RECIPES {
        plants.push(plant_recipe(world, recipe, &mut taken, random));
    }
    plants.sort_by_key(|p| (p.planted.begun_at, p.key));
    for (plant, number) in plants.iter_mut().zip(1..) {
        plant.planted.id = format!("P{number:02}");
    }
    promote(world, weeks, &taken, random);
    plants
}

fn plant_recipe(world: &World, recipe: &Recipe, taken: &mut BTreeSet<usize>, random: &mut Random) -> Plant {
    let site = match recipe.place {
        Place::Warehouse => WAREHOUSE,
        Place::Store(n) => nth_store(world, n),
    };
    let item = choose(world, taken, random, recipe.units_per_day, |item| {
        let fits = (recipe.lead_days.0..=recipe.lead_days.1).contains(&world.products[item].lead_days);
        (world.policies[world.key(site, item)].units_per_day, fits)
    });
    let begins = world.sites[site].later(LIVE_FROM, recipe.starts_day, 0);
    new_plant(world, world.key(site, item), recipe.kind, recipe.story, begins, recipe.steps, recipe.relief)
}

fn plant_surge(world: &mut World, surge: &Surge, taken: &mut BTreeSet<usize>, random: &mut Random) -> Vec<Plant> {
    let sites: BTreeSet<usize> = surge.stores.iter().map(|&n| nth_store(world, n)).collect();
    let slowest = |item| sites.iter().map(|&s| world.lines_per_day(world.key(s, item))).fold(f64::INFINITY, f64::min);
    let item = choose(world, taken, random, surge.lines_per_day, |item| (slowest(item), true));
    let mut plants = Vec::new();
    for &site in &sites {
        let from = world.sites[site].later(LIVE_FROM, surge.starts_day, surge.hour);
        let until = from.plus_ms(surge.hours * HOUR_MS);
        let window = Window { sites: vec![site], from, until, factor: surge.factor, promotion: false };
        world.windows[item].push(window);
        let key = world.key(site, item);
        let mut plant = new_plant(world, key, AlertKind::DemandSurge, surge.story, from, &[], None);
        plant.planted.from = Some(from);
        plant.planted.detect_by = Some(from.plus_ms(SURGE_DUE_MS));
        plants.push(plant);
    }
    plants
}

fn new_plant(
    world: &World,
    key: Key,
    kind: AlertKind,
    story: (&'static str, &'static str),
    begun_at: Timestamp,
    steps: &'static [(i64, Step)],
    relief: Option<Relief>,
) -> Plant {
    let planted = Planted {
        id: String::new(),
        kind,
        sku: world.products[world.item_of(key)].sku().to_owned(),
        location: world.sites[world.site_of(key)].code().to_owned(),
        story,
        begun_at,
        from: None,
        detect_by: None,
    };
    Plant { planted, key, steps, steps_done: 0, relief, relieved: false }
}

fn nth_store(world: &World, n: usize) -> usize {
    1 + n % (world.sites.len() - 1)
}

/// Takes a random free item that fits and whose pace lies in the range; else the free one nearest to it.
fn choose(
    world: &World,
    taken: &mut BTreeSet<usize>,
    random: &mut Random,
    pace: (f64, f64),
    look: impl Fn(usize) -> (f64, bool),
) -> usize {
    let free: Vec<usize> = (0..world.products.len()).filter(|item| !taken.contains(item)).collect();
    let miss = |item: usize| {
        let (found, fits) = look(item);
        let outside = if found < pace.0 { pace.0 / found } else { (found / pace.1).max(1.0) };
        outside * if fits { 1.0 } else { 3.0 }
    };
    let best = free.iter().map(|&item| miss(item)).fold(f64::INFINITY, f64::min);
    let candidates: Vec<usize> = free.into_iter().filter(|&item| miss(item) <= best).collect();
    let item = candidates[random.below(candidates.len())];
    taken.insert(item);
    item
}

/// Everyday promotions: a week at a fifth off, known to the planners, never of a planted item.
fn promote(world: &mut World, weeks: i32, taken: &BTreeSet<usize>, random: &mut Random) {
    for week in 0..weeks {
        for _ in 0..PROMOTIONS_A_WEEK {
            let item = random.below(world.products.len());
            let from = START.plus_ms((i64::from(week) * 7 + 3) * DAY_MS);
            let factor = random.between(1.5, 2.0);
            if !taken.contains(&item) && world.windows[item].is_empty() {
                let until = from.plus_ms(7 * DAY_MS);
                world.windows[item].push(Window { sites: Vec::new(), from, until, factor, promotion: true });
            }
        }
    }
}

impl Wms {
    pub(super) fn enter_steps(&mut self) {
        for (index, plant) in self.plants.iter().enumerate() {
            self.controls[plant.key].plant = Some(index);
            for (step, (hours, _)) in plant.steps.iter().enumerate() {
                let at = plant.planted.begun_at.plus_ms(hours * HOUR_MS);
                self.schedule.enter(at, Happening::Step { plant: index, step });
            }
        }
    }

    pub(super) fn step(&mut self, at: Timestamp, index: usize, step: usize) {
        let (key, action) = (self.plants[index].key, self.plants[index].steps[step].1);
        self.plants[index].steps_done = step + 1;
        let policy = self.world.policies[key];
        match action {
            Step::Freeze => self.controls[key].frozen = true,
            Step::Block => {
                self.controls[key].blocked = true;
                self.note(key, at);
            }
            Step::CancelOrders => {
                for order in self.books[key].open_orders() {
                    self.record(key, at, StockChange::OrderCancelled { quantity: None, po_id: order.into() });
                }
            }
            Step::PartOrder { share } => {
                let pieces = (policy.level as f64 * share).ceil() as i64;
                let expected = at.plus_ms((policy.lead_days * DAY_MS as f64) as i64);
                let document = self.order_specially(at, key, pieces, expected);
                self.controls[key].held.push((document, pieces));
                self.controls[key].stuck += pieces;
                self.note(key, at);
            }
            Step::Leave { days_of_cover, found_by } => self.leave(at, key, days_of_cover, found_by),
            Step::BulkBuyer => {
                let (order, pieces) = (self.number("S"), self.books[key].on_hand());
                if pieces > 0 {
                    self.sell(at, key, &order, pieces);
                }
            }
        }
    }

    fn leave(&mut self, at: Timestamp, key: Key, days_of_cover: f64, found_by: Found) {
        let book = self.books[key].on_hand();
        let left = ((self.world.policies[key].units_per_day * days_of_cover).floor() as i64).min(book);
        let document = Some(self.number("AD").into());
        let change = match found_by {
            Found::Balance => StockChange::BalanceObserved { on_hand: units(left) },
            Found::Stocktake => StockChange::Counted { counted: units(left), book: Some(units(book)), document },
            Found::Adjustment => {
                StockChange::Adjusted { quantity: units(left - book), reason: Some("water damage".into()), document }
            }
        };
        self.record(key, at, change);
    }

    /// Looks at a planted shelf after each of its changes: dates the problem and sends relief.
    pub(super) fn watch(&mut self, at: Timestamp, index: usize) {
        let plant = &mut self.plants[index];
        if at < plant.planted.begun_at || plant.planted.kind == AlertKind::DemandSurge {
            return;
        }
        let (shelf, policy) = (&self.books[plant.key], self.world.policies[plant.key]);
        let problem = &mut plant.planted;
        let holds = match problem.kind {
            AlertKind::StockOut => shelf.on_hand() <= 0,
            _ => (shelf.inventory_position() as f64) <= policy.need(1.0),
        };
        if holds && problem.from.is_none() {
            problem.from = Some(at);
            if problem.kind == AlertKind::StockOut {
                problem.detect_by = Some(at.plus_ms(STOCK_OUT_DUE_MS));
            }
        }
        let below = plant.relief.map_or(0.0, |r| r.below_days * policy.units_per_day);
        let over = plant.steps_done == plant.steps.len() && (shelf.on_hand() as f64) <= below;
        if over && !plant.relieved {
            plant.relieved = true;
            if problem.kind == AlertKind::LowStock {
                problem.detect_by = Some(at);
            }
            self.send_relief(at, index);
        }
    }

    fn send_relief(&mut self, at: Timestamp, index: usize) {
        let (key, Some(relief)) = (self.plants[index].key, self.plants[index].relief) else { return };
        let arrives = at.plus_ms(relief.after_hours * HOUR_MS);
        self.schedule.enter(arrives, Happening::Relief { plant: index });
        let pieces = (relief.days * self.world.policies[key].units_per_day).ceil() as i64;
        if pieces > 0 {
            let document = self.order_specially(at, key, pieces, arrives);
            self.schedule.enter(arrives, Happening::Arrive { key, document, units: pieces });
        }
    }

    pub(super) fn relieve(&mut self, at: Timestamp, index: usize) {
        let key = self.plants[index].key;
        let control = &mut self.controls[key];
        control.frozen = false;
        control.blocked = false;
        control.stuck = 0;
        let held = std::mem::take(&mut control.held);
        self.note(key, at);
        for (document, pieces) in held {
            self.schedule.enter(at, Happening::Arrive { key, document, units: pieces });
        }
    }
}
