//! Envelopes without a schema, and the records that connectors write beside them.

use super::*;
use crate::wms::row::{Mark, Operation, Renamed, Snapshot};

const AFTER: &str = r#"{"id":90071992547409931,"product_id":7,"location_id":3,"movement_type":"SALE","quantity":"2.500","posted_at":1764137640123456,"reference":"SO-1","note":null}"#;

#[test]
fn a_create_of_postgresql() {
    let record = Raw::value(POSTGRES).key(r#"{"id":90071992547409931}"#);
    let change = record.change();
    assert_eq!(change.operation, Operation::Create);
    assert_eq!(change.table, "public.stock_ledger");
    assert_eq!(shown(&change.key), ["id=90071992547409931"], "digits are never a binary number");
    assert_eq!(change.before, None);
    assert_eq!(
        shown(&change.after.unwrap()),
        [
            "id=90071992547409931",
            "product_id=7",
            "location_id=3",
            "movement_type=\"SALE\"",
            "quantity=\"2.500\"",
            "posted_at=1764137640123456",
            "reference=\"SO-1\"",
            "note=null"
        ]
    );
    assert_eq!(change.renamed, None);
    assert_eq!(change.source.name.as_deref(), Some("wms"));
    assert_eq!(change.source.time, Some(at("2025-11-26T06:14:00.125Z")));
    assert_eq!(change.source.snapshot, Snapshot::No);
    let mark =
        Mark { unit: "771".into(), place: (34_344_440, 0), after_commit: Some(34_343_712), text: "34344440".into() };
    assert_eq!(change.source.mark, Some(mark));
}

#[test]
fn an_update_and_a_delete_carry_the_image_before() {
    let update =
        Raw::value(postgres(&[("\"before\":null", "\"before\":{\"id\":1,\"quantity\":\"3\"}"), ("\"c\"", "\"u\"")]));
    assert_eq!(update.change().operation, Operation::Update);
    assert_eq!(shown(&update.change().before.unwrap()), ["id=1", "quantity=\"3\""]);
    let after = format!("\"after\":{AFTER}");
    let delete = Raw::value(postgres(&[
        ("\"before\":null", "\"before\":{\"id\":1}"),
        (&after, "\"after\":null"),
        ("\"c\"", "\"d\""),
    ]));
    let change = delete.change();
    assert_eq!((change.operation, change.after), (Operation::Delete, None));
    assert_eq!(shown(&change.before.unwrap()), ["id=1"]);
    let truncate = Raw::value(postgres(&[(&after, "\"after\":null"), ("\"c\"", "\"t\"")]));
    assert_eq!(truncate.change().operation, Operation::Truncate);
}

#[test]
fn rows_of_a_snapshot_are_never_changes_and_have_no_place() {
    for (word, snapshot) in [
        ("\"true\"", Snapshot::Yes),
        ("true", Snapshot::Yes),
        ("\"first\"", Snapshot::First),
        ("\"first_in_data_collection\"", Snapshot::Yes),
        ("\"last_in_data_collection\"", Snapshot::Yes),
        ("\"last\"", Snapshot::Last),
        ("\"incremental\"", Snapshot::Incremental),
        ("\"false\"", Snapshot::Yes),
        ("false", Snapshot::Yes),
        ("null", Snapshot::Yes),
    ] {
        let source = format!("\"snapshot\":{word}");
        let record = Raw::value(postgres(&[("\"snapshot\":\"false\"", &source), ("\"op\":\"c\"", "\"op\":\"r\"")]));
        let change = record.change();
        assert_eq!((change.operation, change.source.snapshot), (Operation::Snapshot, snapshot), "{word}");
        assert_eq!(change.source.mark, None);
        assert!(change.after.is_some());
    }
    for (word, operation) in
        [("\"last\"", Operation::Snapshot), ("true", Operation::Snapshot), ("false", Operation::Create)]
    {
        let record = Raw::value(postgres(&[("\"snapshot\":\"false\"", &format!("\"snapshot\":{word}"))]));
        assert_eq!(record.change().operation, operation, "a create of an older connector: {word}");
    }
}

#[test]
fn places_of_mysql() {
    let record = Raw::value(
        r#"{"before":{"sku":"A","on_hand":5},"after":{"sku":"A","on_hand":4},"source":{"version":"3.1.0.Final","connector":"mysql","name":"wms","ts_ms":1764137640000,"snapshot":"false","db":"warehouse","sequence":null,"ts_us":1764137640000000,"ts_ns":1764137640000000000,"table":"stock_balances","server_id":223344,"gtid":"3e11fa47-71ca-11e1-9e33-c80aa9429562:23","file":"mysql-bin.000003","pos":484,"row":2,"thread":7,"query":null},"transaction":null,"op":"u","ts_ms":1764137640477}"#,
    );
    let change = record.change();
    assert_eq!(change.table, "warehouse.stock_balances");
    let mark = Mark {
        unit: "mysql-bin.000003".into(),
        place: (484, 2),
        after_commit: Some(3),
        text: "mysql-bin.000003:484:2".into(),
    };
    assert_eq!(change.source.mark, Some(mark));
}

#[test]
fn what_the_source_does_not_say_is_not_made_up() {
    for (from, to, expected) in [
        (r#"[\"34343712\",\"34344440\"]"#, r#"[null,\"34344440\"]"#, Some(None)),
        (r#""sequence":"[\"34343712\",\"34344440\"]""#, r#""sequence":null"#, Some(None)),
        ("\"txId\":771", "\"txId\":null", None),
        ("\"lsn\":34344440,", "", None),
    ] {
        let record = Raw::value(postgres(&[(from, to)]));
        assert_eq!(record.change().source.mark.map(|mark| mark.after_commit), expected, "{to}");
    }
    let clockless = postgres(&[("\"ts_ms\":1764137640125", "\"ts_ms\":0")]);
    assert_eq!(Raw::value(clockless).change().source.time, None, "the time of reading is not the source's clock");
    let micros = postgres(&[("\"ts_ms\":1764137640125,", "")]);
    assert_eq!(Raw::value(micros).change().source.time, Some(at("2025-11-26T06:14:00.125Z")));
}

#[test]
fn what_says_nothing_about_rows_is_heard_as_the_source_being_alive() {
    let seven = Record::Heartbeat(at("2025-11-26T06:14:00.125Z"));
    for (value, expected) in [
        (r#"{"ts_ms":1764137640125}"#, seven.clone()),
        (
            r#"{"status":"BEGIN","id":"771:34344440","event_count":null,"data_collections":null,"ts_ms":1764137640125}"#,
            seven.clone(),
        ),
        (
            r#"{"status":"END","id":"771","event_count":2,"data_collections":[{"data_collection":"public.a","event_count":2}],"ts_ms":1764137640125}"#,
            seven.clone(),
        ),
        (r#"{"status":"END","id":"771","event_count":2,"data_collections":null}"#, Record::Nothing),
        (
            r#"{"source":{"version":"3.1.0.Final","connector":"mysql","name":"wms","ts_ms":1764137640125,"snapshot":"true","db":"w","file":"f.1","pos":4,"row":0},"ts_ms":1764137640390,"databaseName":"w","schemaName":null,"ddl":"CREATE TABLE `a` (`id` INT)","tableChanges":[{"type":"CREATE","id":"\"w\".\"a\"","table":{"columns":[]}}]}"#,
            Record::Nothing,
        ),
        (
            r#"{"op":"m","ts_ms":1764137640390,"source":{"connector":"postgresql","name":"wms","ts_ms":1764137640125,"snapshot":"false","db":"w","schema":"","table":"","txId":1,"lsn":2},"message":{"prefix":"p","content":"aGk="}}"#,
            seven,
        ),
    ] {
        assert_eq!(Raw::value(value).decode(), Ok(expected), "{value}");
    }
    assert_eq!(Raw::default().key(r#"{"id":1}"#).decode(), Ok(Record::Nothing), "a tombstone");
    assert_eq!(Raw::value("null").key(r#"{"id":1}"#).decode(), Ok(Record::Nothing));
}

#[test]
fn both_halves_of_a_changed_key_know_the_other() {
    let delete = Raw::value(postgres(&[("\"before\":null", "\"before\":{\"id\":1}"), ("\"c\"", "\"d\"")]))
        .key(r#"{"id":1}"#)
        .header("trace", "x")
        .header("__debezium.newkey", r#"{"id":2}"#);
    match delete.change().renamed {
        Some(Renamed::To(key)) => assert_eq!(shown(&key), ["id=2"]),
        other => panic!("{other:?}"),
    }
    let with_schema = r#"{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":false,"name":"wms.public.a.Key"},"payload":{"id":1}}"#;
    let create = Raw::value(POSTGRES).key(r#"{"id":2}"#).header("__debezium.oldkey", with_schema);
    match create.change().renamed {
        Some(Renamed::From(key)) => assert_eq!(shown(&key), ["id:=1"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_routed_topic_names_its_table_in_the_key() {
    let record = Raw::value(POSTGRES).key(r#"{"id":1,"__dbz__physicalTableIdentifier":"wms.public.stock_ledger"}"#);
    assert_eq!(shown(&record.change().key), ["id=1"]);
    let record = Raw::value(r#"{"id":1,"__op":"c"}"#)
        .key(r#"{"id":1,"__dbz__physicalTableIdentifier":"prod.wms.public.stock_ledger"}"#);
    assert_eq!(
        (&*record.change().table, shown(&record.change().key)),
        ("public.stock_ledger", vec!["id=1".to_owned()])
    );
}

#[test]
fn keys_of_every_form() {
    for (key, expected) in [
        ("", vec![]),
        ("null", vec![]),
        ("{}", vec![]),
        ("42", vec!["=42"]),
        ("\"A-1\"", vec!["=\"A-1\""]),
        (r#"{"schema":{"type":"string","optional":false},"payload":"A-1"}"#, vec![":=\"A-1\""]),
        (r#"{"a":"x","b":null}"#, vec!["a=\"x\"", "b=null"]),
    ] {
        assert_eq!(shown(&Raw::value(POSTGRES).key(key).change().key), expected, "{key}");
    }
    let (class, message) = Raw::value(POSTGRES).key("Struct{id=1}").refused();
    assert_eq!(class, DecodeError::MALFORMED);
    assert!(message.starts_with("the key cannot be read") && message.contains("JsonConverter"), "{message}");
}

#[test]
fn values_that_were_not_sent_are_told_from_texts() {
    let forms = [
        r#""__debezium_unavailable_value""#,
        r#""X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==""#,
        r#""5f5f646562657a69756d5f756e617661696c61626c655f76616c7565""#,
        r#"["__debezium_unavailable_value"]"#,
        r#"{"__debezium_unavailable_value":"__debezium_unavailable_value"}"#,
    ];
    for form in forms {
        let record = Raw::value(postgres(&[("\"note\":null", &format!("\"note\":{form}"))]));
        assert_eq!(record.change().after.unwrap().get("note").unwrap().value, Value::Unavailable, "{form}");
    }
}

#[test]
fn texts_lose_their_escapes_and_nothing_else() {
    let record = Raw::value(postgres(&[("\"SO-1\"", r#""手机 \"A\"\n\u00e9""#), ("\"note\"", r#""n\u006fte""#)]));
    let after = record.change().after.unwrap();
    assert_eq!(after.get("reference").unwrap().value, Value::Text("手机 \"A\"\né".into()));
    assert!(after.get("note").is_some());
    let nested = Raw::value(postgres(&[("\"note\":null", r#""note": {"a":[1, 2]} "#)]));
    assert_eq!(nested.change().after.unwrap().get("note").unwrap().value, Value::Json(r#"{"a":[1, 2]}"#.into()));
}

#[test]
fn what_is_no_record_of_a_connector_is_refused_with_the_reason() {
    let source = |to| postgres(&[("\"lsn\":34344440", to)]);
    for (value, class, part) in [
        (String::new(), DecodeError::MALFORMED, "is empty"),
        ("{".to_owned(), DecodeError::MALFORMED, "the value cannot be read"),
        ("[]".to_owned(), DecodeError::MALFORMED, "no JSON object"),
        ("7".to_owned(), DecodeError::MALFORMED, "no JSON object"),
        ("{}".to_owned(), DecodeError::MALFORMED, "no JSON object"),
        (POSTGRES[..POSTGRES.len() - 1].to_owned(), DecodeError::MALFORMED, "EOF"),
        (format!("{POSTGRES}x"), DecodeError::MALFORMED, "trailing characters"),
        (postgres(&[("\"op\":\"c\"", "\"op\":\"x\"")]), DecodeError::UNKNOWN_CHANGE_TYPE, "`op` is \"x\""),
        (postgres(&[("\"op\":\"c\",", "")]), DecodeError::MISSING_FIELD, "`op` is missing"),
        (postgres(&[("\"op\":\"c\"", "\"op\":\"c\",\"op\":\"u\"")]), DecodeError::MALFORMED, "`op` appears twice"),
        (postgres(&[(AFTER, "null")]), DecodeError::MISSING_FIELD, "`after` is missing"),
        (postgres(&[(AFTER, "[1]")]), DecodeError::MALFORMED, "`after` is no object"),
        (postgres(&[("\"table\":\"stock_ledger\",", "")]), DecodeError::MISSING_FIELD, "`table` is missing"),
        (
            postgres(&[("\"snapshot\":\"false\"", "\"snapshot\":\"maybe\"")]),
            DecodeError::MALFORMED,
            "`snapshot` of the source",
        ),
        (postgres(&[("\"ts_ms\":1764137640125", "\"ts_ms\":1.5")]), DecodeError::MALFORMED, "`ts_ms` of the source"),
        (postgres(&[("\"ts_ms\":1764137640125", "\"ts_ms\":999999999999999999")]), DecodeError::INVALID_TIME, "9999"),
        (source("\"lsn\":-1"), DecodeError::MALFORMED, "`lsn` of the source is \"-1\""),
        (source("\"lsn\":{\"a\":1}"), DecodeError::MALFORMED, "`lsn` of the source"),
        (postgres(&[("[\\\"34343712\\\"", "[\\\"x\\\"")]), DecodeError::MALFORMED, "`sequence` of the source"),
        (postgres(&[("\"SO-1\"", "\"\\ud800\"")]), DecodeError::MALFORMED, "`reference` is"),
    ] {
        let (found, message) = Raw::value(value.clone()).refused();
        assert_eq!(found, class, "{value}: {message}");
        assert!(message.contains(part), "{message}");
    }
    let (class, message) = Raw::value(b"{\"a\":\"\xff\"}".to_vec()).refused();
    assert_eq!((class, &*message), (DecodeError::MALFORMED, "the value has invalid UTF-8 at byte 6; expected JSON"));
}

#[test]
fn a_transform_may_put_fields_around_an_envelope() {
    let first = postgres(&[("{\"before\"", "{\"site\":\"B1\",\"before\"")]);
    assert_eq!(Raw::value(first).change().table, "public.stock_ledger");
    let last = postgres(&[("\"transaction\":null", "\"site\":{\"a\":1},\"transaction\":null")]);
    assert_eq!(Raw::value(last).change().table, "public.stock_ledger");
    let spaced = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(POSTGRES).unwrap()).unwrap();
    assert_eq!(Raw::value(format!("\n{spaced}\n")).change().table, "public.stock_ledger");
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for field in ["\"note\":null", "\"transaction\":null"] {
        let name = field.split(':').next().unwrap();
        let record = Raw::value(postgres(&[(field, &format!("{name}:{deep}"))]));
        assert_eq!(record.change().table, "public.stock_ledger");
    }
    assert!(Raw::value(deep).decode().is_err());
}
