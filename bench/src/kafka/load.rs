//! A trickle of sales all over the shops, as long as it is wanted, in real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use fastrand::Rng;
use schemas::{InventoryEvent, Quantity, StockChange, Timestamp, canonical};

use super::deployment::{Deployment, STOCK};
use crate::catalog::{place_name, sku_name};
use crate::stream::{DAY_MS, START, Workload};
use test_services::clock::{now, sleep_until};
use test_services::feed::{Feeder, Line};

/// Transactions of the load come this far apart: out of step with those whose latency is measured.
const BEAT: Duration = Duration::from_millis(40);
/// Noon in the shops' time zone.
const NOON_MS: i64 = 4 * 3_600_000;

/// The shops' time from here on: noon of a day after the synthetic stream, going as fast as ours, so
/// that no day ends in between.
#[derive(Clone, Copy)]
pub(crate) struct ShopTime {
    origin: Instant,
    begin: Timestamp,
}

impl ShopTime {
    pub(crate) fn after(workload: &Workload) -> Self {
        let begin = START.millis() + (i64::from(workload.days) + 2) * DAY_MS + NOON_MS;
        Self { origin: now(), begin: Timestamp::from_millis(begin) }
    }

    pub(crate) fn begin(&self) -> Timestamp {
        self.begin
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.begin.millis() + now().duration_since(self.origin).as_millis() as i64)
    }
}

/// The canonical line of a change, under its SKU.
pub(crate) fn line(id: &str, sku: &str, place: &str, at: Timestamp, change: StockChange<'_>) -> Line {
    let event = InventoryEvent {
        event_id: id.into(),
        sku: sku.into(),
        location: place.into(),
        occurred_at: at,
        source: None,
        change,
    };
    let mut text = Vec::new();
    canonical::write_event(&event, &mut text);
    Line { key: sku.to_owned(), text }
}

pub(crate) fn sale(id: &str, units: i64) -> StockChange<'_> {
    let quantity = Quantity::from_units(units);
    StockChange::Sold { quantity, order_id: Some(id.into()), customer: None, unit_price: None }
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<u64>>,
}

impl Load {
    pub(crate) fn start(deployment: &Deployment, workload: &Workload, time: ShopTime, per_second: u32) -> Result<Self> {
        let feeder = Feeder::open(&deployment.log, "quartermaster-bench-load")?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, workload) = (Arc::clone(&stop), *workload);
        let thread = std::thread::Builder::new().name("load".to_owned());
        let thread = thread
            .spawn(move || sell(feeder, &workload, time, per_second, &stopped))
            .context("cannot start a thread")?;
        Ok(Self { stop, thread })
    }

    /// Stops and returns how many sales there were; says whether it ever fell over.
    pub(crate) fn finish(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the load's thread panicked"))?.context("the load ended early")
    }
}

fn sell(mut feeder: Feeder, workload: &Workload, time: ShopTime, per_second: u32, stop: &AtomicBool) -> Result<u64> {
    let mut rng = Rng::with_seed(workload.seed);
    let (start, mut sold, mut beat) = (now(), 0, 0);
    while !stop.load(Ordering::Relaxed) {
        beat += 1;
        sleep_until(start + BEAT * beat);
        let due = u64::from(per_second) * u64::from(beat) * BEAT.as_millis() as u64 / 1000;
        let lines: Vec<Line> = (sold..due)
            .map(|n| {
                let (sku, place) = (sku_name(rng.u32(..workload.skus)), place_name(rng.u32(..workload.locations)));
                let id = format!("load-{n}");
                line(&id, &sku, &place, time.now(), sale(&id, 1))
            })
            .collect();
        feeder.send(STOCK, &lines)?;
        sold = due;
    }
    Ok(sold)
}
