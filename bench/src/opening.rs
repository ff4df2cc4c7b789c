//! What opening the stores of `process` costs, and what a state costs that is not in memory: on real
//! RocksDB, with rows of real positions, below the service and without a Kafka.
//!
//! It is the one measurement here that does not run the binary: it calls what the binary calls.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use processor::store::rocks::{Identity, RocksOptions, RocksProvider};
use processor::store::{Batch, Checkpoint, StateStore, StoreProvider, Wakeups};
use rules::place::Place;
use rules::site::SiteLevel;
use rules::state::KeyState;
use schemas::time::{DAY_MS, HOUR_MS};
use schemas::{InventoryEvent, Quantity, StockChange, Timestamp};
use test_services::child;

use crate::catalog::{place_name, sku_name};
use crate::stream::START;

const LOCATIONS: u32 = 20;
const ROWS_PER_BATCH: u32 = 10_000;
const LOADS: u32 = 200_000;

/// Writes `positions` positions over `partitions` stores, then opens them in both ways.
pub(crate) fn measure(positions: u32, partitions: u32, directory: &Path) -> Result<()> {
    ensure!(partitions > 0 && positions >= partitions, "--positions must be at least --partitions");
    let options = RocksOptions::default();
    let provider =
        || RocksProvider::new(directory, Identity::new("bench", "inventory.events"), &options).context("cannot open");
    let bytes = fill(provider()?, positions, partitions)?;
    println!("\nopening: {positions} positions in {partitions} stores, {bytes:.0} bytes a row with its key");

    let (open_s, ()) = timed(|| {
        let mut provider = provider()?;
        for partition in 0..partitions {
            let store = provider.open(partition as i32)?;
            ensure!(store.checkpoint()?.is_some() && store.has_wakeups()?, "partition {partition} is not there");
        }
        Ok(())
    })?;
    println!("  as the service opens them: {open_s:.3} CPU-s");
    let (scan_s, rows) = timed(|| read_through(provider()?, partitions))?;
    println!("  reading every row and decoding it: {scan_s:.3} CPU-s, {:.2} µs a row", scan_s * 1e6 / rows as f64);
    let (load_s, loads) = timed(|| load(provider()?, positions, partitions))?;
    println!("  {loads} loads at random, opening included: {:.2} µs each", (load_s - open_s) * 1e6 / f64::from(loads));
    println!("{{\"open_cpu_s\":{open_s:.3},\"scan_cpu_s\":{scan_s:.3},\"row_bytes\":{bytes:.0}}}");
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let own = std::process::id();
    let before = child::cpu_s(own)?;
    let result = work()?;
    Ok((child::cpu_s(own)? - before, result))
}

fn key(position: u32) -> Vec<u8> {
    format!("p{}\0{}", sku_name(position / LOCATIONS), place_name(position % LOCATIONS)).into_bytes()
}

/// A position that sold a little on four days.
fn state(position: u32) -> KeyState {
    let (place, site) = (Place::unknown("STORE"), SiteLevel::default());
    let mut state = KeyState::first_seen(START, &place.zone);
    for day in 0..5_i64 {
        let at = START.plus_ms(day * DAY_MS + 9 * HOUR_MS);
        let quantity = Quantity::from_units(1 + i64::from(position % 7));
        let id = format!("so-{day}-{position}");
        let change = match day {
            0 => StockChange::BalanceObserved { on_hand: quantity + Quantity::from_units(20) },
            _ => StockChange::Sold { quantity, order_id: Some(id.as_str().into()), customer: None, unit_price: None },
        };
        let event = InventoryEvent {
            event_id: id.as_str().into(),
            sku: "SKU".into(),
            location: "STORE".into(),
            occurred_at: at,
            source: None,
            change,
        };
        state.recent.seen_or_insert(&event.event_id);
        state.fold(&event, &place);
        state.close_day(&place, &site, false);
    }
    state
}

/// Returns the bytes of a row with its key.
fn fill(mut provider: RocksProvider, positions: u32, partitions: u32) -> Result<f64> {
    let mut total = 0;
    for partition in 0..partitions {
        let mut store = provider.open(partition as i32)?;
        let of_it: Vec<u32> = (partition..positions).step_by(partitions as usize).collect();
        for part in of_it.chunks(ROWS_PER_BATCH as usize) {
            let rows: Vec<(Vec<u8>, Vec<u8>, Option<Timestamp>)> = part.iter().map(|position| row(*position)).collect();
            total += rows.iter().map(|(key, row, _)| key.len() + row.len()).sum::<usize>();
            write(&mut *store, &rows)?;
        }
        store.sync()?;
    }
    Ok(total as f64 / f64::from(positions))
}

fn row(position: u32) -> (Vec<u8>, Vec<u8>, Option<Timestamp>) {
    let (state, mut row) = (state(position), vec![b'p']);
    state.encode(&mut row);
    (key(position), row, state.next_due())
}

fn write(store: &mut dyn StateStore, rows: &[(Vec<u8>, Vec<u8>, Option<Timestamp>)]) -> Result<()> {
    let checkpoint = Checkpoint { changelog_offset: 1, topic_id: "bench".to_owned(), committed_at_ms: 1 };
    let entries: Vec<(Timestamp, &[u8])> = rows.iter().filter_map(|(key, _, due)| Some(((*due)?, &**key))).collect();
    store.apply(Batch {
        rows: Some(&mut rows.iter().map(|(key, row, _)| (&**key, Some(&**row)))),
        wakeups: Wakeups { entries: &entries, complete: true, passed: None },
        checkpoint: Some(&checkpoint),
    })?;
    Ok(())
}

fn read_through(mut provider: RocksProvider, partitions: u32) -> Result<u64> {
    let mut rows = 0;
    for partition in 0..partitions {
        provider.open(partition as i32)?.scan(&mut |_, row| {
            rows += u64::from(KeyState::decode(&row[1..])?.next_due().is_some());
            Ok(())
        })?;
    }
    Ok(rows)
}

fn load(mut provider: RocksProvider, positions: u32, partitions: u32) -> Result<u32> {
    let mut random = fastrand::Rng::with_seed(1);
    let readers: Vec<_> =
        (0..partitions).map(|p| provider.open(p as i32).map(|s| (s.reader(), s))).collect::<Result<_, _>>()?;
    for _ in 0..LOADS {
        let position = random.u32(..positions);
        let (reader, _) = &readers[(position % partitions) as usize];
        let row = reader.get_many(&[&key(position)])?.pop().flatten().context("a position is missing")?;
        KeyState::decode(&row[1..])?;
    }
    Ok(LOADS)
}
