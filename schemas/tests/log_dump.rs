//! Topics as JSON lines: what is dumped is read back to the same bytes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail their test")]

mod support;

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use schemas::dump::{LogRecord, read, write};
use schemas::{avro, topics};

/// A topic and a value on it.
fn typed() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    prop_oneof![
        support::stream_record().prop_map(|r| (topics::EVENTS, encoded(&r, avro::encode_stream))),
        support::item().prop_map(|r| (topics::CATALOG, encoded(&r, avro::encode_catalog_item))),
        support::location().prop_map(|r| (topics::LOCATIONS, encoded(&r, avro::encode_location))),
        support::action().prop_map(|r| (topics::ACTIONS, encoded(&r, avro::encode_action))),
        support::rule_document().prop_map(|r| (topics::RULES, encoded(&r, avro::encode_rule_document))),
        support::aggregate().prop_map(|r| (topics::AGGREGATES, encoded(&r, avro::encode_aggregate))),
        support::journal().prop_map(|r| (topics::JOURNAL, encoded(&r, avro::encode_journal))),
        vec(any::<u8>(), 0..40).prop_map(|bytes| (topics::DEAD_LETTERS, bytes)),
        vec(any::<u8>(), 0..40).prop_map(|bytes| (topics::EVENTS, bytes)),
    ]
}

fn encoded<T>(record: &T, encode: fn(&T, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(record, &mut out);
    out
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..20), support::text().prop_map(String::into_bytes)]
}

proptest! {
    #[test]
    fn what_is_dumped_is_read_back(
        (topic, value) in typed(),
        tombstone: bool,
        partition: i32,
        offset: i64,
        key in option::of(bytes()),
        headers in vec((support::text(), bytes()), 0..3),
    ) {
        let record = LogRecord {
            topic: Cow::Borrowed(topic),
            partition,
            offset,
            key: key.map(Cow::Owned),
            headers: Cow::Owned(headers),
            value: Some(Cow::Owned(value)).filter(|_| !tombstone),
        };
        let mut line = Vec::new();
        write(&record, &mut line);
        prop_assert_eq!(line.split(|b| *b == b'\n').count(), 2);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
        prop_assert_eq!(read(&line), Ok(Some(record)));
    }

    #[test]
    fn no_damaged_line_panics((topic, value) in typed(), at: prop::sample::Index, byte: u8) {
        let mut line = Vec::new();
        write(&LogRecord { topic: topic.into(), value: Some(value.into()), ..LogRecord::default() }, &mut line);
        let at = at.index(line.len());
        line[at] = byte;
        let _ = read(&line);
    }
}

#[test]
fn values_are_readable() {
    let mut out = Vec::new();
    let value = encoded(&support::samples::journal_entries()[0], avro::encode_journal);
    let record = LogRecord { topic: topics::JOURNAL.into(), value: Some(value.into()), ..LogRecord::default() };
    write(&record, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(r#""switch":{"type":"epoch","entering":1994808,"applied_through":1994803}"#), "{text}");
}

#[test]
fn outputs_are_shown_and_not_read_back() {
    let alert = encoded(&support::samples::alerts()[0], avro::encode_alert);
    let position = encoded(&support::samples::positions()[0], avro::encode_position);
    for (topic, value, shows) in
        [(topics::ALERTS, alert, "\"stock_out\""), (topics::POSITIONS, position, "\"on_hand\":12.5")]
    {
        let mut line = Vec::new();
        write(&LogRecord { topic: topic.into(), value: Some(value.into()), ..LogRecord::default() }, &mut line);
        assert!(String::from_utf8_lossy(&line).contains(shows));
        assert_eq!(read(&line), Ok(None));
    }
}
