//! Rows of the reference WMS, captured by Debezium, through `ingest`: records a CPU-second.
//!
//! Nine of ten records are rows of the stock ledger, each with two lookups; the tenth is the balance that its
//! trigger updates, which the mapping passes by. JSON without schema, as Debezium writes it.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Result, ensure};
use fastrand::Rng;
use schemas::topics;
use test_services::feed::{Feeder, Line};

use super::deployment::{Deployment, Source};
use super::throughput::use_of;

const TOPIC: &str = "bench.wms";
pub(crate) const MAPPING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/wms/reference/mapping.yaml");
pub(crate) const PRODUCTS: u64 = 5_000;
pub(crate) const PLACES: u64 = 20;
/// Rows of one transaction of the feeder.
const BATCH: usize = 10_000;
/// 2026-03-02T00:00:00Z.
const START_MS: u64 = 1_772_409_600_000;
const RULES: &str = "version: 1\nid: bench\nrules:\n  - { id: out, kind: stock_out }\n";

/// The median over runs of records per CPU-second.
pub(super) fn measure(binary: &Path, runs: usize, events: u64, scratch: &Path) -> Result<f64> {
    println!("\ncaptured rows: {events} records of the reference WMS");
    let mut rates = Vec::new();
    for run in 1..=runs {
        let settings = format!("content = \"wms\"\nmapping = \"{MAPPING}\"\n");
        let sources = vec![Source { name: "wms", topic: TOPIC, partitions: 1, settings }];
        let deployment = Deployment::new(binary, RULES, &scratch.join(format!("captured-{run}")), sources)?;
        let (records, bytes) = feed(&deployment, events)?;
        let mut ingest = deployment.start("ingest", "ingest-0", true)?;
        let usage = use_of(&deployment, &mut ingest, records)?;
        ingest.stop()?;
        deployment.ensure_nothing_was_refused()?;
        let written = deployment.offsets(topics::EVENTS)?;
        ensure!(written as u64 > events / 2, "only {written} offsets of {} were used", topics::EVENTS);
        // It reads from the moment on when it is ready, and is ready late: starting is counted in.
        let cpu_s = usage.start_cpu_s + usage.cpu_s;
        let rate = records as f64 / cpu_s;
        println!(
            "  run {run}: {rate:.0} records per CPU-second ({cpu_s:.2} CPU-s with its start), {} bytes each",
            bytes / records
        );
        rates.push(rate);
        deployment.close()?;
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates[(rates.len() - 1) / 2])
}

/// Writes the rows; returns how many, and how many bytes.
fn feed(deployment: &Deployment, events: u64) -> Result<(u64, u64)> {
    let mut feeder = Feeder::open(&deployment.log, "quartermaster-bench-captured")?;
    let mut rng = Rng::with_seed(1);
    let (mut records, mut bytes, mut batch) = (0, 0, Vec::with_capacity(BATCH));
    let total = 1 + PRODUCTS + PLACES + events;
    for n in 0..total {
        let line = row(n, &mut rng);
        bytes += line.text.len() as u64;
        records += 1;
        batch.push(line);
        if batch.len() == BATCH || n + 1 == total {
            feeder.send(TOPIC, &batch)?;
            batch.clear();
        }
    }
    Ok((records, bytes))
}

/// A record: a category, the products and the locations, then what happens to stock.
pub(crate) fn row(n: u64, rng: &mut Rng) -> Line {
    if n == 0 {
        let category = r#"{"id":1,"parent_id":null,"name":"food","path":"food"}"#;
        return envelope(n, "categories", "1", category, "r");
    }
    if n <= PRODUCTS {
        let product = format!(
            r#"{{"id":{n},"sku":"SKU-{n:05}","name":"Item {n}","description":null,"category_id":1,"supplier_id":null,"cost":"3.2000","price":"4.9900","lead_time_days":"2.50","pack_size":"12.000","shelf_life_days":null,"tags":null,"created_at":"2026-01-01T00:00:00.000000Z"}}"#
        );
        return envelope(n, "products", &n.to_string(), &product, "r");
    }
    let place = n - PRODUCTS;
    if place <= PLACES {
        let location = format!(
            r#"{{"id":{place},"code":"STORE-{place:02}","name":"Store {place}","type":"S","zone":"UTC","region":"north"}}"#
        );
        return envelope(n, "locations", &place.to_string(), &location, "r");
    }
    let (product, place) = (1 + rng.u64(..PRODUCTS), 1 + rng.u64(..PLACES));
    if n.is_multiple_of(10) {
        let key = format!(r#"{{"product_id":{product},"location_id":{place}}}"#);
        let balance = format!(
            r#"{{"product_id":{product},"location_id":{place},"on_hand":"41.000","updated_at":"2026-03-02T10:00:00.000000Z"}}"#
        );
        return envelope_with_key(n, "stock_balances", key, &balance, "u");
    }
    let ledger = format!(
        r#"{{"id":{n},"product_id":{product},"location_id":{place},"movement_type":"SALE","quantity":"-{}.000","reference":"SO-{}","lot_id":null,"counter_location_id":null,"unit_price":"4.9900","reason":null,"posted_at":"2026-03-02T10:00:00.000000Z"}}"#,
        1 + rng.u32(..3),
        n / 3
    );
    envelope(n, "stock_ledger", &n.to_string(), &ledger, "c")
}

fn envelope(n: u64, table: &str, id: &str, after: &str, operation: &str) -> Line {
    envelope_with_key(n, table, format!(r#"{{"id":{id}}}"#), after, operation)
}

/// Three rows a transaction, a millisecond apart.
fn envelope_with_key(n: u64, table: &str, key: String, after: &str, operation: &str) -> Line {
    let (transaction, lsn, ms) = (1000 + n / 3, 26_000_000 + n * 120, START_MS + n);
    let before_commit = 26_000_000 + (n / 3 * 3).saturating_sub(1) * 120 + 48;
    let snapshot = if operation == "r" { "true" } else { "false" };
    let mut text = Vec::with_capacity(900);
    // Writing to a vector cannot fail.
    let _ = write!(
        text,
        r#"{{"before":null,"after":{after},"source":{{"version":"3.7.0.Final","connector":"postgresql","name":"wms","ts_ms":{ms},"snapshot":"{snapshot}","db":"wms","sequence":"[\"{before_commit}\",\"{lsn}\"]","ts_us":{ms}000,"ts_ns":{ms}000000,"schema":"public","table":"{table}","txId":{transaction},"lsn":{lsn},"xmin":null,"origin":null,"origin_lsn":null}},"transaction":null,"op":"{operation}","ts_ms":{ms},"ts_us":{ms}000,"ts_ns":{ms}000000}}"#
    );
    Line { key, text }
}
