//! A synthetic retail stream: seeded, in order, as canonical JSON lines.
//!
//! SKUs sell by Zipf's law (exponent 1), locations by size, hours and weekdays by a shop's week.
//! Every position opens with a balance; then customers buy, cancel and return, stock is written off
//! and counted, and what runs low is ordered and received a few days later. The same options give
//! the same bytes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use schemas::{InventoryEvent, Quantity, StockChange, Timestamp, canonical};

use crate::catalog::{self, lead_days, place_name, price, sku_name};
use crate::shop_clock::ShopClock;

/// 2026-03-02T00:00:00Z, a Monday.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_772_409_600_000);
pub(crate) const DAY_MS: i64 = 86_400_000;

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) seed: u64,
    /// Lines, opening balances included.
    pub(crate) events: u64,
    pub(crate) skus: u32,
    pub(crate) locations: u32,
    pub(crate) days: u32,
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, events, skus, locations, days } = self;
        write!(f, "{events} events over {days} days, {skus} SKUs × {locations} locations, seed {seed}")
    }
}

/// Writes `events.jsonl`, `catalog.jsonl` and `locations.jsonl`; says what is in them.
pub(crate) fn write_files(workload: &Workload, directory: &Path) -> Result<String> {
    let positions = u64::from(workload.skus) * u64::from(workload.locations);
    ensure!(positions > 0 && workload.days > 0, "the stream needs SKUs, locations and days");
    ensure!(workload.events > positions, "the stream needs more events than its {positions} opening balances");
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    catalog::write_catalog(workload.skus, &directory.join("catalog.jsonl"))?;
    catalog::write_places(workload.locations, &directory.join("locations.jsonl"))?;
    let mut stream = Stream::new(workload);
    catalog::write_lines(&directory.join("events.jsonl"), |line| stream.next(line))?;
    Ok(stream.counts.to_string())
}

/// Lines written, by what they say.
#[derive(Default)]
struct Counts {
    balances: u64,
    sales: u64,
    cancellations: u64,
    returns: u64,
    orders: u64,
    receipts: u64,
    others: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { balances, sales, cancellations, returns, orders, receipts, others } = self;
        write!(
            f,
            "{sales} sales, {cancellations} cancellations, {returns} returns, {orders} orders, {receipts} receipts, \
             {balances} opening balances, {others} write-offs and counts"
        )
    }
}

/// Draws an index with the given weights.
struct Choice {
    cumulative: Vec<f64>,
}

impl Choice {
    fn new(weights: impl Iterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        Self {
            cumulative: weights
                .map(|w| {
                    sum += w;
                    sum
                })
                .collect(),
        }
    }

    fn total(&self) -> f64 {
        self.cumulative.last().copied().unwrap_or(0.0)
    }

    fn draw(&self, rng: &mut Rng) -> u32 {
        let at = rng.f64() * self.total();
        self.cumulative.partition_point(|&sum| sum <= at).min(self.cumulative.len() - 1) as u32
    }

    fn share(&self, index: u32) -> f64 {
        let index = index as usize;
        let before = if index == 0 { 0.0 } else { self.cumulative[index - 1] };
        (self.cumulative[index] - before) / self.total()
    }
}

struct Stock {
    on_hand: i64,
    /// Order when what is there falls to this, that many.
    order_at: i64,
    order_units: i64,
    ordered: bool,
}

struct Sale {
    position: u32,
    units: i64,
    order: u64,
}

/// The lines, one after the other.
pub(crate) struct Stream {
    workload: Workload,
    rng: Rng,
    skus: Choice,
    /// SKU of each rank of the Zipf law.
    ranks: Vec<u32>,
    places: Choice,
    stock: Vec<Stock>,
    to_order: VecDeque<u32>,
    /// Due time, purchase order, position, units.
    on_the_way: BinaryHeap<Reverse<(i64, u64, u32, i64)>>,
    recent_sales: VecDeque<Sale>,
    clock: ShopClock,
    written: u64,
    counts: Counts,
}

