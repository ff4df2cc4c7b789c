//! What each content becomes.

use schemas::canonical;
use schemas::partitioner::partition_for;
use schemas::stream::{Action, ActionKind, Watermark};

use super::*;

#[test]
fn a_plain_line_takes_its_source_from_the_topic() {
    let mut bench = Bench::on(input(Content::StockChanges), 1);
    let written = bench.line(&sale("e1", "05:54:00"));
    let StreamRecord::Event(event) = written.last().unwrap().record() else { panic!("{written:?}") };
    let source = event.source.clone().unwrap();
    assert_eq!((&*source.source, source.partition, &*source.position), ("stock", 1, "0"));
    assert_eq!(source.time, event.occurred_at);
    let event = written.last().unwrap();
    assert_eq!((event.partition, &*event.key), (Some(partition_for(b"SKU-1", 3)), "SKU-1"));
}

#[test]
fn every_partition_hears_of_the_sources_partitions_before_the_first_event() {
    let mut bench = Bench::new(input(Content::StockChanges));
    let written = bench.line(&sale("e1", "05:54:00"));
    let expected = ("stock".to_owned(), 0, at("2026-11-22T05:54:00Z"), vec![0, 1]);
    assert_eq!(watermarks(&written[..3]), [expected]);
    assert_eq!(events(&written[3..]), ["e1"]);
}

