//! What a restart finds: everything a mapping has to remember, in rows of bounded number.

use processor::operator::StateRow;
use processor::table::StateTable;

use super::bench::{Bench, mapping, with_tables};
use crate::wms::translate::WmsRow;

/// The states as they are stored and read back.
fn stored(states: &StateTable<WmsRow>) -> StateTable<WmsRow> {
    let mut after = StateTable::default();
    for (_, key, row) in states.iter() {
        let mut bytes = Vec::new();
        row.encode(&mut bytes);
        let read = WmsRow::decode(&bytes).unwrap();
        assert_eq!(&read, row);
        for cut in 0..bytes.len() {
            assert!(WmsRow::decode(&bytes[..cut]).is_err(), "{row:?} cut at {cut}");
        }
        let id = after.intern(key);
        after.put(id, read);
    }
    after
}

const TABLES: &str = "
  s.products: {}
  s.lines:
    events:
      - on: [create, update]
        change: ordered
        sku: { lookup: s.products, by: product, column: sku }
        location: { value: L }
        po_id: { value: PO }
        quantity: { increase_of: q }
";

#[test]
fn a_restart_changes_nothing() {
    let script = [
        "c s.products id=1 sku=A",
        "c s.lines id=1 product=1 q=5",
        "c s.lines id=2 product=2 q=7",
        "u s.lines id=2 product=2 q=9",
        "c s.lines id=3 product=3 q=1",
        "u s.lines id=1 product=1 q=6",
        "d s.products id=1",
        "c s.products id=2 sku=B",
        "u s.lines id=1 product=1 q=8",
        "c s.products id=3 sku=C",
        "u s.lines id=3 product=3 q=2",
    ];
    let mut straight = Bench::new(TABLES);
    let expected: Vec<String> = script.iter().flat_map(|line| straight.feed(line)).collect();
    assert!(expected.len() >= 7, "{expected:?}");
    let mut restarted = Bench::new(TABLES);
    let mut out = Vec::new();
    for line in script {
        out.extend(restarted.feed(line));
        restarted.states = stored(&restarted.states);
        restarted.restart();
    }
    assert_eq!(out, expected);
}

#[test]
fn what_is_delivered_again_is_not_applied_again() {
    let mut bench = Bench::new(TABLES);
    bench.play(
        "c s.products id=1 sku=A
         c s.lines id=1 product=1 q=5
         → ordered A@L quantity=5 po_id=PO
         c s.lines id=2 product=2 q=7
         u s.lines id=1 product=1 q=4
         c s.products id=2 sku=B
         → ordered B@L quantity=7 po_id=PO",
    );
    bench.states = stored(&bench.states);
    bench.restart();
    bench.play(
        "c s.lines id=1 product=1 q=5 @1
         → duplicate
         c s.lines id=2 product=2 q=7 @2
         → duplicate
         u s.lines id=1 product=1 q=6
         → ordered A@L quantity=2 po_id=PO",
    );
}

#[test]
fn nothing_that_waits_is_lost_in_a_restart() {
    let mut bench = Bench::new(TABLES);
    for id in 1..=3 {
        bench.feed(&format!("c s.lines id={id} product={id} q={id}"));
    }
    bench.feed("c s.products id=1 sku=A");
    bench.states = stored(&bench.states);
    bench.restart();
    bench.feed("c s.lines id=4 product=4 q=4");
    for (id, sku) in [(4, "D"), (3, "C"), (2, "B")] {
        let out = bench.feed(&format!("c s.products id={id} sku={sku}"));
        assert_eq!(out, [format!("ordered {sku}@L quantity={id} po_id=PO")]);
    }
}

#[test]
fn waiting_takes_no_more_keys_than_may_wait() {
    let mut bench = Bench::new(TABLES);
    bench.feed("c s.products id=0 sku=Z");
    for round in 1..50 {
        bench.feed(&format!("c s.lines id=9 product={round} q={round}"));
        bench.feed(&format!("c s.products id={round} sku=A{round}"));
    }
    let keys: Vec<_> =
        bench.states.ids().map(|id| String::from_utf8_lossy(bench.states.key(id)).into_owned()).collect();
    assert_eq!(keys.iter().filter(|key| key.starts_with("parked|")).count(), 1, "{keys:?}");
}

#[test]
fn deleted_rows_are_forgotten_in_the_end() {
    let mut bench = Bench::new(TABLES);
    for id in 0..10_003 {
        bench.feed(&format!("c s.products id={id} sku=A"));
        bench.feed(&format!("d s.products id={id}"));
    }
    let images = bench.states.iter().filter(|(_, _, row)| matches!(row, WmsRow::Image(_))).count();
    assert_eq!(images, 10_000);
    // One that came back stays.
    bench.feed("c s.products id=10002 sku=B");
    for id in 20_000..30_001 {
        bench.feed(&format!("c s.products id={id} sku=A"));
        bench.feed(&format!("d s.products id={id}"));
    }
    assert_eq!(bench.feed("c s.lines id=1 product=10002 q=5"), ["ordered B@L quantity=5 po_id=PO"]);
}

#[test]
fn a_mapping_that_wants_more_does_not_invent_movements() {
    let mut bench = Bench::new(TABLES);
    bench.feed_all("c s.products id=1 sku=A name=Tea\n c s.lines id=1 product=1 q=5 r=3");
    let more = TABLES.replace("{ value: PO }", "{ lookup: s.products, by: product, column: name }")
        + "      - { on: update, change: received, sku: { value: A }, location: { value: L }, quantity: { increase_of: r } }\n";
    let mut after = Bench::of(mapping(&with_tables(&more)));
    after.states = stored(&bench.states);
    after.offset = bench.offset;
    after.restart();
    // `r` was no figure before: its first sight is no movement. `name` was not remembered.
    assert_eq!(after.feed("u s.lines id=1 product=1 q=5 r=4"), [""; 0]);
    assert_eq!(after.feed("u s.lines id=1 product=1 q=5 r=6"), ["received A@L quantity=2"]);
    assert_eq!(after.feed("u s.lines id=1 product=1 q=6 r=6"), [""; 0]);
    let late = after.feed("c s.products id=5 sku=X name=Y +700s");
    assert!(late[0].contains("looks up `name` of row 1 of table s.products, which was not remembered"), "{late:?}");
}
