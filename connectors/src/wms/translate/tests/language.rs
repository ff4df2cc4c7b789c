//! Each part of the language by example.

use super::bench::{Bench, START_MS};
use crate::wms::translate::Translated;

const LEDGER: &str = "
  public.products: { catalog: { sku: sku, name: name } }
  public.locations: { location: { location: code } }
  public.stock_ledger:
    events:
      - when: { movement_type: [SALE, POS] }
        change: sold
        sku: { lookup: public.products, by: product_id, column: sku }
        location: { lookup: public.locations, by: location_id, column: code }
        quantity: { column: quantity, negate: true }
        order_id: reference
      - when: { movement_type: ADJ }
        change: adjusted
        sku: { lookup: public.products, by: product_id, column: sku }
        location: { lookup: public.locations, by: location_id, column: code }
        quantity: quantity
";

#[test]
fn a_movement_ledger_becomes_movements() {
    Bench::new(LEDGER).play(
        "c public.products id=1 sku=A name=Apple
         → item A name=Apple
         c public.locations id=7 code=BER
         → place BER
         c public.stock_ledger id=1 product_id=1 location_id=7 movement_type=SALE quantity=-2.5 reference=SO-1
         → sold A@BER quantity=2.5 order_id=SO-1
         c public.stock_ledger id=2 product_id=1 location_id=7 movement_type=ADJ quantity=-3 reference=null
         → adjusted A@BER quantity=-3
         c public.stock_ledger id=3 product_id=1 location_id=7 movement_type=MOVE quantity=-3 reference=null
         c public.audit id=1
         → filtered",
    );
}

#[test]
fn of_a_record_that_is_refused_nothing_counts() {
    let tables = "
  s.t:
    catalog: { sku: sku }
    events:
      - { change: transferred_out, sku: sku, location: a, quantity: q }
      - { change: transferred_in, sku: sku, location: b, quantity: q }
";
    Bench::new(tables).play(
        "c s.t id=1 sku=A a=BER b=HAM q=2
         → item A
         → transferred_out A@BER quantity=2
         → transferred_in A@HAM quantity=2
         c s.t id=2 sku=A a=BER b=null q=2
         → rejected missing_field: table s.t, events[1]: `location` is missing: its column is null or empty; exclude such rows with `when`",
    );
}

#[test]
fn an_event_says_where_it_came_from() {
    let mut bench = Bench::new("  s.t: { events: [{ change: adjusted, sku: sku, location: loc, quantity: qty }] }");
    let (out, _) = bench.give("c s.t id=5|x sku=A loc=L qty=1");
    let [Translated::Event(event)] = &out[..] else { panic!("{out:?}") };
    assert_eq!(event.event_id, "wms:0/0:s.t:5\\|x:0");
    assert_eq!(event.occurred_at.millis(), START_MS);
    let source = event.source.as_ref().unwrap();
    assert_eq!((&*source.source, source.partition, &*source.position), ("wms", 3, "0/0"));
    assert_eq!(source.time.millis(), START_MS);
}

#[test]
fn rows_of_a_snapshot_are_a_baseline_and_never_movements() {
    Bench::new(
        "
  s.balances:
    events:
      - { on: snapshot, change: balance_observed, sku: sku, location: loc, on_hand: qty }
      - { on: update, change: received, sku: sku, location: loc, quantity: { increase_of: qty } }
      - { on: update, change: sold, sku: sku, location: loc, quantity: { decrease_of: qty } }
  s.ledger:
    events:
      - { on: [create, update], change: sold, sku: sku, location: loc, quantity: qty }",
    )
    .play(
        "r s.balances id=1 sku=A loc=L qty=100
         → balance_observed A@L on_hand=100
         r s.ledger id=1 sku=A loc=L qty=5
         u s.balances id=1 sku=A loc=L qty=97
         → sold A@L quantity=3
         u s.balances id=1 sku=A loc=L qty=97
         u s.balances id=1 sku=A loc=L qty=120.5
         → received A@L quantity=23.5",
    );
}

