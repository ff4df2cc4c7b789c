//! Every error of a mapping: its place, its path, its reason.

use crate::wms::mapping::{Connector, Mapping, Routing};

/// `line:column: path: reason` of every error.
fn errors(text: &str) -> Vec<String> {
    let found = Mapping::parse(text, "m.yaml").expect_err("the mapping must be refused");
    found.0.iter().map(|e| e.to_string().strip_prefix("m.yaml:").unwrap().to_owned()).collect()
}

/// Of a mapping with these tables, which begin in line 5.
fn table_errors(tables: &str) -> Vec<String> {
    errors(&format!("version: 1\nid: m\nsource: {{ connector: mysql }}\ntables:\n{tables}"))
}

/// Of one rule for `s.t`, in line 7.
fn rule_error(rule: &str) -> String {
    let mut found = table_errors(&format!("  s.t:\n    events:\n      - {rule}\n"));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// Of one expression as the `sku` of a rule. It begins in column 11.
fn sku_error(expression: &str) -> String {
    let rule = format!("sku: {expression}\n        change: sold\n        location: l\n        quantity: q");
    rule_error(&rule)
}

fn quantity_error(expression: &str) -> String {
    let rule = format!("quantity: {expression}\n        change: sold\n        location: l\n        sku: s");
    rule_error(&rule)
}

#[test]
fn a_mapping_says_what_it_is_for() {
    let text = "version: 1\nid: m\nsource: { connector: postgresql, routing: sku, time_zone: Europe/Berlin }\n\
                park: { most: 5, for: 90s }\ntables:\n  s.t: { catalog: { sku: sku }, key: id }\n";
    let mapping = Mapping::parse(text, "m.yaml").unwrap();
    assert_eq!((mapping.id.as_str(), mapping.connector, mapping.routing), ("m", Connector::Postgresql, Routing::Sku));
    assert_eq!((mapping.park.most, mapping.park.for_ms), (5, 90_000));
    assert_eq!(mapping.tables().collect::<Vec<_>>(), ["s.t"]);
}

#[test]
fn what_is_no_mapping_is_refused() {
    assert_eq!(errors(""), ["1:1: the mapping is empty; it needs at least `version`, `id`, `source` and `tables`"]);
    assert_eq!(errors("- a"), ["1:1: expected a mapping of keys to values, found a list"]);
    assert!(errors("a: [")[0].contains("not valid YAML"), "{:?}", errors("a: ["));
    assert_eq!(
        errors(
            "version: 2\nid: a b\nsource: { connector: oracle, routing: tabel, time_zone: Mars }\npark: { most: -1, for: 10 }\ntables: {}\nx: 1"
        ),
        [
            "1:10: version: `2` is not a whole number from 1 to 1",
            "2:5: id: `a b` is not an identifier; use 1 to 64 of a-z A-Z 0-9 _ - .",
            "3:22: source.connector: `oracle` is not one of postgresql, mysql",
            "3:39: source.routing: `tabel` is not one of database, table, sku (did you mean `table`?)",
            "3:57: source.time_zone: unknown time zone `Mars`; use an IANA name such as Europe/London",
            "4:15: park.most: `-1` is not a whole number from 0 to 1000000",
            "4:24: park.for: `10` is not a duration; write for example 90s, 10m or 2h",
            "5:9: tables: there are no tables; nothing would come of anything: add one",
            "6:1: x: unknown key; the keys here are version, id, description, source, park, tables",
        ]
    );
    assert_eq!(
        errors("id: m"),
        [
            "1:1: `version` is missing; add for example `version: 1`",
            "1:1: `source` is missing; add for example `source: { connector: postgresql }`",
            "1:1: `tables` is missing; add for example `tables: { public.products: { catalog: { sku: sku } } }`",
        ]
    );
}

#[test]
fn tables_are_checked() {
    assert_eq!(
        table_errors(
            "  s.a: { catalog: { sku: a }, evnts: [] }\n  s.a: {}\n  plain: { catalog: { sku: a } }\n  s.unused:\n  s.empty: { events: [] }\n  s.list: []\n"
        ),
        [
            "5:31: tables.s.a.evnts: unknown key (did you mean `events`?); the keys here are key, catalog, location, events, description",
            "6:3: tables.s.a: the key appears twice, first in line 5; keep one",
            "7:10: tables.plain: `plain` is not a table's full name; write public.plain (PostgreSQL) or database.plain (MySQL)",
            "8:11: tables.s.unused: nothing uses this table; give it `catalog`, `location` or `events`, look it up, or remove it",
            "9:22: tables.s.empty.events: there are no rules; add one, or remove the key",
            "10:11: tables.s.list: expected a mapping of keys to values, found a list",
            "10:11: tables.s.list: nothing uses this table; give it `catalog`, `location` or `events`, look it up, or remove it",
        ]
    );
    assert_eq!(
        table_errors("  s.a: { catalog: { name: n, prize: p, when: {} }, location: { location: [a] } }\n"),
        [
            "5:19: tables.s.a.catalog: `sku` is missing; add for example `sku: sku`",
            "5:30: tables.s.a.catalog.prize: unknown key; the keys here are sku, when, name, name_zh, category, supplier, unit_cost, unit_price, lead_time_days, pack_size, minimum_order_quantity, shelf_life_days, tags, superseded_by",
            "5:46: tables.s.a.catalog.when: a condition on nothing; write for example { status: [OPEN] } or remove the key",
            "5:74: tables.s.a.location.location: expected a column or an expression, found a list; several candidates are `{ first_of: […] }`",
        ]
    );
}

#[test]
fn rules_have_what_their_change_needs() {
    assert_eq!(
        table_errors(
            "  s.t:\n    events:\n      - { change: ordered, location: l }\n      - { change: soled, sku: a, location: l }\n      - { change: received, sku: a, location: l, quantity: q, order_id: o, qty: q }\n"
        ),
        [
            "7:9: tables.s.t.events[0]: `quantity` is missing; `ordered` needs it: add for example `quantity: quantity`",
            "7:9: tables.s.t.events[0]: `po_id` is missing; `ordered` needs it: add for example `po_id: po_id`",
            "7:9: tables.s.t.events[0]: `sku` is missing; add for example `sku: sku`",
            "8:19: tables.s.t.events[1].change: unknown change `soled` (did you mean `sold`?); changes: sold, sale_cancelled, returned, received, transferred_in, transferred_out, adjusted, counted, scrapped, reserved, released, ordered, order_cancelled, balance_observed, lot_received",
            "9:63: tables.s.t.events[2].order_id: `received` has no `order_id`; it takes quantity, po_id, supplier",
            "9:76: tables.s.t.events[2].qty: unknown key; the keys here are on, when, change, sku, location, occurred_at, description, quantity, po_id, supplier",
        ]
    );
    assert_eq!(
        rule_error("{ on: [create, snapshot], change: sold, sku: s, location: l, quantity: q }"),
        "7:15: tables.s.t.events[0].on: `sold` is a movement, and a snapshot has none: its rows happened before; take `snapshot` away, or use balance_observed, ordered, reserved"
    );
    assert_eq!(
        rule_error("{ on: [snapshot], change: ordered, sku: s, location: l, po_id: p, quantity: q }"),
        "7:85: tables.s.t.events[0].quantity: a snapshot may be taken again, and `ordered` would count twice; write { increase_of: … }, which counts what is not known yet"
    );
    assert_eq!(
        rule_error("{ on: insert, change: sold, sku: s, location: l, quantity: q }"),
        "7:15: tables.s.t.events[0].on: `insert` is not one of create, update, delete, snapshot"
    );
}

#[test]
fn expressions_are_checked() {
    assert_eq!(
        sku_error("{ colum: a }"),
        "7:14: tables.s.t.events[0].sku: nothing says where the value comes from (did you mean `column`?); write for example `column: …` (value, column, lookup, first_of, join, split, sum, increase_of, decrease_of)"
    );
    assert_eq!(
        sku_error("{ column: a, value: b }"),
        "7:14: tables.s.t.events[0].sku: `value` and `column` both say where the value comes from; keep one"
    );
    assert_eq!(
        sku_error("{ column: a, negate: true }"),
        "7:27: tables.s.t.events[0].sku.negate: does not apply to a text here; remove it, or write it where the column is named"
    );
    assert_eq!(
        sku_error("{ column: a, defualt: x }"),
        "7:27: tables.s.t.events[0].sku.defualt: unknown key (did you mean `default`?); the keys here are column, map, default, trim, scale"
    );
    assert_eq!(
        sku_error("{ first_of: [] }"),
        "7:26: tables.s.t.events[0].sku.first_of: an empty list gives nothing; name a column"
    );
    assert_eq!(
        sku_error("{ split: a, at: ',' }"),
        "7:23: tables.s.t.events[0].sku: `split` does not give a text; use another expression"
    );
    assert_eq!(
        sku_error("{ column: a, map: x }"),
        "7:32: tables.s.t.events[0].sku.map: expected codes and what they mean, for example { S: store, W: warehouse }"
    );
    assert_eq!(
        sku_error("~"),
        "7:14: tables.s.t.events[0].sku: has no value; write the name of a column or remove the key"
    );
}

#[test]
fn numbers_and_times_are_checked() {
    assert_eq!(
        quantity_error("{ column: q, times: 1.2.3 }"),
        "7:39: tables.s.t.events[0].quantity.times: `1.2.3` is not a decimal; write for example \"0.001\", or `{ column: 1.2.3 }` if it is a column"
    );
    assert_eq!(
        quantity_error("{ column: q, default: 1.2345 }"),
        "7:41: tables.s.t.events[0].quantity.default: `1.2345` is not a quantity: more than 3 decimals"
    );
    assert_eq!(
        quantity_error("{ value: x }"),
        "7:28: tables.s.t.events[0].quantity.value: `x` is not a quantity: not a decimal number"
    );
    assert_eq!(
        quantity_error("{ column: q, negate: maybe }"),
        "7:40: tables.s.t.events[0].quantity.negate: `maybe` is not one of true, false"
    );
    assert_eq!(
        rule_error(
            "{ change: ordered, sku: s, location: l, quantity: q, po_id: p, expected_at: { column: a, time: mills } }"
        ),
        "7:104: tables.s.t.events[0].expected_at.time: `mills` is not one of auto, days, seconds, millis, micros, nanos, iso (did you mean `millis`?)"
    );
}

#[test]
fn differences_are_for_quantities_of_the_row_itself() {
    assert_eq!(
        sku_error("{ increase_of: a }"),
        "7:29: tables.s.t.events[0].sku: `increase_of` is only for `quantity` of an event; a difference cannot stand inside another expression"
    );
    assert_eq!(
        quantity_error("{ sum: [a, { decrease_of: b }] }"),
        "7:45: tables.s.t.events[0].quantity.sum[1]: `decrease_of` is only for `quantity` of an event; a difference cannot stand inside another expression"
    );
    assert_eq!(
        quantity_error("{ increase_of: { lookup: s.t, by: a, column: b } }"),
        "7:44: tables.s.t.events[0].quantity.increase_of.lookup: a figure is a figure of the row itself, and cannot look up; remove the lookup"
    );
    assert_eq!(
        quantity_error("{ increase_of: a, decrease_of: a }"),
        "7:19: tables.s.t.events[0].quantity: `increase_of` and `decrease_of` are two rules; keep one of them here"
    );
    assert_eq!(
        quantity_error("{ increase_of: { column: a, only_when: {} } }"),
        "7:58: tables.s.t.events[0].quantity.increase_of.only_when: a condition on nothing; write for example { status: [OPEN] } or remove the key"
    );
}

#[test]
fn lookups_are_checked() {
    assert_eq!(
        table_errors(
            "  public.products: { catalog: { sku: sku } }\n  s.t:\n    events:\n      - { change: sold, sku: { lookup: public.product, by: a, column: sku }, location: l, quantity: q }\n"
        ),
        [
            "8:40: tables.s.t.events[0].sku.lookup: `public.product` is not among `tables` (did you mean `public.products`?); add it there, if only as `public.product: {}`"
        ]
    );
    assert_eq!(
        table_errors(
            "  s.two: { key: [a, b] }\n  s.any: {}\n  s.t:\n    events:\n      - { change: sold, sku: { lookup: s.two, by: a, column: sku }, location: { lookup: s.any, by: [a, b], column: c }, quantity: { lookup: s.two, column: x } }\n"
        ),
        [
            "9:40: tables.s.t.events[0].sku.by: `by` has 1 of the 2 columns of `s.two`'s key: a, b",
            "9:89: tables.s.t.events[0].location.by: several columns identify a row of `s.any`: give it `key: [a, b]`, in this order",
            "9:131: tables.s.t.events[0].quantity: `by` is missing; add for example `by: product_id`",
        ]
    );
    let deep = "{ lookup: s.t, by: a, column: { lookup: s.t, by: b, column: { lookup: s.t, by: c, column: d } } }";
    assert!(sku_error(deep).contains("lookups nest two deep at most"), "{}", sku_error(deep));
}

#[test]
fn lookups_need_an_order_across_tables() {
    for (routing, says) in
        [("table", "gives no order across tables"), ("sku", "spreads the rows of a table over partitions")]
    {
        let found = errors(&format!(
            "version: 1\nid: m\nsource: {{ connector: mysql, routing: {routing} }}\ntables:\n  s.p: {{ catalog: {{ sku: a }}, key: id }}\n  \
             s.t: {{ events: [{{ change: sold, sku: {{ lookup: s.p, by: a, column: b }}, location: l, quantity: q }}] }}\n"
        ));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("6:50: tables.s.t.events[0].sku.lookup: ") && found[0].contains(says),
            "{found:?}"
        );
        assert!(found[0].contains("write `routing: database`"), "{found:?}");
    }
    let keyless = errors(
        "version: 1\nid: m\nsource: { connector: mysql, routing: sku }\ntables:\n  s.p: { catalog: { sku: a } }\n",
    );
    assert_eq!(
        keyless,
        [
            "5:8: tables.s.p: with `routing: sku` the record's key does not identify the row; name the columns that do: `key: [id]`"
        ]
    );
}

