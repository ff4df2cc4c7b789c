//! The JSON lines of the command line: what is accepted, what is refused and why.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail their test")]

mod support;

use proptest::prelude::*;
use schemas::canonical::{
    SourceLine, decode_action, decode_catalog_item, decode_event, decode_location, decode_source_line, write_action,
    write_catalog_item, write_event, write_location,
};
use schemas::{DecodeError, Money, Quantity, StockChange, Timestamp};

/// A line whose `change` is given.
fn line(change: &str) -> String {
    format!(
        r#"{{"event_id":"e","sku":"SKU-1","location":"STORE-7","occurred_at":"2026-11-22T05:54:00Z","change":{change}}}"#
    )
}

fn refused(line: &[u8]) -> DecodeError {
    let error = decode_event(line).unwrap_err();
    assert!(DecodeError::CLASSES.contains(&error.class));
    error
}

#[test]
fn the_line_of_the_contract_is_read() {
    let text = r#"{"event_id":"…","sku":"SKU-1","location":"STORE-7","occurred_at":"2026-11-22T05:54:00Z","change":{"type":"sold","quantity":2,"order_id":"…","unit_price":"12.50"}}"#;
    let event = decode_event(text.as_bytes()).unwrap();
    assert_eq!(event.occurred_at, Timestamp::parse("2026-11-22T13:54:00+08:00").unwrap());
    assert_eq!(event.source, None);
    let StockChange::Sold { quantity, unit_price, customer, .. } = event.change else { panic!("{:?}", event.change) };
    assert_eq!((quantity, unit_price, customer), (Quantity::from_units(2), Money::parse("12.5").ok(), None));
}

#[test]
fn texts_are_borrowed_and_unknown_fields_ignored() {
    let text = r#" {"x":[{"y":null}],"event_id":"e","sku":"手机壳","location":"L\u0031","occurred_at":"2026-11-22T05:54:00Z","change":{"type":"adjusted","quantity":"-2.5","why":1e999},"source":{"partition":3,"position":77,"time":"2026-11-22T05:54:01Z"}} "#;
    let event = decode_event(text.as_bytes()).unwrap();
    assert!(matches!(event.sku, std::borrow::Cow::Borrowed("手机壳")));
    assert_eq!(event.location, "L1");
    let source = event.source.unwrap();
    assert_eq!((source.source.as_ref(), source.partition, source.position.as_ref()), ("canonical", 3, "77"));
    assert_eq!(source.time.to_string(), "2026-11-22T05:54:01Z");
    assert!(matches!(event.change, StockChange::Adjusted { quantity, .. } if quantity.thousandths() == -2500));
}

