//! What goes wrong with a Kafka is said: who was asked, what happened, what to do.

// Clippy knows test functions only; their helpers may fail a test too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::time::Duration;

use connectors::kafka::admin::{Admin, NewTopic};
use connectors::kafka::{KafkaConfig, KafkaLog};
use processor::ports::{
    Isolation, Log, LogConsumer, LogError, Offsets, Polled, ProduceRecord, TopicPartition, TransactionalLog,
};
use test_kafka::{Kafka, Options};

const WAIT: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(200);
const TRIES: usize = 150;

fn shared() -> KafkaLog {
    KafkaLog::new(KafkaConfig::new(Kafka::shared().bootstrap())).unwrap()
}

/// A name that no other run uses.
fn name(what: &str) -> String {
    format!("{what}-{:x}", RandomState::new().build_hasher().finish())
}

fn topic(log: &KafkaLog, what: &str, config: &[(&str, &str)]) -> TopicPartition {
    let topic = name(what);
    let config = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let new = NewTopic { name: topic.clone(), partitions: 1, replication_factor: 1, config };
    let admin = Admin::new(log).unwrap();
    assert!(admin.create_topics(std::slice::from_ref(&new), WAIT).unwrap().contains(&topic));
    assert!(admin.create_topics(&[new], WAIT).unwrap().is_empty(), "it exists already");
    TopicPartition::new(topic, 0)
}

fn producer(log: &KafkaLog) -> Box<dyn TransactionalLog> {
    let mut producer = log.producer(&name("producer")).unwrap();
    settle(|| producer.init_transactions(WAIT)).unwrap();
    producer
}

fn record<'a>(at: &'a TopicPartition, value: &'a [u8]) -> ProduceRecord<'a> {
    ProduceRecord {
        topic: &at.topic,
        partition: Some(at.partition),
        key: Some(b"key"),
        value: Some(value),
        headers: &[],
        timestamp_ms: None,
    }
}

/// Calls again while the answer is retriable; the last one if it stays so.
fn settle<T>(mut call: impl FnMut() -> Result<T, LogError>) -> Result<T, LogError> {
    let mut last = call();
    for _ in 0..TRIES {
        if !matches!(last, Err(LogError::Retriable { .. })) {
            break;
        }
        last = call();
    }
    last
}

fn fails<T>(call: impl FnMut() -> Result<T, LogError>) -> LogError {
    settle(call).err().unwrap_or_else(|| panic!("it has to fail"))
}

/// The first error that polling brings; partitions are read from `offset` on.
fn poll_fails(consumer: &mut dyn LogConsumer, offset: i64) -> LogError {
    for _ in 0..TRIES {
        let assigned = match consumer.poll(100, STEP) {
            Err(error) if !matches!(error, LogError::Retriable { .. }) => return error,
            Ok(Polled::Assigned(partitions)) => partitions,
            _ => Vec::new(),
        };
        for at in assigned {
            consumer.seek(&at, offset).unwrap();
        }
    }
    panic!("polling has to fail")
}

fn says(error: &LogError, parts: &[&str]) {
    let text = error.to_string();
    assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} should be in: {text}");
}

/// An address where nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn an_unreachable_broker_is_named_with_the_reason() {
    let address = nobody();
    let log = KafkaLog::new(KafkaConfig::new(&address)).unwrap();
    let error = Admin::new(&log).unwrap().cluster(Duration::from_secs(2)).unwrap_err();
    says(&error, &["connect", &address, "2 s", "Connection refused"]);
    let error = log.reader().unwrap().partitions("t", STEP).unwrap_err();
    says(&error, &["t", "Connection refused"]);
    assert!(matches!(error, LogError::Retriable { .. }), "it may come: {error}");
    let error = log.producer("p").unwrap().init_transactions(Duration::from_secs(1)).unwrap_err();
    says(&error, &["Connection refused"]);
    assert!(matches!(error, LogError::Retriable { .. }), "it may come: {error}");
}

#[test]
fn wrong_credentials_are_told_from_silence() {
    let kafka = Kafka::start(Options { sasl_plain: Some(("user".into(), "right".into())), ..Options::default() });
    let with = |password: &str| {
        let config = KafkaConfig::new(kafka.bootstrap())
            .property("security.protocol", "SASL_PLAINTEXT")
            .property("sasl.mechanisms", "PLAIN")
            .property("sasl.username", "user")
            .property("sasl.password", password);
        KafkaLog::new(config).unwrap()
    };
    let cluster = Admin::new(&with("right")).unwrap().cluster(WAIT).unwrap();
    assert_eq!((cluster.brokers, cluster.id.is_empty()), (1, false));

    let log = with("wrong");
    let error = Admin::new(&log).unwrap().cluster(Duration::from_secs(3)).unwrap_err();
    says(&error, &["uthentication failed"]);
    let error = log.producer("p").unwrap().init_transactions(Duration::from_secs(3)).unwrap_err();
    says(&error, &["uthentication failed"]);
    let mut consumer = log.consumer("g", "i").unwrap();
    consumer.subscribe(&["t"]).unwrap();
    let told = (0..TRIES).find_map(|_| consumer.poll(1, STEP).err()).unwrap();
    says(&told, &["uthentication failed"]);
}

