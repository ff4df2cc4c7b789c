//! Publishing against a chain that has come somewhere.

use std::sync::Arc;

use processor::ports::{Isolation, ProduceRecord, RecordView, TopicPartition};
use processor::runtime::Worker;
use rules::ruleset;
use schemas::stream::{RuleDocumentRecord, StreamRecord, Watermark};
use schemas::time::{HOUR_MS, MINUTE_MS};
use schemas::{avro, topics};

use super::*;
use crate::clock::MachineClock;
use crate::embedded::{Embedded, EmbeddedConfig};
use crate::errand;

const WAIT: Duration = Duration::from_millis(50);
const PARTITIONS: i32 = 2;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn document(id: &str, version: i32, more: &str) -> RuleFile {
    let text = format!("version: {version}\nid: {id}\n{more}rules:\n  - {{ id: out, kind: stock_out }}\n");
    RuleFile { document: ruleset::parse("test", &text).unwrap(), text }
}

fn chain() -> Embedded {
    let config = EmbeddedConfig {
        partitions: PARTITIONS,
        source_partitions: 1,
        watermark_interval_ms: 1_000,
        grace_ms: 0,
        keep_everything: true,
    };
    Embedded::new(config, Arc::new(MachineClock::start())).unwrap()
}

/// Lets one partition of `process` come to a stream time.
fn reach(chain: &Embedded, partition: i32, time: Timestamp) {
    let source = "wms".to_owned();
    let watermark = Watermark { source, source_partition: 0, event_time: time, grace_ms: 0, partitions: vec![0] };
    let mut value = Vec::new();
    avro::encode_stream(&StreamRecord::Watermark(watermark), &mut value);
    let mut producer = chain.log().producer("wms").unwrap();
    producer.init_transactions(WAIT).unwrap();
    producer.begin().unwrap();
    producer.produce(record(topics::EVENTS, partition, "watermark|wms", &value)).unwrap();
    producer.commit(WAIT).unwrap();
    let mut parts = chain.process("p");
    // The other partition says nothing of its epochs.
    parts.config.epoch_wait_ms = 0;
    let mut worker = Worker::open(parts).unwrap();
    for _ in 0..20 {
        worker.step(Duration::ZERO).unwrap();
    }
    assert!(worker.close(false).unwrap().records > 0);
}

fn record<'a>(topic: &'a str, partition: i32, key: &'a str, value: &'a [u8]) -> ProduceRecord<'a> {
    ProduceRecord {
        topic,
        partition: Some(partition),
        key: Some(key.as_bytes()),
        value: Some(value),
        headers: &[],
        timestamp_ms: None,
    }
}

/// What is on the rules topic, in order: key and effective time.
fn on_topic(chain: &Embedded) -> Vec<(String, Timestamp)> {
    let mut seen = Vec::new();
    let visit = &mut |record: RecordView<'_>| {
        let document = avro::decode_rule_document(record.value.unwrap()).unwrap();
        seen.push((String::from_utf8(record.key.unwrap().to_vec()).unwrap(), document.effective_at));
    };
    chain.log().records(&TopicPartition::new(topics::RULES, 0), Isolation::ReadCommitted, visit).unwrap();
    seen
}

fn run(chain: &Embedded, files: &[RuleFile], effective_at: Option<Timestamp>) -> Result<Vec<Planned>, String> {
    publish(chain.log(), files, effective_at, false, WAIT).map_err(|failure| match failure {
        Failure::Request(error) => error.to_string(),
        Failure::Runtime(error) => panic!("{error:#}"),
    })
}

#[test]
fn before_any_stream_time_a_document_counts_at_once_or_as_it_says() {
    let chain = chain();
    let says = document("says", 1, "effective_at: 2026-01-01T00:00:00Z\n");
    run(&chain, &[document("plain", 1, ""), says], None).unwrap();
    let expected = [("plain@1".to_owned(), Timestamp::EARLIEST), ("says@1".to_owned(), at("2026-01-01T00:00:00Z"))];
    assert_eq!(on_topic(&chain), expected);
}

#[test]
fn it_takes_effect_a_minute_after_the_newest_partition_at_the_earliest() {
    let (chain, reached) = (chain(), at("2026-11-22T05:54:00Z"));
    reach(&chain, 0, reached.minus_ms(HOUR_MS));
    reach(&chain, 1, reached);
    let earliest = reached.plus_ms(MINUTE_MS);
    let planned = run(&chain, &[document("a", 1, "")], None).unwrap();
    assert_eq!((planned[0].standing, planned[0].record.effective_at), (Standing::New, earliest));
    run(&chain, &[document("a", 2, "")], Some(earliest.plus_ms(1))).unwrap();
    assert_eq!(on_topic(&chain).len(), 2);
    for too_early in [
        run(&chain, &[document("a", 3, "")], Some(earliest.minus_ms(1))),
        run(&chain, &[document("a", 3, "effective_at: 2026-11-22T05:54:59Z\n")], None),
    ] {
        let reason = too_early.unwrap_err();
        assert!(reason.contains("a@3") && reason.contains("earliest possible is 2026-11-22T05:55:00Z"), "{reason}");
    }
    assert_eq!(on_topic(&chain).len(), 2);
}