#[test]
fn a_line_keeps_the_source_it_names() {
    let mut bench = Bench::new(input(Content::StockChanges));
    let source = r#"{"name":"wms","partition":7,"position":41,"time":"2026-11-22T05:54:01Z"}"#;
    let written = bench.line(&sourced_sale("e1", "05:54:00", source));
    assert_eq!(watermarks(&written), [("wms".to_owned(), 7, at("2026-11-22T05:54:01Z"), vec![7])]);
    let StreamRecord::Event(event) = written[3].record() else { panic!() };
    let source = event.source.unwrap();
    assert_eq!((&*source.source, source.partition, &*source.position), ("wms", 7, "41"));
    // One that does not say its name is told apart from those of other inputs.
    let written = bench.line(&sourced_sale("e2", "05:54:00", r#"{"partition":1,"position":3}"#));
    assert_eq!(watermarks(&written)[0].0, "stock");
}

#[test]
fn positions_already_read_are_duplicates_also_after_a_restart() {
    let mut bench = Bench::new(input(Content::StockChanges));
    let numbered = |id: &str, position: i64| {
        sourced_sale(id, "05:54:00", &format!(r#"{{"name":"wms","partition":0,"position":{position}}}"#))
    };
    bench.line(&numbered("e5", 5));
    bench.line(&numbered("e6", 6));
    for _ in 0..2 {
        for (id, position) in [("e5", 5), ("e6", 6)] {
            let again = bench.offer(None, Some(numbered(id, position).as_bytes())).unwrap();
            assert_eq!(again, (Outcome::Duplicate, Vec::new()));
        }
        bench.restart();
    }
    assert_eq!(events(&bench.line(&numbered("e7", 7))), ["e7"]);
    let other = numbered("e1", 1).replace(r#""partition":0"#, r#""partition":1"#);
    assert!(!bench.line(&other).is_empty(), "another source partition counts by itself");
}

#[test]
fn stock_changes_may_be_avro() {
    let mut bench = Bench::new(Input { format: Format::Avro, ..input(Content::StockChanges) });
    let line = sale("e1", "05:54:00");
    let event = canonical::decode_event(line.as_bytes()).unwrap();
    let mut value = Vec::new();
    avro::encode_stream(&StreamRecord::Event(event), &mut value);
    let (_, written) = bench.offer(None, Some(&value)).unwrap();
    let mut json = Bench::new(input(Content::StockChanges));
    assert_eq!(written, json.line(&line), "the same event in either encoding");
    let heartbeat = Watermark {
        source: String::new(),
        source_partition: 0,
        event_time: at("2026-11-22T06:00:00Z"),
        grace_ms: 0,
        partitions: Vec::new(),
    };
    value.clear();
    avro::encode_stream(&StreamRecord::Watermark(heartbeat), &mut value);
    let (_, written) = bench.offer(None, Some(&value)).unwrap();
    assert_eq!(watermarks(&written), [("stock".to_owned(), 0, at("2026-11-22T06:00:00Z"), vec![0, 1])]);
}

#[test]
fn an_item_goes_to_its_events_and_to_the_public_twin() {
    let mut bench = Bench::new(input(Content::Catalog));
    let line = r#"{"sku":"SKU-1","name":"Phone case","lead_time_days":7}"#;
    let item = canonical::decode_catalog_item(line.as_bytes()).unwrap();
    let (outcome, written) = bench.offer(Some("SKU-1"), Some(line.as_bytes())).unwrap();
    assert_eq!(outcome, Outcome::Ok);
    let [change, twin] = &written[..] else { panic!("{written:?}") };
    assert_eq!((change.partition, &*change.key), (Some(partition_for(b"SKU-1", 3)), "SKU-1"));
    let StreamRecord::Catalog(change) = change.record() else { panic!() };
    assert_eq!((&*change.sku, change.item.as_ref()), ("SKU-1", Some(&item)));
    assert_eq!((twin.topic, twin.partition, &*twin.key), (topics::CATALOG, None, "SKU-1"));
    let mut value = Vec::new();
    avro::encode_catalog_item(&item, &mut value);
    assert_eq!(twin.value.as_ref(), Some(&value));
    let (_, from_avro) = bench.offer(Some("SKU-1"), Some(&value)).unwrap();
    assert_eq!(from_avro, written);
}

#[test]
fn a_tombstone_makes_an_item_inactive_and_ends_its_twin() {
    let mut bench = Bench::new(input(Content::Catalog));
    let (_, written) = bench.offer(Some("SKU-1"), None).unwrap();
    let StreamRecord::Catalog(change) = written[0].record() else { panic!() };
    assert_eq!((&*change.sku, change.item), ("SKU-1", None));
    assert_eq!((written[1].topic, &*written[1].key, &written[1].value), (topics::CATALOG, "SKU-1", &None));
}

#[test]
fn locations_go_to_their_topic_and_tombstones_too() {
    let mut bench = Bench::new(input(Content::Locations));
    let line = r#"{"location":"STORE-7","time_zone":"Asia/Shanghai","kind":"store"}"#;
    let mut value = Vec::new();
    avro::encode_location(&canonical::decode_location(line.as_bytes()).unwrap(), &mut value);
    let expected = |value| {
        let key = "STORE-7".to_owned();
        vec![Written { topic: topics::LOCATIONS, partition: Some(0), key, value }]
    };
    assert_eq!(bench.line(line), expected(Some(value.clone())));
    assert_eq!(bench.offer(Some("STORE-7"), Some(&value)).unwrap().1, expected(Some(value)));
    assert_eq!(bench.offer(Some("STORE-7"), None).unwrap().1, expected(None));
}

#[test]
fn an_action_goes_where_its_sku_or_scope_is() {
    let mut bench = Bench::new(input(Content::Actions));
    let action = |id: &str, about: &str| {
        format!(
            r#"{{"action_id":"{id}","alert_id":"0b7f","kind":"acknowledge","actor":"wang","occurred_at":"2026-11-22T06:00:00Z",{about}}}"#
        )
    };
    for (line, key) in [
        (action("a1", r#""sku":"SKU-1","location":"STORE-7""#), "SKU-1"),
        (action("a2", r#""scope":"source|wms""#), "source|wms"),
    ] {
        let (_, written) = bench.offer(Some("0b7f"), Some(line.as_bytes())).unwrap();
        let [relayed] = &written[..] else { panic!("{written:?}") };
        assert_eq!((relayed.partition, &*relayed.key), (Some(partition_for(key.as_bytes(), 3)), key));
        assert!(matches!(relayed.record(), StreamRecord::Action(Action { kind: ActionKind::Acknowledge, .. })));
    }
    let decoded = canonical::decode_action(action("a3", r#""sku":"SKU-1""#).as_bytes()).unwrap();
    let mut value = Vec::new();
    avro::encode_action(&decoded, &mut value);
    let (_, written) = bench.offer(Some("0b7f"), Some(&value)).unwrap();
    assert_eq!(written[0].record(), StreamRecord::Action(decoded));
    for _ in 0..2 {
        bench.restart();
        let again = bench.offer(Some("0b7f"), Some(action("a1", r#""sku":"SKU-1""#).as_bytes())).unwrap();
        assert_eq!(again, (Outcome::Duplicate, Vec::new()));
    }
}
