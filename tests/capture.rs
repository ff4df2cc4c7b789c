//! What Debezium writes about the reference WMS: PostgreSQL, Kafka Connect and Kafka alone, nothing
//! of the product. The records are kept in connectors/tests/data/debezium/, where the decoder is
//! tested on them; `QM_WRITE_CAPTURED=1` writes them anew.
#![allow(clippy::print_stdout, reason = "what was captured is for whoever runs the test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;
use support::client::{self, Seen};
use support::deployment::Topics;
use support::service::eventually;
use test_kafka::{Kafka, Options};
use test_wms::{Chain, Client, TOPIC};

/// Connectors that say the same differently: name, file, settings.
const FORMS: [(&str, &[(&str, &str)]); 4] = [
    ("json", &[]),
    (
        "json-with-schema",
        &[
            ("value.converter.schemas.enable", "true"),
            ("key.converter.schemas.enable", "true"),
            ("decimal.handling.mode", "precise"),
            ("provide.transaction.metadata", "true"),
            ("tombstones.on.delete", "true"),
        ],
    ),
    (
        "flattened",
        &[
            ("transforms", "route,flat"),
            ("transforms.flat.type", "io.debezium.transforms.ExtractNewRecordState"),
            ("transforms.flat.delete.tombstone.handling.mode", "rewrite"),
            (
                "transforms.flat.add.fields",
                "op,table,schema,lsn,txId,source.ts_ms,source.sequence,source.snapshot,source.name",
            ),
            ("decimal.handling.mode", "double"),
        ],
    ),
    (
        "by-logical-table",
        &[
            ("transforms.route.type", "io.debezium.transforms.ByLogicalTableRouter"),
            ("transforms.route.regex", ""),
            ("transforms.route.replacement", ""),
            ("transforms.route.topic.regex", "wms-by-logical-table\\..*"),
            ("transforms.route.key.enforce.uniqueness", "false"),
            ("decimal.handling.mode", "precise"),
            ("provide.transaction.metadata", "true"),
            ("tombstones.on.delete", "true"),
            ("time.precision.mode", "isostring"),
            ("extended.headers.enabled", "true"),
        ],
    ),
];

const SEED: &str = "
INSERT INTO categories (id, name, path) VALUES (1, 'food', 'food'), (2, 'dairy', 'food/dairy');
INSERT INTO suppliers (id, code, name, lead_time_days) VALUES (1, 'SUP-1', 'Northern Dairies', 2.5);
INSERT INTO products (id, sku, name, category_id, supplier_id, cost, price, lead_time_days, shelf_life_days, tags)
    VALUES (1, 'MILK-1L', 'Milk 1 l – 牛奶', 2, 1, 0.61, 1.19, 2.5, 9, 'chilled,daily');
INSERT INTO locations (id, code, name, type, zone, region)
    VALUES (1, 'STORE-1', 'High Street', 'S', 'Europe/Berlin', 'north'), (2, 'DC-1', 'Depot', 'W', 'UTC', NULL);
INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity) VALUES (1, 1, 'ADJUST', 40), (1, 2, 'ADJUST', 1234.567);
";

/// One statement is one transaction. What happens after the snapshot.
const CHANGES: [&str; 16] = [
    "BEGIN; INSERT INTO sales_orders (id, number, customer) VALUES (1001, 'SO-1', 'C-9');
     INSERT INTO sales_order_lines VALUES (1001, 1, 1, 3, 1.19);
     INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity, reference, unit_price) VALUES (1, 1, 'SALE', -3, 'SO-1', 1.19);
     COMMIT",
    "INSERT INTO reservations (id, order_id, product_id, location_id, quantity) VALUES (1, 1001, 1, 1, 2.5)",
    "UPDATE reservations SET status = 'CANCELLED' WHERE id = 1",
    "DELETE FROM reservations WHERE id = 1",
    "BEGIN; INSERT INTO purchase_orders (id, number, supplier_id, location_id, expected_at) VALUES (1, 'PO-1', 1, 1, '2026-12-01 08:00:00.123456+01');
     INSERT INTO purchase_order_lines (order_id, line_no, product_id, quantity, status) VALUES (1, 1, 1, 24, 'OPEN');
     COMMIT",
    "UPDATE purchase_order_lines SET line_no = 10 WHERE order_id = 1 AND line_no = 1",
    "BEGIN; INSERT INTO lots (id, product_id, number, expires_on) VALUES (1, 1, 'L-77', '2026-12-10');
     INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity, reference, lot_id) VALUES (1, 1, 'RECEIPT', 24, 'PO-1', 1);
     UPDATE purchase_order_lines SET received = 24, status = 'CLOSED' WHERE order_id = 1 AND line_no = 10;
     COMMIT",
    "UPDATE products SET description = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i) WHERE id = 1",
    "UPDATE products SET price = 1.29 WHERE id = 1",
    "SELECT pg_logical_emit_message(true, 'night', 'the shop is closed')",
    "ALTER TABLE products ADD COLUMN color text",
    "UPDATE products SET color = 'white' WHERE id = 1",
    "BEGIN; INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity) VALUES (1, 1, 'ADJUST', 99); ROLLBACK",
    "INSERT INTO lots (id, product_id, number) VALUES (2, 1, 'L-78')",
    "DELETE FROM lots WHERE id = 2",
    "TRUNCATE count_lines",
];

