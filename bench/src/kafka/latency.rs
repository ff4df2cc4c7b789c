//! From a sale at its source to the alert that a committed reader sees.
//!
//! One clock for both ends. A sale's time begins when it is due, not when it was sent: a feeder that
//! is held up makes the figure worse, not better.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use processor::ports::RecordView;
use schemas::{AlertKind, AlertState, CatalogItem, Quantity, StockChange, avro, canonical, topics};

use super::Services;
use super::deployment::{CATALOG, Deployment, ECHO, STOCK};
use super::load::{ShopTime, line, sale};
use super::watch::{NameOf, Watcher};
use crate::catalog::place_name;
use crate::percentile::percentile;
use test_services::clock::{milliseconds, now, sleep, sleep_until};
use test_services::feed::{Feeder, Line};

/// For items that are made for this: what crosses it is known beforehand.
pub(crate) const RULE: &str = "
  - id: low-stock-probe
    kind: low_stock
    scope: { tag: probe }
    threshold: { type: fixed, quantity: 10 }
";
const EVERY: Duration = Duration::from_millis(50);
/// The first ones warm the broker up and do not count.
const WARM_UP: usize = 100;
const ECHOES: usize = 200;
const LOST_AFTER: Duration = Duration::from_secs(20);

/// Sorted milliseconds.
struct Sample {
    latencies: Vec<f64>,
    /// How long the source's own transaction took.
    sending: Vec<f64>,
}

pub(super) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

pub(super) fn measure(
    deployment: &Deployment,
    services: &mut Services,
    time: ShopTime,
    alerts: usize,
) -> Result<Latency> {
    let mut feeder = Feeder::open(&deployment.log, "quartermaster-bench-probe")?;
    let all = WARM_UP + alerts;
    stock_up(&mut feeder, services, time, all)?;
    let echo = timed(deployment, &mut feeder, (ECHO, ECHO), key, WARM_UP + ECHOES, &mut |n| Line {
        key: format!("echo-{n}"),
        text: b"{}".to_vec(),
    })?;
    let sample = timed(deployment, &mut feeder, (STOCK, topics::ALERTS), probe, all, &mut |n| {
        let id = format!("probe-sale-{n}");
        line(&id, &probe_name(n), &place_name(0), time.now(), sale(&id, 3))
    })?;
    println!(
        "  alert latency over {} alerts: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms",
        sample.latencies.len(),
        percentile(&sample.latencies, 50.0),
        percentile(&sample.latencies, 90.0),
        percentile(&sample.latencies, 99.0),
        percentile(&sample.latencies, 100.0)
    );
    println!(
        "  of which the source's own transaction: p50 {:.1} ms, p99 {:.1} ms; a record that goes from this program \
         through the broker and back, beside the same load: p50 {:.1} ms, p99 {:.1} ms",
        percentile(&sample.sending, 50.0),
        percentile(&sample.sending, 99.0),
        percentile(&echo.latencies, 50.0),
        percentile(&echo.latencies, 99.0)
    );
    Ok(Latency { p50_ms: percentile(&sample.latencies, 50.0), p99_ms: percentile(&sample.latencies, 99.0) })
}

/// Every probe is an item of its own with twelve on the shelf.
fn stock_up(feeder: &mut Feeder, services: &mut Services, time: ShopTime, probes: usize) -> Result<()> {
    let items: Vec<Line> = (0..probes).map(item).collect();
    feeder.send(CATALOG, &items)?;
    services.settle()?;
    let on_hand = Quantity::from_units(12);
    let balance = |n| {
        let change = StockChange::BalanceObserved { on_hand };
        line(&format!("probe-balance-{n}"), &probe_name(n), &place_name(0), time.begin(), change)
    };
    feeder.send(STOCK, &(0..probes).map(balance).collect::<Vec<_>>())?;
    services.settle()
}

pub(crate) fn probe_name(n: usize) -> String {
    format!("PROBE-{n:06}")
}

pub(crate) fn probe_item(n: usize) -> CatalogItem {
    CatalogItem { sku: probe_name(n), tags: vec!["probe".to_owned()], ..CatalogItem::default() }
}

fn item(n: usize) -> Line {
    let item = probe_item(n);
    let mut text = Vec::new();
    canonical::write_catalog_item(&item, &mut text);
    Line { key: item.sku, text }
}

/// The probe whose alert this is.
pub(crate) fn probe(record: &RecordView<'_>) -> Result<Option<String>> {
    let alert = avro::decode_alert(record.value.context("an alert without a value")?)?;
    let awaited = alert.kind == AlertKind::LowStock && alert.state == AlertState::Opened;
    Ok(alert.sku.filter(|sku| awaited && sku.starts_with("PROBE-")))
}

fn key(record: &RecordView<'_>) -> Result<Option<String>> {
    let key = record.key.context("a record without a key")?;
    Ok(Some(String::from_utf8(key.to_vec())?))
}

/// Sends records one by one at their instants and waits for what they lead to.
fn timed(
    deployment: &Deployment,
    feeder: &mut Feeder,
    (from, to): (&str, &'static str),
    name_of: NameOf,
    count: usize,
    next: &mut dyn FnMut(usize) -> Line,
) -> Result<Sample> {
    let watcher = Watcher::start(&deployment.log, to, name_of)?;
    let mut due: BTreeMap<String, (usize, Instant)> = BTreeMap::new();
    let mut sending = Vec::new();
    let start = now();
    for n in 0..count {
        let at = start + EVERY * n as u32;
        sleep_until(at);
        let line = next(n);
        due.insert(line.key.clone(), (n, at));
        let begun = now();
        feeder.send(from, &[line])?;
        sending.push(milliseconds(now().duration_since(begun)));
    }
    let latencies = arrivals(&watcher, due, to)?;
    watcher.close()?;
    sending.drain(..WARM_UP.min(count));
    sending.sort_by(f64::total_cmp);
    Ok(Sample { latencies, sending })
}

/// Milliseconds of all but the first, sorted; fails when one is missing or comes twice.
fn arrivals(watcher: &Watcher, mut due: BTreeMap<String, (usize, Instant)>, topic: &str) -> Result<Vec<f64>> {
    let (sent, mut latencies) = (due.len(), Vec::new());
    while !due.is_empty() {
        let Some((name, seen)) = watcher.next(LOST_AFTER) else { break };
        let (n, at) = due.remove(&name).with_context(|| format!("{name} is on {topic} twice, or was never sent"))?;
        if n >= WARM_UP {
            latencies.push(milliseconds(seen.saturating_duration_since(at)));
        }
    }
    ensure!(due.is_empty(), "{} of {sent} never came to {topic}, such as {:?}", due.len(), due.keys().next());
    // One that came twice may be on its way still.
    sleep(EVERY * 4);
    ensure!(watcher.next(Duration::ZERO).is_none(), "more came to {topic} than was sent");
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}
