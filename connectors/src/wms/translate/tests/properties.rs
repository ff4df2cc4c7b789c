//! What holds whatever the rows are and in whatever order they come.

use proptest::prelude::*;
use schemas::{Quantity, StockChange};

use super::bench::{Bench, mapping, shown_event};
use crate::wms::translate::Translated;

const BALANCE: &str = "
  s.t:
    events:
      - { on: [create, update], change: received, sku: { column: id }, location: { value: L }, quantity: { increase_of: { column: q, only_when: { open: true } } } }
      - { on: [update, delete], change: scrapped, sku: { column: id }, location: { value: L }, quantity: { decrease_of: { column: q, only_when: { open: true } } } }
";

const ORDERS: &str = "
version: 1
id: t
source: { connector: mysql }
tables:
  s.products: {}
  s.orders: {}
  s.lines:
    events:
      - on: [create, update]
        change: ordered
        sku: { lookup: s.products, by: product, column: sku }
        location: { value: L }
        po_id: { lookup: s.orders, by: order, column: number }
        quantity: { increase_of: q }
";

/// Operation, row, thousandths, open.
fn steps() -> impl Strategy<Value = Vec<(u8, u8, i64, bool)>> {
    prop::collection::vec((0_u8..4, 0_u8..3, 0_i64..5_000_000, any::<bool>()), 1..60)
}

/// A shuffled order, and how many changes each of the lines has.
fn arrivals() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    let order = Just((0..9_usize).collect::<Vec<_>>()).prop_shuffle();
    (order, prop::collection::vec(1_usize..4, 3))
}

proptest! {
    #[test]
    fn increases_less_decreases_are_the_last_figure(steps in steps()) {
        let mut bench = Bench::new(BALANCE);
        let (mut sums, mut figures) = ([Quantity::ZERO; 3], [Quantity::ZERO; 3]);
        for (op, row, thousandths, open) in steps {
            let q = Quantity::from_thousandths(thousandths);
            let operation = ["c", "u", "d", "u"][op as usize];
            let rest = if op == 2 { String::new() } else { format!("q={q} open={open}") };
            let (out, outcome) = bench.give(&format!("{operation} s.t id={row} {rest}"));
            prop_assert!(outcome.is_ok(), "{outcome:?}");
            for translated in &out {
                let Translated::Event(event) = translated else { panic!("{translated:?}") };
                prop_assert_eq!(&*event.sku, row.to_string());
                match event.change {
                    StockChange::Received { quantity, .. } => sums[row as usize] += quantity,
                    StockChange::Scrapped { quantity, .. } => sums[row as usize] -= quantity,
                    ref other => panic!("{other:?}"),
                }
            }
            // A create of a row that is there already does not fall: there is no rule for it.
            let now = if op == 2 || !open { Quantity::ZERO } else { q };
            if op == 0 && now < figures[row as usize] {
                sums[row as usize] = now;
            }
            figures[row as usize] = now;
            prop_assert_eq!(sums, figures);
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_change_what_comes_out((order, changes) in arrivals()) {
        let rows: Vec<Vec<String>> = (0..9)
            .map(|i| match i {
                0..3 => vec![format!("c s.products id={i} sku=A{i}")],
                3..6 => vec![format!("c s.orders id={} number=PO{}", i - 3, i - 3)],
                _ => {
                    let line = |n| {
                        let op = if n == 1 { "c" } else { "u" };
                        format!("{op} s.lines id={} product={} order={} q={}", i - 6, (i + n) % 3, i - 6, 10 * n)
                    };
                    (1..=changes[i - 6]).map(line).collect()
                }
            })
            .collect();
        let run = |order: &[usize]| {
            let mut bench = Bench::of(mapping(ORDERS));
            let mut events = Vec::new();
            for line in order.iter().flat_map(|i| &rows[*i]) {
                let (out, outcome) = bench.give(line);
                assert!(outcome.is_ok(), "{outcome:?}");
                events.extend(out.iter().map(|translated| match translated {
                    Translated::Event(event) => shown_event(event),
                    other => panic!("{other:?}"),
                }));
            }
            assert_eq!(bench.translator.parked(), 0);
            events
        };
        let sorted: Vec<usize> = (0..9).collect();
        let (mut expected, mut found) = (run(&sorted), run(&order));
        prop_assert_eq!(found.len(), changes.iter().sum::<usize>());
        expected.sort();
        found.sort();
        prop_assert_eq!(found, expected);
    }
}
