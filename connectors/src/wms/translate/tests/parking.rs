//! Rows that come before what they refer to.

use super::bench::Bench;

const ORDERS: &str = "
  s.products: { catalog: { sku: sku } }
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

#[test]
fn a_row_waits_for_every_row_it_refers_to() {
    let mut bench = Bench::new(ORDERS);
    bench.play(
        "c s.lines id=1 product=1 order=2 q=5
         c s.lines id=2 product=1 order=2 q=6
         c s.orders id=2 number=PO",
    );
    assert_eq!(bench.translator.parked(), 2);
    bench.play(
        "c s.products id=1 sku=A
         → item A
         → ordered A@L quantity=5 po_id=PO
         → ordered A@L quantity=6 po_id=PO",
    );
    assert_eq!(bench.translator.parked(), 0);
}

#[test]
fn changes_of_one_row_never_overtake_each_other() {
    Bench::new(ORDERS).play(
        "c s.orders id=2 number=PO
         c s.products id=7 sku=B
         → item B
         c s.lines id=1 product=1 order=2 q=5
         u s.lines id=1 product=7 order=2 q=8
         c s.lines id=2 product=7 order=2 q=1
         → ordered B@L quantity=1 po_id=PO
         c s.products id=1 sku=A
         → item A
         → ordered A@L quantity=5 po_id=PO
         → ordered B@L quantity=3 po_id=PO",
    );
}

#[test]
fn a_row_that_changes_its_key_while_it_waits_stays_in_order() {
    Bench::new(ORDERS).play(
        "c s.orders id=2 number=PO
         c s.lines id=1 product=1 order=2 q=5
         d s.lines id=1 >id=9
         → filtered
         c s.lines id=9 product=1 order=2 q=7 <id=1
         u s.lines id=9 product=1 order=2 q=8
         c s.products id=1 sku=A
         → item A
         → ordered A@L quantity=5 po_id=PO
         → ordered A@L quantity=2 po_id=PO
         → ordered A@L quantity=1 po_id=PO",
    );
}

#[test]
fn a_key_that_is_used_again_waits_for_both_its_rows() {
    Bench::new(ORDERS).play(
        "c s.orders id=2 number=PO
         c s.lines id=9 product=5 order=2 q=1
         d s.lines id=9
         c s.lines id=1 product=1 order=2 q=5
         d s.lines id=1 >id=9
         → filtered
         c s.lines id=9 product=1 order=2 q=7 <id=1
         c s.products id=1 sku=A
         → item A
         → ordered A@L quantity=5 po_id=PO
         c s.products id=5 sku=E
         → item E
         → ordered E@L quantity=1 po_id=PO
         → ordered A@L quantity=2 po_id=PO",
    );
}

#[test]
fn what_waits_too_long_is_given_up_by_the_sources_clock() {
    Bench::new(ORDERS).play(
        "c s.orders id=2 number=PO
         c s.lines id=1 product=1 order=2 q=5
         u s.lines id=1 product=1 order=2 q=6 +300s
         c s.orders id=3 number=PO3 +599s
         c s.orders id=4 number=PO4 +601s
         → dead letter of offset 1: unresolved_lookup: row s.lines|1: it looks up row 1 of table s.products, which has not come; let the connector capture s.products and read it once (an incremental snapshot), then replay this record; it has waited 600 s by the source's clock
         c s.products id=1 sku=A +602s
         → item A
         → ordered A@L quantity=6 po_id=PO",
    );
}

#[test]
fn no_more_wait_than_the_mapping_allows() {
    Bench::new(ORDERS).play(
        "c s.lines id=1 product=1 order=2 q=1
         c s.lines id=2 product=1 order=2 q=1
         c s.lines id=3 product=1 order=2 q=1
         c s.lines id=4 product=1 order=2 q=1
         c s.lines id=5 product=1 order=2 q=1
         → rejected unresolved_lookup: row s.lines|5: it looks up row 1 of table s.products, which has not come; let the connector capture s.products and read it once (an incremental snapshot), then replay this record; 4 records wait already (`park: most` is 4)
         u s.lines id=4 product=1 order=2 q=1
         → rejected unresolved_lookup: row s.lines|4: it waits behind an earlier change of its row; 4 records wait already (`park: most` is 4)",
    );
}

#[test]
fn what_is_wrong_after_waiting_is_a_dead_letter_and_holds_nobody_up() {
    Bench::new(ORDERS).play(
        "c s.orders id=2 number=PO
         c s.lines id=1 product=1 order=2 q=many
         → rejected invalid_number: table s.lines, column `q` is \"many\": not a decimal number; bytes of a decimal need `scale` where records carry no schema, or `decimal.handling.mode=string`
         c s.products id=3 sku=null
         → rejected missing_field: table s.products, catalog: `sku` is missing: its column is null or empty; exclude such rows with `when`
         c s.lines id=2 product=3 order=2 q=1
         → rejected missing_field: table s.lines, events[0]: `sku` is missing: its column is null or empty; exclude such rows with `when`
         c s.lines id=3 product=4 order=2 q=1
         u s.lines id=3 product=5 order=2 q=4
         c s.products id=5 sku=E
         → item E
         c s.products id=4 sku=''
         → dead letter of offset 4: missing_field: table s.lines, events[0]: `sku` is missing: its column is null or empty; exclude such rows with `when`
         → ordered E@L quantity=4 po_id=PO
         → rejected missing_field: table s.products, catalog: `sku` is missing: its column is null or empty; exclude such rows with `when`",
    );
}

#[test]
fn a_row_may_wait_for_one_of_its_own_table() {
    Bench::new(
        "  s.cats: { catalog: { sku: id, category: { lookup: s.cats, by: parent, column: name }, name: name } }",
    )
    .play(
        "c s.cats id=3 parent=2 name=Milk
         c s.cats id=2 parent=1 name=Dairy
         c s.cats id=1 parent=null name=Food
         → item 1 name=Food
         → item 2 name=Dairy category=Food
         → item 3 name=Milk category=Dairy",
    );
}
