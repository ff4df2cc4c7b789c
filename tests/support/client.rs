//! A Kafka client that owes nothing to the product: what it sees is what any other consumer would.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

const WAIT: Duration = Duration::from_secs(20);

/// A committed record.
pub struct Seen {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: BTreeMap<String, Vec<u8>>,
}

fn consumer(bootstrap: &str, group: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap()
}

pub fn partitions(bootstrap: &str, topic: &str) -> i32 {
    let metadata = consumer(bootstrap, "looks-around").fetch_metadata(Some(topic), WAIT).unwrap();
    metadata.topics()[0].partitions().len() as i32
}

/// Writes lines under their keys, in order per key, the way any producer would.
pub fn produce<'a>(bootstrap: &str, topic: &str, records: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let producer: ThreadedProducer<rdkafka::producer::DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", "1000000")
        .create()
        .unwrap();
    for (key, value) in records {
        let mut record = BaseRecord::to(topic).key(key).payload(value);
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            producer.flush(Duration::from_millis(100)).ok();
            record = back;
        }
    }
    producer.flush(WAIT).unwrap();
    assert_eq!(producer.in_flight_count(), 0, "everything was delivered");
}

/// Writes records as they are: key, value.
pub fn produce_raw(bootstrap: &str, topic: &str, records: &[(Option<&str>, Option<&[u8]>)]) {
    let producer: ThreadedProducer<rdkafka::producer::DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("partitioner", "murmur2_random")
        .set("message.max.bytes", "33554432")
        .create()
        .unwrap();
    for (key, value) in records {
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic);
        (record.key, record.payload) = (*key, *value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(WAIT).unwrap();
    assert_eq!(producer.in_flight_count(), 0, "everything was delivered");
}

/// Every committed record of a topic that nobody writes to all the time, each partition from `from` (its start where absent) to its end.
pub fn read(bootstrap: &str, topic: &str, from: &BTreeMap<i32, i64>) -> Vec<Seen> {
    let consumer = consumer(bootstrap, "reads-along");
    let mut open = partitions(bootstrap, topic);
    let mut list = TopicPartitionList::new();
    for partition in 0..open {
        let offset = from.get(&partition).map_or(Offset::Beginning, |offset| Offset::Offset(*offset));
        list.add_partition_offset(topic, partition, offset).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut seen = Vec::new();
    while open > 0 {
        match consumer.poll(WAIT).unwrap_or_else(|| panic!("{topic}: nothing for {WAIT:?}")) {
            Ok(message) => seen.push(Seen {
                partition: message.partition(),
                offset: message.offset(),
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
                headers: message.headers().into_iter().flat_map(Headers::iter).fold(BTreeMap::new(), |mut all, h| {
                    all.insert(h.key.to_owned(), h.value.unwrap_or_default().to_vec());
                    all
                }),
            }),
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{topic}: {error}"),
        }
    }
    seen
}

/// Reads a topic as it grows.
pub struct Follower(BaseConsumer);

impl Follower {
    /// Begins with what is written from now on.
    pub fn at_the_end(bootstrap: &str, topic: &str) -> Self {
        let consumer = consumer(bootstrap, "follows");
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions(bootstrap, topic) {
            let (_, end) = consumer.fetch_watermarks(topic, partition, WAIT).unwrap();
            list.add_partition_offset(topic, partition, Offset::Offset(end)).unwrap();
        }
        consumer.assign(&list).unwrap();
        Self(consumer)
    }

    /// The value of the next record for which `wanted` has an answer.
    #[track_caller]
    pub fn find<T>(&self, what: &str, wanted: impl Fn(&[u8]) -> Option<T>) -> T {
        for _ in 0..1_000_000 {
            match self.0.poll(WAIT) {
                Some(Ok(message)) => {
                    if let Some(answer) = message.payload().and_then(&wanted) {
                        return answer;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => panic!("{what}: {error}"),
                None => break,
            }
        }
        panic!("nothing for {WAIT:?}: {what}")
    }
}

/// What a group has committed: next offset by partition.
pub fn committed(bootstrap: &str, group: &str, topic: &str) -> BTreeMap<i32, i64> {
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, partitions(bootstrap, topic) - 1);
    let committed = consumer(bootstrap, group).committed_offsets(list, WAIT).unwrap();
    let offset = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
        Offset::Offset(offset) => Some((element.partition(), offset)),
        _ => None,
    };
    committed.elements().iter().filter_map(offset).collect()
}

/// Records of a topic that a group has not committed yet. Far from the end it is the distance to it; near the end,
/// where transaction markers would count, what is left is read.
pub fn behind(bootstrap: &str, group: &str, topic: &str) -> usize {
    const NEAR: usize = 2_000;
    let committed = committed(bootstrap, group, topic);
    let consumer = consumer(bootstrap, "reads-along");
    let distance = |partition: i32| {
        let (first, end) = consumer.fetch_watermarks(topic, partition, WAIT).unwrap();
        usize::try_from(end - committed.get(&partition).copied().unwrap_or(first)).unwrap_or(0)
    };
    match (0..partitions(bootstrap, topic)).map(distance).sum() {
        distance if distance > NEAR => distance,
        _ => read(bootstrap, topic, &committed).len(),
    }
}
