//! Records that carry their schema.

use super::*;
use crate::wms::row::Operation;

/// The schema of an image, as `JsonConverter` writes it.
fn image(field: &str, columns: &str) -> String {
    format!(r#"{{"type":"struct","fields":[{columns}],"optional":true,"name":"wms.public.a.Value","field":"{field}"}}"#)
}

const COLUMNS: &str = r#"{"type":"int32","optional":false,"default":0,"field":"id"},{"type":"int32","optional":true,"name":"io.debezium.time.Date","version":1,"field":"day"},{"type":"int64","optional":true,"name":"io.debezium.time.Timestamp","version":1,"field":"ms"},{"type":"int64","optional":true,"name":"io.debezium.time.MicroTimestamp","version":1,"field":"us"},{"type":"int64","optional":true,"name":"io.debezium.time.NanoTimestamp","version":1,"field":"ns"},{"type":"string","optional":true,"name":"io.debezium.time.ZonedTimestamp","version":1,"field":"zoned"},{"type":"string","optional":true,"name":"io.debezium.time.IsoTimestamp","version":1,"field":"iso"},{"type":"string","optional":true,"name":"io.debezium.time.IsoDate","version":1,"field":"iso_day"},{"type":"int32","optional":true,"name":"org.apache.kafka.connect.data.Date","version":1,"field":"connect_day"},{"type":"int64","optional":true,"name":"org.apache.kafka.connect.data.Timestamp","version":1,"field":"connect_ms"},{"type":"bytes","optional":false,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"3","connect.decimal.precision":"14"},"field":"amount"},{"type":"struct","fields":[{"type":"int32","optional":false,"field":"scale"},{"type":"bytes","optional":false,"field":"value"}],"optional":true,"name":"io.debezium.data.VariableScaleDecimal","version":1,"doc":"Variable scaled decimal","field":"free"},{"type":"double","optional":true,"field":"weight"},{"type":"float","optional":true,"field":"small"},{"type":"string","optional":true,"name":"io.debezium.data.Json","version":1,"field":"extra"},{"type":"array","items":{"type":"string","optional":true},"optional":true,"field":"tags"},{"type":"boolean","optional":true,"field":"on"}"#;

const ROW: &str = r#"{"id":1,"day":20418,"ms":1764137640123,"us":1764137640123456,"ns":1764137640123456789,"zoned":"2025-11-26T06:14:00.123456Z","iso":"2025-11-26T06:14:00Z","iso_day":"2025-11-26Z","connect_day":20418,"connect_ms":1764137640123,"amount":"CcQ=","free":{"scale":1,"value":"GQ=="},"weight":0.30000000000000004,"small":0.1,"extra":"{\"a\":1}","tags":["x","y"],"on":true}"#;

fn schema(columns: &str) -> String {
    format!(
        r#"{{"type":"struct","fields":[{},{},{{"type":"struct","fields":[],"optional":false,"name":"io.debezium.connector.postgresql.Source","field":"source"}},{{"type":"string","optional":false,"field":"op"}}],"optional":false,"name":"wms.public.a.Envelope","version":2}}"#,
        image("before", columns),
        image("after", columns)
    )
}

fn wrapped(schema: &str, payload: &str) -> String {
    format!(r#"{{"schema":{schema},"payload":{payload}}}"#)
}

fn payload(row: &str) -> String {
    format!(r#"{{"before":null,"after":{row},"source":{{"schema":"public","table":"a","lsn":1,"txId":2}},"op":"c"}}"#)
}

const KINDS: [&str; 17] = [
    "id:=1",
    "day:Days=20418",
    "ms:LocalMillis=1764137640123",
    "us:LocalMicros=1764137640123456",
    "ns:LocalNanos=1764137640123456789",
    "zoned:Zoned=\"2025-11-26T06:14:00.123456Z\"",
    "iso:IsoLocal=\"2025-11-26T06:14:00Z\"",
    "iso_day:IsoLocal=\"2025-11-26Z\"",
    "connect_day:Days=20418",
    "connect_ms:LocalMillis=1764137640123",
    "amount:Decimal { scale: 3 }=\"CcQ=\"",
    "free:=GQ==/1",
    "weight:Float=0.30000000000000004",
    "small:Float=0.1",
    "extra:=\"{\\\"a\\\":1}\"",
    "tags:=json [\"x\",\"y\"]",
    "on:=true",
];

fn after(value: &str, cache: &mut SchemaCache) -> Vec<String> {
    let raw = Raw::value(value);
    match decode(&raw.raw(), cache, &Defaults::default()) {
        Ok(Record::Change(change)) => shown(&change.after.unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_schema_says_what_columns_are() {
    let value = wrapped(&schema(COLUMNS), &payload(ROW));
    let mut cache = SchemaCache::default();
    assert_eq!(after(&value, &mut cache), KINDS, "read");
    assert_eq!(after(&value, &mut cache), KINDS, "recognised");
    assert_eq!(after(&format!("\n{} ", value.replace("\"payload\":", "\"payload\" : ")), &mut cache), KINDS, "spaced");
    let swapped = format!(r#"{{"payload":{},"schema":{}}}"#, payload(ROW), schema(COLUMNS));
    assert_eq!(after(&swapped, &mut cache), KINDS, "in the other order");
    assert_eq!(cache.len(), 1);
}

#[test]
fn flat_rows_and_keys_have_schemas_too() {
    let value = wrapped(
        r#"{"type":"struct","fields":[{"type":"double","optional":true,"field":"q"},{"type":"string","optional":true,"field":"__op"}],"optional":false,"name":"wms.public.a.Value"}"#,
        r#"{"q":0.5,"__op":"c","__table":"a","__schema":"public"}"#,
    );
    let key = wrapped(
        r#"{"type":"struct","fields":[{"type":"int32","name":"io.debezium.time.Date","field":"d"}],"optional":false,"name":"K"}"#,
        r#"{"d":1}"#,
    );
    let raw = Raw::value(value).key(key);
    let mut cache = SchemaCache::default();
    for _ in 0..2 {
        let Ok(Record::Change(change)) = decode(&raw.raw(), &mut cache, &Defaults::default()) else { panic!() };
        assert_eq!(
            (shown(&change.after.unwrap()), shown(&change.key)),
            (vec!["q:Float=0.5".to_owned()], vec!["d:Days=1".to_owned()])
        );
    }
    assert_eq!(cache.len(), 2);
}

#[test]
fn a_schema_that_changes_mid_stream_is_followed() {
    let mut cache = SchemaCache::default();
    let old = r#"{"type":"double","optional":true,"field":"q"}"#;
    let new = r#"{"type":"string","optional":true,"field":"sku"},{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"q"}"#;
    for _ in 0..3 {
        assert_eq!(after(&wrapped(&schema(old), &payload(r#"{"q":1.5}"#)), &mut cache), ["q:Float=1.5"]);
        let row = r#"{"sku":"A","q":"AQ=="}"#;
        assert_eq!(
            after(&wrapped(&schema(new), &payload(row)), &mut cache),
            ["sku:=\"A\"", "q:Decimal { scale: 2 }=\"AQ==\""]
        );
        // In another order, with a column the schema does not know, and without one that it does.
        let row = r#"{"q":"AQ==","more":1}"#;
        assert_eq!(
            after(&wrapped(&schema(new), &payload(row)), &mut cache),
            ["q:Decimal { scale: 2 }=\"AQ==\"", "more:=1"]
        );
    }
}

#[test]
fn a_missing_schema_is_no_schema() {
    let value = wrapped("null", &payload(r#"{"q":1.5}"#));
    assert_eq!(after(&value, &mut SchemaCache::default()), ["q=1.5"]);
    assert_eq!(Raw::value(wrapped("null", "null")).decode(), Ok(Record::Nothing), "a tombstone");
    assert_eq!(Raw::value(wrapped(&schema(COLUMNS), "null")).decode(), Ok(Record::Nothing));
    let scaleless = r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","field":"q"}"#;
    assert_eq!(
        after(&wrapped(&schema(scaleless), &payload(r#"{"q":"AQ=="}"#)), &mut SchemaCache::default()),
        ["q:=\"AQ==\""]
    );
}

#[test]
fn the_answer_does_not_depend_on_what_was_seen_before() {
    let good = wrapped(&schema(COLUMNS), &payload(ROW));
    let mut cache = SchemaCache::default();
    after(&good, &mut cache);
    let flat = format!(
        r#"{{"schema":{},"payload":{},"__op":"c","__table":"a","__schema":"s"}}"#,
        schema(COLUMNS),
        payload(ROW)
    );
    let endless = good.strip_suffix('}').unwrap().to_owned();
    for value in [
        flat,
        endless,
        format!("{good}}}"),
        good.replace("\"op\":\"c\"", "\"op\":\"y\""),
        good.replace("},\"payload", "},\"x\":1,\"payload"),
    ] {
        let raw = Raw::value(value);
        let fresh = decode(&raw.raw(), &mut SchemaCache::default(), &Defaults::default());
        assert_eq!(decode(&raw.raw(), &mut cache, &Defaults::default()), fresh);
    }
    let (class, message) = Raw::value(wrapped(r#"{"type":7}"#, &payload(ROW))).refused();
    assert_eq!((class, message.starts_with("the schema of the value")), (DecodeError::MALFORMED, true));
}

#[test]
fn the_cache_is_bounded() {
    let mut cache = SchemaCache::default();
    for n in 0..2_000 {
        let schema = schema(&format!(r#"{{"type":"double","field":"c{n}"}}"#));
        assert_eq!(
            after(&wrapped(&schema, &payload(&format!(r#"{{"c{n}":1}}"#))), &mut cache),
            [format!("c{n}:Float=1")]
        );
    }
    assert_eq!(cache.len(), 256);
    let huge = |n: u32| schema(&format!(r#"{{"type":"double","field":"q","doc":"{n}{}"}}"#, "x".repeat(2 << 20)));
    for n in 0..20 {
        assert_eq!(after(&wrapped(&huge(n), &payload(r#"{"q":1}"#)), &mut cache), ["q:Float=1"]);
    }
    assert!(cache.len() < 8);
}

#[test]
fn an_operation_does_not_need_the_schema() {
    let raw = Raw::value(wrapped(r#"{"type":"struct","fields":[],"optional":false}"#, POSTGRES));
    assert_eq!(raw.change().operation, Operation::Create);
}