impl Stream {
    pub(crate) fn new(workload: &Workload) -> Self {
        let mut rng = Rng::with_seed(workload.seed);
        let mut ranks: Vec<u32> = (0..workload.skus).collect();
        rng.shuffle(&mut ranks);
        let skus = Choice::new((1..=workload.skus).map(|rank| 1.0 / f64::from(rank)));
        let places = Choice::new((0..workload.locations).map(|place| 1.0 + f64::from(place % 5)));
        let mut share_of_sku = vec![0.0; workload.skus as usize];
        for (rank, sku) in (0_u32..).zip(&ranks) {
            share_of_sku[*sku as usize] = skus.share(rank);
        }
        let per_day =
            (workload.events - u64::from(workload.skus * workload.locations)) as f64 / f64::from(workload.days);
        let mut stock = Vec::new();
        for share in share_of_sku {
            for place in 0..workload.locations {
                stock.push(Stock::opening(share * places.share(place) * per_day * 1.4, &mut rng));
            }
        }
        Self {
            workload: *workload,
            rng,
            skus,
            ranks,
            places,
            stock,
            to_order: VecDeque::new(),
            on_the_way: BinaryHeap::new(),
            recent_sales: VecDeque::new(),
            clock: ShopClock::new(per_day),
            written: 0,
            counts: Counts::default(),
        }
    }

    /// Appends the next line; false when the stream has ended.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>) -> bool {
        if self.written == self.workload.events {
            return false;
        }
        let number = self.written;
        self.written += 1;
        if let Some(stock) = self.stock.get(number as usize) {
            let on_hand = Quantity::from_units(stock.on_hand);
            self.counts.balances += 1;
            self.write(number as u32, START.millis(), StockChange::BalanceObserved { on_hand }, line);
            return true;
        }
        let at = self.clock.tick();
        if !self.receive(at, line) && !self.order(at, line) {
            self.trade(at, line);
        }
        true
    }

    fn receive(&mut self, at: i64, line: &mut Vec<u8>) -> bool {
        let Some(&Reverse((due, po, position, units))) = self.on_the_way.peek() else { return false };
        if due > at {
            return false;
        }
        self.on_the_way.pop();
        let stock = &mut self.stock[position as usize];
        stock.on_hand += units;
        stock.ordered = false;
        self.counts.receipts += 1;
        let (po, supplier) = (format!("po-{po}"), self.supplier(position));
        let quantity = Quantity::from_units(units);
        let change = StockChange::Received { quantity, po_id: Some(po.into()), supplier: Some(supplier.into()) };
        self.write(position, at, change, line);
        true
    }

    fn order(&mut self, at: i64, line: &mut Vec<u8>) -> bool {
        let Some(position) = self.to_order.pop_front() else { return false };
        let units = self.stock[position as usize].order_units;
        let lead_ms = i64::from(lead_days(self.sku_of(position))) * DAY_MS;
        // One delivery in eight is half as late again.
        let due = at + if self.rng.u8(..8) == 0 { lead_ms * 3 / 2 } else { lead_ms };
        self.on_the_way.push(Reverse((due, self.written, position, units)));
        self.counts.orders += 1;
        let change = StockChange::Ordered {
            quantity: Quantity::from_units(units),
            po_id: format!("po-{}", self.written).into(),
            supplier: Some(self.supplier(position).into()),
            expected_at: Some(Timestamp::from_millis(at + lead_ms)),
        };
        self.write(position, at, change, line);
        true
    }

    fn trade(&mut self, at: i64, line: &mut Vec<u8>) {
        match self.rng.u32(..1000) {
            0..15 => self.take_back(at, line),
            15..35 => self.inspect(at, line),
            _ => self.sell(at, line),
        }
    }

    fn draw_position(&mut self) -> u32 {
        let sku = self.ranks[self.skus.draw(&mut self.rng) as usize];
        sku * self.workload.locations + self.places.draw(&mut self.rng)
    }

    fn sell(&mut self, at: i64, line: &mut Vec<u8>) {
        let mut position = self.draw_position();
        // A customer who finds an empty shelf buys something else, four times at most.
        for _ in 0..4 {
            if self.stock[position as usize].on_hand > 0 {
                break;
            }
            position = self.draw_position();
        }
        let wanted = i64::from([1, 1, 1, 1, 1, 1, 1, 2, 2, 3][self.rng.usize(..10)]);
        let stock = &mut self.stock[position as usize];
        let units = wanted.min(stock.on_hand.max(1));
        stock.on_hand -= units;
        if stock.on_hand <= stock.order_at && !stock.ordered {
            stock.ordered = true;
            self.to_order.push_back(position);
        }
        self.recent_sales.push_back(Sale { position, units, order: self.written });
        if self.recent_sales.len() > 4096 {
            self.recent_sales.pop_front();
        }
        self.counts.sales += 1;
        let (order, customer) =
            (format!("so-{}", self.written), self.rng.bool().then(|| format!("c-{}", self.rng.u32(..200_000))));
        let change = StockChange::Sold {
            quantity: Quantity::from_units(units),
            order_id: Some(order.into()),
            customer: customer.map(Into::into),
            unit_price: Some(price(self.sku_of(position))),
        };
        self.write(position, at, change, line);
    }

    /// A recent sale is cancelled, or comes back.
    fn take_back(&mut self, at: i64, line: &mut Vec<u8>) {
        let back = self.rng.usize(..4096) % self.recent_sales.len().max(1);
        let Some(Sale { position, units, order }) = self.recent_sales.remove(back) else { return self.sell(at, line) };
        self.stock[position as usize].on_hand += units;
        let (quantity, order_id) = (Quantity::from_units(units), Some(format!("so-{order}").into()));
        let unit_price = Some(price(self.sku_of(position)));
        let change = if self.rng.bool() {
            self.counts.cancellations += 1;
            StockChange::SaleCancelled { quantity, order_id, customer: None, unit_price }
        } else {
            self.counts.returns += 1;
            StockChange::Returned { quantity, order_id, customer: None, unit_price }
        };
        self.write(position, at, change, line);
    }

    /// Somebody looks at a shelf: one unit is gone, or it is counted.
    fn inspect(&mut self, at: i64, line: &mut Vec<u8>) {
        let position = self.draw_position();
        let stock = &mut self.stock[position as usize];
        self.counts.others += 1;
        let change = if stock.on_hand > 0 && self.rng.bool() {
            stock.on_hand -= 1;
            StockChange::Adjusted { quantity: Quantity::from_units(-1), reason: Some("damaged".into()), document: None }
        } else {
            // What was sold without being there is found not to be.
            stock.on_hand = stock.on_hand.max(0);
            let book = Quantity::from_units(stock.on_hand);
            StockChange::Counted { counted: book, book: Some(book), document: None }
        };
        self.write(position, at, change, line);
    }

    fn sku_of(&self, position: u32) -> u32 {
        position / self.workload.locations
    }

    fn supplier(&self, position: u32) -> String {
        format!("SUPPLIER-{:03}", self.sku_of(position) % 200)
    }

    fn write(&self, position: u32, at: i64, change: StockChange<'_>, line: &mut Vec<u8>) {
        let event = InventoryEvent {
            event_id: format!("e-{}", self.written).into(),
            sku: sku_name(self.sku_of(position)).into(),
            location: place_name(position % self.workload.locations).into(),
            occurred_at: Timestamp::from_millis(at),
            source: None,
            change,
        };
        canonical::write_event(&event, line);
    }
}