#[test]
fn a_snapshot_of_open_orders_orders_what_is_not_known_yet() {
    Bench::new(
        "
  s.lines:
    events:
      - on: [snapshot, create, update]
        change: ordered
        sku: sku
        location: loc
        po_id: po
        quantity: { increase_of: { sum: [ordered, { column: received, negate: true }], only_when: { status: [OPEN, PARTIAL] } } }
      - on: [update, delete]
        change: order_cancelled
        sku: sku
        location: loc
        po_id: po
        quantity: { decrease_of: { sum: [ordered, { column: received, negate: true }], only_when: { status: [OPEN, PARTIAL] } } }",
    )
    .play(
        "r s.lines id=1 sku=A loc=L po=P ordered=10 received=4 status=PARTIAL
         → ordered A@L quantity=6 po_id=P
         r s.lines id=1 sku=A loc=L po=P ordered=12 received=4 status=PARTIAL
         → ordered A@L quantity=2 po_id=P
         u s.lines id=1 sku=A loc=L po=P ordered=9 received=4 status=PARTIAL
         → order_cancelled A@L quantity=3 po_id=P
         u s.lines id=1 sku=A loc=L po=P ordered=9 received=4 status=CLOSED
         → order_cancelled A@L quantity=5 po_id=P
         c s.lines id=2 sku=B loc=L po=P ordered=7 received=0 status=OPEN
         → ordered B@L quantity=7 po_id=P
         d s.lines id=2
         → order_cancelled B@L quantity=7 po_id=P",
    );
}

