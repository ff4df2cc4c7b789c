//! A partition that is put together again from its rows decides what it would have decided: at every record, over
//! weeks, with all that is learned of the site on the way.

use std::collections::BTreeMap;

use processor::epochs::EpochBoard;
use processor::operator::BroadcastRecord;
use processor::source_clock::DEFAULT_FLOOR;
use processor::task::{CommitUnit, Step, Task, TaskConfig};
use schemas::stream::{RuleDocumentRecord, StreamRecord};
use schemas::time::MINUTE_MS;
use schemas::{CatalogChange, Timestamp, avro, canonical, topics};

use super::{ProcessOperator, ProcessOutput};

#[path = "../../../tests/support/chain.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod chain;
#[path = "../../../tests/support/retail.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod retail;

/// One partition and what is committed of it.
struct Partition {
    task: Task<ProcessOperator>,
    board: EpochBoard,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    broadcasts: Vec<BroadcastRecord>,
    alerts: Vec<String>,
}

impl Partition {
    fn new() -> Self {
        let broadcasts = broadcasts();
        let mut task = task();
        for record in &broadcasts {
            task.offer_broadcast(record).unwrap();
        }
        Self { task, board: EpochBoard::new(1), rows: BTreeMap::new(), broadcasts, alerts: Vec::new() }
    }

    fn take(&mut self, offset: i64, record: &StreamRecord<'_>) {
        loop {
            match self.task.process(offset, record, &self.board) {
                Step::Done(result) => {
                    result.unwrap();
                    return;
                }
                Step::AwaitEpoch { .. } | Step::Sweeping => self.commit(),
            }
        }
    }

    fn commit(&mut self) {
        let unit: CommitUnit<ProcessOutput> = self.task.seal();
        unit.partials.iter().for_each(|partial| self.board.add(partial));
        self.board.prune(self.task.applied_through());
        for (key, row) in unit.rows() {
            match row {
                Some(row) => drop(self.rows.insert(key.to_vec(), row.to_vec())),
                None => drop(self.rows.remove(key)),
            }
        }
        for alert in &unit.outputs {
            let mut text = Vec::new();
            canonical::write_alert(alert, &mut text);
            self.alerts.push(String::from_utf8(text).unwrap());
        }
    }

    /// Commits, and goes on from the rows alone.
    fn restart(&mut self) {
        self.commit();
        self.task = task();
        for (key, row) in &self.rows {
            self.task.install(key, row).unwrap();
        }
        assert!(self.task.resume(&self.broadcasts).is_empty());
    }
}

fn task() -> Task<ProcessOperator> {
    let (epoch_ms, grace_ms) = (Some(rules::site::EPOCH_MS), 10 * MINUTE_MS);
    let config = TaskConfig { partition: 0, epoch_ms, grace_ms, floor: DEFAULT_FLOOR };
    Task::new(config, ProcessOperator::new(0, 1))
}

fn broadcasts() -> Vec<BroadcastRecord> {
    let body = include_str!("../../../rules/src/packs/retail.yaml").to_owned();
    let document = RuleDocumentRecord { id: "retail".into(), version: 1, effective_at: Timestamp::EARLIEST, body };
    let mut rules = Vec::new();
    avro::encode_rule_document(&document, &mut rules);
    let mut records = vec![(topics::RULES, "retail@1".to_owned(), rules)];
    for line in chain::locations().lines() {
        let location = canonical::decode_location(line.as_bytes()).unwrap();
        let mut value = Vec::new();
        avro::encode_location(&location, &mut value);
        records.push((topics::LOCATIONS, location.location.clone(), value));
    }
    let record = |(offset, (topic, key, value)): (usize, (&str, String, Vec<u8>))| BroadcastRecord {
        topic: topic.to_owned(),
        offset: offset as i64,
        key: key.into_bytes(),
        value: Some(value),
    };
    records.into_iter().enumerate().map(record).collect()
}

/// The alerts of these items and movements, with a restart before every so many records.
fn alerts((catalog, movements): &(String, String), restart_every: usize) -> Vec<String> {
    let change = |line: &str| {
        let item = canonical::decode_catalog_item(line.as_bytes()).unwrap();
        StreamRecord::Catalog(CatalogChange { sku: item.sku.clone(), item: Some(item) })
    };
    let items = catalog.lines().map(change);
    let stock = movements.lines().map(|line| StreamRecord::Event(canonical::decode_event(line.as_bytes()).unwrap()));
    let mut partition = Partition::new();
    for (offset, record) in items.chain(stock).enumerate() {
        if offset % restart_every == 0 {
            partition.restart();
        }
        partition.take(offset as i64, &record);
    }
    partition.commit();
    partition.alerts
}

#[track_caller]
fn compare(input: &(String, String), restarts_every: &[usize]) {
    let expected = alerts(input, usize::MAX);
    assert!(expected.len() > 100, "{} alerts prove little", expected.len());
    for every in restarts_every {
        let found = alerts(input, *every);
        let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert_eq!((differs, found.len()), (None, expected.len()), "a restart before every {every} records");
    }
}

/// Asserts invariant I23.
#[test]
fn restarts_change_no_figure_of_any_alert() {
    compare(&(chain::catalog(), chain::events()), &[1, 7, 500]);
}

/// Asserts invariant I23 on what is really bought.
#[test]
fn restarts_change_nothing_over_half_a_year_of_real_movements() {
    if let Some(split) = retail::split() {
        compare(&(retail::catalog(&split), retail::movements(&split)), &[10_007]);
    }
}
