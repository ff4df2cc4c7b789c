//! Rules against a real broker and the product's own client.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use connectors::kafka::admin::{Admin, NewTopic};
use connectors::kafka::{KafkaConfig, KafkaLog};
use processor::ports::{Isolation, Log, LogError, ProduceRecord, TopicPartition, TransactionalLog};
use test_kafka::{Kafka, Options};
use test_proxy::{Action, Direction, Proxy, Route, Rule, api};

const WAIT: Duration = Duration::from_secs(20);

struct Rig {
    _kafka: Kafka,
    proxy: Proxy,
    log: KafkaLog,
}

/// One broker and proxy; each test has a topic and a transactional id of its own.
fn rig() -> &'static Rig {
    static RIG: OnceLock<Rig> = OnceLock::new();
    RIG.get_or_init(|| {
        let kafka = Kafka::start(Options { proxied: true, ..Options::default() });
        let routes = kafka.proxied().into_iter().map(|p| Route { listen: p.advertised, broker: p.broker });
        let proxy = Proxy::start(&routes.collect::<Vec<_>>(), 1).unwrap();
        let config = KafkaConfig { transaction_timeout_ms: 4_000, ..KafkaConfig::new(proxy.bootstrap()) };
        Rig { log: KafkaLog::new(config).unwrap(), _kafka: kafka, proxy }
    })
}

impl Rig {
    fn topic(&self, name: &str) -> TopicPartition {
        let config = BTreeMap::new();
        let topic = NewTopic { name: name.to_owned(), partitions: 1, replication_factor: 1, config };
        Admin::new(&self.log).unwrap().create_topics(&[topic], WAIT).unwrap();
        TopicPartition::new(name, 0)
    }

    fn producer(&self, id: &str) -> Box<dyn TransactionalLog> {
        let mut producer = self.log.producer(id).unwrap();
        producer.init_transactions(WAIT).unwrap();
        producer
    }

    fn values(&self, at: &TopicPartition) -> usize {
        let mut reader = self.log.reader().unwrap();
        let (mut next, mut seen) = (0, 0);
        loop {
            let extent = reader.extent(at, WAIT).unwrap();
            if next >= extent.stable {
                return seen;
            }
            next = reader.read(at, next, Isolation::ReadCommitted, 100, WAIT, &mut |_| seen += 1).unwrap();
        }
    }
}

fn write(producer: &mut dyn TransactionalLog, topic: &str, limit: Duration) -> Result<(), LogError> {
    producer.begin()?;
    let record = |value| ProduceRecord {
        topic,
        partition: Some(0),
        key: None,
        value: Some(value),
        headers: &[],
        timestamp_ms: None,
    };
    producer.produce(record(b"one"))?;
    producer.commit(limit)
}

#[test]
fn without_rules_it_is_a_wire() {
    let rig = rig();
    let at = rig.topic("wire");
    let mut producer = rig.producer("wire");
    for _ in 0..5 {
        write(&mut *producer, "wire", WAIT).unwrap();
    }
    assert_eq!(rig.values(&at), 5);
    assert!(rig.proxy.seen().keys().any(|(api, _)| *api == api::END_TXN));
}

#[test]
fn a_lost_answer_leaves_the_client_in_doubt_and_the_transaction_committed() {
    let rig = rig();
    let at = rig.topic("lost");
    let mut producer = rig.producer("lost");
    let rule = rig.proxy.set(Rule::new(api::END_TXN, Direction::Answer, Action::Drop).about("lost").times(1));
    let error = write(&mut *producer, "lost", Duration::from_secs(1)).unwrap_err();
    assert!(matches!(error, LogError::Retriable { .. } | LogError::InDoubt { .. }), "{error}");
    assert_eq!(rig.proxy.hits(rule), 1);
    assert_eq!(rig.values(&at), 1);
}

#[test]
fn a_delayed_answer_arrives() {
    let rig = rig();
    let at = rig.topic("late");
    let mut producer = rig.producer("late");
    let delay = Action::Delay(Duration::from_millis(700));
    rig.proxy.set(Rule::new(api::END_TXN, Direction::Answer, delay).about("late").times(1));
    #[allow(clippy::disallowed_methods, reason = "the test measures a wait")]
    let began = Instant::now();
    write(&mut *producer, "late", WAIT).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(700));
    assert_eq!(rig.values(&at), 1);
}

#[test]
fn a_repeated_request_is_answered_once_and_done_once() {
    let rig = rig();
    let at = rig.topic("twice");
    let mut producer = rig.producer("twice");
    let rules = [api::PRODUCE, api::END_TXN]
        .map(|api| rig.proxy.set(Rule::new(api, Direction::Request, Action::Duplicate).about("twice")));
    for _ in 0..3 {
        write(&mut *producer, "twice", WAIT).unwrap();
    }
    assert_eq!(rig.values(&at), 3);
    for rule in rules {
        assert!(rig.proxy.hits(rule) >= 3);
        rig.proxy.remove(rule);
    }
}

#[test]
fn a_forged_error_is_what_the_client_hears() {
    let rig = rig();
    let at = rig.topic("forged");
    let mut producer = rig.producer("forged");
    // INVALID_PRODUCER_EPOCH, before the broker hears of the commit.
    rig.proxy.set(Rule::new(api::END_TXN, Direction::Request, Action::Error(47)).about("forged").times(1));
    let error = write(&mut *producer, "forged", WAIT).unwrap_err();
    assert!(matches!(error, LogError::Fenced { .. } | LogError::Fatal { .. }), "{error}");
    let mut next = rig.producer("forged");
    assert_eq!(rig.values(&at), 0, "the next one aborted it");
    write(&mut *next, "forged", WAIT).unwrap();
    assert_eq!(rig.values(&at), 1);
}

#[test]
fn a_cut_connection_is_opened_again() {
    let rig = rig();
    let at = rig.topic("cut");
    let mut producer = rig.producer("cut");
    let rule = rig.proxy.set(Rule::new(api::PRODUCE, Direction::Request, Action::Cut).about("cut").times(2));
    write(&mut *producer, "cut", WAIT).unwrap();
    assert_eq!(rig.proxy.hits(rule), 2);
    assert_eq!(rig.values(&at), 1);
}