impl Stock {
    /// For a position that sells that many units a day.
    fn opening(units_per_day: f64, rng: &mut Rng) -> Self {
        let order_at = (units_per_day * 4.0).ceil() as i64 + 1;
        let order_units = (units_per_day * 7.0).ceil() as i64 + 5;
        Self { on_hand: order_at + rng.i64(1..=order_units), order_at, order_units, ordered: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(seed: u64) -> Vec<Vec<u8>> {
        let mut stream = Stream::new(&Workload { seed, events: 20_000, skus: 50, locations: 4, days: 7 });
        std::iter::from_fn(|| {
            let mut line = Vec::new();
            stream.next(&mut line).then_some(line)
        })
        .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(lines(1), lines(1));
        assert_ne!(lines(1), lines(2));
    }

    #[test]
    fn every_line_is_canonical_and_time_never_goes_back() {
        let lines = lines(3);
        assert_eq!(lines.len(), 20_000);
        let mut last = START;
        for line in &lines {
            let event =
                canonical::decode_event(line.strip_suffix(b"\n").expect("a line end")).expect("a canonical line");
            assert!(event.occurred_at >= last);
            last = event.occurred_at;
        }
        assert!((6..=8).contains(&(last.since(START) / DAY_MS)), "{last}");
    }
}