#[test]
fn debezium_writes_every_kind_of_record_into_one_topic() {
    let kafka = Kafka::start(Options::default());
    let chain = Chain::start(kafka.bootstrap());
    let mut database = chain.database.connect().unwrap();
    database.batch_execute(SEED).unwrap();
    let topics = Topics::of(kafka.bootstrap());
    for (form, settings) in FORMS {
        topics.create(&topic_of(form), 1, "delete");
        start(&chain, form, settings);
        eventually("the snapshot is done", || (read(&kafka, form).len() >= 9).then_some(()));
    }
    for change in CHANGES {
        database.batch_execute(change).unwrap();
    }
    for (form, _) in FORMS {
        let records = complete(&chain, &kafka, form, &mut database);
        if form != "flattened" {
            has_every_kind(form, &records);
        }
        keep(form, &records);
    }
}

fn topic_of(form: &str) -> String {
    if form == "json" { TOPIC.to_owned() } else { format!("wms-{form}.changes") }
}

fn connector_of(form: &str) -> String {
    if form == "json" { "wms".to_owned() } else { format!("wms-{form}") }
}

/// A slot and a prefix of its own.
fn start(chain: &Chain, form: &str, settings: &[(&str, &str)]) {
    if form == "json" {
        return chain.capture();
    }
    let (prefix, slot, topic) = (format!("wms-{form}"), form.replace('-', "_"), topic_of(form));
    let regex = format!("(__debezium-heartbeat\\.)?{prefix}(\\..*)?");
    let mut all = vec![
        ("topic.prefix", prefix.as_str()),
        ("slot.name", &slot),
        ("transforms.route.regex", &regex),
        ("transforms.route.replacement", &topic),
        ("transforms.route.topic.replacement", &topic),
    ];
    all.extend_from_slice(settings);
    chain.capture_as(&prefix, &all);
}

fn read(kafka: &Kafka, form: &str) -> Vec<Seen> {
    client::read(kafka.bootstrap(), &topic_of(form), &BTreeMap::new())
}

/// Everything up to a row that is written now.
fn complete(chain: &Chain, kafka: &Kafka, form: &str, database: &mut Client) -> Vec<Seen> {
    let number = format!("SO-{form}");
    database.execute("INSERT INTO sales_orders (number) VALUES ($1)", &[&number]).unwrap();
    eventually("the last change is there", || {
        let records = read(kafka, form);
        let last = |seen: &Seen| String::from_utf8_lossy(seen.value.as_deref().unwrap_or_default()).contains(&number);
        let status = chain.connect.status(&connector_of(form)).unwrap();
        assert!(!status.contains("FAILED"), "{status}");
        records.iter().any(last).then_some(records)
    })
}

fn parsed(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, |bytes| {
        serde_json::from_slice(bytes).unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(bytes)))
    })
}

fn has_every_kind(form: &str, records: &[Seen]) {
    let mut kinds = BTreeSet::new();
    for record in records {
        let value = parsed(record.value.as_deref());
        let payload = if value["payload"].is_object() { &value["payload"] } else { &value };
        let op = payload["op"].as_str().or(payload["status"].as_str());
        kinds.insert(op.unwrap_or(if value.is_null() { "tombstone" } else { "heartbeat" }).to_owned());
        for header in record.headers.keys() {
            kinds.insert(header.clone());
        }
    }
    for kind in ["c", "u", "d", "r", "t", "m", "__debezium.newkey", "__debezium.oldkey"] {
        let routed = form != "by-logical-table" || kind != "m";
        assert!(!routed || kinds.contains(kind), "{form} has no {kind}: {kinds:?}");
    }
    if form == "json" {
        assert!(kinds.contains("heartbeat"), "{kinds:?}");
    }
    println!("{form}: {kinds:?}");
}

/// One line for each record: key, value, headers.
fn keep(form: &str, records: &[Seen]) {
    if std::env::var_os("QM_WRITE_CAPTURED").is_none() {
        return;
    }
    let text = |bytes: Option<&[u8]>| bytes.map_or("null".to_owned(), |b| String::from_utf8(b.to_vec()).unwrap());
    let mut lines = String::new();
    for record in records {
        let headers: Vec<String> =
            record.headers.iter().map(|(name, value)| format!("\"{name}\":{}", text(Some(value)))).collect();
        let (key, value) = (text(record.key.as_deref()), text(record.value.as_deref()));
        writeln!(lines, "{{\"key\":{key},\"value\":{value},\"headers\":{{{}}}}}", headers.join(",")).unwrap();
    }
    let folder = format!("{}/connectors/tests/data/debezium", env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(format!("{folder}/postgres-{form}.jsonl"), lines).unwrap();
}
