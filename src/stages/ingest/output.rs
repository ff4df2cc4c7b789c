//! What `ingest` writes: records of `inventory.events` and the public twins, and the dead letters of records
//! that have waited in vain, encoded.

use connectors::wms::translate::ParkedRecord;
use processor::operator::{Produced, Rejection};
use schemas::headers::{Headers, of_dead_letter};
use schemas::partitioner::partition_for;
use schemas::stream::{DeadLetter, SourceSilence, StreamRecord, Watermark};
use schemas::{CatalogItem, InventoryEvent, Location, Timestamp, avro, topics};

use super::input::{Input, STAGE};
use super::sources::News;

/// A record to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestOutput {
    pub(super) topic: &'static str,
    /// `None`: by the key.
    pub(super) partition: Option<i32>,
    /// `None`: a dead letter of a record without one.
    pub(super) key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Headers,
}

impl IngestOutput {
    /// A record of `inventory.events`, in order with the others of its key: a SKU, or a scope.
    pub(super) fn keyed(input: &Input, key: &str, record: &StreamRecord<'_>) -> Self {
        let partition = partition_for(key.as_bytes(), input.events_partitions);
        let value = Some(encoded(record));
        Self::new(topics::EVENTS, Some(partition), key, value)
    }

    /// A stock change, with the others of its SKU.
    pub(super) fn event(input: &Input, event: &InventoryEvent<'_>) -> Self {
        let partition = partition_for(event.sku.as_bytes(), input.events_partitions);
        let mut value = Vec::with_capacity(192);
        avro::encode_event(event, &mut value);
        Self::new(topics::EVENTS, Some(partition), &event.sku, Some(value))
    }

    /// A source's word to every partition of `inventory.events`.
    pub(super) fn to_all(input: &Input, news: News, observed_at: Timestamp) -> impl Iterator<Item = Self> {
        let (key, value) = match news {
            News::Watermark { source, partition, time, partitions } => {
                let key = format!("watermark|{source}");
                let (source_partition, grace_ms) = (partition, input.grace_ms);
                let watermark = Watermark { source, source_partition, event_time: time, grace_ms, partitions };
                (key, encoded(&StreamRecord::Watermark(watermark)))
            }
            News::Silence { source, partition, last } => {
                let key = format!("silence|{source}");
                let (source_partition, last_event_time) = (partition, last);
                let silence = SourceSilence { source, source_partition, last_event_time, observed_at };
                (key, encoded(&StreamRecord::Silence(silence)))
            }
        };
        (0..input.events_partitions)
            .map(move |partition| Self::new(topics::EVENTS, Some(partition), &key, Some(value.clone())))
    }

    /// The public twin of an item.
    pub(super) fn item(sku: &str, item: Option<&CatalogItem>) -> Self {
        let value = item.map(|item| {
            let mut value = Vec::new();
            avro::encode_catalog_item(item, &mut value);
            value
        });
        Self::new(topics::CATALOG, None, sku, value)
    }

    /// A location, for every task of `process`.
    pub(super) fn location(location: &str, description: Option<&Location>) -> Self {
        let value = description.map(|description| {
            let mut value = Vec::new();
            avro::encode_location(description, &mut value);
            value
        });
        Self::new(topics::LOCATIONS, Some(0), location, value)
    }

    /// A record that waited in vain, as it came.
    pub(super) fn dead_letter(input: &Input, record: &ParkedRecord, rejection: &Rejection) -> Self {
        let letter = DeadLetter {
            topic: input.topic.clone(),
            partition: record.partition,
            offset: record.offset,
            stage: STAGE.to_owned(),
            error_class: rejection.class.to_owned(),
            message: rejection.message.clone(),
        };
        let (headers, value) = of_dead_letter(&letter, &record.headers, record.value.as_deref());
        let value = value.map(<[u8]>::to_vec);
        Self { topic: topics::DEAD_LETTERS, partition: None, key: record.key.clone(), value, headers }
    }

    pub(super) fn produce(&self, sink: &mut dyn FnMut(Produced<'_>)) {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        sink(Produced {
            topic: self.topic,
            partition: self.partition,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &headers,
        });
    }

    fn new(topic: &'static str, partition: Option<i32>, key: &str, value: Option<Vec<u8>>) -> Self {
        Self { topic, partition, key: Some(key.as_bytes().to_vec()), value, headers: Headers::new() }
    }
}

fn encoded(record: &StreamRecord<'_>) -> Vec<u8> {
    let mut value = Vec::with_capacity(128);
    avro::encode_stream(record, &mut value);
    value
}