#[test]
fn a_missing_topic_is_named_with_what_to_do() {
    let log = shared();
    let missing = TopicPartition::new(name("missing"), 0);
    let parts = [missing.topic.as_str(), "quartermaster topics create"];
    let mut reader = log.reader().unwrap();
    says(&fails(|| reader.partitions(&missing.topic, WAIT)), &parts);
    says(&fails(|| reader.topic_id(&missing.topic, WAIT)), &parts);
    says(&fails(|| reader.extent(&missing, WAIT)), &parts);
    let read = |isolation| fails(|| reader_reads(&log, &missing, isolation));
    says(&read(Isolation::ReadCommitted), &parts);
    assert_eq!(Admin::new(&log).unwrap().describe_topic(&missing.topic, WAIT).unwrap(), None);

    let mut consumer = log.consumer(&name("group"), "i").unwrap();
    consumer.subscribe(&[&missing.topic]).unwrap();
    says(&poll_fails(&mut *consumer, 0), &parts);

    let mut producer = producer(&log);
    producer.begin().unwrap();
    producer.produce(record(&missing, b"value")).unwrap();
    let error = fails(|| producer.commit(STEP));
    says(&error, &parts);
    assert!(matches!(error, LogError::Abortable { .. }), "{error}");
}

/// Reads until something comes or fails.
fn reader_reads(log: &KafkaLog, at: &TopicPartition, isolation: Isolation) -> Result<i64, LogError> {
    let mut reader = log.reader().unwrap();
    for _ in 0..TRIES {
        let next = reader.read(at, 0, isolation, 10, STEP, &mut |_| {})?;
        if next > 0 {
            return Ok(next);
        }
    }
    Ok(0)
}

#[test]
fn an_offset_that_is_gone_is_an_error_and_no_reset() {
    let log = shared();
    let at = topic(&log, "gone", &[]);
    let mut producer = producer(&log);
    for value in [b"a", b"b", b"c"] {
        producer.begin().unwrap();
        producer.produce(record(&at, value)).unwrap();
        settle(|| producer.commit(STEP)).unwrap();
    }
    Admin::new(&log).unwrap().delete_records(&Offsets::from([(at.clone(), 2)]), WAIT).unwrap();
    let place = format!("{}-0", at.topic);
    for offset in [1, 1000] {
        let mut consumer = log.consumer(&name("group"), "i").unwrap();
        consumer.subscribe(&[&at.topic]).unwrap();
        let offset_text = offset.to_string();
        says(&poll_fails(&mut *consumer, offset), &[&offset_text, &place, "retention", "state reset"]);
    }
}

#[test]
fn a_record_that_is_too_large_is_refused_with_size_and_limit() {
    let log = shared();
    let at = topic(&log, "large", &[("max.message.bytes", "5000")]);
    let mut producer = producer(&log);
    producer.begin().unwrap();
    // Larger than the client sends.
    let error = producer.produce(record(&at, &vec![0; 2_000_000])).unwrap_err();
    says(&error, &[&at.topic, "2000003 bytes", "message.max.bytes = 1000000"]);
    // Larger than the topic takes; the broker says so.
    producer.produce(record(&at, &vec![0; 10_000])).unwrap();
    let error = fails(|| producer.commit(STEP));
    says(&error, &[&at.topic, "10003 bytes", "max.message.bytes"]);
    assert!(matches!(error, LogError::Abortable { .. }), "{error}");
    settle(|| producer.abort(WAIT)).unwrap();
    producer.begin().unwrap();
    producer.produce(record(&at, b"small")).unwrap();
    settle(|| producer.commit(STEP)).unwrap();
}

#[test]
fn settings_that_break_the_promises_are_refused() {
    let error = KafkaLog::new(KafkaConfig::new("localhost:9092").property("enable.auto.commit", "true")).err().unwrap();
    says(&error, &["enable.auto.commit", "transactions"]);
}

#[test]
fn admin_tells_what_it_made() {
    let log = shared();
    let at = topic(&log, "made", &[("retention.ms", "123456"), ("cleanup.policy", "compact")]);
    let admin = Admin::new(&log).unwrap();
    let described = admin.describe_topic(&at.topic, WAIT).unwrap().unwrap();
    assert_eq!((described.partitions, described.replication_factor), (1, 1));
    assert_eq!(described.id, settle(|| log.reader().unwrap().topic_id(&at.topic, WAIT)).unwrap());
    let settings: BTreeMap<&str, &str> = described.config.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!((settings["retention.ms"], settings["cleanup.policy"]), ("123456", "compact"));
    assert!(settings.contains_key("max.message.bytes") && settings.contains_key("delete.retention.ms"));
    assert!(admin.list_topics(WAIT).unwrap().iter().any(|topic| topic.name == at.topic && topic.partitions == 1));
    admin.delete_topics(&[&at.topic], WAIT).unwrap();
    admin.delete_topics(&[&at.topic], WAIT).unwrap();
    settle(|| admin.delete_group(&name("group"), STEP)).unwrap();
    let bad = NewTopic { name: name("bad"), partitions: 1, replication_factor: 9, config: BTreeMap::new() };
    says(
        &admin.create_topics(std::slice::from_ref(&bad), WAIT).unwrap_err(),
        &["create topics", &bad.name, "eplication"],
    );
}

#[test]
fn statistics_name_the_brokers_that_were_asked() {
    let config = KafkaConfig { statistics_interval_ms: 50, ..KafkaConfig::new(Kafka::shared().bootstrap()) };
    let log = KafkaLog::new(config).unwrap();
    let at = topic(&log, "statistics", &[]);
    let mut reader = log.reader().unwrap();
    let seen = (0..TRIES).any(|_| {
        reader.read(&at, 0, Isolation::ReadCommitted, 1, STEP, &mut |_| {}).unwrap();
        log.statistics().brokers.values().any(|broker| broker.rtt_avg_us > 0)
    });
    assert!(seen, "{:?}", log.statistics());
    drop(reader);
    assert!(log.statistics().brokers.is_empty(), "clients that are closed count no more");
}
