//! What `ingest` writes: records of `inventory.events` and the public twins, encoded.

use processor::operator::Produced;
use schemas::partitioner::partition_for;
use schemas::stream::{SourceSilence, StreamRecord, Watermark};
use schemas::{CatalogItem, Location, Timestamp, avro, topics};

use super::input::Input;
use super::sources::News;

/// A record to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestOutput {
    pub(super) topic: &'static str,
    /// `None`: by the key.
    pub(super) partition: Option<i32>,
    pub(super) key: String,
    /// `None` is a tombstone.
    pub(super) value: Option<Vec<u8>>,
}

impl IngestOutput {
    /// A record of `inventory.events`, in order with the others of its key: a SKU, or a scope.
    pub(super) fn keyed(input: &Input, key: &str, record: &StreamRecord<'_>) -> Self {
        let partition = partition_for(key.as_bytes(), input.events_partitions);
        let value = Some(encoded(record));
        Self { topic: topics::EVENTS, partition: Some(partition), key: key.to_owned(), value }
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
        (0..input.events_partitions).map(move |partition| Self {
            topic: topics::EVENTS,
            partition: Some(partition),
            key: key.clone(),
            value: Some(value.clone()),
        })
    }

    /// The public twin of an item.
    pub(super) fn item(sku: &str, item: Option<&CatalogItem>) -> Self {
        let value = item.map(|item| {
            let mut value = Vec::new();
            avro::encode_catalog_item(item, &mut value);
            value
        });
        Self { topic: topics::CATALOG, partition: None, key: sku.to_owned(), value }
    }

    /// A location, for every task of `process`.
    pub(super) fn location(location: &str, description: Option<&Location>) -> Self {
        let value = description.map(|description| {
            let mut value = Vec::new();
            avro::encode_location(description, &mut value);
            value
        });
        Self { topic: topics::LOCATIONS, partition: Some(0), key: location.to_owned(), value }
    }

    pub(super) fn produced(&self) -> Produced<'_> {
        Produced {
            topic: self.topic,
            partition: self.partition,
            key: self.key.as_bytes(),
            value: self.value.as_deref(),
            headers: &[],
        }
    }
}

fn encoded(record: &StreamRecord<'_>) -> Vec<u8> {
    let mut value = Vec::with_capacity(128);
    avro::encode_stream(record, &mut value);
    value
}
