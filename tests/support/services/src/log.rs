//! What is on the topics, as any committed reader sees it.

use std::time::Duration;

use anyhow::{Result, ensure};
use processor::ports::{Extent, Isolation, LogError, LogReader, RecordView, TopicPartition};

use crate::clock::sleep;

/// Longest wait of one call.
pub const CALL: Duration = Duration::from_secs(10);
const TRIES: usize = 10;
const BETWEEN: Duration = Duration::from_millis(200);

/// First and next offsets of all partitions of a topic.
pub fn extents(reader: &mut dyn LogReader, topic: &str) -> Result<Vec<(TopicPartition, Extent)>> {
    let partitions = partitions(reader, topic)?;
    let extents = patiently(|wait| reader.extents(&partitions, wait))?;
    Ok(partitions.into_iter().zip(extents).collect())
}

/// Offsets a topic has used, by records and by transaction markers.
pub fn offsets(reader: &mut dyn LogReader, topic: &str) -> Result<i64> {
    Ok(extents(reader, topic)?.iter().map(|(_, extent)| extent.end - extent.start).sum())
}

/// Every committed record of a topic, partition by partition.
pub fn read(reader: &mut dyn LogReader, topic: &str, sink: &mut dyn FnMut(RecordView<'_>)) -> Result<()> {
    for (partition, extent) in extents(reader, topic)? {
        let mut next = extent.start;
        while next < extent.stable {
            let after = patiently(|wait| reader.read(&partition, next, Isolation::ReadCommitted, 10_000, wait, sink))?;
            ensure!(after > next, "{topic}-{} ends at {next}, before {}", partition.partition, extent.stable);
            next = after;
        }
    }
    Ok(())
}

fn partitions(reader: &mut dyn LogReader, topic: &str) -> Result<Vec<TopicPartition>> {
    let count = patiently(|wait| reader.partitions(topic, wait))?;
    Ok((0..count).map(|partition| TopicPartition::new(topic, partition)).collect())
}

/// Calls again while the log says that this helps.
pub fn patiently<T>(mut call: impl FnMut(Duration) -> Result<T, LogError>) -> Result<T> {
    for _ in 1..TRIES {
        match call(CALL) {
            Err(LogError::Retriable { .. }) => sleep(BETWEEN),
            result => return Ok(result?),
        }
    }
    Ok(call(CALL)?)
}
