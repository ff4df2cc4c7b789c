//! What publishing reads and writes: the rules topic, and how far `process` has come.

use std::time::Duration;

use processor::ports::{Log, LogError, LogReader, ProduceRecord, TopicPartition, TransactionalLog};
use processor::task::Meta;
use schemas::stream::RuleDocumentRecord;
use schemas::{Timestamp, avro, topics};

use crate::errand::{self, insist, read_to_end};

use super::plan::{Planned, Published, Standing};

const TRANSACTIONAL_ID: &str = "quartermaster-rules-publish";
const PROCESS: &str = "quartermaster-process";
/// Records of a changelog's end that are read at first; more where a transaction was larger.
const TAIL_RECORDS: i64 = 512;

/// A producer of its own.
pub(super) fn open(log: &dyn Log, wait: Duration) -> Result<Box<dyn TransactionalLog>, LogError> {
    errand::producer(log, TRANSACTIONAL_ID, wait)
}

/// Every document that is published.
pub(super) fn published(reader: &mut dyn LogReader, wait: Duration) -> Result<Published, LogError> {
    let at = TopicPartition::new(topics::RULES, 0);
    let start = insist(|| reader.extent(&at, wait))?.start;
    let mut published = Published::default();
    read_to_end(reader, &at, start, wait, &mut |record| {
        let key = String::from_utf8_lossy(record.key.unwrap_or_default()).into_owned();
        published.documents.remove(&key);
        published.unreadable.remove(&key);
        match record.value.map(avro::decode_rule_document) {
            None => {}
            Some(Ok(document)) => drop(published.documents.insert(key, document)),
            Some(Err(error)) => {
                let reason = format!("{}-0 at {}: {error}", topics::RULES, record.offset);
                tracing::warn!(key, reason, "a published rule document cannot be read; every reader passes it by");
                published.unreadable.insert(key, reason);
            }
        }
    })?;
    Ok(published)
}

/// The newest stream time that any partition of `process` has committed.
pub(super) fn newest_stream_time(reader: &mut dyn LogReader, wait: Duration) -> Result<Option<Timestamp>, LogError> {
    let changelog = topics::changelog(PROCESS, "state");
    let partitions = insist(|| reader.partitions(&changelog, wait))?;
    let mut newest = None;
    for partition in 0..partitions {
        newest = newest.max(stream_time(reader, &TopicPartition::new(&changelog, partition), wait)?);
    }
    Ok(newest)
}

/// From the newest meta row, somewhere near the end: every transaction writes one.
fn stream_time(reader: &mut dyn LogReader, at: &TopicPartition, wait: Duration) -> Result<Option<Timestamp>, LogError> {
    let extent = insist(|| reader.extent(at, wait))?;
    let mut tail = TAIL_RECORDS;
    loop {
        let from = extent.start.max(extent.stable.saturating_sub(tail));
        let mut row = None;
        read_to_end(reader, at, from, wait, &mut |record| {
            if record.key == Some(Meta::KEY) {
                row = record.value.map(<[u8]>::to_vec);
            }
        })?;
        if let Some(row) = row {
            let meta = Meta::decode(&row).map_err(|error| LogError::Fatal {
                operation: "read the stream time",
                reason: format!("{}-{}: {error}", at.topic, at.partition),
            })?;
            // Before its first watermark a partition has no time.
            return Ok(Some(meta.stream_time).filter(|time| *time > Timestamp::MIN));
        }
        if from == extent.start {
            return Ok(None);
        }
        tail = tail.saturating_mul(8);
    }
}

/// One transaction with everything new.
pub(super) fn write(
    mut producer: Box<dyn TransactionalLog>,
    planned: &[Planned],
    wait: Duration,
) -> Result<(), LogError> {
    let new: Vec<&Planned> = planned.iter().filter(|one| one.standing == Standing::New).collect();
    if new.is_empty() {
        return Ok(());
    }
    let encoded: Vec<(String, Vec<u8>)> = new.iter().map(|one| (one.key(), encoded(&one.record))).collect();
    errand::write(&mut *producer, encoded.iter().map(|(key, value)| rule_record(key, value)), wait)
}

fn encoded(record: &RuleDocumentRecord) -> Vec<u8> {
    let mut value = Vec::new();
    avro::encode_rule_document(record, &mut value);
    value
}

fn rule_record<'a>(key: &'a str, value: &'a [u8]) -> ProduceRecord<'a> {
    ProduceRecord {
        topic: topics::RULES,
        partition: Some(0),
        key: Some(key.as_bytes()),
        value: Some(value),
        headers: &[],
        timestamp_ms: None,
    }
}
