//! A chain of shops on a broker of its own: items, places, opening balances, and what is sold.

use std::path::Path;

use anyhow::{Result, ensure};
use processor::ports::TopicPartition;
use schemas::{Quantity, StockChange, Timestamp, avro, topics};
use test_services::feed::{Feeder, Raw};

use super::{LOCATIONS, rules};
use crate::catalog;
use crate::kafka::deployment::Deployment;
use crate::kafka::input::{self, Encoder, Inlet};
use crate::kafka::latency::{probe_item, probe_name};
use crate::kafka::load::line;
use crate::stream::{START, Stream, Workload};

/// Records of one transaction while a topic is filled.
const BATCH: usize = 10_000;
/// Event time between two watermarks while a topic is filled.
const MARK_MS: i64 = 15 * 60_000;
/// Days of the synthetic stream, of which less than half a one is used: it goes on as long as a load wants it to.
const DAYS: u32 = 50;
/// What a probe has on its shelf: one sale of three crosses its threshold of ten.
const PROBE_STOCK: i64 = 12;

/// How large the chain is.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) positions: u32,
    pub(super) partitions: i32,
    pub(super) documents: usize,
    /// Events after the opening balances, before any load.
    pub(super) events: u64,
    /// Items that are made for measuring alert latency.
    pub(super) probes: usize,
    pub(super) seed: u64,
}

impl Shape {
    fn skus(&self) -> u32 {
        self.positions / LOCATIONS
    }

    /// The shops sell twice as much in a day as is used, so that no day ends in what is used.
    fn workload(&self) -> Workload {
        let events = u64::from(self.positions) + 2 * self.events * u64::from(DAYS);
        Workload { seed: self.seed, events, skus: self.skus(), locations: LOCATIONS, days: DAYS }
    }
}

/// Next offsets of all partitions.
pub(super) type Ends = Vec<(TopicPartition, i64)>;

/// What lies on `inventory.events`.
pub(super) struct Filled {
    /// Behind items, probes and opening balances: all of that is the warm-up.
    pub(super) opened: Ends,
    pub(super) ends: Ends,
    /// Stock changes between the two.
    pub(super) events: u64,
}

impl Filled {
    pub(super) fn sum(ends: &Ends) -> i64 {
        ends.iter().map(|(_, end)| end).sum()
    }
}

pub(super) struct Shops {
    pub(super) deployment: Deployment,
    pub(super) shape: Shape,
    pub(super) rules: usize,
    stream: Stream,
    encoder: Encoder,
    feeder: Feeder,
    batch: Vec<Raw>,
    until: Timestamp,
    marked: Timestamp,
}

impl Shops {
    /// A broker with topics and rules, and nothing on `inventory.events`.
    pub(super) fn new(binary: &Path, shape: Shape, directory: &Path) -> Result<Self> {
        let documents = rules::documents(shape.documents);
        let deployment = Deployment::with(binary, &documents, directory, Vec::new(), shape.partitions)?;
        let (feeder, encoder) = (Feeder::open(&deployment.log, "quartermaster-bench-fill")?, Encoder::new(&deployment));
        let stream = Stream::new(&shape.workload());
        let rules = rules::count(&documents);
        Ok(Self { deployment, shape, rules, stream, encoder, feeder, batch: Vec::new(), until: START, marked: START })
    }

    /// Writes all of it.
    pub(super) fn fill(&mut self) -> Result<Filled> {
        self.places()?;
        self.items()?;
        self.changes(u64::from(self.shape.positions))?;
        let opened = self.mark()?;
        self.changes(self.shape.events)?;
        let ends = self.mark()?;
        println!(
            "  {} records on {}: {} opening balances, {} events over {:.1} hours",
            Filled::sum(&ends),
            topics::EVENTS,
            self.shape.positions,
            self.shape.events,
            self.until.since(START) as f64 / 3_600_000.0
        );
        Ok(Filled { opened, ends, events: self.shape.events })
    }

    fn places(&mut self) -> Result<()> {
        let place = |n| {
            let location = catalog::location(n);
            let mut value = Vec::new();
            avro::encode_location(&location, &mut value);
            Raw { partition: Some(0), key: Some(location.location.into_bytes()), value }
        };
        let places: Vec<Raw> = (0..LOCATIONS).map(place).collect();
        self.feeder.send_raw(topics::LOCATIONS, &places)
    }

    fn items(&mut self) -> Result<()> {
        for sku in 0..self.shape.skus() {
            self.put(input::item(catalog::item(sku)))?;
        }
        for n in 0..self.shape.probes {
            self.put(input::item(probe_item(n)))?;
            let change = StockChange::BalanceObserved { on_hand: Quantity::from_units(PROBE_STOCK) };
            let id = format!("probe-balance-{n}");
            let text = line(&id, &probe_name(n), &catalog::place_name(0), START, change).text;
            let (record, _) = self.encoder.encode(&text, None)?;
            self.put(record)?;
        }
        Ok(())
    }

    fn changes(&mut self, count: u64) -> Result<()> {
        let mut text = Vec::new();
        for _ in 0..count {
            text.clear();
            ensure!(self.stream.next(&mut text), "the synthetic stream has ended");
            let (record, at) = self.encoder.encode(&text, None)?;
            if at.since(self.marked) >= MARK_MS {
                self.encoder.marks(at, &mut self.batch);
                self.marked = at;
            }
            self.until = at;
            self.put(record)?;
        }
        Ok(())
    }

    fn put(&mut self, record: Raw) -> Result<()> {
        self.batch.push(record);
        if self.batch.len() >= BATCH { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<()> {
        self.feeder.send_raw(topics::EVENTS, &self.batch)?;
        self.batch.clear();
        Ok(())
    }

    /// A watermark on every partition behind all else; returns where they end then.
    fn mark(&mut self) -> Result<Ends> {
        if !self.batch.is_empty() {
            self.send()?;
        }
        self.encoder.marks(self.until, &mut self.batch);
        self.marked = self.until;
        self.send()?;
        input::ends(&self.deployment)
    }

    /// The shops go on, live.
    pub(super) fn open_for_business(self) -> Result<(Deployment, Inlet)> {
        let inlet = Inlet::after(&self.deployment, self.stream, self.encoder, self.until)?;
        Ok((self.deployment, inlet))
    }
}