#[test]
fn a_published_version_never_changes() {
    let chain = chain();
    run(&chain, &[document("a", 1, "")], None).unwrap();
    let again = run(&chain, &[document("a", 1, "")], None).unwrap();
    assert_eq!(again[0].standing, Standing::Unchanged);
    reach(&chain, 0, at("2026-11-22T05:54:00Z"));
    let later = run(&chain, &[document("a", 1, "")], None).unwrap();
    assert_eq!(later[0].standing, Standing::Unchanged, "however late it is");
    for (file, time, mentions) in [
        (document("a", 1, "description: other\n"), None, "raise the version"),
        (document("a", 1, ""), Some(at("2027-01-01T00:00:00Z")), "raise the version to change that"),
    ] {
        let reason = run(&chain, &[file], time).unwrap_err();
        assert!(reason.contains(mentions), "{reason}");
    }
    run(&chain, &[document("a", 4, "")], None).unwrap();
    let reason = run(&chain, &[document("a", 3, "")], None).unwrap_err();
    assert!(reason.contains("version 4 is published already"), "{reason}");
    assert_eq!(on_topic(&chain).len(), 2);
}

#[test]
fn one_document_at_fault_keeps_all_of_them_back() {
    let chain = chain();
    let faulty = document("b", 1, "effective_at: 2026-01-01T00:00:00Z\n");
    let reason = run(&chain, &[document("a", 1, ""), faulty], Some(at("2026-01-02T00:00:00Z"))).unwrap_err();
    assert!(reason.contains("b@1") && reason.contains("--effective-at"), "{reason}");
    assert_eq!(on_topic(&chain), []);
}

#[test]
fn a_dry_run_says_what_it_would_do_and_fences_nobody() {
    let chain = chain();
    let mut other = log::open(chain.log(), WAIT).unwrap();
    other.begin().unwrap();
    let planned = publish(chain.log(), &[document("a", 1, "")], None, true, WAIT).unwrap();
    assert_eq!((planned[0].standing, on_topic(&chain).len()), (Standing::New, 0));
    other.produce(record(topics::RULES, 0, "b@1", &rule_value("b"))).unwrap();
    other.commit(WAIT).unwrap();
    assert_eq!(on_topic(&chain).len(), 1);
    other.begin().unwrap();
    other.produce(record(topics::RULES, 0, "c@1", &rule_value("c"))).unwrap();
    run(&chain, &[document("a", 1, "")], None).unwrap();
    assert!(matches!(other.commit(WAIT), Err(LogError::Fenced { .. })), "two never publish at once");
    assert_eq!(on_topic(&chain).len(), 2);
}

fn rule_value(id: &str) -> Vec<u8> {
    let (effective_at, body) = (Timestamp::EARLIEST, String::new());
    let mut value = Vec::new();
    avro::encode_rule_document(&RuleDocumentRecord { id: id.to_owned(), version: 1, effective_at, body }, &mut value);
    value
}

#[test]
fn the_stream_time_is_found_behind_a_large_transaction() {
    let (chain, reached) = (chain(), at("2026-11-22T05:54:00Z"));
    reach(&chain, 0, reached);
    let changelog = topics::changelog("quartermaster-process", "state");
    let mut producer = chain.log().producer("rows").unwrap();
    producer.init_transactions(WAIT).unwrap();
    producer.begin().unwrap();
    for n in 0..6_000 {
        producer.produce(record(&changelog, 0, &format!("key-{n}"), b"row")).unwrap();
    }
    producer.commit(WAIT).unwrap();
    let mut reader = chain.log().reader().unwrap();
    assert_eq!(log::newest_stream_time(&mut *reader, WAIT).unwrap(), Some(reached));
}

#[test]
fn a_record_that_cannot_be_read_blocks_its_own_version_only() {
    let chain = chain();
    let mut producer = errand::producer(chain.log(), "somebody", WAIT).unwrap();
    errand::write(&mut *producer, [record(topics::RULES, 0, "shop@1", b"garbage")], WAIT).unwrap();
    let refused = run(&chain, &[document("shop", 1, "")], None).unwrap_err();
    assert!(refused.contains("shop@1") && refused.contains("raise the version"), "{refused}");
    run(&chain, &[document("shop", 2, ""), document("other", 1, "")], None).unwrap();
}
