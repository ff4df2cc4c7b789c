//! Rows keep their identity: keys that change, deletes, values that were not sent, tables emptied.

use super::bench::Bench;

const FIGURES: &str = "
  s.t:
    events:
      - { on: [create, update], change: received, sku: sku, location: { value: L }, quantity: { increase_of: q } }
      - { on: [update, delete], change: sold, sku: sku, location: { value: L }, quantity: { decrease_of: q } }
";

#[test]
fn a_row_that_changes_its_key_stays_the_same_row() {
    Bench::new(FIGURES).play(
        "c s.t id=1 sku=A q=10
         → received A@L quantity=10
         d s.t id=1 sku=A q=10 >id=2
         → filtered
         c s.t id=2 sku=A q=7 <id=1
         → sold A@L quantity=3
         u s.t id=2 sku=A q=8
         → received A@L quantity=1
         c s.t id=1 sku=B q=5
         → received B@L quantity=5",
    );
}

#[test]
fn a_deleted_row_is_what_was_remembered_of_it() {
    // With the default replica identity a delete carries the key and made-up defaults.
    Bench::new(FIGURES).play(
        "c s.t id=1 sku=A q=10
         → received A@L quantity=10
         d s.t id=1 sku='' q=0
         → sold A@L quantity=10
         d s.t id=1 sku=A q=0
         c s.t id=1 sku=C q=4
         → received C@L quantity=4",
    );
    Bench::new("  s.t: { events: [{ on: delete, change: scrapped, sku: sku, location: { value: L }, quantity: q }] }").play(
        "d s.t id=1 sku=A q=3
         → scrapped A@L quantity=3
         d s.t id=2
         → rejected missing_column: table s.t, column `sku`: a delete without it, of a row that is not remembered; `REPLICA IDENTITY FULL` sends it",
    );
}

#[test]
fn a_row_never_seen_was_nothing_whatever_its_update_says_it_was() {
    Bench::new(FIGURES).play(
        "u s.t id=1 sku=A q=9 b:q=10 b:id=1
         → received A@L quantity=9
         d s.t id=2 sku=A q=9",
    );
}

#[test]
fn a_row_that_was_refused_makes_good_for_it_later() {
    Bench::new(FIGURES).play(
        "c s.t id=1 sku=null q=10
         → rejected missing_field: table s.t, events[0]: `sku` is missing: its column is null or empty; exclude such rows with `when`
         u s.t id=1 sku=A q=12
         → received A@L quantity=12",
    );
}

#[test]
fn a_value_that_was_not_sent_is_the_one_remembered() {
    Bench::new(
        "
  s.items: { catalog: { sku: sku, name: name } }
  s.moves: { events: [{ change: received, sku: { lookup: s.items, by: item, column: sku }, location: { value: L }, quantity: q }] }",
    )
    .play(
        "c s.items id=1 sku=A name=Tea
         → item A name=Tea
         u s.items id=1 sku=~ name=Chai
         → item A name=Chai
         c s.moves id=1 item=1 q=2
         → received A@L quantity=2
         u s.items id=1 sku=A name=~
         → rejected unavailable_value: table s.items, column `name`: not sent, being large and unchanged, and not remembered; `REPLICA IDENTITY FULL` sends it",
    );
}

#[test]
fn a_column_the_record_lacks_is_named() {
    Bench::new("  s.t: { events: [{ change: sold, sku: sku, location: { column: l, default: L }, quantity: q }] }").play(
        "c s.t id=1 sku=A q=1
         → sold A@L quantity=1
         c s.t id=1 sku=A l=M
         → rejected missing_column: table s.t, column `q`: the record has no such column; correct the mapping, or let the connector capture it",
    );
}

#[test]
fn rows_without_a_key_are_refused_where_they_are_remembered() {
    Bench::new(FIGURES).play(
        "c s.t id=1 sku=A q=10 nokey
         → rejected missing_key: table s.t: the record has no key, and rows of this table are remembered; name the columns that identify a row in `key`",
    );
    let keyed = format!("{}    key: [sku, id]\n", FIGURES.trim_end_matches('\n').to_owned() + "\n");
    Bench::new(&keyed).play(
        "c s.t id=1 sku=A q=10 nokey
         → received A@L quantity=10
         u s.t id=1 sku=A q=11 nokey
         → received A@L quantity=1
         u s.t id=1 sku=B q=11 nokey
         → received B@L quantity=11
         u s.t id=1 sku=null q=11 nokey
         → rejected missing_key: table s.t: `key` is \"sku, id\", which the record does not have",
    );
    Bench::new("  s.t: { events: [{ change: sold, sku: sku, location: { value: L }, quantity: q }] }").play(
        "c s.t id=1 sku=A q=10 nokey
         → sold A@L quantity=10",
    );
}

#[test]
fn a_table_emptied_at_once_is_refused_where_its_rows_are_remembered() {
    Bench::new(FIGURES).play(
        "t s.t
         → rejected table_truncated: table s.t was truncated, and its rows are remembered one by one; delete them instead, or reset the state of this input and take a new snapshot",
    );
    Bench::new("  s.t: { events: [{ change: sold, sku: sku, location: { value: L }, quantity: q }] }").play(
        "t s.t
         → filtered",
    );
}

#[test]
fn what_is_deleted_with_a_row_still_finds_it() {
    Bench::new(
        "
  s.orders: {}
  s.lines:
    events:
      - on: delete
        change: order_cancelled
        sku: sku
        location: { value: L }
        po_id: { lookup: s.orders, by: order, column: number }
        quantity: { decrease_of: q }",
    )
    .play(
        "c s.orders id=1 number=PO
         c s.lines id=1 order=1 sku=A q=5
         d s.orders id=1
         d s.lines id=1
         → order_cancelled A@L quantity=5 po_id=PO",
    );
}