#[test]
fn tables_that_wait_for_each_other_are_refused() {
    let table = |name: &str, other: &str| {
        format!("  s.{name}: {{ catalog: {{ sku: sku, name: {{ lookup: s.{other}, by: x, column: y }} }} }}\n")
    };
    let found = table_errors(&format!("{}{}{}", table("a", "b"), table("b", "c"), table("c", "a")));
    assert_eq!(
        found,
        [
            "5:47: tables.s.a.catalog.name.lookup: tables look each other up in a circle, s.a → s.b → s.c → s.a: their rows would wait for each other; drop one of the lookups"
        ]
    );
}

#[test]
fn conditions_are_checked() {
    let when = |when: &str| rule_error(&format!("{{ when: {when}, change: sold, sku: s, location: l, quantity: q }}"));
    let nothing = "a condition on nothing; write a value, a list, or one of is, not, above, below, is_null";
    assert_eq!(when("{ a: {} }"), format!("7:22: tables.s.t.events[0].when.a: {nothing}"));
    assert_eq!(
        when("{ a: ~ }"),
        "7:22: tables.s.t.events[0].when.a: has no value; for rows where the column is null write { is_null: true }"
    );
    assert_eq!(when("{ a: [] }"), "7:22: tables.s.t.events[0].when.a: an empty list matches nothing; name a value");
    assert_eq!(
        when("{ a: { above: x } }"),
        "7:31: tables.s.t.events[0].when.a.above: `x` is not a decimal; write for example 0"
    );
    assert_eq!(
        when("{ a: { abvoe: 1, is: 2 } }"),
        "7:24: tables.s.t.events[0].when.a.abvoe: unknown key (did you mean `above`?); the keys here are is, not, above, below, is_null, scale, lookup, column"
    );
}
