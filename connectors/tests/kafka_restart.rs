//! A broker that goes away and comes back costs patience and nothing else.

// Clippy knows test functions only; their helpers may fail a test too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use connectors::kafka::admin::{Admin, NewTopic};
use connectors::kafka::{KafkaConfig, KafkaLog};
use processor::ports::{Isolation, Log, LogConsumer, LogError, Polled, ProduceRecord, TopicPartition};
use test_kafka::{Kafka, Options};

const WAIT: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(200);
const TRIES: usize = 300;

/// One transaction; begun anew, by a new producer, whenever it did not commit.
fn transact(log: &KafkaLog, at: &TopicPartition, value: &[u8]) {
    let attempt = || -> Result<(), LogError> {
        let mut producer = log.producer("restart")?;
        producer.init_transactions(WAIT)?;
        producer.begin()?;
        producer.produce(ProduceRecord {
            topic: &at.topic,
            partition: Some(at.partition),
            key: Some(b"key"),
            value: Some(value),
            headers: &[],
            timestamp_ms: None,
        })?;
        producer.commit(WAIT)
    };
    assert!((0..10).any(|_| attempt().is_ok()), "a transaction commits in the end");
}

/// Polls until so many values were received; only errors that pass are allowed.
fn receive(consumer: &mut dyn LogConsumer, seen: &mut Vec<Vec<u8>>, count: usize) {
    for _ in 0..TRIES {
        if seen.len() >= count {
            return;
        }
        let assigned = match consumer.poll(100, STEP) {
            Ok(Polled::Records(records)) => {
                seen.extend(records.map(|record| record.value.unwrap().to_vec()));
                Vec::new()
            }
            Ok(Polled::Assigned(partitions)) => partitions,
            Ok(Polled::Lost(lost)) => panic!("{lost:?} were lost within the session"),
            Ok(_) | Err(LogError::Retriable { .. }) => Vec::new(),
            Err(error) => panic!("{error}"),
        };
        for at in assigned {
            consumer.seek(&at, 0).unwrap();
        }
    }
    panic!("{count} values should have come, {} did", seen.len());
}

/// The client knows who led a partition, and in which epoch; after a restart that is no longer so.
#[test]
fn a_reader_that_knew_the_leader_finds_the_ends_again() {
    let kafka = Kafka::start(Options::default());
    let log = KafkaLog::new(KafkaConfig::new(kafka.bootstrap())).unwrap();
    let at = TopicPartition::new("ends", 0);
    let new = NewTopic { name: at.topic.clone(), partitions: 1, replication_factor: 1, config: BTreeMap::new() };
    Admin::new(&log).unwrap().create_topics(&[new], WAIT).unwrap();
    let mut reader = log.reader().unwrap();
    let before = reader.extent(&at, WAIT).unwrap();
    for _ in 0..2 {
        kafka.kill();
        kafka.start_brokers().unwrap();
        let again = (0..50).find_map(|_| reader.extent(&at, STEP).ok());
        assert_eq!(again, Some(before), "within 50 attempts");
    }
}

#[test]
fn clients_go_on_when_their_broker_is_back() {
    let kafka = Kafka::start(Options::default());
    // On a machine that is slow enough a broker takes longer to come back than a session lasts: that would be no fault.
    let config = KafkaConfig { session_timeout_ms: 600_000, ..KafkaConfig::new(kafka.bootstrap()) };
    let log = KafkaLog::new(config).unwrap();
    let at = TopicPartition::new("restart", 0);
    let new = NewTopic { name: at.topic.clone(), partitions: 1, replication_factor: 1, config: BTreeMap::new() };
    Admin::new(&log).unwrap().create_topics(&[new], WAIT).unwrap();
    let (mut consumer, mut reader) = (log.consumer("g", "i").unwrap(), log.reader().unwrap());
    consumer.subscribe(&[&at.topic]).unwrap();
    let mut seen = Vec::new();
    transact(&log, &at, b"before");
    receive(&mut *consumer, &mut seen, 1);

    kafka.stop();
    for _ in 0..5 {
        let polled = consumer.poll(1, STEP);
        assert!(matches!(polled, Ok(Polled::Idle) | Err(LogError::Retriable { .. })), "waiting is no failure");
    }
    assert!(matches!(reader.extent(&at, STEP), Err(LogError::Retriable { .. })));
    kafka.start_brokers().unwrap();

    transact(&log, &at, b"after");
    receive(&mut *consumer, &mut seen, 2);
    assert_eq!(seen, [b"before".to_vec(), b"after".to_vec()]);
    let (mut offset, mut values) = (0, Vec::new());
    for _ in 0..TRIES {
        let mut sink = |record: processor::ports::RecordView<'_>| values.push(record.value.unwrap().to_vec());
        match reader.read(&at, offset, Isolation::ReadCommitted, 10, STEP, &mut sink) {
            Ok(next) => offset = next,
            Err(error) => assert!(matches!(error, LogError::Retriable { .. }), "{error}"),
        }
        if values.len() == 2 {
            break;
        }
    }
    assert_eq!(values, seen);
}
