//! What is refused, under which class, and what the message says.

use std::collections::BTreeSet;

use schemas::stream::{SourceSilence, StreamRecord};

use super::super::rejection;
use super::*;

struct Case {
    content: Content,
    key: Option<&'static str>,
    value: Option<Vec<u8>>,
    class: &'static str,
    mentions: &'static str,
}

fn case(content: Content, value: impl Into<Vec<u8>>, class: &'static str, mentions: &'static str) -> Case {
    Case { content, key: None, value: Some(value.into()), class, mentions }
}

fn foreign_fingerprint() -> Vec<u8> {
    [&[0xc3, 1][..], &0xdead_beef_u64.to_le_bytes(), b"body"].concat()
}

fn silence() -> Vec<u8> {
    let (source, observed_at) = ("wms".to_owned(), at("2026-11-22T06:00:00Z"));
    let silence = SourceSilence { source, source_partition: 0, last_event_time: None, observed_at };
    let mut value = Vec::new();
    avro::encode_stream(&StreamRecord::Silence(silence), &mut value);
    value
}

const ACTION: &str = r#"{"action_id":"a","alert_id":"0b7f","kind":"snooze","occurred_at":"2026-11-22T06:00:00Z"}"#;

fn cases() -> Vec<Case> {
    use Content::{Actions, Catalog, Locations, StockChanges};
    let sold = |quantity: &str| sale("e", "05:54:00").replace(r#""quantity":1"#, quantity);
    vec![
        case(StockChanges, "sku,quantity", "malformed", "not a JSON object"),
        case(StockChanges, "", "malformed", "empty"),
        case(StockChanges, sold(""), "malformed", "JSON"),
        case(StockChanges, sold(r#""quantity":null"#), "missing_field", "`change.quantity`"),
        case(StockChanges, sold(r#""quantity":-1"#), "invalid_quantity", "`change.quantity`"),
        case(StockChanges, sold(r#""quantity":1e13"#), "invalid_quantity", "magnitude"),
        case(StockChanges, sale("e", "25:00:00"), "invalid_time", "`occurred_at`"),
        case(StockChanges, sale("e", "05:54:00").replace("2026", "1999"), "time_out_of_range", "before the floor"),
        case(
            StockChanges,
            sourced_sale("e", "05:54:00", r#"{"time":"2026-11-20T00:00:00Z"}"#),
            "time_out_of_range",
            "more than a day ahead",
        ),
        case(StockChanges, r#"{"heartbeat":{}}"#, "missing_field", "`heartbeat.time`"),
        case(StockChanges, foreign_fingerprint(), "unknown_schema", "00000000deadbeef"),
        case(StockChanges, foreign_fingerprint(), "unknown_schema", "`quartermaster schema events`"),
        case(StockChanges, [0, 0, 0, 0, 9, 1], "unknown_schema", "registry id 9"),
        case(StockChanges, silence(), "unexpected_record", "a source's silence in input `stock`"),
        case(StockChanges, vec![b' '; rejection::MAX_RECORD_BYTES + 1], "too_large", "900001 bytes"),
        Case { value: None, ..case(StockChanges, "", "null_value", "no value") },
        case(Catalog, r#"{"name":"x"}"#, "missing_field", "`sku`"),
        case(Catalog, r#"{"sku":"S","pack_size":-1}"#, "invalid_quantity", "`pack_size`"),
        Case { key: Some("T"), ..case(Catalog, r#"{"sku":"S"}"#, "wrong_key", "key the record by `sku`") },
        Case { value: None, ..case(Catalog, "", "missing_key", "`sku`") },
        Case { value: None, key: Some(""), ..case(Catalog, "", "missing_key", "`sku`") },
        Case { value: None, key: Some("a\0b"), ..case(Catalog, "", "wrong_key", "no `sku`") },
        case(Locations, r#"{"location":"L","time_zone":"Mars/Olympus"}"#, "invalid_location", "Mars/Olympus"),
        case(Locations, "{}", "missing_field", "`location`"),
        Case { key: Some("M"), ..case(Locations, r#"{"location":"L"}"#, "wrong_key", "`location`") },
        Case { value: None, ..case(Locations, "", "missing_key", "`location`") },
        case(Actions, ACTION, "missing_field", "`scope`"),
        case(Actions, ACTION.replace("snooze", "sneeze"), "malformed", "acknowledge, snooze, escalate, outcome"),
        Case { key: Some("else"), ..case(Actions, with_sku(), "wrong_key", "`alert_id`") },
        Case { value: None, key: Some("0b7f"), ..case(Actions, "", "null_value", "no value") },
        case(Actions, foreign_fingerprint(), "unknown_schema", "`quartermaster schema action`"),
    ]
}

fn with_sku() -> String {
    ACTION.replacen('{', r#"{"sku":"S","#, 1)
}

#[test]
fn each_refusal_has_its_class_and_says_what_to_do() {
    let classes: BTreeSet<&str> = rejection::classes().collect();
    for Case { content, key, value, class, mentions } in cases() {
        let mut bench = Bench::new(input(content));
        let rejection = bench.refused(key, value.as_deref());
        assert_eq!(rejection.class, class, "{}", rejection.message);
        assert!(classes.contains(class), "{class} is not in the closed set");
        assert!(rejection.message.contains(mentions), "{mentions}: {}", rejection.message);
        assert!(rejection.message.len() < 600, "{} bytes", rejection.message.len());
    }
}

#[test]
fn a_refused_record_does_not_stop_the_next_one_nor_move_the_clock() {
    let mut bench = Bench::new(input(Content::StockChanges));
    bench.line(&sale("e1", "05:54:00"));
    let far = sale("e2", "05:54:00").replace("2026", "2036");
    assert_eq!(bench.refused(None, Some(far.as_bytes())).class, "time_out_of_range");
    let written = bench.line(&sale("e3", "05:54:02"));
    assert_eq!(watermarks(&written)[0].2, at("2026-11-22T05:54:02Z"));
    assert_eq!(events(&written[3..]), ["e3"]);
}

#[test]
fn as_many_sources_as_records_are_refused() {
    let mut bench = Bench::new(input(Content::StockChanges));
    let line = |n: usize| sourced_sale("e", "05:54:00", &format!(r#"{{"name":"order-{n}"}}"#));
    for n in 0..super::super::sources::MAX_SOURCES {
        bench.line(&line(n));
    }
    assert_eq!(bench.refused(None, Some(line(100_000).as_bytes())).class, "too_many_sources");
    bench.line(&line(0));
}