#[test]
fn bad_changes_get_their_class_and_name_the_field() {
    for (change, class, mentions) in [
        (r#"{"type":"stolen","quantity":1}"#, "unknown_change_type", "\"stolen\""),
        (r#"{"quantity":1}"#, "missing_field", "`change.type`"),
        (r#"{"type":"sold"}"#, "missing_field", "`change.quantity`"),
        (r#"{"type":"sold","quantity":null}"#, "missing_field", "`change.quantity`"),
        (r#"{"type":"reserved","quantity":1,"order_id":""}"#, "missing_field", "`change.order_id`"),
        (r#"{"type":"sold","quantity":-1}"#, "invalid_quantity", "`change.quantity`"),
        (r#"{"type":"counted","counted":3,"book":-1}"#, "invalid_quantity", "`change.book`"),
        (r#"{"type":"sold","quantity":1.0001}"#, "invalid_quantity", "more than 3 decimals"),
        (r#"{"type":"sold","quantity":1e13}"#, "invalid_quantity", "magnitude above 1000000000000"),
        (r#"{"type":"sold","quantity":99999999999999999999999}"#, "invalid_quantity", "`change.quantity`"),
        (r#"{"type":"sold","quantity":1e999999}"#, "invalid_quantity", "`change.quantity`"),
        (r#"{"type":"sold","quantity":"NaN"}"#, "invalid_quantity", "\"NaN\""),
        (r#"{"type":"sold","quantity":"Infinity"}"#, "invalid_quantity", "\"Infinity\""),
        (r#"{"type":"sold","quantity":NaN}"#, "malformed", "quantity"),
        (r#"{"type":"sold","quantity":true}"#, "malformed", "`change.quantity` is a boolean"),
        (r#"{"type":"sold","quantity":[1]}"#, "malformed", "`change.quantity` is an array"),
        (r#"{"type":"sold","quantity":1,"unit_price":"12.3456789"}"#, "invalid_money", "`change.unit_price`"),
        (r#"{"type":"sold","quantity":1,"order_id":7}"#, "malformed", "`change.order_id` is a number"),
        (r#"{"type":"sold","quantity":1,"quantity":2}"#, "malformed", "`quantity` appears twice"),
        (r#"{"type":"ordered","quantity":1,"po_id":"p","expected_at":"soon"}"#, "invalid_time", "`change.expected_at`"),
        (
            r#"{"type":"lot_received","quantity":1,"lot":"l","expires_on":"2026-02-30"}"#,
            "invalid_time",
            "`change.expires_on`",
        ),
        (r#"["sold",1]"#, "malformed", "expected an object"),
        (r#""sold""#, "malformed", "expected an object"),
    ] {
        let error = refused(line(change).as_bytes());
        assert_eq!(error.class, class, "{change}: {error}");
        assert!(error.message.contains(mentions), "{change}: {error}");
    }
}

#[test]
fn bad_lines_get_their_class() {
    let good = line(r#"{"type":"sold","quantity":1}"#);
    for (text, class) in [
        (String::new(), "malformed"),
        ("   ".to_owned(), "malformed"),
        ("null".to_owned(), "malformed"),
        ("[]".to_owned(), "malformed"),
        (format!("\"{}\"", "é".repeat(1_000_000)), "malformed"),
        (good.replace(r#""change":{"#, r#""change":{},"change":{"#), "malformed"),
        ("sku,quantity".to_owned(), "malformed"),
        ("{}".to_owned(), "missing_field"),
        (format!("{good}{good}"), "malformed"),
        (good.replace("SKU-1", ""), "missing_field"),
        (good.replace("\"SKU-1\"", "7"), "malformed"),
        (good.replace("SKU-1", "SKU\\u0000-1"), "malformed"),
        (good.replace("SKU-1", "\\ud800"), "malformed"),
        (good.replace("SKU-1", &"x".repeat(10_000_000)), "too_long"),
        (good.replace("2026-11-22T05:54:00Z", "0000-00-00T00:00:00Z"), "invalid_time"),
        (good.replace("2026-11-22T05:54:00Z", "0000-01-01T00:00:00Z"), "invalid_time"),
        (good.replace("2026-11-22T05:54:00Z", "2026-11-22 05:54"), "invalid_time"),
        (good.replace("\"2026-11-22T05:54:00Z\"", "1795326840"), "malformed"),
        ("[".repeat(1_000_000), "malformed"),
        (format!("{{\"x\":{}", "[".repeat(1_000_000)), "malformed"),
    ] {
        let error = refused(text.as_bytes());
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.len() < 600, "a message stays short: {} bytes", error.message.len());
    }
    let mut invalid = good.clone().into_bytes();
    invalid[15] = 0xff;
    assert_eq!(refused(&invalid).class, "malformed");
    assert!(refused(&invalid).message.contains("UTF-8 at byte 15"));
}

#[test]
fn a_line_cut_anywhere_is_malformed() {
    let good = line(r#"{"type":"sold","quantity":1.5,"order_id":"手机壳"}"#);
    assert!(decode_event(good.as_bytes()).is_ok());
    for end in 0..good.len() {
        assert_eq!(refused(&good.as_bytes()[..end]).class, "malformed", "cut at {end}");
    }
}

#[test]
fn expected_at_takes_a_date_or_an_instant() {
    for (given, expected) in
        [("2026-12-01", "2026-12-01T00:00:00Z"), ("2026-12-01T08:00:00+08:00", "2026-12-01T00:00:00Z")]
    {
        let text = line(&format!(r#"{{"type":"ordered","quantity":1,"po_id":"p","expected_at":"{given}"}}"#));
        let StockChange::Ordered { expected_at, .. } = decode_event(text.as_bytes()).unwrap().change else { panic!() };
        assert_eq!(expected_at, Timestamp::parse(expected).ok());
    }
}

#[test]
fn items_and_locations_need_only_their_key() {
    let item = decode_catalog_item(
        r#"{"sku":"S","name_zh":"壳","unit_price":"2.55","lead_time_days":7.5,"pack_size":12,"tags":["stand-in"]}"#
            .as_bytes(),
    )
    .unwrap();
    assert_eq!((item.unit_price, item.lead_time_days), (Money::parse("2.55").ok(), Some(7.5)));
    assert_eq!(item.tags, ["stand-in"]);
    assert_eq!(decode_catalog_item(br#"{"name":"x"}"#).unwrap_err().class, "missing_field");
    for (field, class) in [
        (r#""lead_time_days":-1"#, "invalid_number"),
        (r#""lead_time_days":"NaN""#, "invalid_number"),
        (r#""shelf_life_days":2.5"#, "invalid_number"),
        (r#""pack_size":-1"#, "invalid_quantity"),
        (r#""tags":"a""#, "malformed"),
    ] {
        let text = format!(r#"{{"sku":"S",{field}}}"#);
        assert_eq!(decode_catalog_item(text.as_bytes()).unwrap_err().class, class, "{text}");
    }
    let location =
        decode_location(r#"{"location":"上海","time_zone":"Asia/Shanghai","kind":"store"}"#.as_bytes()).unwrap();
    assert_eq!(location.time_zone.as_deref(), Some("Asia/Shanghai"));
    assert_eq!(decode_location(b"{}").unwrap_err().class, "missing_field");
}

#[test]
fn a_heartbeat_is_a_line_of_a_source() {
    fn heartbeat(text: &str) -> Result<SourceLine<'_>, DecodeError> {
        decode_source_line(text.as_bytes())
    }
    let time = Timestamp::parse("2026-11-22T05:54:00Z").unwrap();
    let plain = heartbeat(r#"{"heartbeat":{"time":"2026-11-22T05:54:00Z"}}"#);
    assert_eq!(plain, Ok(SourceLine::Heartbeat { time, source: None }));
    let named = heartbeat(r#"{"source":{"name":"wms","partition":2},"heartbeat":{"time":"2026-11-22T05:54:00Z"}}"#);
    let Ok(SourceLine::Heartbeat { source: Some(source), .. }) = named else { panic!("{named:?}") };
    assert_eq!((source.source.as_ref(), source.partition, source.time), ("wms", 2, time));
    let event = line(r#"{"type":"sold","quantity":1}"#);
    assert!(matches!(heartbeat(&event), Ok(SourceLine::Event(_))));
    for (text, class, mentions) in [
        (r#"{"heartbeat":{}}"#.to_owned(), "missing_field", "`heartbeat.time`"),
        (r#"{"heartbeat":"2026-11-22T05:54:00Z"}"#.to_owned(), "malformed", "`heartbeat`"),
        (r#"{"heartbeat":{"time":"now"}}"#.to_owned(), "invalid_time", "`heartbeat.time`"),
        (event.replacen('{', r#"{"heartbeat":{"time":"2026-11-22T05:54:00Z"},"#, 1), "malformed", "two lines"),
        ("{}".to_owned(), "missing_field", "`occurred_at`"),
    ] {
        let error = heartbeat(&text).unwrap_err();
        assert_eq!(error.class, class, "{text}: {error}");
        assert!(error.message.contains(mentions), "{text}: {error}");
    }
}

#[test]
fn actions_need_their_ids_kind_and_time() {
    let good = r#"{"action_id":"a","alert_id":"b","kind":"snooze","occurred_at":"2026-11-22T05:54:00Z","sku":"S"}"#;
    let action = decode_action(good.as_bytes()).unwrap();
    assert_eq!((action.kind.name(), action.sku.as_deref(), action.scope), ("snooze", Some("S"), None));
    for (from, to, class, mentions) in [
        (r#""action_id":"a","#, "", "missing_field", "`action_id`"),
        (r#""alert_id":"b","#, "", "missing_field", "`alert_id`"),
        ("snooze", "sneeze", "malformed", "acknowledge, snooze, escalate, outcome"),
        (r#","occurred_at":"2026-11-22T05:54:00Z""#, "", "missing_field", "`occurred_at`"),
    ] {
        let error = decode_action(good.replace(from, to).as_bytes()).unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.contains(mentions), "{error}");
    }
}

proptest! {
    #[test]
    fn actions_are_read_back(action in support::action()) {
        let mut out = Vec::new();
        write_action(&action, &mut out);
        prop_assert_eq!(decode_action(&out), Ok(action));
    }

    #[test]
    fn what_is_written_is_read_back(event in support::event(), item in support::item(), location in support::location()) {
        let mut out = Vec::new();
        write_event(&event, &mut out);
        prop_assert_eq!(out.split(|b| *b == b'\n').count(), 2);
        prop_assert_eq!(decode_event(&out), Ok(event));
        out.clear();
        write_catalog_item(&item, &mut out);
        prop_assert_eq!(decode_catalog_item(&out), Ok(item));
        out.clear();
        write_location(&location, &mut out);
        prop_assert_eq!(decode_location(&out), Ok(location));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (decode_source_line(&bytes), decode_action(&bytes), decode_catalog_item(&bytes), decode_location(&bytes));
    }

    #[test]
    fn no_damaged_line_panics(event in support::event(), at: prop::sample::Index, byte: u8) {
        let mut out = Vec::new();
        write_event(&event, &mut out);
        let at = at.index(out.len());
        out[at] = byte;
        let _ = decode_event(&out);
    }
}