#[test]
fn quantities_are_converted_exactly() {
    Bench::new(
        "
  s.items: { catalog: { sku: sku, pack_size: per_case } }
  s.moves:
    events:
      - when: { unit: g }
        change: received
        sku: { lookup: s.items, by: item, column: sku }
        location: { value: HUB }
        quantity: { column: qty, times: \"0.001\" }
      - when: { unit: case }
        change: received
        sku: { lookup: s.items, by: item, column: sku }
        location: { value: HUB }
        quantity: { column: qty, absolute: true, times: { lookup: s.items, by: item, column: per_case } }
      - when: { unit: third }
        change: received
        sku: { value: X }
        location: { value: HUB }
        quantity: { column: qty, round: true }",
    )
    .play(
        "c s.items id=1 sku=A per_case=12
         → item A pack_size=12
         c s.moves id=1 item=1 unit=g qty=1250
         → received A@HUB quantity=1.25
         c s.moves id=2 item=1 unit=case qty=-3
         → received A@HUB quantity=36
         c s.moves id=3 item=1 unit=g qty=0.5
         → rejected invalid_quantity: table s.moves, events[0]: `quantity` would be 0.0005: more than 3 decimals; `round: true` rounds, `times` converts
         c s.moves id=4 item=1 unit=third qty=0.33333333333
         → received X@HUB quantity=0.333
         c s.moves id=5 item=1 unit=g qty=many
         → rejected invalid_number: table s.moves, column `qty` is \"many\": not a decimal number; bytes of a decimal need `scale` where records carry no schema, or `decimal.handling.mode=string`",
    );
}

#[test]
fn values_come_from_columns_constants_and_candidates() {
    Bench::new(
        "
  s.t:
    events:
      - change: transferred_out
        sku: { first_of: [ean, { join: [family, { value: X }, size], with: \"-\" }] }
        location: { column: store, map: { '1': BER, '2': HAM }, default: OTHER }
        quantity: { column: qty, default: 1 }
        to: { column: target, trim: true }
        document: { value: CONST }",
    )
    .play(
        "c s.t id=1 ean=4006 family=F size=M store=1 qty=2 target='MUC__'
         → transferred_out 4006@BER quantity=2 document=CONST to=MUC
         c s.t id=2 ean=null family=F size=M store=3 qty=null target=null
         → transferred_out F-X-M@OTHER quantity=1 document=CONST
         c s.t id=3 ean=null family=F size=null store=2 qty=2 target=null
         → transferred_out F-X@HAM quantity=2 document=CONST",
    );
}

#[test]
fn a_code_that_no_map_names_is_refused() {
    let tables = "  s.t: { events: [{ change: adjusted, sku: sku, location: { column: l, map: { A: BER, B: HAM } }, quantity: q }] }";
    Bench::new(tables).play(
        "c s.t id=1 sku=A l=C q=1
         → rejected unmapped_value: table s.t: `map` does not name \"C\"; it names A, B: add it, or a `default`",
    );
}

#[test]
fn conditions_are_tested_on_the_row_and_on_what_it_refers_to() {
    let tables = |when: &str| {
        let rule = format!("when: {when}, change: adjusted, sku: sku, location: {{ value: L }}, quantity: q");
        format!("  s.head: {{ catalog: {{ sku: type }} }}\n  s.t: {{ events: [{{ {rule} }}] }}")
    };
    let row = "c s.t id=1 sku=A q=1.00 code=01 flag=true empty=null head=9";
    for (when, applies) in [
        ("{ code: '01' }", true),
        ("{ code: [X, '01'] }", true),
        ("{ code: { not: [X] } }", true),
        ("{ code: { not: ['01'] } }", false),
        ("{ q: 1 }", true),
        ("{ q: { above: 0, below: 1.001 } }", true),
        ("{ q: { above: 1 } }", false),
        ("{ q: { not: { above: 1 } } }", true),
        ("{ flag: true }", true),
        ("{ flag: false }", false),
        ("{ empty: { is_null: true } }", true),
        ("{ code: { is_null: true } }", false),
        ("{ code: { is_null: false } }", true),
        ("{ empty: X }", false),
        ("{ empty: { not: X } }", true),
        ("{ empty: { below: 5 } }", false),
        ("{ head: { lookup: s.head, column: type, is: PO } }", true),
        ("{ head: { lookup: s.head, column: type, not: PO } }", false),
        ("{ empty: { lookup: s.head, column: type, is: PO } }", false),
    ] {
        let mut bench = Bench::new(&tables(when));
        bench.feed("c s.head id=9 type=PO");
        assert_eq!(bench.feed(row).len(), usize::from(applies), "{when}");
    }
}

#[test]
fn numbers_equal_numbers_and_texts_equal_texts() {
    let tables = "  s.t: { events: [{ when: { n: 1, t: '01' }, change: adjusted, sku: sku, location: { value: L }, quantity: n }] }";
    let mut bench = Bench::new(tables);
    assert_eq!(bench.feed("c s.t id=1 sku=A n=1.0 t='01'").len(), 1);
    assert_eq!(bench.feed("c s.t id=2 sku=A n=2 t='01'").len(), 0);
    // The bench writes digits as numbers: 1 is not the text 01.
    assert_eq!(bench.feed("c s.t id=3 sku=A n=1 t='1x'").len(), 0);
}

#[test]
fn lookups_chain_and_nest() {
    let tables = "
  s.suppliers: {}
  s.orders: {}
  s.products: {}
  s.lines:
    events:
      - change: ordered
        sku: { lookup: s.products, by: product, column: sku }
        location: { value: L }
        quantity: qty
        po_id: { lookup: s.orders, by: order, column: number }
        supplier: { lookup: s.orders, by: order, column: { lookup: s.suppliers, by: supplier, column: name } }
        expected_at: { lookup: s.orders, by: order, column: due, time: iso }
      - change: received
        sku: { lookup: s.products, by: product, column: sku }
        location: { value: L }
        quantity: qty
        supplier: { lookup: s.suppliers, by: { lookup: s.orders, by: order, column: supplier }, column: name }
";
    Bench::new(tables).play(
        "c s.suppliers id=3 name=Acme
         c s.products id=1 sku=A
         c s.orders id=2 number=PO-2 supplier=3 due=2026-12-01T00:00:00Z
         c s.lines id=1 product=1 order=2 qty=5
         → ordered A@L quantity=5 po_id=PO-2 supplier=Acme expected_at=2026-12-01T00:00:00Z
         → received A@L quantity=5 supplier=Acme
         c s.lines id=2 product=1 order=null qty=5
         → rejected missing_field: table s.lines, events[0]: `change.po_id` is missing; `ordered` needs it",
    );
}

#[test]
fn items_and_locations_follow_their_rows() {
    Bench::new(
        "
  s.cats: {}
  s.items:
    catalog:
      sku: sku
      name: name
      when: { deleted: false }
      category: { lookup: s.cats, by: cat, column: path }
      unit_cost: cost
      lead_time_days: lead
      shelf_life_days: { column: shelf, default: 30 }
      tags: { split: tags, at: \",\" }
  s.sites:
    location: { location: code, kind: { column: type, map: { S: store, W: warehouse } }, time_zone: zone }",
    )
    .play(
        "c s.cats id=1 path=food/dairy
         c s.items id=1 sku=A name=Milk deleted=false cat=1 cost=0.89 lead=2.5 shelf=9 tags=cold,,white
         → item A name=Milk category=food/dairy unit_cost=0.89 lead_time_days=2.5 shelf_life_days=9 tags=cold+white
         u s.items id=1 sku=A2 name=Milk deleted=false cat=null cost=null lead=null shelf=null tags=null
         → item A gone
         → item A2 name=Milk shelf_life_days=30
         u s.items id=1 sku=A2 name=Milk deleted=true cat=null cost=null lead=null shelf=null tags=null
         → item A2 gone
         u s.items id=1 sku=A2 name=Milk deleted=true cat=null cost=null lead=null shelf=null tags=null
         c s.items id=2 sku=B name=Tea deleted=false cat=1 cost=-1 lead=-1 shelf=1 tags=[\"x\"]
         → rejected invalid_number: table s.items, catalog: `lead_time_days` would be -1: expected a number ≥ 0
         c s.items id=3 sku=C name=Oil deleted=false cat=1 cost=1 lead=1 shelf=1 tags=[\"x\",\"y\"]
         → item C name=Oil category=food/dairy unit_cost=1 lead_time_days=1 shelf_life_days=1 tags=x+y
         d s.items id=3
         → item C gone
         r s.sites id=1 code=BER type=S zone=Europe/Berlin
         → place BER kind=store time_zone=Europe/Berlin
         u s.sites id=1 code=BER type=W zone=Mars/Base
         → rejected invalid_location: table s.sites, location: unknown time zone \"Mars/Base\"; use an IANA name such as \"Europe/London\"
         d s.sites id=1
         → place BER gone",
    );
}

#[test]
fn times_are_the_sources_unless_a_column_says_otherwise() {
    let mut bench = Bench::new(
        "  s.t: { events: [{ change: adjusted, sku: sku, location: { value: L }, quantity: q, occurred_at: { column: at, time: millis, time_zone: Europe/Berlin } }] }",
    );
    let mut at = |line: &str| {
        let (out, _) = bench.give(line);
        let [Translated::Event(event)] = &out[..] else { panic!("{out:?}") };
        event.occurred_at.exact()
    };
    assert_eq!(at("c s.t id=1 sku=A q=1 at=1795262400000"), "2026-11-21T11:00:00Z");
    assert_eq!(at("c s.t id=2 sku=A q=1 at=2026-06-01T12:00:00+00:00"), "2026-06-01T12:00:00Z");
    assert_eq!(at("c s.t id=3 sku=A q=1 at=null"), "2026-11-22T05:54:00.002Z");
}
