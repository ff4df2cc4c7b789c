//! Rows flattened by `ExtractNewRecordState`.

use super::*;
use crate::wms::row::{Mark, Operation, Snapshot};

const FLAT: &str = r#"{"id":1,"sku":"A-1","quantity":"2.5","__op":"c","__table":"stock_ledger","__schema":"public","__db":"warehouse","__lsn":34344440,"__txId":771,"__source_sequence":"[\"34343712\",\"34344440\"]","__source_ts_ms":1764137640125,"__source_snapshot":"false","__ts_ms":1764137640999,"__source_name":"wms","__deleted":"false"}"#;

#[test]
fn fields_the_transform_added_are_the_source() {
    let record = Raw::value(FLAT).key(r#"{"id":1}"#);
    let change = record.change();
    assert_eq!((change.operation, &*change.table), (Operation::Create, "public.stock_ledger"));
    assert_eq!(shown(change.after.as_ref().unwrap()), ["id=1", "sku=\"A-1\"", "quantity=\"2.5\""]);
    assert_eq!((change.before, shown(&change.key)), (None, vec!["id=1".to_owned()]));
    assert_eq!(change.source.name.as_deref(), Some("wms"));
    assert_eq!(change.source.time, Some(at("2025-11-26T06:14:00.125Z")), "not when the connector read it");
    let mark =
        Mark { unit: "771".into(), place: (34_344_440, 0), after_commit: Some(34_343_712), text: "34344440".into() };
    assert_eq!(change.source.mark, Some(mark));
}

#[test]
fn the_time_of_reading_is_not_the_clock_of_the_source() {
    let record = Raw::value(FLAT.replace("__source_ts_ms", "__ts_us"));
    assert_eq!(record.change().source.time, None);
}

#[test]
fn headers_say_the_same() {
    for quote in ["", "\""] {
        let text = |text: &str| format!("{quote}{text}{quote}");
        let record = Raw::value(r#"{"id":1,"sku":"A-1"}"#)
            .header("__op", &text("u"))
            .header("__source.table", &text("stock"))
            .header("__source_db", &text("warehouse"))
            .header("__source_file", &text("mysql-bin.000003"))
            .header("__source_pos", "484")
            .header("__source_row", "0")
            .header("__source_ts_ms", r#"{"schema":{"type":"int64","optional":true},"payload":1764137640125}"#)
            .header("__other", "{not json");
        let change = record.change();
        assert_eq!((change.operation, &*change.table), (Operation::Update, "warehouse.stock"));
        assert_eq!(change.source.time, Some(at("2025-11-26T06:14:00.125Z")));
        assert_eq!(change.source.mark.unwrap().text, "mysql-bin.000003:484:0");
    }
}

#[test]
fn deletes_of_every_handling() {
    let rewritten = Raw::value(
        FLAT.replace("\"__deleted\":\"false\"", "\"__deleted\":\"true\"").replace("\"__op\":\"c\"", "\"__op\":\"d\""),
    );
    let change = rewritten.change();
    assert_eq!((change.operation, change.after), (Operation::Delete, None));
    assert_eq!(shown(&change.before.unwrap()), ["id=1", "sku=\"A-1\"", "quantity=\"2.5\""]);
    let without_op = Raw::value(r#"{"id":1,"__table":"a","__schema":"public","__deleted":true}"#);
    assert_eq!(without_op.change().operation, Operation::Delete);
    let tombstone =
        Raw::default().key(r#"{"id":1}"#).header("__op", "d").header("__table", "stock").header("__schema", "public");
    let change = tombstone.change();
    assert_eq!(
        (change.operation, &*change.table, shown(&change.key)),
        (Operation::Delete, "public.stock", vec!["id=1".to_owned()])
    );
    assert_eq!((change.before, change.after), (None, None));
    let follower = Raw::default().key(r#"{"id":1}"#).header("__op", "c").header("trace", "d");
    assert_eq!(follower.decode(), Ok(Record::Nothing));
}

#[test]
fn snapshots_stay_snapshots() {
    let read = Raw::value(
        FLAT.replace("\"__op\":\"c\"", "\"__op\":\"r\"").replace("snapshot\":\"false\"", "snapshot\":\"last\""),
    );
    let change = read.change();
    assert_eq!(
        (change.operation, change.source.snapshot, change.source.mark),
        (Operation::Snapshot, Snapshot::Last, None)
    );
    let older = Raw::value(FLAT.replace("snapshot\":\"false\"", "snapshot\":true"));
    assert_eq!(older.change().operation, Operation::Snapshot);
}

#[test]
fn columns_that_look_like_something_else_stay_columns() {
    for row in [
        r#"{"source":"web","op":"PICK","id":1,"__op":"c","__table":"moves","__schema":"public"}"#,
        r#"{"op":"PICK","source":null,"id":1,"__op":"c","__table":"moves","__schema":"public"}"#,
        r#"{"ts_ms":1,"id":1,"__op":"c","__table":"moves","__schema":"public"}"#,
        r#"{"before":1,"after":[2],"__op":"c","__table":"moves","__schema":"public"}"#,
        r#"{"schema":"x","payload":"y","__op":"c","__table":"moves","__schema":"public"}"#,
        r#"{"status":"BEGIN","id":1,"__op":"c","__table":"moves","__schema":"public"}"#,
        r#"{"__typename":"x","id":1,"__op":"c","__table":"moves","__schema":"public"}"#,
    ] {
        let record = Raw::value(row);
        let change = record.change();
        assert_eq!((change.operation, &*change.table), (Operation::Create, "public.moves"), "{row}");
        let names = serde_json::from_str::<serde_json::Value>(row).unwrap().as_object().unwrap().len() - 3;
        assert_eq!(change.after.unwrap().0.len(), names, "{row}");
    }
}

#[test]
fn a_flat_record_that_does_not_say_enough_says_what_to_set() {
    let (class, message) = Raw::value(r#"{"id":1,"__table":"a","__schema":"public"}"#).refused();
    assert_eq!(class, DecodeError::MISSING_FIELD);
    assert!(message.contains("`__op` is missing") && message.contains("add.fields"), "{message}");
    for row in [r#"{"id":1,"__op":"c"}"#, r#"{"id":1,"__op":"c","__table":"a"}"#] {
        let (class, message) = Raw::value(row).refused();
        assert_eq!(class, DecodeError::MISSING_FIELD);
        assert!(message.contains("add.fields=table,schema"), "{message}");
        let raw = Raw::value(row);
        let defaults = Defaults { table: Some("public.stock") };
        match decode(&raw.raw(), &mut SchemaCache::default(), &defaults) {
            Ok(Record::Change(change)) => assert_eq!(change.table, "public.stock"),
            other => panic!("{other:?}"),
        }
    }
    let (class, message) = Raw::value(r#"{"id":1,"__op":{"a":1}}"#).refused();
    assert_eq!((class, message.contains("`__op` is")), (DecodeError::MALFORMED, true));
    let (class, message) = Raw::value(r#"{"id":1}"#).header("__op", "{").refused();
    assert_eq!((class, message.contains("header `__op`")), (DecodeError::MALFORMED, true));
}
