//! What the scoring rests on: the same log for the same seed, in order, with books that add up.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use schemas::AlertKind;

use super::*;

const SMALL: Scenario = Scenario { seed: 7, weeks: 8, stores: 12, items: 80 };

fn run(scenario: Scenario) -> (Wms, Vec<InventoryEvent<'static>>) {
    let mut wms = Wms::new(scenario);
    let mut events = Vec::new();
    let mut until = START;
    while until < wms.end() {
        until = until.plus_ms(7 * HOUR_MS);
        events.extend(wms.next_batch(until));
    }
    (wms, events)
}

fn digest(events: &[InventoryEvent<'_>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for event in events {
        format!("{event:?}").hash(&mut hasher);
    }
    hasher.finish()
}

#[test]
fn the_same_seed_gives_the_same_log_however_it_is_cut_into_batches() {
    let (_, events) = run(SMALL);
    let mut whole = Wms::new(SMALL);
    let end = whole.end();
    assert_eq!(digest(&events), digest(&whole.next_batch(end)));
    assert_ne!(digest(&events), digest(&run(Scenario { seed: 8, ..SMALL }).1));
}

#[test]
fn each_source_partition_is_in_order_of_time_and_position_and_ids_are_unique() {
    let (wms, events) = run(SMALL);
    let mut last = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for event in &events {
        let source = event.source.as_ref().unwrap();
        let position: u64 = source.position.parse().unwrap();
        let before = last.insert(source.partition, (event.occurred_at, position));
        assert!(before.is_none_or(|(at, p)| at <= event.occurred_at && p + 1 == position), "{event:?}");
        assert!(event.occurred_at >= START && event.occurred_at < wms.end());
        assert!(ids.insert(event.event_id.clone()));
    }
    assert_eq!(last.len(), SOURCE_PARTITIONS as usize);
}

/// On hand by the plainest reading of each change.
fn on_hand_after(before: i64, change: &StockChange<'_>) -> i64 {
    match change {
        StockChange::Sold { quantity, .. }
        | StockChange::TransferredOut { quantity, .. }
        | StockChange::Scrapped { quantity, .. } => before - quantity.thousandths(),
        StockChange::SaleCancelled { quantity, .. }
        | StockChange::Returned { quantity, .. }
        | StockChange::Received { quantity, .. }
        | StockChange::LotReceived { quantity, .. }
        | StockChange::TransferredIn { quantity, .. }
        | StockChange::Adjusted { quantity, .. } => before + quantity.thousandths(),
        StockChange::Counted { counted: told, .. } | StockChange::BalanceObserved { on_hand: told } => {
            told.thousandths()
        }
        StockChange::Reserved { .. }
        | StockChange::Released { .. }
        | StockChange::Ordered { .. }
        | StockChange::OrderCancelled { .. } => before,
    }
}

#[test]
fn the_books_are_the_fold_of_the_log_and_never_negative() {
    let (wms, events) = run(SMALL);
    let truth = wms.into_truth();
    let mut folded: BTreeMap<(String, String), i64> = BTreeMap::new();
    for event in &events {
        let key = (event.sku.to_string(), event.location.to_string());
        let on_hand = folded.entry(key).or_default();
        *on_hand = on_hand_after(*on_hand, &event.change);
        assert!(*on_hand >= 0, "{event:?}");
    }
    assert_eq!(folded.len(), truth.keys.len());
    for (key, on_hand) in folded {
        let books = truth.keys[&key].history.last().unwrap();
        assert_eq!(i64::from(books.on_hand) * 1000, on_hand, "{key:?}");
    }
}

#[test]
fn what_leaves_the_warehouse_arrives_in_a_store_or_is_on_its_way() {
    let (_, events) = run(SMALL);
    let (mut sent, mut received) = (BTreeMap::<String, i64>::new(), BTreeMap::<String, i64>::new());
    for event in &events {
        match &event.change {
            StockChange::TransferredOut { quantity, document: Some(d), .. } if event.location == "DC-01" => {
                *sent.entry(d.to_string()).or_default() += quantity.thousandths();
            }
            StockChange::Received { quantity, po_id: Some(d), .. }
            | StockChange::LotReceived { quantity, po_id: Some(d), .. }
                if d.starts_with("TO-") =>
            {
                *received.entry(d.to_string()).or_default() += quantity.thousandths();
            }
            _ => {}
        }
    }
    assert!(received.len() > 1000);
    for (document, quantity) in received {
        assert!(quantity <= sent[&document], "{document}");
    }
}

#[test]
fn every_planted_problem_comes_true_in_the_books_for_many_seeds() {
    for seed in 1..=4 {
        let (wms, _) = run(Scenario { seed, items: 300, ..SMALL });
        let planted = wms.planted();
        let truth = wms.into_truth();
        assert_eq!(planted.len(), 19);
        for problem in planted {
            let from = problem.from.unwrap_or_else(|| panic!("seed {seed}: {problem:?} never came true"));
            let due = problem.detect_by.unwrap_or_else(|| panic!("seed {seed}: {problem:?} never ended"));
            assert!(
                LIVE_FROM <= problem.begun_at && problem.begun_at <= from && from <= due,
                "seed {seed}: {problem:?}"
            );
            let key = truth.key(&problem.sku, &problem.location).unwrap();
            let books = key.books_at(from).unwrap();
            match problem.kind {
                AlertKind::StockOut => assert!(books.on_hand <= 0, "seed {seed}: {problem:?}"),
                AlertKind::DemandSurge => assert!(key.factor_at(from) > 3.0, "seed {seed}: {problem:?}"),
                _ => assert!(f64::from(books.inventory_position) <= key.need_at(from), "seed {seed}: {problem:?}"),
            }
        }
    }
}

#[test]
fn ordinary_life_is_calm() {
    let (wms, events) = run(Scenario { items: 300, ..SMALL });
    let planted: BTreeSet<_> = wms.planted().into_iter().map(|p| p.sku).collect();
    let end = wms.end();
    let truth = wms.into_truth();
    let others = truth.keys.iter().filter(|((sku, _), _)| !planted.contains(sku));
    let empty: usize = others.map(|(_, key)| key.stock_outs(LIVE_FROM, end).len()).sum();
    assert!(empty < 60, "{empty} stock-outs that nobody planted among {} keys", truth.keys.len());
    let kinds: BTreeSet<_> =
        events.iter().map(|e| std::mem::discriminant(&e.change)).map(|d| format!("{d:?}")).collect();
    assert_eq!(kinds.len(), 15, "every type of change occurs");
}
